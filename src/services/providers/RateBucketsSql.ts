/**
 * Token buckets in the hub's database: several hubs on one server stay within one limit together.
 *
 * Both buckets of a provider change in one statement, which holds their rows no longer than it runs. Time is the hub's own
 * clock, so hubs whose clocks differ see a bucket refilled earlier or later by as much. What Effect has for this
 * (`RateLimiterStore`) exists for memory and Redis only.
 */
import { Clock, Duration, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Database } from "../storage/Database.ts"
import { oneHour, oneMinute, type RateBuckets } from "./RateBuckets.ts"

export const make =
  ({ sql }: Database["Service"]): RateBuckets<SqlError | Schema.SchemaError> =>
  (provider, limits, tokens) => {
    const minuteRefill = Duration.toMillis(oneMinute) / limits.perMinute
    const hourRefill = Duration.toMillis(oneHour) / limits.perHour
    return Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      // A bucket gains whole tokens, and its interval goes on from the last one gained; a full one gains nothing.
      const rows = yield* sql`
        with wanted as (
          select span, size, refill from (values
            ('minute', ${limits.perMinute}::float8, ${minuteRefill}::float8),
            ('hour', ${limits.perHour}::float8, ${hourRefill}::float8)
          ) as wanted (span, size, refill)
        )
        insert into provider_rate_buckets as bucket (provider, span, tokens, refilled_at)
        select ${provider}, span, size - ${tokens}::float8, ${now}::float8 from wanted
        on conflict (provider, span) do update set (tokens, refilled_at) = (
          select
            least(bucket.tokens + gained, size) - ${tokens}::float8,
            case when bucket.tokens + gained >= size then ${now}::float8 else bucket.refilled_at + gained * refill end
          from (
            select size, refill, greatest(0, floor((${now}::float8 - bucket.refilled_at) / refill)) as gained
            from wanted where wanted.span = bucket.span
          ) as refilled
        )
        returning span, tokens, greatest(0, ${now}::float8 - refilled_at) as elapsed`
      const decoded = yield* decodeBuckets(rows)
      const left = (wanted: "minute" | "hour") =>
        decoded.find(({ span }) => span === wanted) ?? { tokens: 0, elapsed: 0 }
      const wait = ({ elapsed, tokens: remaining }: { tokens: number; elapsed: number }, refill: number) =>
        Math.max(0, Math.ceil(-remaining) * refill - elapsed)
      const [minute, hour] = [left("minute"), left("hour")]
      return {
        millis: Math.max(wait(minute, minuteRefill), wait(hour, hourRefill)),
        minute: minute.tokens,
        hour: hour.tokens
      }
    })
  }

const decodeBuckets = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({ span: Schema.Literals(["minute", "hour"]), tokens: Schema.Finite, elapsed: Schema.Finite })
  )
)
