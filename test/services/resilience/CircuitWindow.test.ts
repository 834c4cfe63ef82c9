/** The window against a recount of the whole history. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import * as CircuitWindow from "../../../src/services/resilience/CircuitWindow.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Calls = Schema.Array(
  Schema.Struct({ failed: Schema.Boolean, slow: Schema.Boolean, after: Schema.Literals([0, 1, 3, 10, 99, 100, 1000]) })
).check(Schema.isMinLength(30), Schema.isMaxLength(100))

const tally = (calls: ReadonlyArray<{ readonly failed: boolean; readonly slow: boolean }>) => ({
  calls: calls.length,
  failures: calls.filter(({ failed }) => failed).length,
  slow: calls.filter(({ slow }) => slow).length
})

describe("CircuitWindow", () => {
  it.prop("counts the last n calls", [between(1, 20), Calls], ([size, calls]) => {
    const record = CircuitWindow.makeRecord({ calls: size })
    calls.reduce((window, call, index) => {
      const next = record(window, call, 0)
      assert.deepInclude(next, tally(calls.slice(0, index + 1).slice(-size)))
      assert.isAtMost(next.slots.length, size)
      return next
    }, CircuitWindow.empty)
  })

  it.prop("counts the calls of the last while, to a tenth of it", [between(1, 100), Calls], ([tenth, calls]) => {
    const record = CircuitWindow.makeRecord({ duration: Duration.millis(tenth * 10) })
    const history: Array<(typeof calls)[number] & { readonly at: number }> = []
    let window = CircuitWindow.empty
    let now = 5
    for (const call of calls) {
      now += call.after
      history.push({ ...call, at: now })
      window = record(window, call, now)
      assert.deepInclude(
        window,
        tally(history.filter(({ at }) => Math.floor(now / tenth) - Math.floor(at / tenth) < 10))
      )
      assert.isAtMost(window.slots.length, 10)
      const surely = tally(history.filter(({ at }) => at > now - tenth * 9))
      const atMost = tally(history.filter(({ at }) => at > now - tenth * 10))
      assert.isTrue(window.calls >= surely.calls && window.calls <= atMost.calls)
    }
  })

  it("a clock that goes backwards adds to the newest tenth", () => {
    const record = CircuitWindow.makeRecord({ duration: Duration.seconds(1) })
    const call = { failed: true, slow: false }
    const window = record(record(CircuitWindow.empty, call, 5_000), call, 1_000)
    assert.deepInclude(window, { calls: 2, failures: 2 })
    assert.strictEqual(window.slots.length, 1)
  })
})
