/** What is worth an alert, from what is known of the integrations (provider integrations, section 3). Pure. */
import type { AlertKind, Level } from "./Alert.ts"
import { failureShare, type HealthStatus, severityOf } from "./IntegrationHealth.ts"

/** One thing that is looked at, and how it is. */
export interface Finding {
  readonly kind: AlertKind
  readonly subject: string
  /** Null = not known. */
  readonly level: Level | null
  /** For people; of its present state, whether that is good or bad. */
  readonly message: string
}

export interface AlertThresholds {
  /** Calls in five minutes below which a rate says nothing. Default 10. */
  readonly minimumCalls: number
  /** Refusals for a limit in five minutes that are often. Default 10. */
  readonly rateLimited: number
  /** How long no dead letter may come in before the queue no longer grows. Milliseconds; default 15 minutes. */
  readonly deadLettersQuietMillis: number
}

export const thresholds: AlertThresholds = {
  minimumCalls: 10,
  rateLimited: 10,
  deadLettersQuietMillis: 900_000
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`

/** Warns strictly above a tenth; callers who got an older answer count, because no provider answered them. */
export const errorRate = (
  { calls, name }: { readonly name: string; readonly calls: { asked: number; failed: number; stale: number } },
  { minimumCalls }: AlertThresholds
): Finding => {
  const bad = calls.failed + calls.stale
  const known = calls.asked > 0 && calls.asked >= minimumCalls
  return {
    kind: "error-rate",
    subject: name,
    // Counted, not divided: a tenth has no exact fraction.
    level: !known ? null : bad > calls.asked * failureShare ? 1 : 0,
    message: `${name}: ${bad} of ${calls.asked} calls failed in five minutes (${percent(bad / Math.max(1, calls.asked))})`
  }
}

/** Warns of a degraded, cries for an unhealthy integration. One that is switched off is not sick. */
export const health = (integration: {
  readonly name: string
  readonly mode: "sandbox" | "live" | "off"
  readonly status: HealthStatus
  readonly reason: string
}): Finding => ({
  kind: "health",
  subject: integration.name,
  level: integration.mode === "off" ? 0 : severityOf(integration.status),
  message: `${integration.name} is ${integration.status}: ${integration.reason}`
})

/** A circuit on trial is neither open nor closed. */
export const circuitOpen = (circuit: {
  readonly name: string
  readonly state: "CLOSED" | "OPEN" | "HALF_OPEN"
  readonly hold: "automatic" | "open" | "closed"
}): Finding => ({
  kind: "circuit-open",
  subject: circuit.name,
  level: circuit.state === "OPEN" ? 2 : circuit.state === "CLOSED" ? 0 : null,
  message: `circuit of ${circuit.name} is ${circuit.state}${circuit.hold === "automatic" ? "" : `, held by an operator`}`
})

export const rateLimit = (provider: string, refusals: number, { rateLimited }: AlertThresholds): Finding => ({
  kind: "rate-limit",
  subject: provider,
  level: refusals >= rateLimited ? 1 : 0,
  message: `${provider}: ${refusals} calls refused for a rate limit in five minutes`
})

/** What is remembered of a queue: its length, and when it was last seen to be longer than before. */
export interface DeadLetterTrend {
  readonly pending: number
  readonly grewAt: number | null
}

/** What was there at the first look is no growth. */
export const deadLetters = (
  adapter: string,
  before: DeadLetterTrend | undefined,
  pending: number,
  now: number,
  { deadLettersQuietMillis }: AlertThresholds
): { readonly trend: DeadLetterTrend; readonly finding: Finding } => {
  const grew = before !== undefined && pending > before.pending
  const grewAt = grew ? now : (before?.grewAt ?? null)
  const still = pending === 0 || grewAt === null || now - grewAt >= deadLettersQuietMillis
  return {
    trend: { pending, grewAt },
    finding: {
      kind: "dead-letters",
      subject: adapter,
      level: grew ? 1 : still ? 0 : null,
      message: `${adapter}: ${pending} dead letters are waiting`
    }
  }
}
