import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AlertRules from "../../src/domain/AlertRules.ts"
import type { AlertThresholds, DeadLetterTrend } from "../../src/domain/AlertRules.ts"

const { thresholds } = AlertRules
const count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 }))

describe("AlertRules", () => {
  it.prop(
    "Property 26: a failure rate strictly above 10 % is worth an alert, exactly 10 % is not, too few calls say nothing",
    [count, count, count],
    ([answered, failed, stale]) => {
      const asked = answered + failed + stale
      const { level } = AlertRules.errorRate({ name: "fx", calls: { asked, failed, stale } }, thresholds)
      const expected = asked < thresholds.minimumCalls ? null : 10 * (failed + stale) > asked ? 1 : 0
      assert.strictEqual(level, expected)
    },
    { arbitrary: { runs: 1000 } }
  )

  it("Property 26: at the edge", () => {
    const at = (asked: number, failed: number) =>
      AlertRules.errorRate({ name: "fx", calls: { asked, failed, stale: 0 } }, thresholds)
    assert.deepStrictEqual(at(10, 1).level, 0)
    assert.deepStrictEqual(at(10, 2).level, 1)
    assert.deepStrictEqual(at(9, 9).level, null)
    for (let tens = 1; tens <= 1000; tens++) assert.strictEqual(at(tens * 10, tens).level, 0, `${tens} of ${tens}0`)
    assert.strictEqual(at(20, 3).message, "fx: 3 of 20 calls failed in five minutes (15 %)")
  })

  it("health, circuits and limits", () => {
    const health = (status: "healthy" | "degraded" | "unhealthy" | "unknown", mode: "live" | "off" = "live") =>
      AlertRules.health({ name: "fx", mode, status, reason: "so it is" }).level
    assert.deepStrictEqual(
      [health("healthy"), health("degraded"), health("unhealthy"), health("unknown"), health("unknown", "off")],
      [0, 1, 2, null, 0]
    )
    const circuit = (state: "CLOSED" | "OPEN" | "HALF_OPEN") =>
      AlertRules.circuitOpen({ name: "fx_primary", state, hold: "automatic" }).level
    assert.deepStrictEqual([circuit("CLOSED"), circuit("HALF_OPEN"), circuit("OPEN")], [0, null, 2])
    assert.deepStrictEqual(
      [9, 10].map((refusals) => AlertRules.rateLimit("kac", refusals, thresholds).level),
      [0, 1]
    )
  })

  it("dead letters: growth is told of, what was there before is not, and quiet is when none came for a while", () => {
    const settings: AlertThresholds = { ...thresholds, deadLettersQuietMillis: 100 }
    let trend: DeadLetterTrend | undefined
    const see = (pending: number, now: number) => {
      const taken = AlertRules.deadLetters("mes", trend, pending, now, settings)
      trend = taken.trend
      return taken.finding.level
    }
    assert.deepStrictEqual(
      [see(5, 0), see(5, 10), see(6, 20), see(6, 30), see(5, 40), see(6, 50), see(6, 149), see(6, 150), see(7, 160)],
      [0, 0, 1, null, null, 1, null, 0, 1]
    )
    assert.strictEqual(see(0, 161), 0)
  })
})
