/** What an order of the shop, as the shop shows it, means to the hub. Pure. */
import { type Option, Schema } from "effect"
import { ShopOrder } from "../../domain/ShopOrder.ts"
import type { SeenOrder } from "./ShopbyMapper.ts"

/** How far a line is, the least advanced first. Other words say nothing of that. */
const steps = [
  "PAY_WAIT",
  "DEPOSIT_WAIT",
  "PAY_DONE",
  "PRODUCT_PREPARE",
  "DELIVERY_PREPARE",
  "DELIVERY_ING",
  "DELIVERY_DONE",
  "BUY_CONFIRM"
]

/** Will never be made. */
const gone: ReadonlySet<string> = new Set(["CANCEL_DONE", "PAY_CANCEL", "PAY_FAIL", "DELETE"])

const linesOf = ({ parcels }: SeenOrder) => parcels.flatMap(({ lines }) => lines)

const liveLines = (seen: SeenOrder) => linesOf(seen).filter(({ status }) => !gone.has(status))

/**
 * The `orderStatusType` of the whole order: that of its least advanced line that is not cancelled; CANCEL_DONE when all
 * are. Null: no line says anything.
 */
export const statusOf = (seen: SeenOrder): string | null => {
  const live = liveLines(seen)
  if (live.length === 0) return linesOf(seen).length === 0 ? null : "CANCEL_DONE"
  const ranks = live.map(({ status }) => steps.indexOf(status)).filter((rank) => rank >= 0)
  return ranks.length === 0 ? (live[0]?.status ?? null) : (steps[Math.min(...ranks)] ?? null)
}

/** Some lines are cancelled and some are not. */
export const isPartlyCancelled = (seen: SeenOrder): boolean => {
  const live = liveLines(seen).length
  return live > 0 && live < linesOf(seen).length
}

/** Numbers of its parcels, each once. */
export const shippingNosOf = ({ parcels }: SeenOrder): ReadonlyArray<string> => [
  ...new Set(parcels.map(({ shippingNo }) => shippingNo))
]

/**
 * How an order that the hub has not got begins; null: not at all, since it is cancelled, or on its way by other hands:
 * taking it in would make it a second time.
 */
export const beginningOf = (status: string | null): "PENDING" | "CONFIRMED" | null => {
  switch (status) {
    case "PAY_WAIT":
    case "DEPOSIT_WAIT":
      return "PENDING"
    case "PAY_DONE":
      return "CONFIRMED"
    default:
      return null
  }
}

/** Does the shop show this status, and this tracking number unless there is none to show, for every parcel? */
export const shows = (
  seen: SeenOrder,
  { status, trackingNumber }: { readonly status: string; readonly trackingNumber: string | null }
): boolean =>
  seen.parcels.length > 0 &&
  seen.parcels.every(
    (parcel) =>
      parcel.lines.every((line) => line.status === status) &&
      (trackingNumber === null || parcel.trackingNumber === trackingNumber)
  )

/** As the shop's webhook would have told it, without what is cancelled; none when it does not tell enough. */
export const shopOrderOf = (seen: SeenOrder): Option.Option<ShopOrder> => {
  const lines = liveLines(seen)
  const { email, name, phone } = seen.orderer
  return decodeOrder({
    orderNo: seen.orderNo,
    orderAmount: seen.amount ?? lines.reduce((sum, line) => sum + line.count * (line.salePrice + line.addPrice), 0),
    orderer: {
      name: isName(name) ? name : "-",
      ...(isEmail(email) ? { email } : {}),
      ...(isPhone(phone) ? { phone } : {})
    },
    ...(seen.parcels[0] === undefined ? {} : { shippingNo: seen.parcels[0].shippingNo }),
    items: lines.map((line) => ({
      productNo: line.productNo,
      quantity: line.count,
      price: line.salePrice + line.addPrice,
      ...(isCode(line.managementCode) ? { optionManagementCd: line.managementCode } : {}),
      ...(line.options.length === 0 ? {} : { optionValues: line.options })
    }))
  })
}

const decodeOrder = Schema.decodeUnknownOption(ShopOrder)
const { email: emailField, name: nameField, phone: phoneField } = ShopOrder.fields.orderer.fields
const isName = Schema.is(nameField)
const isEmail = Schema.is(emailField.schema)
const isPhone = Schema.is(phoneField.schema)
const isCode = Schema.is(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100)))
