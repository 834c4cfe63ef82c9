/**
 * The token buckets of a provider: one a minute, one an hour. They lend: a token that is not there yet may be taken ahead of
 * time, and says when it will be. `RateLimits` makes callers wait until then, or gives it back.
 */
import { Duration, Effect } from "effect"
import { RateLimiter } from "effect/persistence"
import type { Limits } from "./ProviderPolicy.ts"

export interface Taken {
  /** Milliseconds until the tokens of both buckets are there. */
  readonly millis: number
  /** Tokens left in the bucket of the minute; negative = lent. */
  readonly minute: number
  readonly hour: number
}

/** Takes as many tokens of both buckets: 1 = one, -1 = gives one back, 0 = only looks. */
export type RateBuckets<E = never> = (provider: string, limits: Limits, tokens: -1 | 0 | 1) => Effect.Effect<Taken, E>

export const oneMinute = Duration.minutes(1)
export const oneHour = Duration.hours(1)

export const fromLimiter =
  (limiter: RateLimiter.RateLimiter): RateBuckets<RateLimiter.RateLimiterError> =>
  (provider, limits, tokens) => {
    const bucket = (key: string, limit: number, window: Duration.Duration) =>
      limiter.consume({ algorithm: "token-bucket", onExceeded: "delay", key, limit, window, tokens })
    return Effect.flatMap(bucket(`${provider}:minute`, limits.perMinute, oneMinute), (minute) =>
      Effect.map(bucket(`${provider}:hour`, limits.perHour, oneHour), (hour) => ({
        millis: Math.max(Duration.toMillis(minute.delay), Duration.toMillis(hour.delay)),
        minute: minute.remaining,
        hour: hour.remaining
      }))
    )
  }

/** Buckets of this process. */
export const inMemory: Effect.Effect<RateBuckets> = Effect.map(
  Effect.suspend(() => Effect.provide(RateLimiter.make, RateLimiter.layerStoreMemory)),
  (limiter) => {
    const buckets = fromLimiter(limiter)
    return (provider, limits, tokens) => Effect.orDie(buckets(provider, limits, tokens))
  }
)

/** How long a shared store may take to answer; then the process goes on by itself. */
const storeLimit = Duration.millis(500)

/** Shared buckets, and the process's own while those fail or do not answer in time. */
export const withFallback =
  <E extends { readonly message: string }>(shared: RateBuckets<E>, own: RateBuckets): RateBuckets =>
  (provider, limits, tokens) =>
    shared(provider, limits, tokens).pipe(
      Effect.timeout(storeLimit),
      Effect.catch((error) =>
        Effect.andThen(
          Effect.logWarning(`rate limits of ${provider}: the shared store failed, limiting in this process alone`).pipe(
            Effect.annotateLogs({ provider, reason: error.message })
          ),
          own(provider, limits, tokens)
        )
      )
    )
