import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { managementCodeOf } from "../../src/domain/OptionMatrix.ts"
import { makeListing, ShopListing, type ShopProductFacts } from "../../src/domain/ShopListing.ts"
import { BigTable, bigTable, SmallTable, smallTable } from "../support/PriceTable.ts"

const card: ShopProductFacts = {
  huniCode: "14536",
  name: "Photo card",
  isActive: true,
  shopbyCategoryNo: 77,
  sellingPrice: 900,
  prices: []
}
const size = (sizeCode: string, price: number) => ({ sizeCode, sizeName: sizeCode, label: null, baseQty: 1, price })

describe("ShopListing", () => {
  it("AC-SHOPBY-005 a product is listed under its huniCode, name, mapped category and price", () => {
    assert.deepStrictEqual(makeListing(card), {
      _tag: "Ready",
      listing: {
        managementCode: "14536",
        name: "Photo card",
        categoryNo: 77,
        salePrice: 900,
        onSale: true,
        options: null
      }
    })
  })

  it("AC-SHOPBY-005 a price table decides the price and makes the options", () => {
    const made = makeListing({ ...card, prices: [size("A3", 7000), size("A4", 5000)] })
    assert.deepInclude(made._tag === "Ready" ? made.listing : {}, {
      salePrice: 5000,
      options: {
        name: "사이즈",
        rows: [
          { value: "A4", addPrice: 0, managementCode: managementCodeOf("14536", size("A4", 5000)) },
          { value: "A3", addPrice: 2000, managementCode: managementCodeOf("14536", size("A3", 7000)) }
        ]
      }
    })
    const both = makeListing({
      ...card,
      prices: [size("A3", 7000), { ...size("A4", 5000), baseQty: 10, label: "Art|Snow" }]
    })
    assert.deepInclude(both._tag === "Ready" ? both.listing.options : {}, { name: "사이즈|용지|수량" })
    assert.strictEqual(both._tag === "Ready" ? both.listing.options?.rows[0]?.value : "", "A4|Art｜Snow|10")
    const one = makeListing({ ...card, prices: [size("A3", 7000)] })
    assert.deepInclude(one._tag === "Ready" ? one.listing : {}, { salePrice: 7000, options: null })
  })

  it("a product that cannot be sold says everything that it lacks", () => {
    assert.deepStrictEqual(
      makeListing({ ...card, huniCode: null, isActive: false, shopbyCategoryNo: null, sellingPrice: null }),
      { _tag: "NotReady", reasons: ["inactive", "unpriced", "category-not-mapped", "no-huni-code"] }
    )
    const reasonsWithout = (lack: Partial<ShopProductFacts>) => {
      const made = makeListing({ ...card, ...lack })
      return made._tag === "NotReady" ? made.reasons : []
    }
    assert.deepStrictEqual(reasonsWithout({ isActive: false }), ["inactive"])
    assert.deepStrictEqual(reasonsWithout({ sellingPrice: null }), ["unpriced"])
    assert.deepStrictEqual(reasonsWithout({ shopbyCategoryNo: null }), ["category-not-mapped"])
    assert.deepStrictEqual(reasonsWithout({ huniCode: null }), ["no-huni-code"])
    // A price of nothing is a price.
    assert.strictEqual(makeListing({ ...card, sellingPrice: 0 })._tag, "Ready")
    assert.strictEqual(makeListing({ ...card, sellingPrice: null, prices: [size("A4", 0)] })._tag, "Ready")
  })

  it.effect.prop(
    "AC-SHOPBY-010 whatever the price table, the listing is stored and read back as it was",
    [SmallTable, BigTable],
    Effect.fnUntraced(function* ([small, big]) {
      for (const prices of [smallTable(small), bigTable({ ...big, sizes: big.sizes % 8 })]) {
        const made = makeListing({ ...card, prices })
        if (made._tag === "NotReady") return assert.fail("is priced")
        const stored = yield* Schema.encodeEffect(Schema.fromJsonString(ShopListing))(made.listing)
        const read = yield* Schema.decodeEffect(Schema.fromJsonString(ShopListing))(stored)
        assert.deepStrictEqual(read, made.listing)
        assert.isTrue(Schema.toEquivalence(ShopListing)(read, made.listing))
        const rows = made.listing.options?.rows ?? []
        assert.isTrue(rows.length === 0 || rows[0]?.addPrice === 0)
        const axes = made.listing.options?.name.split("|").length
        assert.isTrue(rows.every(({ value }) => value.split("|").length === axes))
      }
    }),
    { arbitrary: { runs: 25 } }
  )
})
