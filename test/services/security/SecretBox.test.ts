import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as SecretBox from "../../../src/services/security/SecretBox.ts"

const key = (id: string, byte: number): SecretBox.SecretKey => ({
  id,
  key: Redacted.make(new Uint8Array(32).fill(byte))
})
const canary = Redacted.make("canary-secret")

describe("SecretBox", () => {
  it.effect.prop(
    "what is sealed opens in its place, and nowhere else",
    [Schema.String, Schema.String],
    ([secret, place]) =>
      Effect.gen(function* () {
        const box = yield* SecretBox.make([key("a", 1)])
        const wellFormed = secret.toWellFormed()
        const sealed = yield* box.seal(place, Redacted.make(wellFormed))
        assert.strictEqual(Redacted.value(yield* box.open(place, sealed)), wellFormed)
        const elsewhere = yield* Effect.flip(box.open(`${place}.`, sealed))
        assert.deepInclude(elsewhere, { _tag: "SecretUnreadable", keyId: "a", reason: "does not open" })
      })
  )

  it.effect("a bit that was changed, in text or nonce, does not open; nor does another key of that name", () =>
    Effect.gen(function* () {
      const box = yield* SecretBox.make([key("a", 1)])
      const sealed = yield* box.seal("here", canary)
      const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
      for (let at = 0; at < sealed.ciphertext.length; at++) {
        const changed = { ...sealed, ciphertext: flipped(sealed.ciphertext, at) }
        assert.strictEqual((yield* Effect.flip(box.open("here", changed))).reason, "does not open")
      }
      const nonce = flipped(sealed.nonce, 0)
      assert.strictEqual((yield* Effect.flip(box.open("here", { ...sealed, nonce }))).reason, "does not open")
      const other = yield* SecretBox.make([key("a", 2)])
      assert.strictEqual((yield* Effect.flip(other.open("here", sealed))).reason, "does not open")
    })
  )

  it.effect("the first key seals and every key opens, so that keys can be exchanged", () =>
    Effect.gen(function* () {
      const before = yield* SecretBox.make([key("old", 1)])
      const during = yield* SecretBox.make([key("new", 2), key("old", 1)])
      const after = yield* SecretBox.make([key("new", 2)])
      const sealed = yield* before.seal("here", canary)
      assert.strictEqual(Redacted.value(yield* during.open("here", sealed)), "canary-secret")
      const again = yield* during.seal("here", canary)
      assert.deepStrictEqual([during.keyId, again.keyId], ["new", "new"])
      assert.strictEqual(Redacted.value(yield* after.open("here", again)), "canary-secret")
      assert.deepInclude(yield* Effect.flip(after.open("here", sealed)), { keyId: "old", reason: "unknown key" })
    })
  )

  it.effect("the same secret twice looks different; nothing shows it, and without a key nothing is sealed", () =>
    Effect.gen(function* () {
      const box = yield* SecretBox.make([key("a", 1)])
      const [one, two] = [yield* box.seal("here", canary), yield* box.seal("here", canary)]
      assert.notDeepEqual(one.nonce, two.nonce)
      assert.notDeepEqual(one.ciphertext, two.ciphertext)
      assert.notInclude(Buffer.from(one.ciphertext).toString("latin1"), "canary")
      const none = yield* SecretBox.make([])
      const refused = yield* Effect.flip(none.seal("here", canary))
      assert.include(refused.message, "HUB_SECRET_KEYS is not set")
      const unreadable = yield* Effect.flip(none.open("here", one))
      assert.notInclude(`${JSON.stringify([refused, unreadable])} ${String(refused)} ${String(unreadable)}`, "canary")
      assert.isNull(none.keyId)
    })
  )
})
