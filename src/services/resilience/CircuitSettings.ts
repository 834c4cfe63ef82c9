/**
 * When a circuit breaker opens, how long it stays open, and how it tries again.
 *
 * Decodes configuration (durations as Effect reads them: `"60 seconds"`); `CircuitSettings.make` checks the same rules in
 * code. Several trip rules may be on at once: whichever is met first opens the circuit.
 */
import { Duration, Effect, Schema } from "effect"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

const PositiveDuration = Schema.DurationFromString.check(
  Schema.makeFilter(
    (duration: Duration.Duration) =>
      (Duration.isFinite(duration) && Duration.toMillis(duration) > 0) || "a finite duration above zero"
  )
)

/** A fraction of the calls in the window, above 0 and up to 1 (0.5 = half of them). Reaching it opens the circuit. */
const Rate = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(1))

/** Rules over a sliding window of the last calls. */
export const CircuitRates = Schema.Struct({
  /** The last `calls` calls (at most 1000), or the calls of the last `duration`, to a tenth of it. */
  window: Schema.Union([
    Schema.Struct({ calls: Count.check(Schema.isLessThanOrEqualTo(1000)) }),
    Schema.Struct({ duration: PositiveDuration })
  ]),
  /** Below this number of calls in the window no rate opens the circuit. */
  minimumCalls: Count,
  /** Failed calls / all calls. */
  failureRate: Schema.optionalKey(Rate),
  /** Slow calls / all calls; a call is slow when it takes longer than `slowerThan`, whatever its outcome. */
  slowCalls: Schema.optionalKey(Schema.Struct({ rate: Rate, slowerThan: PositiveDuration }))
}).check(
  Schema.makeFilter(
    (rates) => rates.failureRate !== undefined || rates.slowCalls !== undefined || "a failureRate, slowCalls, or both"
  ),
  Schema.makeFilter(
    (rates) =>
      !("calls" in rates.window) || rates.minimumCalls <= rates.window.calls || "minimumCalls no larger than the window"
  )
)
export type CircuitRates = typeof CircuitRates.Type

export const CircuitSettings = Schema.Struct({
  /** Consecutive failures (in order of completion) that open the circuit. Absent = only `rates` open it. */
  failures: Schema.optionalKey(Count),
  rates: Schema.optionalKey(CircuitRates),
  /** How long it stays open before trials begin. */
  openFor: PositiveDuration,
  /** Trial calls in half-open, at once and in all. All must succeed to close the circuit. Default 1. */
  halfOpenTrials: Count.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(1)),
    Schema.withConstructorDefault(Effect.succeed(1))
  ),
  /** How long trials may be out without a verdict before the circuit opens again. Default 30 s. */
  halfOpenLimit: PositiveDuration.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("30 seconds")),
    Schema.withConstructorDefault(Effect.succeed(Duration.seconds(30)))
  )
}).check(
  Schema.makeFilter(
    (settings) => settings.failures !== undefined || settings.rates !== undefined || "failures, rates, or both"
  )
)
export type CircuitSettings = typeof CircuitSettings.Type

/** The defaults of the three systems (specification, section 5). */
export const shopby = CircuitSettings.make({ failures: 5, openFor: Duration.minutes(1) })
export const mes = CircuitSettings.make({ failures: 5, openFor: Duration.minutes(1) })
export const edicus = CircuitSettings.make({ failures: 3, openFor: Duration.seconds(30) })
