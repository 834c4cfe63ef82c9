import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { text } from "../../src/domain/Text.ts"

describe("text", () => {
  const is = Schema.is(text(5))

  it("counts code points, as the database does", () => {
    assert.isTrue(is("가나다라마"))
    assert.isTrue(is("🙂🙂🙂🙂🙂"))
    assert.isFalse(is("🙂🙂🙂🙂🙂🙂"))
  })
  it("takes neither blanks, NUL nor lone surrogates", () => {
    for (const value of ["", "  ", "\u3000", "a\0", "\ud800", "a\udc00"]) {
      assert.isFalse(is(value), JSON.stringify(value))
    }
  })
})
