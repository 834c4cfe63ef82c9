import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Metric, References } from "effect"
import { TestClock } from "effect/testing"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import * as CircuitMonitor from "../../../src/services/resilience/CircuitMonitor.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"

describe("CircuitMonitor", () => {
  it.effect("AC-ERR-003 an opening is logged as a warning and counted, a closing as information", () => {
    const lines: Array<readonly [string, string, unknown]> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      lines.push([logLevel, String(message), fiber.getRef(References.CurrentLogAnnotations)])
    })
    return Effect.gen(function* () {
      const breakers = yield* CircuitBreakers
      const breaker = yield* breakers.make({ name: "mes", settings: CircuitSettings.mes })
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.fail("down"))), 5)
      yield* TestClock.adjust("60 seconds")
      yield* breaker.protect(Effect.void)
      yield* Effect.replicateEffect(Effect.yieldNow, 5)
      const circuit = (from: string, to: string, reason: string) => ({ adapter: "mes", from, to, reason })
      assert.deepStrictEqual(lines, [
        [
          "Warn",
          "circuit of mes: CLOSED to OPEN (consecutive-failures)",
          {
            ...circuit("CLOSED", "OPEN", "consecutive-failures"),
            at: "1970-01-01T00:00:00.000Z"
          }
        ],
        [
          "Info",
          "circuit of mes: OPEN to HALF_OPEN (open-elapsed)",
          {
            ...circuit("OPEN", "HALF_OPEN", "open-elapsed"),
            at: "1970-01-01T00:01:00.000Z"
          }
        ],
        [
          "Info",
          "circuit of mes: HALF_OPEN to CLOSED (trials-succeeded)",
          {
            ...circuit("HALF_OPEN", "CLOSED", "trials-succeeded"),
            at: "1970-01-01T00:01:00.000Z"
          }
        ]
      ])
      const metrics = (yield* Metric.snapshot).map(({ attributes, id, state }) => ({ attributes, id, state }))
      assert.deepInclude(
        metrics.filter(({ id }) => id === "circuit_breaker_open"),
        {
          id: "circuit_breaker_open",
          attributes: { adapter: "mes" },
          state: { value: 0 }
        }
      )
      assert.strictEqual(metrics.filter(({ id }) => id === "circuit_breaker_transitions_total").length, 3)
    }).pipe(
      Effect.provide(Layer.provideMerge(CircuitMonitor.layer, CircuitBreakers.layer)),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  })
})
