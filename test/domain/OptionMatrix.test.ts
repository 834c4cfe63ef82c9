import { assert, describe, it } from "@effect/vitest"
import { makeOptionMatrix, managementCodeOf, type PricedCombination } from "../../src/domain/OptionMatrix.ts"
import { assertMatrix, BigTable, bigTable, SmallTable, smallTable } from "../support/PriceTable.ts"

const row = (
  sizeCode: string | null,
  label: string | null,
  baseQty: number,
  price: number,
  sizeName: string | null = sizeCode
): PricedCombination => ({ sizeCode, sizeName, label, baseQty, price })

const shown = (rows: ReadonlyArray<PricedCombination>) =>
  makeOptionMatrix("14536", rows).rows.map(({ addPrice, values }) => [values.join("/"), addPrice])

describe("OptionMatrix", () => {
  it("AC-SHOPBY-010 gives each priced combination its own addPrice over the cheapest, which comes first", () => {
    const matrix = assertMatrix("14536", [
      row("a4", "Art", 200, 9000, "A4"),
      row("a4", "Art", 100, 5000, "A4"),
      row("a5", "Snow", 100, 4500, "A5")
    ])
    assert.strictEqual(matrix.basePrice, 4500)
    assert.deepStrictEqual(matrix.axes, ["size", "label", "quantity"])
    assert.deepStrictEqual(
      matrix.rows.map(({ addPrice, values }) => [values, addPrice]),
      [
        [["A5", "Snow", "100"], 0],
        [["A4", "Art", "100"], 500],
        [["A4", "Art", "200"], 4500]
      ]
    )
  })

  it("drops an axis with one value", () => {
    const { axes, rows } = makeOptionMatrix("14536", [row("a4", null, 1, 900, "A4"), row("a3", null, 1, 1200, "A3")])
    assert.deepStrictEqual(axes, ["size"])
    assert.deepStrictEqual(
      rows.map(({ values }) => values),
      [["A4"], ["A3"]]
    )
    const single = makeOptionMatrix("14536", [row(null, null, 100, 15_000)])
    assert.deepStrictEqual([single.axes, single.basePrice, single.rows.length], [[], 15_000, 1])
    assert.deepStrictEqual(makeOptionMatrix("14536", []), { basePrice: 0, axes: [], rows: [], widgetOnly: [] })
  })

  it("tells values apart that are called alike, and never shows a separator", () => {
    assert.deepStrictEqual(shown([row("x", "Art", 1, 1, "A4"), row("y", "Art", 1, 2, "A4")]), [
      ["A4", 0],
      ["A4 (2)", 1]
    ])
    assert.deepStrictEqual(shown([row(null, "A|B", 1, 1), row(null, "A｜B", 1, 2), row(null, null, 1, 3)]), [
      ["A｜B", 0],
      ["A｜B (2)", 1],
      ["기본", 2]
    ])
    // A new price moves no name.
    assert.deepStrictEqual(shown([row("x", "Art", 1, 9, "A4"), row("y", "Art", 1, 2, "A4")]), [
      ["A4 (2)", 0],
      ["A4", 7]
    ])
  })

  it("names a combination by what it is, whatever else the table holds", () => {
    const one = { sizeCode: "a4", label: "Art", baseQty: 100 }
    const code = managementCodeOf("14536", one)
    assert.strictEqual(code, managementCodeOf("14536", { ...one }))
    assert.match(code, /^14536-100-[0-9a-z]{13}$/)
    const others = [
      { ...one, sizeCode: null },
      { ...one, label: null },
      { ...one, baseQty: 10 },
      { ...one, sizeCode: "Art", label: "a4" },
      { ...one, sizeCode: 'a4","Art', label: "" }
    ].map((other) => managementCodeOf("14536", other))
    assert.strictEqual(new Set([code, ...others, managementCodeOf("14537", one)]).size, 7)
    const longest = managementCodeOf("99999", {
      sizeCode: "가".repeat(50),
      label: "🂡".repeat(200),
      baseQty: 2_147_483_647
    })
    assert.match(longest, /^[\x21-\x7e]{1,50}$/)
  })

  it("AC-SHOPBY-010 keeps 500 rows of a larger table, with every size, paper and quantity among them", () => {
    // The last size and the last paper are dear: by price alone they would be left out.
    const table = Array.from({ length: 30 }, (_, size) =>
      Array.from({ length: 30 }, (_1, label) => row(`s${size}`, `p${label}`, 100, 1000 + size * label))
    ).flat()
    const { rows, widgetOnly } = assertMatrix("14536", [...table, row("s29", "p29", 9000, 900_000)])
    assert.deepStrictEqual([rows.length, widgetOnly.length], [500, 401])
    assert.isTrue(rows.some(({ baseQty }) => baseQty === 9000))
  })

  it("AC-SHOPBY-010 keeps as much as fits when 500 rows cannot hold every value", () => {
    const { rows, widgetOnly } = makeOptionMatrix(
      "14536",
      Array.from({ length: 800 }, (_, n) => row("s", "p", n + 1, 1000 + n))
    )
    assert.deepStrictEqual([rows.length, widgetOnly.length, rows[0]?.addPrice], [500, 300, 0])
  })

  it.prop("AC-SHOPBY-010 any small table", [SmallTable], ([rows]) => {
    const table = smallTable(rows)
    const matrix = assertMatrix("14536", table)
    assert.deepStrictEqual(makeOptionMatrix("14536", table.toReversed()), matrix)
  })

  it.prop(
    "AC-SHOPBY-010 any large table",
    [BigTable],
    ([shape]) => {
      assertMatrix("14536", bigTable(shape))
    },
    { arbitrary: { runs: 15 }, timeout: 60_000 }
  )
})
