/**
 * From an order of the shop to products, choices and quantities of the hub (specification, sections 7 and 9,
 * endpoint 3). Pure: what is looked up is passed in.
 *
 * Guarantees: nothing is guessed. A line that is not understood in full gives a reason, and no item: the order is kept
 * with its body, and an operator decides. An item that comes out has a known product and choices that the product offers,
 * each once; a product that is no longer active gives a reason beside it.
 */
import type { ChoiceId, ProductId } from "../../domain/Ids.ts"
import { maxInt } from "../../domain/Ids.ts"
import {
  axisNames,
  makeOptionMatrix,
  managementCodeOf,
  type MatrixRow,
  type OptionAxis,
  optionSeparator,
  type PricedCombination
} from "../../domain/OptionMatrix.ts"
import type { ShopOrder, ShopOrderItem } from "../../domain/ShopOrder.ts"

/** What a product offers, to read an order by. */
export interface ShopProductOffer {
  readonly productId: ProductId
  readonly huniCode: string | null
  readonly isActive: boolean
  /** All its price rows, also those of sizes that are no longer sold: an order may be older. */
  readonly prices: ReadonlyArray<PricedCombination & { readonly isSold: boolean }>
  readonly choices: ReadonlyArray<{
    readonly choiceId: ChoiceId
    readonly code: string
    readonly name: string
    readonly optionName: string
  }>
}

export interface TranslatedItem {
  readonly productId: ProductId
  /** Pieces: the ordered count times the quantity that the combination is sold by. */
  readonly quantity: number
  readonly choiceIds: ReadonlyArray<ChoiceId>
  /** What no choice carries; null = nothing. */
  readonly sizeCode: string | null
  readonly optionLabel: string | null
}

export interface Translation {
  readonly items: ReadonlyArray<TranslatedItem>
  /** Each once, as `kind:what`, e.g. `unknown-product:123`, `inactive-product:7` (our id), `unknown-option:코팅=무광`. */
  readonly reasons: ReadonlyArray<string>
}

/** Kinds of reasons for which a line has no item. */
const missing = [
  "unknown-product",
  "unknown-option",
  "ambiguous-option",
  "missing-option",
  "quantity-too-large"
] as const
/** The line has its item; whether it is still to be made is for an operator to say. */
const inactive = "inactive-product"

const startsWith = (reason: string) => (kind: string) => reason.startsWith(`${kind}:`)

/** Is a line of the order missing for it? */
export const isMissingLine = (reason: string): boolean => missing.some(startsWith(reason))

/** Is it about the translation, so that a new one can take it away? */
export const isTranslationReason = (reason: string): boolean => [...missing, inactive].some(startsWith(reason))

const reasonOf = (kind: (typeof missing)[number] | typeof inactive, what: string | number): string =>
  `${kind}:${[...String(what)].slice(0, 200).join("")}`

/** `offers`: by the shop's product number. */
export const translate = (order: ShopOrder, offers: ReadonlyMap<number, ShopProductOffer>): Translation => {
  const items: Array<TranslatedItem> = []
  const reasons = new Set<string>()
  const combinations = new Map([...offers].map(([productNo, offer]) => [productNo, combinationsOf(offer)]))
  for (const line of order.items) {
    const offer = offers.get(line.productNo)
    const rows = combinations.get(line.productNo)
    if (offer === undefined || rows === undefined) {
      reasons.add(reasonOf("unknown-product", line.productNo))
      continue
    }
    if (!offer.isActive) reasons.add(reasonOf(inactive, offer.productId))
    const { item, problems } = readLine(line, offer, rows)
    for (const problem of problems) reasons.add(problem)
    if (problems.length === 0) items.push(item)
  }
  return { items, reasons: [...reasons] }
}

interface NamedValue {
  readonly name: string
  readonly value: string
}

