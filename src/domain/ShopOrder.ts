/**
 * Orders of the shop (specification, sections 4 and 9, endpoint 3): as they come in, and the status the shop shows for
 * each of the hub's.
 */
import { Schema, SchemaTransformation } from "effect"
import { maxInt } from "./Ids.ts"
import { Customer } from "./Order.ts"
import type { OrderStatus } from "./OrderStatus.ts"
import { text } from "./Text.ts"

const Won = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

/** Shopby's `orderStatusType`, as far as the hub sets it. */
export const ShopStatus = Schema.Literals([
  "DEPOSIT_WAIT",
  "PAY_DONE",
  "PRODUCT_PREPARE",
  "DELIVERY_PREPARE",
  "DELIVERY_ING",
  "DELIVERY_DONE",
  "CANCEL_DONE"
])
export type ShopStatus = typeof ShopStatus.Type

/** What the shop shows for an order of the hub (section 4). */
export const shopStatusOf = (status: OrderStatus): ShopStatus => shopStatuses[status]

const shopStatuses: Readonly<Record<OrderStatus, ShopStatus>> = {
  PENDING: "DEPOSIT_WAIT",
  CONFIRMED: "PAY_DONE",
  PRODUCTION_WAITING: "PRODUCT_PREPARE",
  PRODUCING: "PRODUCT_PREPARE",
  PRODUCTION_DONE: "DELIVERY_PREPARE",
  SHIPPED: "DELIVERY_ING",
  DELIVERED: "DELIVERY_DONE",
  CANCELLED: "CANCEL_DONE"
}

/** What the shop writes, blank or not, as far as a database can store it. */
const Words = Schema.String.check(
  Schema.isMaxLength(1000),
  Schema.makeFilter((value: string) => (value.isWellFormed() && !value.includes("\0")) || "cannot be stored")
)

/** One line of a shop order. */
export const ShopOrderItem = Schema.Struct({
  /** The shop's product number (`mallProductNo`). */
  productNo: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  /** Ordered count; of a product sold by 100, 2 means 200 pieces. */
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt })),
  /** KRW. */
  price: Won,
  /** Management code of the combination, or of a choice; empty = none. */
  optionManagementCd: Schema.optionalKey(Schema.NullOr(Words)),
  optionValues: Schema.optionalKey(
    Schema.NullOr(Schema.Array(Schema.Struct({ name: Words, value: Words })).check(Schema.isMaxLength(50)))
  )
})
export type ShopOrderItem = typeof ShopOrderItem.Type

/** An order of the shop, as the hub keeps it to translate it. */
export const ShopOrder = Schema.Struct({
  /** Unique in the shop. */
  orderNo: text(200),
  /** KRW. */
  orderAmount: Won,
  orderer: Customer,
  shippingNo: Schema.optionalKey(Schema.NullOr(text(100))),
  items: Schema.Array(ShopOrderItem).check(Schema.isMinLength(1), Schema.isMaxLength(1000))
})
export type ShopOrder = typeof ShopOrder.Type

/**
 * Body of endpoint 3. No order is lost for what its customer is called: a name is cut to fit, `-` stands for none, and an
 * address or number that cannot be kept is left out (the raw body has it). So is a shipping number: the shop is asked.
 */
export const ShopOrderFromWebhook = Schema.Struct({
  ...ShopOrder.fields,
  shippingNo: Schema.optionalKey(
    Schema.Unknown.pipe(
      Schema.decodeTo(
        Schema.NullOr(text(100)),
        SchemaTransformation.transform({
          decode: (value) => {
            const words = typeof value === "number" ? String(value) : value
            return isShippingNo(words) ? words.trim() : null
          },
          encode: (value): unknown => value
        })
      )
    )
  ),
  orderer: Schema.Struct({
    name: Schema.optionalKey(Schema.Unknown),
    email: Schema.optionalKey(Schema.Unknown),
    phone: Schema.optionalKey(Schema.Unknown)
  }).pipe(
    Schema.decodeTo(
      Schema.toType(Customer),
      SchemaTransformation.transform({
        decode: ({ email, name, phone }) => ({
          name: isCustomerName(name) ? name : typeof name === "string" ? cut(name) : "-",
          ...(isEmail(email) ? { email } : {}),
          ...(isPhone(phone) ? { phone } : {})
        }),
        encode: (customer) => customer
      })
    )
  )
})

const { email: emailField, name: nameField, phone: phoneField } = Customer.fields
const isShippingNo = Schema.is(text(100))
const isCustomerName = Schema.is(nameField)
const isEmail = Schema.is(emailField.schema)
const isPhone = Schema.is(phoneField.schema)

/** To 200 characters; blank becomes `-`. */
const cut = (words: string): string =>
  [...words.toWellFormed().replaceAll("\0", "").trim()].slice(0, 200).join("").trim() || "-"
