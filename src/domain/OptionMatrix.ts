/**
 * A product's price table as the options of a shop (specification, section 7, Shopby, Option matrix).
 *
 * Guarantees: every row stands for one priced combination and no combination stands twice; the cheapest comes first
 * with addPrice 0; no two rows have the same management code or the same values; the same table gives the same matrix,
 * in whatever order its rows come. At most 500 rows: then every size, label and quantity still appears, as long as 500
 * rows can hold them, and what was left out is told in `widgetOnly`.
 *
 * Does not guarantee the fewest rows that hold all values (that is set cover), only few: it never needs more of them
 * than there are sizes, labels and quantities.
 */

/** One row of the price table. `price` is KRW for `baseQty` pieces. */
export interface PricedCombination {
  readonly sizeCode: string | null
  readonly sizeName: string | null
  /** Paper or variant. */
  readonly label: string | null
  readonly baseQty: number
  readonly price: number
}

export type OptionAxis = "size" | "label" | "quantity"

export interface MatrixRow extends PricedCombination {
  readonly managementCode: string
  /** One for each axis, as the shop shows them; never with a `|`. */
  readonly values: ReadonlyArray<string>
  /** KRW over the base price. */
  readonly addPrice: number
}

export interface OptionMatrix {
  /** The cheapest price; 0 without rows. */
  readonly basePrice: number
  /** Those with more than one value; none = the product has no options. */
  readonly axes: ReadonlyArray<OptionAxis>
  /** Cheapest first; of one price, by quantity, size and label. */
  readonly rows: ReadonlyArray<MatrixRow>
  /** What did not fit, in the same order. */
  readonly widgetOnly: ReadonlyArray<MatrixRow>
}

/** How the shop calls the axes. */
export const axisNames: Readonly<Record<OptionAxis, string>> = { size: "사이즈", label: "용지", quantity: "수량" }

/** Between the names of axes, and between the values of a row. */
export const optionSeparator = "|"

/** Most rows of a matrix. */
export const maxMatrixRows = 500

/** What is sold without a size, or without a label, beside rows that have one. */
const standard = "기본"

/**
 * Code by which an order names its combination: the product, the quantity, and a digest of the combination. Depends on
 * nothing else in the table, so it stays what it is when other rows or prices change. At most 30 characters of ASCII
 * for a huniCode of five digits.
 */
export const managementCodeOf = (
  huniCode: string,
  { baseQty, label, sizeCode }: Pick<PricedCombination, "sizeCode" | "label" | "baseQty">
): string => `${huniCode}-${baseQty}-${digest(JSON.stringify([sizeCode, label]))}`

export const makeOptionMatrix = (huniCode: string, rows: ReadonlyArray<PricedCombination>): OptionMatrix => {
  const combinations = firstOfEach(rows.toSorted(cheapestFirst), keyOf)
  const basePrice = combinations[0]?.price ?? 0
  const sizes = shownSizes(combinations)
  const labels = shownLabels(combinations)
  const isAxis: Readonly<Record<OptionAxis, boolean>> = {
    size: sizes.size > 1,
    label: labels.size > 1,
    quantity: new Set(combinations.map(({ baseQty }) => baseQty)).size > 1
  }
  const axes = allAxes.filter((axis) => isAxis[axis])
  const shown = (row: PricedCombination): Readonly<Record<OptionAxis, string>> => ({
    size: sizes.get(row.sizeCode) ?? standard,
    label: labels.get(row.label) ?? standard,
    quantity: String(row.baseQty)
  })
  const all = combinations.map((row): MatrixRow => {
    const values = shown(row)
    return {
      ...row,
      managementCode: managementCodeOf(huniCode, row),
      values: axes.map((axis) => values[axis]),
      addPrice: row.price - basePrice
    }
  })
  // A digest can meet another: the later row is left to the widget, an order must name one combination.
  const named = firstOfEach(all, ({ managementCode }) => managementCode)
  const kept = new Set(named.length > maxMatrixRows ? covering(named) : named)
  return {
    basePrice,
    axes,
    rows: all.filter((row) => kept.has(row)),
    widgetOnly: all.filter((row) => !kept.has(row))
  }
}

