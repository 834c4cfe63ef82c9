/** What cannot be done with an order, since it is not the shop's or too far on. */
import { Schema } from "effect"
import { OrderId } from "../../domain/Ids.ts"
import { OrderStatus } from "../../domain/OrderStatus.ts"

/** The order did not come from the shop. HTTP 409. */
export class NotAShopOrder extends Schema.TaggedError<NotAShopOrder>()("NotAShopOrder", { orderId: OrderId }) {}

/** The order is not the shop's, or too far on to be translated anew. Nothing changed. HTTP 409. */
export class NotRetranslatable extends Schema.TaggedError<NotRetranslatable>()("NotRetranslatable", {
  orderId: OrderId,
  status: OrderStatus,
  reason: Schema.Literals(["not-a-shop-order", "not-open"])
}) {}
