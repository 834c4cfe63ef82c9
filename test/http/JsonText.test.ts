import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isTooDeep, maxDepth, mayHoldUnstorableText, unstorableText } from "../../src/http/middleware/JsonText.ts"

/** The depth of a value, by recursion: what the scan must agree with. */
const depth = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0

const Text = Schema.Array(Schema.Literals([...'[]{}"\\,:a'])).check(Schema.isMaxLength(20))

describe("JsonText", () => {
  it("allows 64 levels, not 65", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
    assert.isFalse(isTooDeep(nested(maxDepth)))
    assert.isTrue(isTooDeep(nested(maxDepth + 1)))
    assert.isFalse(isTooDeep(nested(maxDepth) + nested(maxDepth)))
  })

  it.prop(
    "agrees with the depth of the parsed value, whatever the texts in it hold",
    [Schema.Json, Text],
    ([value, text]) => {
      const holding = { [text.join("")]: value, text: text.join("") }
      for (const levels of [0, 62, 63, 64]) {
        let nested: unknown = holding
        for (let level = 0; level < levels; level++) nested = [nested]
        assert.strictEqual(isTooDeep(JSON.stringify(nested)), depth(nested) > maxDepth)
      }
    }
  )

  it.prop(
    "finds every text that PostgreSQL cannot store",
    [Schema.Json, Schema.Literals(["\0", "a\0", "\ud800", "\udc00x", "\udc00\ud800"])],
    ([value, text]) => {
      const storable = JSON.stringify(value).replaceAll("\\u0000", "")
      const clean: unknown = JSON.parse(storable)
      for (const holding of [[clean, { x: text }], { a: { [text]: 1 } }, text]) {
        assert.isTrue(mayHoldUnstorableText(JSON.stringify(holding)))
        assert.isNotEmpty(unstorableText(holding))
        for (const { path } of unstorableText(holding)) assert.isTrue(path.isWellFormed())
      }
    }
  )

  it("names the place", () => {
    assert.deepStrictEqual(unstorableText({ items: [{ name: "ok" }, { name: "a\0" }], "\ud800": "\udc00" }), [
      { path: "items[1].name", message: "must not contain NUL" },
      { path: "\ufffd", message: "must not contain a lone surrogate" },
      { path: "\ufffd", message: "must not contain a lone surrogate" }
    ])
    assert.deepStrictEqual(unstorableText(JSON.parse(`{"a":["\\ud83d\\ude00", "\\\\u0000", null, 1]}`)), [])
    assert.isFalse(mayHoldUnstorableText(`{"a":"\\u0041é"}`))
  })
})
