/** The twelve domain events (specification, section 3) with their ordering keys. */
import { Schema } from "effect"
import { ChoiceId, HuniCode, MesItemId, OrderId, ProductId } from "../Ids.ts"
import { OrderStatus } from "../OrderStatus.ts"
import { defineEvent, type EventDefinition, type EventOf } from "./Event.ts"

const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))
const productKey = (payload: { readonly productId: ProductId }) => `product:${payload.productId}`
const orderKey = (payload: { readonly orderId: OrderId }) => `order:${payload.orderId}`
const quoteKey = (payload: { readonly quoteId: string }) => `quote:${payload.quoteId}`

export const OrderSource = Schema.Literals(["widget", "shopby", "admin"])
export type OrderSource = typeof OrderSource.Type

export const ProductCreated = defineEvent("product.created", {
  payload: Schema.Struct({ productId: ProductId, huniCode: Schema.NullOr(HuniCode) }),
  key: productKey
})
export const ProductUpdated = defineEvent("product.updated", {
  /** `changes`: the changed fields and their new values. */
  payload: Schema.Struct({ productId: ProductId, changes: Schema.JsonObject }),
  key: productKey
})
export const ProductDeactivated = defineEvent("product.deactivated", {
  payload: Schema.Struct({ productId: ProductId }),
  key: productKey
})
export const PriceChanged = defineEvent("price.changed", {
  /** `priceTableId`: the product's price version, a counter. */
  payload: Schema.Struct({ productId: ProductId, priceTableId: Schema.Int }),
  key: productKey
})
export const QuoteCalculated = defineEvent("quote.calculated", {
  payload: Schema.Struct({ quoteId: Text, productId: ProductId, totalPrice: Schema.Int, currency: Text }),
  key: quoteKey
})
export const QuoteSnapshotCreated = defineEvent("quote.snapshot.created", {
  payload: Schema.Struct({ quoteId: Text, snapshot: Schema.Json }),
  key: quoteKey
})
export const OrderCreated = defineEvent("order.created", {
  payload: Schema.Struct({ orderId: OrderId, source: OrderSource }),
  key: orderKey
})
export const OrderStatusChanged = defineEvent("order.status.changed", {
  payload: Schema.Struct({ orderId: OrderId, from: OrderStatus, to: OrderStatus }),
  key: orderKey
})
export const OrderDispatchedMes = defineEvent("order.dispatched.mes", {
  payload: Schema.Struct({ orderId: OrderId, mesJobId: Text }),
  key: orderKey
})
export const WidgetConfigUpdated = defineEvent("widget.config.updated", {
  payload: Schema.Struct({ widgetId: Text }),
  key: (payload) => `widget:${payload.widgetId}`
})
export const SyncShopbyCompleted = defineEvent("sync.shopby.completed", {
  payload: Schema.Struct({ productId: ProductId, shopbyId: Schema.Int }),
  key: productKey
})
export const MappingMesVerified = defineEvent("mapping.mes.verified", {
  payload: Schema.Struct({ choiceId: ChoiceId, mesItemId: Schema.NullOr(MesItemId) }),
  key: (payload) => `mapping:${payload.choiceId}`
})

export const domainEvents = [
  ProductCreated,
  ProductUpdated,
  ProductDeactivated,
  PriceChanged,
  QuoteCalculated,
  QuoteSnapshotCreated,
  OrderCreated,
  OrderStatusChanged,
  OrderDispatchedMes,
  WidgetConfigUpdated,
  SyncShopbyCompleted,
  MappingMesVerified
] as const satisfies ReadonlyArray<EventDefinition>

export type DomainEventDefinition = (typeof domainEvents)[number]
/** @public */
export type DomainEvent = EventOf<DomainEventDefinition>
