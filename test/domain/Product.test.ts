import { assert, describe, it } from "@effect/vitest"
import { makeSlug } from "../../src/domain/Product.ts"
import { name } from "../../src/domain/Text.ts"

describe("makeSlug", () => {
  it("keeps letters and digits of any script, and ends with the huniCode", () => {
    assert.strictEqual(makeSlug("Photo Card (20 pcs)", "14536"), "photo-card-20-pcs-14536")
    assert.strictEqual(makeSlug("포토카드 (20장 1세트)", "14536"), "포토카드-20장-1세트-14536")
    assert.strictEqual(makeSlug("Card", null), "card")
    assert.strictEqual(makeSlug("!!!", null), "product")
    assert.strictEqual(makeSlug("!!!", "00001"), "00001")
  })
  it.prop("fits the column, whatever the name", [name], ([productName]) => {
    const slug = makeSlug(productName, "00001")
    assert.isAtMost([...slug].length, 206)
    assert.match(slug, /^[\p{L}\p{M}\p{N}-]+$/u)
  })
})
