import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Position from "../../../src/services/events/Position.ts"

describe("Position", () => {
  it("hashes keys by FNV-1a over UTF-8, as published", () => {
    // Stored with the log: under another name every log that there is would be refused.
    assert.strictEqual(Position.hashName, "fnv1a-32")
    // Vectors of the reference implementation (draft-eastlake-fnv).
    assert.strictEqual(Position.fnv1a(""), 0x811c9dc5)
    assert.strictEqual(Position.fnv1a("a"), 0xe40c292c)
    assert.strictEqual(Position.fnv1a("foobar"), 0xbf9cf968)
    // One byte at a time: the text of two bytes is hashed as these bytes.
    let hash = 0x811c9dc5
    for (const byte of [0xed, 0x95, 0x9c]) hash = Math.imul(hash ^ byte, 0x01000193)
    assert.strictEqual(Position.fnv1a("한"), hash >>> 0)
  })

  it("spreads the keys of orders over all partitions", () => {
    const counts = Array.from({ length: 16 }, () => 0)
    for (let order = 0; order < 16_000; order++) {
      const partition = Position.partitionOf(`order:ord_${order}`, 16)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    assert.isTrue(counts.every((count) => count > 800 && count < 1200))
  })

  const seq = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

  it.effect.prop(
    "comes back from its text",
    [Schema.Array(seq).check(Schema.isMinLength(1), Schema.isMaxLength(20))],
    ([position]) =>
      Effect.gen(function* () {
        const text = Position.encodePosition(position)
        assert.match(text, /^[0-9a-z.]+$/)
        assert.deepStrictEqual(yield* Position.decodePosition(text, position.length), position)
      })
  )

  it("begins before the first record of every partition", () => {
    assert.deepStrictEqual(Position.origin(3), [0, 0, 0])
  })

  /** Texts that are nearly positions of four partitions. */
  const Pieces = Schema.Array(Schema.Literals(["0", "1", "zz", "03", "", "-1", "Z", "1 "])).check(
    Schema.isMinLength(3),
    Schema.isMaxLength(5)
  )

  it.effect.prop("any other text is refused, never a crash", [Schema.String, Pieces], ([any, pieces]) =>
    Effect.gen(function* () {
      for (const text of [any, pieces.join(".")]) {
        const exit = yield* Effect.exit(Position.decodePosition(text, 4))
        if (exit._tag === "Success") assert.strictEqual(Position.encodePosition(exit.value), text)
      }
    })
  )

  it.effect("a text of another log, or with something else in it, is refused and told back, cut short", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Position.decodePosition("0.1.2.zz", 4), [0, 1, 2, 1295])
      const odd = [
        "0.1.2",
        "0.1.2.3.4",
        "0.1.2.",
        "0.1.2.x!",
        "0.1.2.!x",
        "0.1.2.03",
        "0.1.2.-1",
        "0.1.2.zzzzzzzzzzz",
        ""
      ]
      for (const text of odd) {
        const error = yield* Effect.flip(Position.decodePosition(text, 4))
        assert.deepInclude(error, { _tag: "InvalidPosition", position: text }, JSON.stringify(text))
      }
      const long = yield* Effect.flip(Position.decodePosition("0".repeat(1000), 4))
      assert.strictEqual(long.position, "0".repeat(200))
    })
  )
})
