import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { IdSource } from "../../src/domain/Ids.ts"

it.effect("random bytes are as many as asked for, and none are given out twice", () =>
  Effect.gen(function* () {
    const { randomBytes } = yield* IdSource
    const seen = new Set<string>()
    for (let round = 0; round < 5_000; round++) {
      const bytes = yield* randomBytes(16)
      assert.strictEqual(bytes.length, 16)
      seen.add(Buffer.from(bytes).toString("hex"))
    }
    assert.strictEqual(seen.size, 5_000)
    for (const size of [0, 1, 255, 256, 257, 10_000]) assert.strictEqual((yield* randomBytes(size)).length, size)
    // What was given out stays as it is while others are taken.
    const kept = yield* randomBytes(32)
    const copy = Uint8Array.from(kept)
    yield* Effect.forEach(Array.from({ length: 1_000 }), () => randomBytes(100))
    assert.deepStrictEqual(kept, copy)
    assert.isTrue(kept.some((byte) => byte !== 0))
  })
)
