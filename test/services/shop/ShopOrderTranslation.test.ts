import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { ChoiceId, maxInt, ProductId } from "../../../src/domain/Ids.ts"
import { axisNames, makeOptionMatrix, managementCodeOf, optionSeparator } from "../../../src/domain/OptionMatrix.ts"
import type { ShopOrderItem } from "../../../src/domain/ShopOrder.ts"
import {
  isMissingLine,
  isTranslationReason,
  type ShopProductOffer,
  translate
} from "../../../src/services/shop/ShopOrderTranslation.ts"
import { SmallTable, smallTable } from "../../support/PriceTable.ts"

const productId = ProductId.make(7)
const choice = (id: number, optionName: string, name: string, code = `C-${id}`) => ({
  choiceId: ChoiceId.make(id),
  code,
  name,
  optionName
})
const price = (sizeCode: string | null, label: string | null, baseQty: number, isSold = true) => ({
  sizeCode,
  sizeName: sizeCode === null ? null : `Size ${sizeCode}`,
  label,
  baseQty,
  price: baseQty * 10,
  isSold
})

const plain: ShopProductOffer = {
  productId,
  huniCode: "10001",
  isActive: true,
  prices: [],
  choices: [
    choice(1, "코팅", "무광"),
    choice(2, "코팅", "유광"),
    choice(3, "paper", "Snow"),
    choice(4, "Paper", "Snow")
  ]
}
const priced: ShopProductOffer = {
  ...plain,
  prices: ["A4", "A5"].flatMap((size) =>
    ["Matt", "Gloss"].flatMap((label) => [100, 200].map((baseQty) => price(size, label, baseQty)))
  )
}

const read = (offer: ShopProductOffer, ...lines: ReadonlyArray<Partial<ShopOrderItem>>) =>
  translate(
    {
      orderNo: "A",
      orderAmount: 1,
      orderer: { name: "Lee" },
      items: lines.map((line) => ({ productNo: 5, quantity: 1, price: 1, ...line }))
    },
    new Map([[5, offer]])
  )
const item = (more: object = {}) => ({
  productId,
  quantity: 1,
  choiceIds: [],
  sizeCode: null,
  optionLabel: null,
  ...more
})
const understood = (...items: ReadonlyArray<object>) => ({ items: items.map(item), reasons: [] })
const refused = (...reasons: ReadonlyArray<string>) => ({ items: [], reasons })
const options = (...pairs: ReadonlyArray<readonly [string, string]>): Partial<ShopOrderItem> => ({
  optionValues: pairs.map(([name, value]) => ({ name, value }))
})

