/**
 * Logs and counts the transitions of circuit breakers, which do neither themselves.
 *
 * Log: a warning for an opened circuit, info for the rest. Metrics: `circuit_breaker_transitions_total` and
 * `circuit_breaker_open` (1 until it closes again), labelled with the breaker's name as `adapter`. A breaker that has not
 * moved yet has no series.
 */
import { DateTime, Effect, Layer, Metric, Stream } from "effect"
import type { Scope } from "effect"
import type { Transition } from "./CircuitBreaker.ts"
import { CircuitBreakers } from "./CircuitBreakers.ts"

/** Follows the transitions from now until the scope closes. */
export const follow = (transitions: Stream.Stream<Transition>): Effect.Effect<void, never, Scope.Scope> =>
  transitions.pipe(Stream.runForEach(report), Effect.forkScoped({ startImmediately: true }), Effect.asVoid)

/** Follows all breakers made by `CircuitBreakers`. */
export const layer: Layer.Layer<never, never, CircuitBreakers> = Layer.effectDiscard(
  CircuitBreakers.use((breakers) => follow(breakers.transitions))
)

const moved = Metric.counter("circuit_breaker_transitions_total", {
  description: "State changes of circuit breakers, holds included",
  incremental: true
})

const open = Metric.gauge("circuit_breaker_open", {
  description: "1 = the circuit is open or on trial, 0 = closed"
})

const report = Effect.fnUntraced(function* ({ at, from, name, reason, to }: Transition) {
  const circuit = { adapter: name, from, to, reason }
  yield* Metric.update(Metric.withAttributes(moved, circuit), 1)
  yield* Metric.update(Metric.withAttributes(open, { adapter: name }), to === "CLOSED" ? 0 : 1)
  yield* (to === "OPEN" ? Effect.logWarning : Effect.logInfo)(`circuit of ${name}: ${from} to ${to} (${reason})`).pipe(
    Effect.annotateLogs({ ...circuit, at: DateTime.formatIso(DateTime.makeUnsafe(at)) })
  )
})
