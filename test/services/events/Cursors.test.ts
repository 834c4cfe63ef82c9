import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Cursors from "../../../src/services/events/Cursors.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Pages of entries per partition, and the order in which they finish (as places in what is unfinished). */
const Script = Schema.Array(
  Schema.Union([
    Schema.Struct({
      begin: Schema.Array(between(1, 3)).check(Schema.isMaxLength(6)),
      partition: between(0, 2),
      gap: between(0, 2)
    }),
    Schema.Struct({ finish: between(0, 1000) })
  ])
).check(Schema.isMinLength(20), Schema.isMaxLength(60))

describe("Cursors", () => {
  it.prop("stand right before the first unfinished entry, or where the page has looked to", [Script], ([script]) => {
    const position = [0, 0, 0]
    let moves = 0
    const cursors = Cursors.make(position, () => moves++)
    const begun = [0, 0, 0]
    const all: Array<Cursors.Tracked> = []
    for (const step of script) {
      if ("finish" in step) {
        const open = all.filter(({ finished }) => !finished)
        const entry = open[step.finish % Math.max(open.length, 1)]
        if (entry !== undefined) cursors.finish(entry)
      } else {
        let seq = begun[step.partition] ?? 0
        const entries = step.begin.map((distance) => ({
          partition: step.partition,
          seq: (seq += distance),
          size: 3,
          finished: false
        }))
        begun[step.partition] = seq + step.gap
        all.push(...entries)
        cursors.begin(entries, [...begun])
      }
      for (const partition of position.keys()) {
        const ofPartition = all.filter((entry) => entry.partition === partition)
        const first = ofPartition.findIndex(({ finished }) => !finished)
        const end = begun[partition] ?? 0
        const reached = cursors.position()[partition] ?? -1
        if (first === -1) assert.strictEqual(reached, end)
        else {
          assert.isBelow(reached, ofPartition[first]?.seq ?? 0)
          assert.isAtLeast(reached, ofPartition[first - 1]?.seq ?? 0)
        }
        assert.strictEqual(cursors.begun()[partition], end)
        const waiting = first === -1 ? 0 : ofPartition.length - first
        assert.deepStrictEqual(cursors.pending(partition), { count: waiting, bytes: 3 * waiting })
      }
    }
    assert.strictEqual(
      moves > 0,
      cursors.position().some((seq) => seq > 0)
    )
  })

  it("keeps up with many entries", () => {
    const cursors = Cursors.make([0], () => {})
    const entries = Array.from({ length: 5000 }, (_, index) => ({
      partition: 0,
      seq: index + 1,
      size: 2,
      finished: false
    }))
    cursors.begin(entries, [5000])
    for (const entry of entries.slice(0, 3000)) cursors.finish(entry)
    assert.deepStrictEqual(cursors.position(), [3000])
    assert.deepStrictEqual(cursors.pending(0), { count: 2000, bytes: 4000 })
  })
})