describe("ShopOrderTranslation", () => {
  it("AC-SHOPBY-006 reads a product without options", () => {
    assert.deepStrictEqual(read(plain, { quantity: 3 }), understood({ quantity: 3 }))
    for (const nothing of [{ optionManagementCd: "" }, { optionManagementCd: null }, { optionValues: null }]) {
      assert.deepStrictEqual(read(plain, nothing), understood({}))
    }
    assert.deepStrictEqual(read(plain, options(["", " "])), understood({}))
  })

  it("AC-SHOPBY-006 reads choices by code, or by the names of option and choice, in the order told", () => {
    assert.deepStrictEqual(read(plain, { optionManagementCd: " C-2 " }), understood({ choiceIds: [2] }))
    assert.deepStrictEqual(
      read(plain, options(["paper", "Snow"], ["코팅 ", " 무광"])),
      understood({ choiceIds: [3, 1] })
    )
    assert.deepStrictEqual(read(plain, options(["paper|코팅", "Snow|무광"])), understood({ choiceIds: [3, 1] }))
    // By both: once.
    assert.deepStrictEqual(
      read(plain, { optionManagementCd: "C-1", ...options(["코팅", "무광"]) }),
      understood({ choiceIds: [1] })
    )
    // A code of the shop's own beside values that say it all.
    assert.deepStrictEqual(
      read(plain, { optionManagementCd: "SKU-9", ...options(["코팅", "무광"]) }),
      understood({ choiceIds: [1] })
    )
  })

  it("AC-SHOPBY-006 reads a combination by its code, or by its values, joined or apart", () => {
    const expected = understood({ quantity: 600, sizeCode: "A5", optionLabel: "Gloss" })
    const optionManagementCd = managementCodeOf("10001", { sizeCode: "A5", label: "Gloss", baseQty: 200 })
    assert.deepStrictEqual(read(priced, { quantity: 3, optionManagementCd }), expected)
    const apart = options(["수량", "200"], ["사이즈", "Size A5"], ["용지", "Gloss"])
    assert.deepStrictEqual(read(priced, { quantity: 3, ...apart }), expected)
    const joined = options(["사이즈|용지|수량", "Size A5|Gloss|200"])
    assert.deepStrictEqual(read(priced, { quantity: 3, ...joined }), expected)
    assert.deepStrictEqual(read(priced, { quantity: 3, ...joined, optionManagementCd }), expected)
    // A code that means nothing any more, and values that do.
    assert.deepStrictEqual(read(priced, { quantity: 3, ...joined, optionManagementCd: "10001-200-old" }), expected)
  })

  it("a size or label that is a choice becomes that choice; one that several are called stays a text", () => {
    const offer = {
      ...priced,
      choices: [choice(1, "size", "Size A4"), choice(2, "paper", "Gloss"), choice(3, "cover", "Matt")]
    }
    const values = (label: string) => options(["사이즈|용지|수량", `Size A4|${label}|100`])
    assert.deepStrictEqual(read(offer, values("Gloss")), understood({ quantity: 100, choiceIds: [1, 2] }))
    const twice = { ...offer, choices: [...offer.choices, choice(4, "inner", "Gloss")] }
    assert.deepStrictEqual(
      read(twice, values("Gloss")),
      understood({ quantity: 100, choiceIds: [1], optionLabel: "Gloss" })
    )
  })

  it("what is unknown, ambiguous, missing or too much is said, and gives no item", () => {
    assert.deepStrictEqual(read(plain, { productNo: 6 }), refused("unknown-product:6"))
    assert.deepStrictEqual(read(plain, { optionManagementCd: "X" }), refused("unknown-option:X"))
    assert.deepStrictEqual(read(plain, options(["코팅", "없음"])), refused("unknown-option:코팅=없음"))
    assert.deepStrictEqual(
      read({ ...plain, choices: [...plain.choices, choice(9, "코팅", "무광")] }, options(["코팅", "무광"])),
      refused("ambiguous-option:코팅=무광")
    )
    const sameCode = { ...plain, choices: [choice(1, "a", "b", "X"), choice(2, "c", "d", "X")] }
    assert.deepStrictEqual(read(sameCode, { optionManagementCd: "X" }), refused("ambiguous-option:X"))
    assert.deepStrictEqual(read(priced, {}), refused("missing-option:5"))
    assert.deepStrictEqual(read(priced, options(["코팅", "무광"])), refused("missing-option:5"))
    assert.deepStrictEqual(
      read(priced, options(["사이즈", "Size A4"], ["용지", "Gloss"])),
      refused("unknown-option:사이즈=Size A4", "unknown-option:용지=Gloss")
    )
    assert.deepStrictEqual(
      read(priced, options(["사이즈|용지|수량", "Size A4|Gloss|300"])).reasons.toSorted(),
      ["unknown-option:사이즈=Size A4", "unknown-option:수량=300", "unknown-option:용지=Gloss"].toSorted()
    )
    // One axis told twice, in two ways.
    const both = options(["사이즈|용지|수량", "Size A4|Gloss|100"], ["수량", "200"])
    assert.isEmpty(read(priced, both).items)
    const big = managementCodeOf("10001", { sizeCode: "A4", label: "Matt", baseQty: 200 })
    assert.deepStrictEqual(read(priced, { optionManagementCd: big, quantity: maxInt }), refused("quantity-too-large:5"))
    assert.deepStrictEqual(read(plain, { quantity: maxInt }), understood({ quantity: maxInt }))
    // The rest of the order is understood nevertheless; each reason once, none longer than a line.
    const mixed = read(plain, { productNo: 6 }, { quantity: 2 }, { productNo: 6 }, options(["x", "y".repeat(900)]))
    assert.deepStrictEqual(mixed.items, [item({ quantity: 2 })])
    assert.deepStrictEqual(
      mixed.reasons.map((reason) => reason.length),
      ["unknown-product:6".length, "unknown-option:".length + 200]
    )
  })

  it("an inactive product is marked, and its line kept", () => {
    const offer = { ...plain, isActive: false }
    const { items, reasons } = read(offer, {}, options(["코팅", "없음"]))
    assert.deepStrictEqual(items, [item()])
    assert.deepStrictEqual(reasons, ["inactive-product:7", "unknown-option:코팅=없음"])
    assert.deepStrictEqual(reasons.map(isTranslationReason), [true, true])
    assert.deepStrictEqual(reasons.map(isMissingLine), [false, true])
    assert.isFalse(isTranslationReason("cancelled-in-shop"))
  })

  it("a product with one price needs no option, and an option that is called like an axis is still a choice", () => {
    const one = { ...plain, prices: [price("A4", "Matt", 50)] }
    const expected = { quantity: 100, sizeCode: "A4", optionLabel: "Matt" }
    assert.deepStrictEqual(read(one, { quantity: 2 }), understood(expected))
    assert.deepStrictEqual(read(one, { quantity: 2, ...options(["사이즈", "Size A4"]) }), understood(expected))
    assert.deepStrictEqual(read(one, options(["사이즈", "Size A5"])), refused("unknown-option:사이즈=Size A5"))
    const paper = { ...plain, prices: [price(null, null, 50)], choices: [choice(1, "용지", "Snow")] }
    assert.deepStrictEqual(read(paper, options(["용지", "Snow"])), understood({ quantity: 50, choiceIds: [1] }))
  })

  it("what is sold now comes first; an older order still means what it meant", () => {
    const offer = {
      ...plain,
      prices: [price("A4", "Matt", 100), price("A4", "Gloss", 100), price("A3", "Gloss", 100, false)]
    }
    assert.deepStrictEqual(
      read(offer, options(["용지", "Gloss"])),
      understood({ quantity: 100, sizeCode: "A4", optionLabel: "Gloss" })
    )
    assert.deepStrictEqual(
      read(offer, options(["사이즈|용지", "Size A3|Gloss"])),
      understood({ quantity: 100, sizeCode: "A3", optionLabel: "Gloss" })
    )
    const gone = { ...offer, prices: offer.prices.map((row) => ({ ...row, isSold: false })) }
    assert.deepStrictEqual(
      read(gone, options(["사이즈|용지", "Size A4|Matt"])),
      understood({ quantity: 100, sizeCode: "A4", optionLabel: "Matt" })
    )
  })

  it.effect.prop(
    "every row of any price table is found by its code, and by its values as the shop shows them",
    { table: SmallTable, count: Schema.Literals([1, 2, 7]) },
    ({ count, table }) =>
      Effect.sync(() => {
        // The catalogue has no blank names.
        const rowsOfTable = smallTable(table).filter(({ label, sizeName }) => sizeName !== "" && label !== "")
        const offer = { ...plain, choices: [], prices: rowsOfTable.map((row) => ({ ...row, isSold: true })) }
        const { axes, rows, widgetOnly } = makeOptionMatrix("10001", offer.prices)
        for (const row of [...rows, ...widgetOnly]) {
          const quantity = row.baseQty * count
          const expected =
            quantity > maxInt
              ? refused("quantity-too-large:5")
              : understood({ quantity, sizeCode: row.sizeCode, optionLabel: row.label })
          assert.deepStrictEqual(read(offer, { quantity: count, optionManagementCd: row.managementCode }), expected)
          const name = axes.map((axis) => axisNames[axis]).join(optionSeparator)
          const joined = options([name, row.values.join(optionSeparator)])
          assert.deepStrictEqual(read(offer, { quantity: count, ...joined }), expected)
        }
      })
  )

  it.effect.prop(
    "whatever is told, a line has an item or a reason, and an item only what the product offers",
    {
      table: SmallTable,
      lines: Schema.Array(
        Schema.Struct({
          productNo: Schema.Literals([5, 6]),
          quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt })),
          optionManagementCd: Schema.NullOr(Schema.Literals(["", "C-1", "C-2", "X"])),
          optionValues: Schema.Array(
            Schema.Struct({
              name: Schema.Literals(["코팅", "paper", "사이즈", "용지", "수량", "사이즈|용지", ""]),
              value: Schema.Literals(["무광", "Snow", "A4", "A4|A4", "기본", "10", ""])
            })
          ).check(Schema.isMinLength(1), Schema.isMaxLength(4))
        })
      ).check(Schema.isMinLength(1), Schema.isMaxLength(4))
    },
    ({ lines, table }) =>
      Effect.sync(() => {
        const offer = { ...plain, prices: smallTable(table).map((row) => ({ ...row, isSold: row.baseQty !== 10 })) }
        const offered = new Set(offer.choices.map(({ choiceId }) => choiceId))
        for (const line of lines) {
          const { items, reasons } = read(offer, line)
          assert.strictEqual(items.length === 0, reasons.length > 0)
          assert.isTrue(reasons.every(isMissingLine))
          for (const { choiceIds, optionLabel, quantity, sizeCode } of items) {
            assert.isTrue(choiceIds.every((id) => offered.has(id)))
            assert.strictEqual(new Set(choiceIds).size, choiceIds.length)
            const isPriced = offer.prices.some(
              (row) =>
                quantity === row.baseQty * line.quantity &&
                (sizeCode === null || sizeCode === row.sizeCode) &&
                (optionLabel === null || optionLabel === row.label)
            )
            assert.isTrue(offer.prices.length === 0 ? quantity === line.quantity : isPriced)
          }
        }
        // Line by line or together: the same.
        assert.deepStrictEqual(
          read(offer, ...lines).items,
          lines.flatMap((line) => read(offer, line).items)
        )
      })
  )
})