const allAxes: ReadonlyArray<OptionAxis> = ["size", "label", "quantity"]

/** Nulls first, then by code unit: no locale has a say. */
const compareText = (a: string | null, b: string | null): number =>
  a === b ? 0 : a === null ? -1 : b === null || a > b ? 1 : -1

const cheapestFirst = (a: PricedCombination, b: PricedCombination): number =>
  a.price - b.price ||
  a.baseQty - b.baseQty ||
  compareText(a.sizeCode, b.sizeCode) ||
  compareText(a.label, b.label) ||
  compareText(a.sizeName, b.sizeName)

const keyOf = ({ baseQty, label, sizeCode }: PricedCombination): string => JSON.stringify([sizeCode, label, baseQty])

/** The rows of which no earlier one has the same key. */
const firstOfEach = <A>(rows: ReadonlyArray<A>, key: (row: A) => string): ReadonlyArray<A> => {
  const seen = new Set<string>()
  return rows.filter((row) => {
    const isNew = !seen.has(key(row))
    seen.add(key(row))
    return isNew
  })
}

/** Each size by what the shop shows. */
const shownSizes = (rows: ReadonlyArray<PricedCombination>): ReadonlyMap<string | null, string> =>
  shownValues(
    rows.map(({ sizeCode, sizeName }) => ({
      value: sizeCode,
      name: sizeCode === null ? standard : (sizeName ?? sizeCode)
    }))
  )

const shownLabels = (rows: ReadonlyArray<PricedCombination>): ReadonlyMap<string | null, string> =>
  shownValues(rows.map(({ label }) => ({ value: label, name: label ?? standard })))

/**
 * Names that tell the values apart, whatever they are called: no separator in them (its full-width twin stands in for
 * it), no blank at the ends, and a number after a name that another value has already. Values take their names in
 * their own order, not in that of the prices, so a price moves no name.
 */
const shownValues = (
  named: ReadonlyArray<{ readonly value: string | null; readonly name: string }>
): ReadonlyMap<string | null, string> => {
  const shown = new Map<string | null, string>()
  const taken = new Set<string>()
  for (const { name, value } of named.toSorted(
    (a, b) => compareText(a.value, b.value) || compareText(a.name, b.name)
  )) {
    if (shown.has(value)) continue
    const plain = name.replaceAll(optionSeparator, "｜").trim()
    let free = plain
    for (let n = 2; taken.has(free); n++) free = `${plain} (${n})`
    taken.add(free)
    shown.set(value, free)
  }
  return shown
}

/**
 * The most that fits: the cheapest, then rows that bring the most values not there yet, the cheaper first, then the
 * cheapest of the rest.
 */
const covering = (rows: ReadonlyArray<MatrixRow>): ReadonlyArray<MatrixRow> => {
  const seen = { sizes: new Set<string | null>(), labels: new Set<string | null>(), quantities: new Set<number>() }
  const news = ({ baseQty, label, sizeCode }: MatrixRow): number =>
    Number(!seen.sizes.has(sizeCode)) + Number(!seen.labels.has(label)) + Number(!seen.quantities.has(baseQty))
  const chosen = new Set<MatrixRow>()
  // What a row brings only shrinks, so one pass for each number finds what choosing the best each time would find.
  for (const wanted of [3, 2, 1]) {
    for (const row of rows) {
      if (chosen.size < maxMatrixRows && news(row) === wanted) {
        chosen.add(row)
        seen.sizes.add(row.sizeCode)
        seen.labels.add(row.label)
        seen.quantities.add(row.baseQty)
      }
    }
  }
  for (const row of rows) if (chosen.size < maxMatrixRows) chosen.add(row)
  return [...chosen]
}

const encoder = new TextEncoder()

/** FNV-1a, 64 bits, over the UTF-8 bytes, as 13 characters of base 36. */
const digest = (text: string): string => {
  let hash = 0xcbf29ce484222325n
  for (const byte of encoder.encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(36).padStart(13, "0")
}
