/**
 * Counts and durations of the calls of one window, in bounded space. Pure.
 *
 * Durations go into buckets whose bounds grow by a tenth, from a millisecond to some four minutes: a percentile is the upper
 * bound of its bucket, so at most 10 % too high, and never above the greatest duration, which is exact, as the sum is.
 * Windows add up: the percentiles of several are those of all their calls.
 */
import type { CallCounts } from "../../domain/CallStatistics.ts"
import type { AttemptRecord, CallRecord } from "../providers/CallRecorder.ts"

/** Five minutes. */
export const windowMillis = 300_000

/** Of the window that a moment is in, epoch ms. */
export const startOf = (at: number): number => Math.floor(at / windowMillis) * windowMillis

export interface CallWindow {
  readonly successful: number
  readonly failed: number
  readonly rejected: number
  readonly hits: number
  readonly misses: number
  readonly stale: number
  readonly requests: number
  readonly failedRequests: number
  readonly rateLimited: number
  readonly timeouts: number
  readonly circuitOpenings: number
  /** Milliseconds. */
  readonly durationSum: number
  readonly durationMax: number
  readonly buckets: ReadonlyArray<number>
}

const growth = 1.1
const lastBucket = 130

/** 0 = less than a millisecond; n = up to 1.1ⁿ⁻¹ milliseconds. */
const bucketOf = (millis: number): number =>
  millis < 1 ? 0 : Math.min(lastBucket, Math.ceil(Math.log(millis) / Math.log(growth) - 1e-9) + 1)

const upperBound = (bucket: number): number => (bucket === 0 ? 0 : growth ** (bucket - 1))

export const empty: CallWindow = {
  successful: 0,
  failed: 0,
  rejected: 0,
  hits: 0,
  misses: 0,
  stale: 0,
  requests: 0,
  failedRequests: 0,
  rateLimited: 0,
  timeouts: 0,
  circuitOpenings: 0,
  durationSum: 0,
  durationMax: 0,
  buckets: []
}

/** With one more call or attempt. An attempt of a guarded call is a request; one outside of any is a call as well. */
export const add = (window: CallWindow, record: CallRecord | AttemptRecord): CallWindow => {
  if (record._tag === "Call") return addCall(window, record)
  if (record.probe === true || record.outcome === "interrupted") return window
  const failed = record.outcome !== "success" && record.outcome !== "rejected"
  const counted = {
    ...window,
    requests: window.requests + 1,
    failedRequests: window.failedRequests + (failed ? 1 : 0),
    rateLimited: window.rateLimited + (record.outcome === "rate-limited" ? 1 : 0),
    timeouts: window.timeouts + (record.outcome === "timeout" ? 1 : 0)
  }
  if (record.guarded === true) return counted
  return timed(settled(counted, failed ? "failed" : record.outcome === "rejected" ? "rejected" : "successful"), record)
}

const addCall = (window: CallWindow, record: CallRecord): CallWindow => {
  switch (record.outcome) {
    case "interrupted":
      return window
    case "hit":
      return timed(settled({ ...window, hits: window.hits + 1 }, "successful"), record)
    case "miss":
      return timed(settled({ ...window, misses: window.misses + 1 }, "successful"), record)
    case "stale":
      return timed(settled({ ...window, stale: window.stale + 1 }, "successful"), record)
    case "rejected":
      return timed(settled({ ...window, misses: window.misses + 1 }, "rejected"), record)
    case "unavailable":
    case "defect":
      return timed(settled({ ...window, misses: window.misses + 1 }, "failed"), record)
  }
}

const settled = (window: CallWindow, as: "successful" | "failed" | "rejected"): CallWindow => ({
  ...window,
  [as]: window[as] + 1
})

const timed = (window: CallWindow, { durationMillis }: { readonly durationMillis: number }): CallWindow => {
  const duration = Math.max(0, Math.round(durationMillis))
  const bucket = bucketOf(duration)
  const buckets = window.buckets.slice()
  while (buckets.length <= bucket) buckets.push(0)
  buckets[bucket] = (buckets[bucket] ?? 0) + 1
  return {
    ...window,
    durationSum: window.durationSum + duration,
    durationMax: Math.max(window.durationMax, duration),
    buckets
  }
}

export const openedCircuit = (window: CallWindow): CallWindow => ({
  ...window,
  circuitOpenings: window.circuitOpenings + 1
})

/** Both together. */
export const plus = (left: CallWindow, right: CallWindow): CallWindow => ({
  successful: left.successful + right.successful,
  failed: left.failed + right.failed,
  rejected: left.rejected + right.rejected,
  hits: left.hits + right.hits,
  misses: left.misses + right.misses,
  stale: left.stale + right.stale,
  requests: left.requests + right.requests,
  failedRequests: left.failedRequests + right.failedRequests,
  rateLimited: left.rateLimited + right.rateLimited,
  timeouts: left.timeouts + right.timeouts,
  circuitOpenings: left.circuitOpenings + right.circuitOpenings,
  durationSum: left.durationSum + right.durationSum,
  durationMax: Math.max(left.durationMax, right.durationMax),
  buckets: Array.from(
    { length: Math.max(left.buckets.length, right.buckets.length) },
    (_, index) => (left.buckets[index] ?? 0) + (right.buckets[index] ?? 0)
  )
})

/** For people and programs to read. */
export const summaryOf = (window: CallWindow): CallCounts => {
  const { failed, hits, misses, rejected, stale, successful } = window
  const total = successful + failed + rejected
  return {
    total,
    successful,
    failed,
    rejected,
    cached: hits + stale,
    stale,
    requests: window.requests,
    failedRequests: window.failedRequests,
    rateLimited: window.rateLimited,
    timeouts: window.timeouts,
    circuitOpenings: window.circuitOpenings,
    errorRate: percent(failed, total),
    hitRate: percent(hits, hits + misses + stale),
    duration:
      total === 0
        ? null
        : {
            average: rounded(window.durationSum / total),
            p50: percentile(window, 0.5),
            p95: percentile(window, 0.95),
            p99: percentile(window, 0.99),
            max: window.durationMax
          }
  }
}

/** At most two decimals; null = of nothing. */
export const percent = (part: number, whole: number): number | null =>
  whole === 0 ? null : rounded((part / whole) * 100)

const rounded = (value: number): number => Math.round(value * 100) / 100

/** Nearest rank: the least duration that this share of the calls did not exceed, up to 10 %. */
const percentile = ({ buckets, durationMax }: CallWindow, share: number): number => {
  const rank = Math.max(1, Math.ceil(share * buckets.reduce((sum, count) => sum + count, 0)))
  let seen = 0
  for (const [bucket, count] of buckets.entries()) {
    seen += count
    if (seen >= rank) return bucket >= lastBucket ? durationMax : Math.min(durationMax, rounded(upperBound(bucket)))
  }
  return durationMax
}
