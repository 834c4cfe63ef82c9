/** What the calls of an integration came to, over one window of five minutes or several (provider integrations, section 3). */
import { Schema } from "effect"
import { Instant } from "./Instant.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** 0 to 100, two decimals; null = there is nothing to divide by. */
const Percent = Schema.NullOr(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 })))

/**
 * Calls are counted as their callers saw them: guarded calls of a data service, requests of an adapter. Interrupted calls
 * and health checks are not counted. `total` = `successful` + `failed` + `rejected`.
 */
export const CallCounts = Schema.Struct({
  total: Count,
  /** Answered, from the cache too. */
  successful: Count,
  /** No answer could be had, or a bug on our side. */
  failed: Count,
  /** Refused by the system as the contract provides (not found, a client error): neither of the two. */
  rejected: Count,
  /** Answered from the cache, stale answers included. */
  cached: Count,
  /** Answered from the cache past its time, because no provider answered. */
  stale: Count,
  /** Attempts at a provider or system, retries included, also those that a circuit or limit refused. */
  requests: Count,
  failedRequests: Count,
  /** Attempts that met a limit: ours, or the provider's. */
  rateLimited: Count,
  /** Attempts without an answer in time. */
  timeouts: Count,
  circuitOpenings: Count,
  /** `failed` of `total`, in percent. */
  errorRate: Percent,
  /** Fresh answers from the cache, of all looks into it, in percent; null for systems without a cache. */
  hitRate: Percent,
  /** Milliseconds; null without calls. Percentiles are at most 10 % too high, and never above the maximum. */
  duration: Schema.NullOr(
    Schema.Struct({
      average: Schema.Finite,
      p50: Schema.Finite,
      p95: Schema.Finite,
      p99: Schema.Finite,
      max: Schema.Finite
    })
  )
})
export type CallCounts = typeof CallCounts.Type

export const CallWindowView = Schema.Struct({
  /** UTC; a multiple of five minutes. */
  startedAt: Instant,
  ...CallCounts.fields
})
export type CallWindowView = typeof CallWindowView.Type

/** An integration's windows, and what they come to together. */
export const IntegrationMetrics = Schema.Struct({
  integration: Schema.String,
  /** How far back, as asked for; the windows cover at least that, the one that runs included. */
  minutes: Count,
  summary: CallCounts,
  /** Oldest first; windows without calls are left out. */
  windows: Schema.Array(CallWindowView)
})
export type IntegrationMetrics = typeof IntegrationMetrics.Type

export const IntegrationStats = Schema.Struct({ integration: Schema.String, ...CallCounts.fields })
export type IntegrationStats = typeof IntegrationStats.Type

/** How an integration's cache does. */
export const CacheStats = Schema.Struct({
  integration: Schema.String,
  hits: Count,
  misses: Count,
  stale: Count,
  hitRate: Percent,
  /** Answers that the cache holds, stale ones included; at most 1000 are counted. Null = the cache does not answer. */
  entries: Schema.NullOr(Count)
})
export type CacheStats = typeof CacheStats.Type
