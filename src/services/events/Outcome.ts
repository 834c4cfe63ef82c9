/**
 * What becomes of an event after an attempt to handle it: a pure decision (specification, section 5, three lines of
 * defence). Nothing here waits, writes or logs.
 */
import type { ErrorClass, IntegrationError } from "../../domain/IntegrationError.ts"

export type Outcome =
  /** The handler succeeded. */
  | { readonly _tag: "Delivered" }
  /** Try again at this time (epoch ms); `attempts` counts this one. */
  | { readonly _tag: "RetryAt"; readonly at: number; readonly attempts: number }
  /** Not the event's fault: the whole subscription pauses, nothing is counted. */
  | { readonly _tag: "DeferredUntil"; readonly pause: Pause }
  /** Given up; `attempts` counts this one. */
  | { readonly _tag: "Dead"; readonly attempts: number }

/** How long a subscription pauses. Times are epoch milliseconds. */
export interface Pause {
  /** `retry-after`: the system asked for it; never shortened. The others end early when the circuit or the health changes. */
  readonly reason: "circuit" | "retry-after" | "unhealthy"
  readonly until: number
}

/** Why an attempt failed: an error of the handler, a bug in it, a record that does not decode, or an interruption. */
export type Failure =
  | { readonly _tag: "Error"; readonly error: IntegrationError }
  | { readonly _tag: "Defect" }
  | { readonly _tag: "Undecodable" }
  | { readonly _tag: "Interrupted" }

export interface Situation {
  readonly failure: Failure
  /** Counted attempts before this one. */
  readonly attempts: number
  /** A replay has no retries: an operator is waiting for its outcome. */
  readonly replay: boolean
  /** Milliseconds until the next attempt by the retry policy; null = no retry is left. */
  readonly retryDelay: number | null
  /** State of the circuit after the attempt; null = there is no breaker. */
  readonly circuit: { readonly closed: boolean; readonly retryAt: number | null } | null
  /** Longest pause for an open circuit or a sick system whose end is not known: the breaker's open time. */
  readonly openMillis: number
  /** Answer of the health check; null = not asked, or there is none. */
  readonly healthy: boolean | null
  /** Rate-limited answers in a row that named no time to wait, this one included. */
  readonly rateLimits: number
  readonly now: number
}

/** A 429 that names no time: 1 s, doubled for each in a row, at most a minute. */
const firstRateLimitMillis = 1000
const longestRateLimitMillis = 60_000

/** Must the system's health be known before `decide`? Only when the last retry is used up. */
export const needsHealth = (situation: Situation): boolean =>
  isTransient(situation.failure) && !situation.replay && situation.retryDelay === null && pauseFor(situation) === null

export const decide = (situation: Situation): Outcome => {
  const attempts = situation.attempts + 1
  const pause = pauseFor(situation)
  if (pause !== null) return { _tag: "DeferredUntil", pause }
  if (!isTransient(situation.failure) || situation.replay) return { _tag: "Dead", attempts }
  if (situation.retryDelay !== null) {
    return { _tag: "RetryAt", at: Math.ceil(situation.now + situation.retryDelay), attempts }
  }
  if (situation.healthy === false) {
    const until = situation.now + situation.openMillis
    return { _tag: "DeferredUntil", pause: { reason: "unhealthy", until } }
  }
  return { _tag: "Dead", attempts }
}

export const errorClassOf = (failure: Failure): ErrorClass => {
  switch (failure._tag) {
    case "Error":
      return failure.error._tag
    case "Interrupted":
      return "Transient"
    case "Defect":
    case "Undecodable":
      return failure._tag
  }
}

/** A transient failure uses up retries; it is what an outage looks like. */
const isTransient = (failure: Failure): boolean =>
  failure._tag === "Interrupted" ||
  (failure._tag === "Error" && (failure.error._tag === "Transient" || failure.error._tag === "Ambiguous"))

/** What the adapter as a whole must wait for, whichever event met it. */
const pauseFor = ({ circuit, failure, now, openMillis, rateLimits }: Situation): Pause | null => {
  if (failure._tag !== "Error") return null
  const { error } = failure
  const circuitPause = (retryAt: number | null): Pause => ({
    reason: "circuit",
    until: retryAt ?? now + openMillis
  })
  switch (error._tag) {
    case "CircuitOpen":
      return circuitPause(error.until ?? circuit?.retryAt ?? null)
    case "RateLimited": {
      const wait =
        error.retryAfterMillis ?? Math.min(firstRateLimitMillis * 2 ** (rateLimits - 1), longestRateLimitMillis)
      return { reason: "retry-after", until: now + wait }
    }
    case "Transient":
      if (error.retryAfterMillis !== undefined) return { reason: "retry-after", until: now + error.retryAfterMillis }
      break
    case "Ambiguous":
      break
    case "Rejected":
    case "Unauthorized":
    case "Invalid":
      return null
  }
  // The failure that opened the circuit, a failed trial, or one that came back while it was open already.
  return circuit === null || circuit.closed ? null : circuitPause(circuit.retryAt)
}
