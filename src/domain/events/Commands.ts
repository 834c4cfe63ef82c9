/**
 * Commands that the HTTP API starts. They travel the same durable way as events, under types of their own, outside
 * the twelve (specification, section 3), keyed by the entity they are about.
 */
import { Schema } from "effect"
import { OrderId, ProductId } from "../Ids.ts"
import { defineEvent } from "./Event.ts"

/** Dispatch this order to the MES; harmless when it is dispatched already. */
export const DispatchOrderToMes = defineEvent("command.mes.dispatch-order", {
  payload: Schema.Struct({ orderId: OrderId, memo: Schema.NullOr(Schema.String) }),
  key: (payload) => `order:${payload.orderId}`
})

/**
 * The product has got an active MES item: dispatch the orders that were blocked because it had none. Published in the
 * transaction that maps the product or makes its item active; harmless when nothing is blocked.
 */
export const ReleaseOrdersToMes = defineEvent("command.mes.release-orders", {
  payload: Schema.Struct({ productId: ProductId }),
  key: (payload) => `product:${payload.productId}`
})

/** Bring this product to Shopby; harmless when nothing changed. `force`: send all of it again, changed or not. */
export const SyncProductToShopby = defineEvent("command.shopby.sync-product", {
  payload: Schema.Struct({ productId: ProductId, force: Schema.Boolean }),
  key: (payload) => `product:${payload.productId}`
})

/** Tell Shopby of this order's tracking number, or what else it has not confirmed; harmless when there is nothing. */
export const SyncOrderToShopby = defineEvent("command.shopby.sync-order", {
  payload: Schema.Struct({ orderId: OrderId }),
  key: (payload) => `order:${payload.orderId}`
})
