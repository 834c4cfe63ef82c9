/**
 * When a failed attempt is repeated (specification, section 5): policies as data, schedules made from them, and the delay
 * before the next attempt from nothing but a stored attempt count.
 *
 * It says when, not whether (`isRetryable` of `IntegrationError` does). Nothing here sleeps.
 */
import { Duration, Effect, Option, Pull, Random, Result, Schedule, Schema } from "effect"
import { Headers } from "effect/http"

/** Exponential back-off, factor 2. */
export const Backoff = Schema.Struct({
  /** After the first attempt. */
  retries: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** Before the first retry. */
  base: Schema.DurationFromString,
  /** No delay is longer, jitter included. */
  cap: Schema.DurationFromString,
  /** Each delay is drawn evenly from its nominal value ± this fraction, up to the cap: 0.2 = ±20 %. */
  jitter: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
})
export type Backoff = typeof Backoff.Type

/** A back-off, or any schedule whose delays depend only on its own past: it is replayed without the errors. */
export type RetryPolicy = Backoff | Schedule.Schedule<unknown, unknown>

const oneSecondBackoff = Backoff.make({
  retries: 3,
  base: Duration.seconds(1),
  cap: Duration.seconds(30),
  jitter: 0.2
})

export const productSync: Backoff = oneSecondBackoff
export const orderDispatch: Backoff = oneSecondBackoff
export const designRender: Backoff = Backoff.make({
  retries: 5,
  base: Duration.seconds(2),
  cap: Duration.minutes(1),
  jitter: 0.2
})
export const statusCallback: Backoff = Backoff.make({
  retries: 2,
  base: Duration.millis(500),
  cap: Duration.seconds(5),
  jitter: 0.1
})

/** For `Effect.retry`, where waiting in memory is enough. Outputs the nominal delay. */
export const schedule = (policy: RetryPolicy): Schedule.Schedule<unknown, unknown> =>
  Schedule.isSchedule(policy) ? policy : backoffSchedule(policy)

/**
 * The delay before the next attempt, after `attempts` attempts were made (1 = the first has failed); none when the
 * retries are used up. Replays the schedule, so it needs no memory but the count and goes on after a restart. What a
 * schedule sees as elapsed time is the sum of its own delays.
 */
export const delayAfter = Effect.fnUntraced(function* (
  policy: RetryPolicy,
  attempts: number
): Effect.fn.Return<Option.Option<Duration.Duration>> {
  const step = yield* Schedule.toStep(schedule(policy))
  let delay = Duration.zero
  let elapsed = 0
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const next = yield* Pull.matchEffect(step(elapsed, undefined), {
      onSuccess: ([, wait]) => Effect.succeedSome(wait),
      onFailure: Effect.failCause<never>,
      onDone: () => Effect.succeedNone
    })
    if (Option.isNone(next)) return next
    delay = next.value
    elapsed += Duration.toMillis(delay)
  }
  return Option.some(delay)
})

/** No `Retry-After` is obeyed for longer. */
const retryAfterCap = Duration.hours(1)

/**
 * Milliseconds to wait from `now` (epoch ms) by a `Retry-After` header (RFC 9110, 10.2.3: seconds, or an HTTP date in any
 * of its three forms): between 0, for a date that is past, and one hour. Null for no header, and for garbage.
 */
export const parseRetryAfter = (value: string | undefined, now: number): number | null => {
  if (value === undefined) return null
  const parsed = Headers.parseRetryAfter(value)
  if (Result.isFailure(parsed)) return null
  return Duration.toMillis(Duration.min(Headers.retryAfterDelay(parsed.success, now), retryAfterCap))
}

const backoffSchedule = ({ base, cap, jitter, retries }: Backoff): Schedule.Schedule<Duration.Duration> =>
  Schedule.exponential(base).pipe(
    Schedule.modifyDelay(({ duration }) => {
      const longest = Duration.toMillis(cap)
      const nominal = Math.min(Duration.toMillis(duration), longest)
      return Random.nextBetween(nominal * (1 - jitter), Math.min(nominal * (1 + jitter), longest))
    }),
    Schedule.upTo({ times: retries })
  )
