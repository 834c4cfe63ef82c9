import { assert, describe, it } from "@effect/vitest"
import * as Ledger from "../../drill/harness/Ledger.ts"

const of = (...ids: ReadonlyArray<string>) => ids.map((id) => ({ id }))

describe("settle", () => {
  it("holds when each thing taken has one effect", () => {
    const ledger = Ledger.settle(["a", "b"], of("b", "a"))
    assert.deepStrictEqual(ledger, { ...Ledger.empty, taken: 2, effects: 2 })
    assert.isTrue(Ledger.holds(ledger))
  })

  it("finds what is lost", () => {
    const ledger = Ledger.settle(["a", "b", "c"], of("b"))
    assert.deepStrictEqual(ledger.lost, ["a", "c"])
    assert.isFalse(Ledger.holds(ledger))
  })

  it("finds what is duplicated, once, however often it is", () => {
    const ledger = Ledger.settle(["a", "b"], of("a", "b", "a", "a"))
    assert.deepStrictEqual([ledger.duplicated, ledger.effects], [["a"], 4])
    assert.isFalse(Ledger.holds(ledger))
  })

  it("finds what is out of order in its series, and only there", () => {
    const steps = [
      { id: "a1", series: "a", place: 1 },
      { id: "b2", series: "b", place: 2 },
      { id: "a3", series: "a", place: 3 },
      { id: "b1", series: "b", place: 1 },
      { id: "b2'", series: "b", place: 2 }
    ]
    const ledger = Ledger.settle(
      steps.map(({ id }) => id),
      steps
    )
    assert.deepStrictEqual(ledger.outOfOrder, ["b1"])
    assert.isFalse(Ledger.holds(ledger))
  })

  it("finds an effect of what was never taken", () => {
    const ledger = Ledger.settle(["a"], of("a", "x"))
    assert.deepStrictEqual(ledger.violations, ["an effect of what was not taken: x"])
    assert.isFalse(Ledger.holds(ledger))
  })

  it("something taken twice is taken once", () => {
    assert.deepStrictEqual(Ledger.settle(["a", "a"], of("a")), { ...Ledger.empty, taken: 1, effects: 1 })
  })
})

describe("merge", () => {
  it("adds and appends, and finds nothing in nothing", () => {
    const one = Ledger.merge(Ledger.settle(["a"], []), { recoveries: [3], violations: ["late"] })
    const both = Ledger.merge(one, Ledger.settle(["b"], of("b", "b")), { recoveries: [7] })
    assert.deepStrictEqual(both, {
      taken: 2,
      effects: 2,
      lost: ["a"],
      duplicated: ["b"],
      outOfOrder: [],
      recoveries: [3, 7],
      violations: ["late"]
    })
    assert.strictEqual(Ledger.longestRecovery(both), 7)
    assert.deepStrictEqual(Ledger.faults(both), ["violation: late", "lost: a", "duplicated: b"])
    assert.deepStrictEqual([Ledger.merge(), Ledger.longestRecovery(Ledger.empty)], [Ledger.empty, null])
  })
})

describe("slowRecoveries", () => {
  it("names each that is over the limit", () => {
    assert.deepStrictEqual(Ledger.slowRecoveries([15_000, 15_001, 20]), ["recovery 2 took 15001 ms, more than 15000"])
    assert.deepStrictEqual(Ledger.slowRecoveries([15_000, 20], 10), [
      "recovery 1 took 15000 ms, more than 10",
      "recovery 2 took 20 ms, more than 10"
    ])
  })
})
