/**
 * What is told of each call to an external system: metrics, a log line, attributes of its span, and a record for the call
 * log and the metrics windows (`CallRecorder`).
 *
 * Labels have few values: adapters are known, an operation is a method with a route template, an outcome is `success`, an
 * error class, or `Interrupted`. Failures are warnings, except those of probes (the registry logs changes of health) and
 * calls that the open circuit refused; all else is debug.
 */
import { Cause, Clock, Effect, type Exit, Metric, Option, Redacted, Schema } from "effect"
import { type ErrorClass, IntegrationError } from "../../domain/IntegrationError.ts"
import { EventContext } from "../events/EventContext.ts"
import * as CallContext from "../providers/CallContext.ts"
import { type HttpExchange, silent } from "../providers/CallRecorder.ts"
import { outcomeOf as recordedOutcomeOf } from "../providers/ProviderGuard.ts"
import type { Exchange } from "./HttpFailure.ts"
import type { OutboundOptions } from "./OutboundHttp.ts"

type CallOutcome = "success" | "Interrupted" | ErrorClass

interface EndedCall {
  readonly exchange: Exchange
  readonly exit: Exit.Exit<unknown, unknown>
  /** Nanoseconds of the Clock. */
  readonly started: bigint
  readonly probe: boolean
}

/** Reports the calls of a connection that have ended. */
export const reporter = (
  options: Pick<OutboundOptions, "adapter" | "breaker" | "headers" | "integration" | "mode" | "recorder">
): ((call: EndedCall) => Effect.Effect<void>) => {
  const { adapter, recorder = silent } = options
  const known = Object.values(options.headers ?? {}).flatMap((value) =>
    Redacted.isRedacted(value) ? [Redacted.value(value)] : []
  )
  return Effect.fnUntraced(function* (call) {
    const seconds = Number((yield* Clock.currentTimeNanos) - call.started) / 1e9
    yield* reportCall(call, seconds)
    const { exchange, exit, probe } = call
    const state = yield* CallContext.Connection
    const secrets = Object.values(state?.endpoints[adapter]?.secrets ?? {}).flatMap((secret) =>
      secret === null ? [] : [Redacted.value(secret)]
    )
    const http = httpOf(exchange, [...known, ...secrets])
    const ids = CallContext.idsOf(yield* Effect.context())
    const wire = yield* CallContext.Wire
    if (wire !== null) {
      if (http !== null) wire.http = http
      if (ids.traceId !== null) wire.traceId = ids.traceId
      return
    }
    if (recorder === silent) return
    const at = yield* Clock.currentTimeMillis
    CallContext.tell(recorder, {
      _tag: "Attempt",
      integration: options.integration ?? adapter,
      provider: adapter,
      operation: exchange.operation,
      attempt: 1,
      ...recordedOutcomeOf(exit),
      circuit: (yield* options.breaker.snapshot).state,
      sandbox: options.mode === "sandbox",
      at,
      durationMillis: Math.round(seconds * 1000),
      probe,
      ...(http === null ? {} : { http }),
      ...ids
    })
  })
}

const httpOf = ({ answer, bytes, request }: Exchange, secrets: ReadonlyArray<string>): HttpExchange | null =>
  request === undefined
    ? null
    : {
        request,
        secrets,
        response:
          answer === null ? null : { status: answer.status, headers: answer.headers, body: bytes ?? new Uint8Array() }
      }

const reportCall = Effect.fnUntraced(function* (call: EndedCall, seconds: number) {
  const { adapter, answer, operation } = call.exchange
  const context = yield* EventContext
  const correlation = context === null ? {} : { correlationId: context.correlationId }
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
