/**
 * What is told of each call to an external system: metrics, a log line, attributes of its span.
 *
 * Labels have few values: adapters are known, an operation is a method with a route template, an outcome is `success`, an
 * error class, or `Interrupted`. Failures are warnings, except those of probes (the registry logs changes of health) and
 * calls that the open circuit refused; all else is debug.
 */
import { Cause, Clock, Effect, type Exit, Metric, Option, Schema } from "effect"
import { type ErrorClass, IntegrationError } from "../../domain/IntegrationError.ts"
import { EventContext } from "../events/EventContext.ts"
import type { Exchange } from "./HttpFailure.ts"

type CallOutcome = "success" | "Interrupted" | ErrorClass

/** Reports a call that has ended. `started` in nanoseconds of the Clock. */
export const reportCall = Effect.fnUntraced(function* (call: {
  readonly exchange: Exchange
  readonly exit: Exit.Exit<unknown, unknown>
  readonly started: bigint
  readonly probe: boolean
}) {
  const { adapter, answer, operation } = call.exchange
  const context = yield* EventContext
  const correlation = context === null ? {} : { correlationId: context.correlationId }
  const seconds = Number((yield* Clock.currentTimeNanos) - call.started) / 1e9
  const { message, outcome } = outcomeOf(call.exit)
  const labels = { adapter, operation, outcome }
  if (outcome !== "CircuitOpen") yield* Metric.update(Metric.withAttributes(duration, labels), seconds)
  yield* outcome === "success"
    ? Metric.update(Metric.withAttributes(successes, { adapter, operation }), 1)
    : Metric.update(Metric.withAttributes(errors, labels), 1)
  yield* Effect.annotateCurrentSpan({ outcome, ...correlation })
  const quiet = call.probe || outcome === "success" || outcome === "Interrupted" || outcome === "CircuitOpen"
  yield* (quiet ? Effect.logDebug : Effect.logWarning)(`${operation}: ${message}`).pipe(
    Effect.annotateLogs({
      ...labels,
      ...correlation,
      ...(answer === null ? {} : { status: answer.status }),
      durationMillis: Math.round(seconds * 1000)
    })
  )
})

/** Seconds; from a call inside the data centre to the time limit. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const duration = Metric.histogram("external_request_duration_seconds", {
  description: "Duration of calls to external systems, in seconds",
  boundaries
})
const successes = Metric.counter("external_request_success_total", {
  description: "Calls to external systems that succeeded",
  incremental: true
})
const errors = Metric.counter("external_request_errors_total", {
  description: "Calls to external systems that failed, also those that the circuit breaker refused",
  incremental: true
})

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): { readonly outcome: CallOutcome; readonly message: string } => {
  if (exit._tag === "Success") return { outcome: "success", message: "success" }
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isSome(error)) {
    return isIntegrationError(error.value)
      ? { outcome: error.value._tag, message: error.value.message }
      : { outcome: "Rejected", message: "refused, as the contract provides" }
  }
  return Cause.hasInterruptsOnly(exit.cause)
    ? { outcome: "Interrupted", message: "interrupted" }
    : { outcome: "Defect", message: "a defect on our side" }
}

const isIntegrationError = Schema.is(IntegrationError)
