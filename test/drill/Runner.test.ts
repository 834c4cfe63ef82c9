import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Drill } from "../../drill/harness/Drill.ts"
import { empty, type Ledger, settle } from "../../drill/harness/Ledger.ts"
import * as Runner from "../../drill/harness/Runner.ts"
import { isFailed, type Result, table } from "../../drill/harness/Table.ts"

const drill = (run: Drill["run"]): Drill => ({ name: "trial", what: "", within: { short: 5, long: 60 }, run })

const ran = (run: Drill["run"]) => Runner.run(drill(run), { form: "short", seed: 7 })

const ledgerOf = ({ outcome }: Result): Ledger => {
  assert(!("_tag" in outcome), "a ledger expected")
  return outcome
}

describe("run", () => {
  it.effect("gives what the drill found", () =>
    Effect.gen(function* () {
      const held = yield* ran(() => Effect.succeed(settle(["a"], [{ id: "a" }])))
      assert.isFalse(isFailed(held))
      assert.isTrue(isFailed(yield* ran(() => Effect.succeed(settle(["a"], [])))))
      const notRun = yield* ran(() => Effect.succeed({ _tag: "NotRun", because: "no server" }))
      assert.isFalse(isFailed(notRun))
      assert.include(table([notRun]), "trial was not run: no server")
    })
  )

  it.effect("ends a drill that is over its time, with what was known, and closes its scope", () =>
    Effect.gen(function* () {
      let closed = false
      const running = yield* Effect.forkChild(
        ran(({ known }) =>
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))
            known(() => settle(["a", "b"], [{ id: "a" }]))
            return yield* Effect.never
          })
        )
      )
      yield* TestClock.adjust("5 seconds")
      const result = yield* Fiber.join(running)
      assert.deepInclude(ledgerOf(result), { taken: 2, effects: 1, lost: ["b"] })
      assert.match(ledgerOf(result).violations.join(), /after its 5 s/)
      assert.deepStrictEqual([isFailed(result), closed, result.seconds], [true, true, 5])
    })
  )

  it.effect("a drill that breaks off has failed", () =>
    Effect.gen(function* () {
      const result = yield* ran(() => Effect.die(new Error("the hub did not start")))
      assert.isTrue(isFailed(result))
      assert.match(ledgerOf(result).violations.join(), /the hub did not start/)
    })
  )

  it.effect("a seed gives each drill the same numbers again, and other drills others", () =>
    Effect.gen(function* () {
      const numbers = (name: string, seed: number) => {
        const found: Array<number> = []
        const run: Drill["run"] = ({ random }) => Effect.sync(() => (found.push(random(), random(), random()), empty))
        return Effect.as(Runner.run({ ...drill(run), name }, { form: "short", seed }), found)
      }
      const first = yield* numbers("one", 7)
      assert.isTrue(first.every((number) => number >= 0 && number < 1))
      assert.strictEqual(new Set(first).size, 3)
      assert.deepStrictEqual(yield* numbers("one", 7), first)
      assert.notDeepEqual(yield* numbers("two", 7), first)
      assert.notDeepEqual(yield* numbers("one", 8), first)
    })
  )
})

describe("table", () => {
  it("has a line for each drill and for all, and names the first ten faults of what failed", () => {
    const lost = Array.from({ length: 12 }, (_, index) => `order-${index}`)
    const text = table([
      { drill: "good", outcome: { ...settle(["a"], [{ id: "a" }]), recoveries: [900, 2100] }, seconds: 3 },
      { drill: "bad", outcome: settle(lost, []), seconds: 4.25 }
    ])
    assert.include(text, "| good | 1 | 1 | 0 | 0 | 0 | 2.1 s of 2 | 0 | 3.0 | holds |")
    assert.include(text, "| bad | 12 | 0 | 12 | 0 | 0 | – | 0 | 4.3 | FAILED |")
    assert.include(text, "| all | 13 | 1 | 12 | 0 | 0 | 2.1 s of 2 | 0 | 7.3 | FAILED |")
    assert.include(text, "- lost: order-9\n- and 2 more")
    assert.notInclude(text, "order-10")
  })
})
