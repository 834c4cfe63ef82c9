import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result, Schema } from "effect"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"

const decode = Schema.decodeUnknownResult(CircuitSettings.CircuitSettings)

describe("CircuitSettings", () => {
  it("AC-ERR-005 has the specification's defaults", () => {
    const { edicus, mes, shopby } = CircuitSettings
    const seen = [shopby, mes, edicus].map((settings) => [
      settings.failures,
      Duration.toSeconds(settings.openFor),
      settings.halfOpenTrials,
      Duration.toSeconds(settings.halfOpenLimit)
    ])
    assert.deepStrictEqual(seen, [
      [5, 60, 1, 30],
      [5, 60, 1, 30],
      [3, 30, 1, 30]
    ])
  })

  it.effect("decodes configuration, with its defaults", () =>
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(
        decode({
          failures: 8,
          openFor: "2 minutes",
          halfOpenTrials: 2,
          rates: {
            window: { duration: "10 seconds" },
            minimumCalls: 20,
            failureRate: 0.5,
            slowCalls: { rate: 0.9, slowerThan: "3 seconds" }
          }
        })
      )
      assert.deepInclude(settings, { failures: 8, halfOpenTrials: 2 })
      assert.strictEqual(Duration.toMillis(settings.openFor), 120_000)
      assert.strictEqual(Duration.toMillis(settings.halfOpenLimit), 30_000)
      const least = yield* Effect.fromResult(decode({ failures: 1, openFor: "1 second" }))
      assert.deepStrictEqual(least, CircuitSettings.CircuitSettings.make({ failures: 1, openFor: Duration.seconds(1) }))
    })
  )

  it("refuses what could not work", () => {
    const good = { failures: 5, openFor: "60 seconds" }
    const rates = { window: { calls: 10 }, minimumCalls: 10, failureRate: 0.5 }
    assert.isTrue(Result.isSuccess(decode(good)))
    assert.isTrue(Result.isSuccess(decode({ openFor: "60 seconds", rates })))
    const slowCalls = { rate: 0.5, slowerThan: "3 seconds" }
    assert.isTrue(
      Result.isSuccess(decode({ openFor: "1 second", rates: { window: { calls: 1 }, minimumCalls: 1, slowCalls } }))
    )
    const bad = [
      { ...good, rates: { ...rates, slowCalls: { ...slowCalls, rate: 0 } } },
      { ...good, rates: { ...rates, slowCalls: { ...slowCalls, slowerThan: "0 seconds" } } },
      { ...good, failures: 0 },
      { ...good, failures: 1.5 },
      { ...good, openFor: "0 seconds" },
      { ...good, openFor: "Infinity" },
      { ...good, openFor: "-1 seconds" },
      { ...good, halfOpenTrials: 0 },
      { ...good, halfOpenLimit: "0 seconds" },
      { openFor: "60 seconds" },
      { ...good, rates: { ...rates, minimumCalls: 11 } },
      { ...good, rates: { ...rates, failureRate: 0 } },
      { ...good, rates: { ...rates, failureRate: 1.1 } },
      { ...good, rates: { window: { calls: 10 }, minimumCalls: 1 } },
      { ...good, rates: { ...rates, window: { calls: 1001 } } }
    ]
    for (const settings of bad) assert.isTrue(Result.isFailure(decode(settings)), JSON.stringify(settings))
  })

  it("says what is wrong", () => {
    const good = { failures: 5, openFor: "60 seconds" }
    const rates = { window: { calls: 10 }, minimumCalls: 1 }
    const complaints = [
      [{ openFor: "1 second" }, "failures, rates, or both"],
      [{ ...good, openFor: "0 seconds" }, "a finite duration above zero"],
      [{ ...good, rates }, "a failureRate, slowCalls, or both"],
      [{ ...good, rates: { ...rates, minimumCalls: 11, failureRate: 1 } }, "minimumCalls no larger than the window"]
    ] as const
    for (const [settings, complaint] of complaints) {
      const message = Result.match(decode(settings), { onSuccess: () => "accepted", onFailure: String })
      assert.include(message, complaint)
    }
  })
})
