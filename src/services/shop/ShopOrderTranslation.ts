/**
 * From an order of the shop to products, choices and quantities of the hub (specification, sections 7 and 9,
 * endpoint 3). Pure: what is looked up is passed in.
 *
 * Guarantees: nothing is guessed. A line that is not understood in full gives a reason, and no item: the order is kept
 * with its body, and an operator decides. An item that comes out has a known, active product and choices that the
 * product offers, each once.
 */
import type { ChoiceId, ProductId } from "../../domain/Ids.ts"
import { maxInt } from "../../domain/Ids.ts"
import {
  axisNames,
  makeOptionMatrix,
  managementCodeOf,
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
  readonly prices: ReadonlyArray<PricedCombination>
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
  /** Each once: `unknown-product:…`, `inactive-product:…`, `unknown-option:…`, `ambiguous-option:…`, `missing-option:…`, `quantity-too-large:…`. */
  readonly reasons: ReadonlyArray<string>
}

/** Kinds of reasons that a new translation can take away. */
const kinds = [
  "unknown-product",
  "inactive-product",
  "unknown-option",
  "ambiguous-option",
  "missing-option",
  "quantity-too-large"
]

/** Is it about the translation? */
export const isTranslationReason = (reason: string): boolean => kinds.some((kind) => reason.startsWith(`${kind}:`))

/** `offers`: by the shop's product number. */
export const translate = (order: ShopOrder, offers: ReadonlyMap<number, ShopProductOffer>): Translation => {
  const items: Array<TranslatedItem> = []
  const reasons = new Set<string>()
  for (const item of order.items) {
    const offer = offers.get(item.productNo)
    const read = offer === undefined ? { problems: [`unknown-product:${item.productNo}`] } : readItem(item, offer)
    if ("problems" in read) for (const problem of read.problems) reasons.add(problem)
    else items.push(read)
  }
  return { items, reasons: [...reasons] }
}

interface Unreadable {
  readonly problems: ReadonlyArray<string>
}

const readItem = (item: ShopOrderItem, offer: ShopProductOffer): TranslatedItem | Unreadable => {
  const problems: Array<string> = offer.isActive ? [] : [`inactive-product:${offer.productId}`]
  const chosen = new Set<ChoiceId>()
  const code = item.optionManagementCd?.trim() || null
  const values = (item.optionValues ?? []).flatMap(separate)
  const axisValues = new Map(values.filter(({ name }) => isAxisName(name)).map(({ name, value }) => [name, value]))

  const choose = (what: string, found: ReadonlyArray<{ readonly choiceId: ChoiceId }>) => {
    const [first, ...others] = found
    if (first === undefined) problems.push(`unknown-option:${what}`)
    else if (others.length > 0) problems.push(`ambiguous-option:${what}`)
    else chosen.add(first.choiceId)
  }

  const byCode = code === null ? undefined : rowByCode(offer, code)
  // A code that is no combination is that of a choice, unless the values say all there is to say.
  const row = byCode ?? rowByValues(offer, axisValues)
  if (code !== null && byCode === undefined) {
    const byChoice = offer.choices.filter((choice) => choice.code === code)
    if (byChoice.length > 0 || values.length === 0) choose(code, byChoice)
  }
  const sizeName = row?.sizeName ?? null
  for (const { name, value } of values) {
    const found = offer.choices.filter((choice) => choice.optionName === name && choice.name === value)
    // What an axis says is in the row already; it may be the name of an option, too.
    if (row !== undefined && isAxisName(name) && found.length !== 1) continue
    choose(`${name}=${value}`, found)
  }
  if (row === undefined && offer.prices.length > 0 && problems.length === 0) {
    problems.push(`missing-option:${item.productNo}`)
  }
  const carried = (value: string | null) => {
    const [choice, ...others] = value === null ? [] : offer.choices.filter(({ name }) => name === value)
    if (choice === undefined || others.length > 0) return false
    chosen.add(choice.choiceId)
    return true
  }
  const sizeCarried = carried(sizeName)
  const labelCarried = carried(row?.label ?? null)

  const quantity = (row?.baseQty ?? 1) * item.quantity
  if (quantity > maxInt) problems.push(`quantity-too-large:${item.productNo}`)
  if (problems.length > 0) return { problems }
  return {
    productId: offer.productId,
    quantity,
    choiceIds: [...chosen],
    sizeCode: sizeCarried ? null : (row?.sizeCode ?? null),
    optionLabel: labelCarried ? null : (row?.label ?? null)
  }
}

/** `사이즈|용지 = A4|아트지` is two. */
const separate = ({ name, value }: { readonly name: string; readonly value: string }) => {
  const names = name.split(optionSeparator)
  const values = value.split(optionSeparator)
  return names.length > 1 && names.length === values.length
    ? names.map((one, index) => ({ name: one.trim(), value: (values[index] ?? "").trim() }))
    : name.trim() === "" && value.trim() === ""
      ? []
      : [{ name: name.trim(), value: value.trim() }]
}

const isAxisName = (name: string): boolean => Object.values(axisNames).includes(name)

const rowByCode = ({ huniCode, prices }: ShopProductOffer, code: string): PricedCombination | undefined =>
  huniCode === null ? undefined : prices.find((price) => managementCodeOf(huniCode, price) === code)

/** The only combination, or the one whose values are all there. */
const rowByValues = (
  { huniCode, prices }: ShopProductOffer,
  values: ReadonlyMap<string, string>
): PricedCombination | undefined => {
  if (prices.length === 0) return undefined
  const { axes, rows, widgetOnly } = makeOptionMatrix(huniCode ?? "", prices)
  const all = [...rows, ...widgetOnly]
  if (axes.length === 0) return all[0]
  const found = all.filter((row) => axes.every((axis, index) => values.get(axisNames[axis]) === row.values[index]))
  return found.length === 1 ? found[0] : undefined
}
