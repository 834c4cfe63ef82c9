import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as MergePatch from "../../../src/services/providers/MergePatch.ts"

describe("MergePatch", () => {
  it("does what RFC 7396 says, appendix A", () => {
    const cases: ReadonlyArray<readonly [Schema.JsonObject, Schema.JsonObject, Schema.JsonObject]> = [
      [{ a: "b" }, { a: "c" }, { a: "c" }],
      [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
      [{ a: "b" }, { a: null }, {}],
      [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
      [{ a: ["b"] }, { a: "c" }, { a: "c" }],
      [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{ a: "foo" }, { a: { b: { c: null } } }, { a: { b: {} } }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }]
    ]
    for (const [target, patch, expected] of cases) {
      assert.deepStrictEqual(MergePatch.merged(target, patch), expected, JSON.stringify([target, patch]))
    }
  })

  it("a member named __proto__ is a member, and changes no prototype", () => {
    const patch = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.JsonObject))('{"__proto__":{"polluted":1}}')
    const result = MergePatch.merged({}, patch)
    assert.deepStrictEqual(Object.keys(result), ["__proto__"])
    assert.isFalse("polluted" in {})
    assert.strictEqual(Object.getPrototypeOf(result), Object.prototype)
  })

  it("tells what differs, by path; a list is one value", () => {
    const before = { a: { b: 1, c: [1, 2] }, d: "x" }
    const after = { a: { b: 2, c: [1, 2] }, e: { f: true } }
    assert.deepStrictEqual(MergePatch.changes(before, after), [
      { path: "a.b", before: 1, after: 2 },
      { path: "d", before: "x", after: null },
      { path: "e.f", before: null, after: true }
    ])
  })

  it.prop("the same patch once more changes nothing", [Schema.JsonObject, Schema.JsonObject], ([target, patch]) => {
    const once = MergePatch.merged(target, patch)
    assert.deepStrictEqual(MergePatch.merged(once, patch), once)
    assert.deepStrictEqual(MergePatch.changes(once, MergePatch.merged(once, patch)), [])
  })

  it.prop("what is pruned differs in no value", [Schema.JsonObject], ([object]) => {
    const left = MergePatch.pruned(object)
    assert.deepStrictEqual(MergePatch.changes(object, left), [])
    assert.deepStrictEqual(MergePatch.pruned(left), left)
  })
})
