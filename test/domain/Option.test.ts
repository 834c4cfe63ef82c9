import { assert, describe, it } from "@effect/vitest"
import { partOf } from "../../src/domain/Option.ts"

describe("partOf", () => {
  it("inner… and cover… belong to that part, all others to every part", () => {
    assert.strictEqual(partOf("innerPaper"), "inner")
    assert.strictEqual(partOf("coverPaper"), "cover")
    assert.isNull(partOf("transparentCover"))
    assert.isNull(partOf("paper"))
  })
})
