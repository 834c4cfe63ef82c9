/**
 * Between the hub's terms and those of Edicus, both ways, as Schemas: `decode(encode(x))` is `x` for every x of the hub.
 *
 * Lost on purpose, on the way in: when an order was placed (`ctime`), which nobody asks for. A name that is null is left
 * out on the way. Quality and format of a file are no matter of an Edicus order.
 */
import { Schema, SchemaTransformation } from "effect"
import { EdicusOrderId } from "../../domain/Design.ts"
import { Money, Quantity } from "../../domain/Product.ts"
import { EdicusOrder, EdicusOrderStatus } from "../../domain/RenderStep.ts"
import { OrderQuery, OrderRecord, OrderStatus, TentativeOrder } from "./EdicusContract.ts"

/** Status of an order ↔ Edicus' word for it. */
export const OrderStatusFromEdicus = OrderStatus.transform(EdicusOrderStatus.literals)

/** An order ↔ a record in the answer of a query. */
export const OrderFromEdicus = OrderRecord.pipe(
  Schema.decodeTo(
    Schema.Struct({ ...EdicusOrder.fields, status: OrderStatusFromEdicus }),
    SchemaTransformation.transform<
      Omit<typeof EdicusOrder.Encoded, "status"> & { readonly status: typeof OrderStatus.Type },
      typeof OrderRecord.Type
    >({
      decode: ({ id, partner_order_id, project_id, status }) => ({
        orderId: id,
        projectId: project_id,
        partnerOrderId: partner_order_id ?? null,
        status
      }),
      encode: ({ orderId, partnerOrderId, projectId, status }) => ({
        id: orderId,
        project_id: projectId,
        status,
        ...(partnerOrderId === null ? {} : { partner_order_id: partnerOrderId })
      })
    })
  )
)

/** An order to be placed. */
export const OrderRequest = Schema.Struct({
  count: Quantity,
  totalPrice: Money,
  partnerOrderId: Schema.NullOr(Schema.String),
  /** For people. */
  name: Schema.NullOr(Schema.String)
})
export type OrderRequest = typeof OrderRequest.Type

/** An order to be placed ↔ body of the tentative order. */
export const OrderRequestFromEdicus = TentativeOrder.pipe(
  Schema.decodeTo(
    OrderRequest,
    SchemaTransformation.transform<typeof OrderRequest.Encoded, typeof TentativeOrder.Type>({
      decode: ({ order_count, order_name, partner_order_id, total_price }) => ({
        count: order_count,
        totalPrice: total_price,
        partnerOrderId: partner_order_id ?? null,
        name: order_name ?? null
      }),
      encode: ({ count, name, partnerOrderId, totalPrice }) => ({
        order_count: count,
        total_price: totalPrice,
        ...(partnerOrderId === null ? {} : { partner_order_id: partnerOrderId }),
        ...(name === null ? {} : { order_name: name })
      })
    })
  )
)

/** Which orders are asked for. */
export const OrderLookup = Schema.Union([
  Schema.TaggedStruct("ById", { orderId: EdicusOrderId }),
  Schema.TaggedStruct("ByPartnerOrderId", { partnerOrderId: Schema.String })
])
export type OrderLookup = typeof OrderLookup.Type

/** Which orders are asked for ↔ body of a query. */
export const OrderLookupFromEdicus = OrderQuery.pipe(
  Schema.decodeTo(
    OrderLookup,
    SchemaTransformation.transform<typeof OrderLookup.Encoded, typeof OrderQuery.Type>({
      decode: (query) =>
        "by_order_id" in query
          ? { _tag: "ById", orderId: query.by_order_id.order_id }
          : { _tag: "ByPartnerOrderId", partnerOrderId: query.by_partner_order_id.partner_order_id },
      encode: (lookup) =>
        lookup._tag === "ById"
          ? { by_order_id: { order_id: lookup.orderId } }
          : { by_partner_order_id: { partner_order_id: lookup.partnerOrderId } }
    })
  )
)
