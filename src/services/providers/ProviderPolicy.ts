/**
 * How the providers of data services are guarded: circuits, retries, limits, time limits and how long answers are kept, as
 * data (provider integrations, section 1, "Numbers"). Pure.
 *
 * Decodes configuration (durations as Effect reads them: `"60 seconds"`); `.make` checks the same rules in code.
 * `ProviderPolicies` holds those in force and changes them at run time.
 */
import { Duration, Effect, Schema } from "effect"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import { CircuitSettings } from "../resilience/CircuitSettings.ts"

const positive = Schema.DurationFromString.check(
  Schema.makeFilter(
    (duration: Duration.Duration) =>
      (Duration.isFinite(duration) && Duration.toMillis(duration) > 0) || "a finite duration above zero"
  )
)
const notNegative = Schema.DurationFromString.check(
  Schema.makeFilter(
    (duration: Duration.Duration) =>
      (Duration.isFinite(duration) && Duration.toMillis(duration) >= 0) || "a finite duration, not below zero"
  )
)

export const circuitProfiles = {
  CRITICAL: CircuitSettings.make({ failures: 8, openFor: Duration.seconds(120), halfOpenTrials: 2 }),
  STANDARD: CircuitSettings.make({ failures: 5, openFor: Duration.seconds(60), halfOpenTrials: 3 }),
  FAST: CircuitSettings.make({ failures: 3, openFor: Duration.seconds(30), halfOpenTrials: 5 })
} as const

/**
 * What a failed attempt was, for the choice to repeat it. `5xx`: the system said it is in trouble, by its status or inside
 * a 200. `Connection`: not made, lost or reset. `Timeout`: no answer in time.
 */
export const RetryClass = Schema.Literals(["5xx", "429", "408", "Connection", "Timeout"])
export type RetryClass = typeof RetryClass.Type

/** Exponential back-off. Before retry n (1 = the first) it waits `base` · 2ⁿ plus 0–100 ms, at most `cap`. */
export const AttemptRetry = Schema.Struct({
  /** After the first attempt. */
  retries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
  base: notNegative,
  /** No delay is longer, jitter included; but a longer `Retry-After` is honoured. */
  cap: notNegative,
  on: Schema.Array(RetryClass)
})
export type AttemptRetry = typeof AttemptRetry.Type

const usual = ["5xx", "429", "Connection", "Timeout"] as const

export const retryPolicies = {
  CONSERVATIVE: AttemptRetry.make({
    retries: 2,
    base: Duration.millis(500),
    cap: Duration.seconds(3),
    on: ["5xx"]
  }),
  DEFAULT: AttemptRetry.make({ retries: 3, base: Duration.millis(200), cap: Duration.seconds(2), on: usual }),
  AGGRESSIVE: AttemptRetry.make({
    retries: 5,
    base: Duration.millis(100),
    cap: Duration.seconds(5),
    on: [...usual, "408"]
  })
} as const

/** Two token buckets: each holds as many tokens as its limit, refilled evenly. An attempt takes one of each. */
export const Limits = Schema.Struct({
  perMinute: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
  perHour: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 })),
  /** A caller who would wait longer for a token is refused at once; a longer `Retry-After` is not waited for. */
  maxWait: notNegative
})
export type Limits = typeof Limits.Type

/** 60 a minute, 1000 an hour, and a wait of up to 10 s. */
export const defaultLimits = Limits.make({ perMinute: 60, perHour: 1000, maxWait: Duration.seconds(10) })

/** How one provider is guarded. Every field has its default. */
export const ProviderPolicy = Schema.Struct({
  /** False: not asked; the next provider is. */
  enabled: Schema.Boolean.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(true)),
    Schema.withConstructorDefault(Effect.succeed(true))
  ),
  /** A profile's name, or settings of its own. */
  circuit: Schema.Union([Schema.Literals(["CRITICAL", "STANDARD", "FAST"]), CircuitSettings]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("STANDARD" as const)),
    Schema.withConstructorDefault(Effect.succeed("STANDARD" as const))
  ),
  /** A policy's name, or one of its own. */
  retry: Schema.Union([Schema.Literals(["CONSERVATIVE", "DEFAULT", "AGGRESSIVE"]), AttemptRetry]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("DEFAULT" as const)),
    Schema.withConstructorDefault(Effect.succeed("DEFAULT" as const))
  ),
  limits: Limits.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({ perMinute: 60, perHour: 1000, maxWait: "10 seconds" })),
    Schema.withConstructorDefault(Effect.succeed(defaultLimits))
  ),
  /** Of one attempt, from connecting to decoding. */
  timeout: positive.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("10 seconds")),
    Schema.withConstructorDefault(Effect.succeed(Duration.seconds(10)))
  )
})
export type ProviderPolicy = typeof ProviderPolicy.Type

