import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as RecentMap from "../../../src/services/providers/RecentMap.ts"

const Key = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
const Step = Schema.Struct({ action: Schema.Literals(["get", "set", "delete"]), key: Key })

describe("RecentMap", () => {
  it.effect.prop(
    "never holds more than its capacity, always the half used last, and never what was deleted or replaced",
    [
      Schema.Array(Step).check(Schema.isMinLength(30), Schema.isMaxLength(60)),
      Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 10 }))
    ],
    ([steps, capacity]) =>
      Effect.sync(() => {
        const map = RecentMap.make<number, string>(capacity)
        const latest = new Map<number, string>()
        /** Last use last; one that was deleted keeps its place, for nothing comes back by a deletion. */
        let used: ReadonlyArray<number> = []
        for (const [index, { action, key }] of steps.entries()) {
          const others = used.filter((one) => one !== key)
          if (action === "set") {
            map.set(key, `${index}`)
            latest.set(key, `${index}`)
            used = [...others, key]
          } else if (action === "delete") {
            map.delete(key)
            latest.delete(key)
          } else {
            const held = new Map(map.entries()).get(key)
            const found = map.get(key)
            assert.strictEqual(found, held)
            if (found !== undefined) assert.strictEqual(found, latest.get(key))
            if (found !== undefined) used = [...others, key]
          }
          const entries = new Map(map.entries())
          assert.isAtMost(entries.size, capacity)
          for (const kept of used.slice(-Math.floor(capacity / 2))) {
            assert.strictEqual(entries.get(kept), latest.get(kept))
          }
          assert.isTrue([...entries.keys()].every((one) => latest.has(one)))
        }
      }),
    { arbitrary: { runs: 300 } }
  )
})
