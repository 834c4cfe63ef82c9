/**
 * How an outside system is doing, judged from what is known of it (provider integrations, section 3). Pure.
 *
 * `unknown` means that nothing is known: no data is not health, and not sickness either. What callers got decides before
 * what circuits say: a system whose circuit is open while callers still get older answers is degraded, not unhealthy.
 */
import { Schema } from "effect"

export const HealthStatus = Schema.Literals(["healthy", "degraded", "unhealthy", "unknown"])
export type HealthStatus = typeof HealthStatus.Type

/** Calls of the last minutes that needed the system: what a fresh cache answered says nothing about it. */
export const CallCounts = Schema.Struct({
  asked: Schema.Int,
  /** Of those: the caller got nothing. */
  failed: Schema.Int,
  /** Of those: the caller got an older answer, because no provider answered. */
  stale: Schema.Int,
  /** Of those: took longer than `slowMillis`. */
  slow: Schema.Int,
  /** Attempts refused for a limit: our own, or the system's 429. */
  rateLimited: Schema.Int,
  /** Answered by a fresh cache; not among `asked`. */
  hits: Schema.Int
})
export type CallCounts = typeof CallCounts.Type

export const noCalls: CallCounts = { asked: 0, failed: 0, stale: 0, slow: 0, rateLimited: 0, hits: 0 }

/** What is known of a system. */
export interface Observation {
  /** Switched off by an operator. */
  readonly off: boolean
  /** What its health check said; null = it has none, or none has run yet. */
  readonly check: boolean | null
  /** Its circuits; for a data service one per provider. */
  readonly circuits: ReadonlyArray<{ readonly name: string; readonly state: "CLOSED" | "OPEN" | "HALF_OPEN" }>
  readonly calls: CallCounts
}

export interface Judgement {
  readonly status: HealthStatus
  /** For people. */
  readonly reason: string
}

/** A call that takes longer is slow. Milliseconds. */
export const slowMillis = 3000

/** More than one call in twenty: the 95th percentile is slow. A single one is no news. */
const slowShare = 0.05
const slowCalls = 2
/** From here on the system counts as down; fewer failures than that are a bad moment, and make it degraded. */
const downShare = 0.5
const downCalls = 3
/** Above this share of failures it is not well. The same figure raises the alert. */
export const failureShare = 0.1

/** The worst that holds. Total: every observation has a judgement. */
export const judge = ({ calls, check, circuits, off }: Observation): Judgement => {
  if (off) return { status: "unknown", reason: "switched off" }
  const open = circuits.filter(({ state }) => state === "OPEN").map(({ name }) => name)
  const allOpen = open.length > 0 && open.length === circuits.length
  const { asked, failed, slow, stale } = calls
  if (check === false) return unhealthy("the health check failed")
  if (failed >= downCalls && failed / asked >= downShare) return unhealthy(`${failed} of ${asked} calls got no answer`)
  if (allOpen && stale === 0) return unhealthy(`circuit open: ${open.join(", ")}`)
  if (stale > 0) return degraded(`${stale} of ${asked} calls got an older answer`)
  if (open.length > 0) return degraded(`circuit open: ${open.join(", ")}`)
  if (asked > 0 && failed / asked > failureShare) return degraded(`${failed} of ${asked} calls got no answer`)
  if (slow >= slowCalls && slow / asked > slowShare) {
    return degraded(`${slow} of ${asked} calls took over ${slowMillis} ms`)
  }
  if (check === true) return { status: "healthy", reason: "the health check succeeded" }
  if (asked > 0) return { status: "healthy", reason: `${asked - failed} of ${asked} calls were answered` }
  return { status: "unknown", reason: "nothing was asked of it lately" }
}

const unhealthy = (reason: string): Judgement => ({ status: "unhealthy", reason })
const degraded = (reason: string): Judgement => ({ status: "degraded", reason })

/** How bad: 0 healthy, 1 degraded, 2 unhealthy; null = nothing is known. */
export const severityOf = (status: HealthStatus): 0 | 1 | 2 | null => {
  switch (status) {
    case "healthy":
      return 0
    case "degraded":
      return 1
    case "unhealthy":
      return 2
    case "unknown":
      return null
  }
}
