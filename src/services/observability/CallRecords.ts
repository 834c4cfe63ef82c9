/**
 * Writes down every call: the call log and the metrics windows, fed by one recorder. It hands everything on to a recorder
 * that is there already.
 */
import { Effect, Layer } from "effect"
import { CallRecorder } from "../providers/CallRecorder.ts"
import type { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import type { Database } from "../storage/Database.ts"
import * as CallLog from "./CallLog.ts"
import { CallMetrics } from "./CallMetrics.ts"

const recorder = Layer.effect(
  CallRecorder,
  Effect.gen(function* () {
    const log = yield* CallLog.CallLog
    const metrics = yield* CallMetrics
    const next = yield* CallRecorder
    return {
      record: (record) => {
        metrics.record(record)
        log.record(record)
        next.record(record)
      },
      made: (provider) => {
        metrics.made(provider)
        next.made?.(provider)
      }
    }
  })
)

/** To be provided to whatever makes calls: a provider or adapter asks for the recorder when it is made. */
export const layer = (
  options: CallLog.Options = {}
): Layer.Layer<CallLog.CallLog | CallMetrics, never, CircuitBreakers | Database> =>
  recorder.pipe(Layer.provideMerge(Layer.merge(CallLog.CallLog.layer(options), CallMetrics.layer(options))))
