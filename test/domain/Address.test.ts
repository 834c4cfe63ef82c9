import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { AddressKeywordFromText, lastPageOf, maxPage, pageSize, PostalCode } from "../../src/domain/Address.ts"

const keyword = Schema.decodeUnknownOption(AddressKeywordFromText)

describe("AddressKeyword", () => {
  it("is composed and has single blanks", () => {
    assert.deepStrictEqual(keyword("  테헤란로   152 "), Option.some("테헤란로 152"))
    assert.deepStrictEqual(keyword("테헤란로".normalize("NFD")), Option.some("테헤란로"))
    assert.deepStrictEqual(keyword("서울\u3000\u3000강남\u00a0"), Option.some("서울 강남"))
    assert.deepStrictEqual(keyword("\ufeff서울\u200b강남"), Option.some("서울강남"))
  })

  it("is of 2 to 100 characters, none of them a control character or half of one", () => {
    for (const good of ["강남", "x".repeat(100), "😀😀"]) assert.isTrue(Option.isSome(keyword(good)), good)
    const bad = [
      "",
      " ",
      "강",
      " 강 ",
      "x".repeat(101),
      "강\u0000남",
      "강\n남",
      "강\u007f남",
      "강남\ud800",
      "\u200b\u200b",
      "강\u0085남",
      12
    ]
    for (const text of bad) assert.isTrue(Option.isNone(keyword(text)), JSON.stringify(text))
  })
})

it("a postal code has five digits", () => {
  const is = Schema.is(PostalCode)
  assert.isTrue(is("06236"))
  for (const text of ["6236", "135-080", "135080", "0623６", "", " 06236"]) assert.isFalse(is(text), text)
})

it.effect.prop(
  "the last page is the one with the last address, at least 1 and never beyond what can be read",
  { total: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })) },
  ({ total }) =>
    Effect.sync(() => {
      const last = lastPageOf(total)
      assert.isTrue(last >= 1 && last <= maxPage)
      if (total > 0) assert.isTrue((last - 1) * pageSize < total)
      if (last < maxPage) assert.isTrue(last * pageSize >= total)
    })
)
