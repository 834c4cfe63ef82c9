/** Orders as they come in and as they are shown (specification, sections 2 and 9). */
import { Schema } from "effect"
import { OrderSource } from "./events/DomainEvents.ts"
import { ChoiceId, maxInt, OrderId, OrderItemId, ProductId } from "./Ids.ts"
import { MesJob } from "./MesJob.ts"
import { OrderStatus } from "./OrderStatus.ts"
import { name, text } from "./Text.ts"

/** Integer KRW. */
const Won = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

const Quantity = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt }))

export const Customer = Schema.Struct({
  name,
  email: Schema.optionalKey(text(320)),
  phone: Schema.optionalKey(text(50))
})
export type Customer = typeof Customer.Type

/** Body of `POST /orders`. */
export const NewOrder = Schema.Struct({
  source: OrderSource.pick(["widget", "admin"]),
  customer: Customer,
  items: Schema.Array(
    Schema.Struct({
      productId: ProductId,
      quantity: Quantity,
      /** In the order chosen; each at most once. */
      choiceIds: Schema.Array(ChoiceId).check(Schema.isMaxLength(100)),
      designId: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^des_[0-9A-Za-z]{1,60}$/)))
    })
  ).check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  totalPrice: Won,
  /** Default true: the order starts CONFIRMED, otherwise PENDING. */
  paid: Schema.optionalKey(Schema.Boolean),
  /** Note to the plant. */
  memo: Schema.optionalKey(text(2000))
})
export type NewOrder = typeof NewOrder.Type

export const OrderItem = Schema.Struct({
  id: OrderItemId,
  productId: ProductId,
  quantity: Quantity,
  choiceIds: Schema.Array(ChoiceId),
  jobs: Schema.Array(MesJob)
})
export type OrderItem = typeof OrderItem.Type

export const StatusHistory = Schema.Struct({
  /** Null: the order began. */
  from: Schema.NullOr(OrderStatus),
  to: OrderStatus,
  /** Name of the API key, or of the adapter. */
  actor: Schema.String,
  reason: Schema.NullOr(Schema.String),
  at: Schema.String
})
export type StatusHistory = typeof StatusHistory.Type

/** Times are ISO-8601 UTC. */
export const Order = Schema.Struct({
  id: OrderId,
  source: OrderSource,
  status: OrderStatus,
  externalOrderId: Schema.NullOr(Schema.String),
  customer: Customer,
  items: Schema.Array(OrderItem),
  totalPrice: Won,
  correlationId: Schema.String,
  /** An operator must look at it: it is not dispatched meanwhile. */
  needsAttention: Schema.Boolean,
  /** Why it needs attention or is blocked, e.g. `no-mes-item`. */
  reasons: Schema.Array(Schema.String),
  /** Choices that must be verified before it can be dispatched. */
  blockedChoiceIds: Schema.Array(ChoiceId),
  /** Oldest first. */
  history: Schema.Array(StatusHistory),
  createdAt: Schema.String,
  updatedAt: Schema.String,
  /** Of the parcel, as an operator gave it; null = none. */
  trackingNumber: Schema.NullOr(Schema.String),
  /** Who carries the parcel, in the shop's words, e.g. CJ; null = not known. */
  carrier: Schema.NullOr(Schema.String)
})
export type Order = typeof Order.Type
