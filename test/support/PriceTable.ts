/** Price tables of any size and shape, and what every option matrix made of one must hold to. */
import { assert } from "@effect/vitest"
import { Schema } from "effect"
import {
  makeOptionMatrix,
  type MatrixRow,
  managementCodeOf,
  maxMatrixRows,
  optionSeparator,
  type OptionMatrix,
  type PricedCombination
} from "../../src/domain/OptionMatrix.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Names that are easily mistaken for each other. */
const awkward = ["A4", "A4 ", "a4", "|", "｜", "A4|A4", "기본", "기본 (2)", "", "A4 (2)"]

/** A few rows of awkward names, with missing sizes and labels, and the same combination twice. */
export const SmallTable = Schema.Array(
  Schema.Struct({
    size: Schema.NullOr(upTo(4)),
    name: upTo(awkward.length - 1),
    label: Schema.NullOr(upTo(awkward.length - 1)),
    baseQty: Schema.Literals([1, 10, 100, 2_147_483_647]),
    price: Schema.Literals([0, 900, 1000, 2_147_483_647])
  })
).check(Schema.isMaxLength(40))

export const smallTable = (rows: typeof SmallTable.Type): ReadonlyArray<PricedCombination> =>
  rows.map(({ baseQty, label, name, price, size }) => ({
    sizeCode: size === null ? null : `s${size}`,
    sizeName: size === null ? null : (awkward[name] ?? ""),
    label: label === null ? null : (awkward[label] ?? ""),
    baseQty,
    price
  }))

/** Tables with thousands of rows, some of them with holes. */
export const BigTable = Schema.Struct({
  sizes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })),
  labels: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 })),
  quantities: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })),
  /** Of a hundred combinations, how many have a price. */
  filled: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
  seed: upTo(1_000_000)
})

export const bigTable = ({ filled, labels, quantities, seed, sizes }: typeof BigTable.Type) => {
  let state = seed
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const rows: Array<PricedCombination> = []
  for (let size = 0; size < sizes; size++) {
    for (let label = 0; label < labels; label++) {
      for (let quantity = 0; quantity < quantities; quantity++) {
        if (random(100) >= filled) continue
        rows.push({
          sizeCode: `s${size}`,
          sizeName: `Size ${size}`,
          label: `Paper ${label}`,
          baseQty: (quantity + 1) * 50,
          price: 1000 + random(50) * 100
        })
      }
    }
  }
  return rows
}

const keyOf = ({ baseQty, label, sizeCode }: PricedCombination) => JSON.stringify([sizeCode, label, baseQty])

/** What holds for the matrix of every table. */
export const assertMatrix = (huniCode: string, table: ReadonlyArray<PricedCombination>): OptionMatrix => {
  const matrix = makeOptionMatrix(huniCode, table)
  const { axes, basePrice, rows, widgetOnly } = matrix
  const all = [...rows, ...widgetOnly]

  // Each priced combination once, and nothing else.
  assert.deepStrictEqual(all.map(keyOf).toSorted(), [...new Set(table.map(keyOf))].toSorted())
  const cheapest = new Map<string, number>()
  for (const row of table) cheapest.set(keyOf(row), Math.min(row.price, cheapest.get(keyOf(row)) ?? row.price))
  const isRight = (row: MatrixRow) =>
    row.price === cheapest.get(keyOf(row)) &&
    row.addPrice === row.price - basePrice &&
    row.addPrice >= 0 &&
    row.managementCode === managementCodeOf(huniCode, row) &&
    /^[\x21-\x7e]{1,50}$/.test(row.managementCode) &&
    row.values.length === axes.length &&
    !row.values.some((value) => value.includes(optionSeparator))
  assert.deepStrictEqual(
    all.filter((row) => !isRight(row)),
    []
  )
  if (table.length > 0) assert.strictEqual(rows[0]?.addPrice, 0)
  assert.strictEqual(
    basePrice,
    table.reduce((least, { price }) => Math.min(least, price), table[0]?.price ?? 0)
  )
  for (const list of [rows, widgetOnly]) {
    assert.isTrue(list.every(({ price }, index) => index === 0 || (list[index - 1]?.price ?? 0) <= price))
  }

  // An order names one of them, by code or by values.
  assert.isAtMost(rows.length, maxMatrixRows)
  assert.strictEqual(new Set(rows.map(({ managementCode }) => managementCode)).size, rows.length)
  assert.strictEqual(new Set(all.map(({ values }) => values.join(optionSeparator))).size, all.length)

  // Only axes with a choice.
  const values = (of: ReadonlyArray<PricedCombination>) => ({
    size: new Set(of.map(({ sizeCode }) => sizeCode)),
    label: new Set(of.map(({ label }) => label)),
    quantity: new Set(of.map(({ baseQty }) => baseQty))
  })
  const offered = values(rows)
  const priced = values(table)
  assert.deepStrictEqual(
    axes,
    (["size", "label", "quantity"] as const).filter((axis) => priced[axis].size > 1)
  )

  // Nothing is left out without need, and no value at all when there is room for them.
  if (all.length <= maxMatrixRows) assert.isEmpty(widgetOnly)
  else assert.strictEqual(rows.length, maxMatrixRows)
  if (priced.size.size + priced.label.size + priced.quantity.size <= maxMatrixRows) {
    const missing = (axis: keyof typeof priced) =>
      [...priced[axis]].filter((value) => !new Set<string | number | null>(offered[axis]).has(value))
    assert.deepStrictEqual([missing("size"), missing("label"), missing("quantity")], [[], [], []])
  }
  return matrix
}