const readLine = (line: ShopOrderItem, offer: ShopProductOffer, combinations: Combinations) => {
  const problems: Array<string> = []
  const chosen = new Set<ChoiceId>()
  const code = line.optionManagementCd?.trim() || null
  const values = (line.optionValues ?? []).flatMap(separate)

  const choose = (what: string, found: ReadonlyArray<{ readonly choiceId: ChoiceId }>) => {
    const [first, ...others] = found
    if (first === undefined) problems.push(reasonOf("unknown-option", what))
    else if (others.length > 0) problems.push(reasonOf("ambiguous-option", what))
    else chosen.add(first.choiceId)
  }

  const byCode = code === null ? undefined : combinations.byCode(code)
  const row = byCode ?? combinations.byValues(values)
  // A code that is no combination is that of a choice, unless the values say all there is to say.
  if (code !== null && byCode === undefined) {
    const byChoice = offer.choices.filter((choice) => choice.code === code)
    if (byChoice.length > 0 || values.length === 0) choose(code, byChoice)
  }
  for (const named of values) {
    const found = choicesNamed(offer, named)
    // What an axis says is in the row already; it may be the name of an option, too.
    if (row !== undefined && isAxisName(named.name) && found.length !== 1) continue
    choose(`${named.name}=${named.value}`, found)
  }
  if (row === undefined && offer.prices.length > 0 && problems.length === 0) {
    problems.push(reasonOf("missing-option", line.productNo))
  }
  const carried = (value: string | null) => {
    const [choice, ...others] = value === null ? [] : offer.choices.filter(({ name }) => name.trim() === value.trim())
    if (choice === undefined || others.length > 0) return false
    chosen.add(choice.choiceId)
    return true
  }
  const sizeCarried = carried(row?.sizeName ?? null)
  const labelCarried = carried(row?.label ?? null)

  const quantity = (row?.baseQty ?? 1) * line.quantity
  if (quantity > maxInt) problems.push(reasonOf("quantity-too-large", line.productNo))
  const item: TranslatedItem = {
    productId: offer.productId,
    quantity,
    choiceIds: [...chosen],
    sizeCode: sizeCarried ? null : (row?.sizeCode ?? null),
    optionLabel: labelCarried ? null : (row?.label ?? null)
  }
  return { item, problems }
}

/** `사이즈|용지 = A4|아트지` is two. */
const separate = ({ name, value }: NamedValue): ReadonlyArray<NamedValue> => {
  const names = name.split(optionSeparator)
  const values = value.split(optionSeparator)
  return names.length > 1 && names.length === values.length
    ? names.map((one, index) => ({ name: one.trim(), value: (values[index] ?? "").trim() }))
    : name.trim() === "" && value.trim() === ""
      ? []
      : [{ name: name.trim(), value: value.trim() }]
}

const isAxisName = (name: string): boolean => Object.values(axisNames).includes(name)

const choicesNamed = ({ choices }: ShopProductOffer, { name, value }: NamedValue) =>
  choices.filter((choice) => choice.optionName.trim() === name && choice.name.trim() === value)

/** The priced combinations of a product, to be found by what the shop says. */
interface Combinations {
  readonly byCode: (code: string) => PricedCombination | undefined
  /** The one that all the values fit, among those that are sold, else among all. */
  readonly byValues: (values: ReadonlyArray<NamedValue>) => PricedCombination | undefined
}

/** Indexed once for all lines of an order, and only when one asks: a product may have thousands of rows. */
const combinationsOf = (offer: ShopProductOffer): Combinations => {
  const { huniCode, prices } = offer
  const codes = lazily(() =>
    huniCode === null ? new Map() : new Map(prices.map((price) => [managementCodeOf(huniCode, price), price]))
  )
  const matrices = lazily(() => {
    const sold = prices.filter(({ isSold }) => isSold)
    const tables = sold.length === prices.length ? [prices] : [sold, prices]
    return tables.map((table) => makeOptionMatrix(huniCode ?? "", table))
  })
  return {
    byCode: (code) => codes().get(code),
    byValues: (values) => {
      const given = values.filter(({ name }) => isAxisName(name))
      for (const { axes, rows, widgetOnly } of matrices()) {
        if (!axes.every((axis) => given.some(({ name }) => name === axisNames[axis]))) continue
        const [row, ...others] = [...rows, ...widgetOnly].filter((one) =>
          given.every((named) => isSaidOf(one, axes, named) || isOnlyAChoice(offer, axes, named))
        )
        if (row !== undefined && others.length === 0) return row
      }
      return undefined
    }
  }
}

/** Of an axis that the shop does not show, since there is one value only, the row's own value. */
const isSaidOf = (row: MatrixRow, axes: ReadonlyArray<OptionAxis>, { name, value }: NamedValue): boolean => {
  const index = axes.findIndex((axis) => axisNames[axis] === name)
  if (index >= 0) return row.values[index] === value
  const own = { size: row.sizeName ?? row.sizeCode, label: row.label, quantity: String(row.baseQty) }
  return (["size", "label", "quantity"] as const).some(
    (axis) => axisNames[axis] === name && own[axis]?.trim() === value
  )
}

/** An option that is called like an axis that the shop does not show. */
const isOnlyAChoice = (offer: ShopProductOffer, axes: ReadonlyArray<OptionAxis>, named: NamedValue): boolean =>
  !axes.some((axis) => axisNames[axis] === named.name) && choicesNamed(offer, named).length === 1

const lazily = <A>(make: () => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