/** How long an answer may be served. Ages are counted from when the provider gave it. */
export const Freshness = Schema.Struct({
  /** Younger: served without a call. */
  fresh: notNegative,
  /** Younger: served, labelled, when no provider answers. */
  stale: notNegative,
  /** Instead of both, for an empty answer; zero = it is not kept. Default 1 minute. */
  empty: notNegative.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("1 minute")),
    Schema.withConstructorDefault(Effect.succeed(Duration.minutes(1)))
  )
}).check(
  Schema.makeFilter(({ fresh, stale }) => Duration.isLessThanOrEqualTo(fresh, stale) || "stale no shorter than fresh")
)
export type Freshness = typeof Freshness.Type

/** @public The specification's table. */
export const freshness = {
  fxRates: Freshness.make({ fresh: Duration.hours(24), stale: Duration.days(7) }),
  flightSchedule: Freshness.make({ fresh: Duration.hours(1), stale: Duration.days(7) }),
  flightStatus: Freshness.make({ fresh: Duration.minutes(5), stale: Duration.hours(2) }),
  companyRecord: Freshness.make({ fresh: Duration.hours(24), stale: Duration.days(30) }),
  addressSearch: Freshness.make({ fresh: Duration.hours(24), stale: Duration.days(7) })
} as const

/** The settings behind a profile's name. */
export const circuitOf = ({ circuit }: ProviderPolicy): CircuitSettings =>
  typeof circuit === "string" ? circuitProfiles[circuit] : circuit

/** The policy behind its name. */
export const retryOf = ({ retry }: ProviderPolicy): AttemptRetry =>
  typeof retry === "string" ? retryPolicies[retry] : retry

/** What an error was, for the choice to repeat the attempt; null = never repeated. */
export const retryClassOf = (error: IntegrationError): RetryClass | null => {
  switch (error._tag) {
    case "Transient":
      if (error.reason !== undefined) return error.reason === "Garbage" ? null : error.reason
      if (error.status === 408) return "408"
      return error.status === 425 ? null : "5xx"
    case "Ambiguous":
      return error.reason === undefined || error.reason === "Garbage" ? null : error.reason
    case "RateLimited":
      return error.reason === undefined ? "429" : null
    case "Rejected":
    case "Unauthorized":
    case "CircuitOpen":
    case "Invalid":
      return null
  }
}

/**
 * Milliseconds before retry `n` (1 = the first), or null for none: the class is not listed, the retries are used up, the
 * outcome is unknown and the request must not be repeated, or the provider asks for a longer pause than `maxWait`.
 * `jitter` between 0 and 1.
 */
export const delayBefore = (
  policy: ProviderPolicy,
  failed: { readonly error: IntegrationError; readonly repeatable: boolean },
  n: number,
  jitter: number
): number | null => {
  const { base, cap, on, retries } = retryOf(policy)
  const { error, repeatable } = failed
  const failure = retryClassOf(error)
  if (failure === null || !on.includes(failure) || n > retries) return null
  if (error._tag === "Ambiguous" && !repeatable) return null
  const asked = retryAfterOf(error)
  if (asked > Duration.toMillis(policy.limits.maxWait)) return null
  return Math.max(asked, Math.min(Duration.toMillis(base) * 2 ** n + jitter * 100, Duration.toMillis(cap)))
}

/** The pause that the provider asked for, in milliseconds; 0 = none. */
export const retryAfterOf = (error: IntegrationError): number =>
  error._tag === "Transient" || error._tag === "RateLimited" ? (error.retryAfterMillis ?? 0) : 0
