/** Reads whole orders with their items, jobs and history: four statements, however many orders. */
import { Effect, Schema, Struct } from "effect"
import { ChoiceId, OrderId, OrderItemId, ProductId } from "../../domain/Ids.ts"
import { JobPart, MesJob } from "../../domain/MesJob.ts"
import { Order, StatusHistory } from "../../domain/Order.ts"
import type { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

const OrderRow = Schema.Struct({
  id: OrderId,
  source: Order.fields.source,
  status: Order.fields.status,
  externalOrderId: Schema.NullOr(Schema.String),
  customerName: Schema.String,
  customerEmail: Schema.NullOr(Schema.String),
  customerPhone: Schema.NullOr(Schema.String),
  totalPrice: Schema.Int,
  correlationId: Schema.String,
  needsAttention: Schema.Boolean,
  attentionReasons: Schema.Array(Schema.String),
  blockedChoiceIds: Schema.Array(ChoiceId),
  blockedProductIds: Schema.Array(ProductId),
  createdAt: IsoFromDate,
  updatedAt: IsoFromDate,
  trackingNumber: Schema.NullOr(Schema.String),
  carrier: Schema.NullOr(Schema.String)
})

const ItemRow = Schema.Struct({
  orderId: OrderId,
  id: OrderItemId,
  productId: ProductId,
  quantity: Schema.Int,
  choiceIds: Schema.Array(ChoiceId)
})

const JobRow = Schema.Struct({ ...MesJob.fields, orderItemId: OrderItemId, part: JobPart })

const HistoryRow = Schema.Struct({ ...StatusHistory.fields, orderId: OrderId, at: IsoFromDate })

const decodeOrders = Schema.decodeUnknownEffect(Schema.Array(OrderRow))
const decodeItems = Schema.decodeUnknownEffect(Schema.Array(ItemRow))
const decodeJobs = Schema.decodeUnknownEffect(Schema.Array(JobRow))
const decodeHistory = Schema.decodeUnknownEffect(Schema.Array(HistoryRow))

/** Reason of an order whose product has no active MES item. */
const noMesItem = "no-mes-item"

/** Gives those of the orders that exist, in the order of the ids. */
export const makeReadOrders = ({ sql }: Database["Service"]) =>
  Effect.fnUntraced(function* (ids: ReadonlyArray<OrderId>) {
    if (ids.length === 0) return []
    const orders = yield* Effect.flatMap(
      sql`
        select id, source, status, external_order_id as "externalOrderId", customer_name as "customerName",
          customer_email as "customerEmail", customer_phone as "customerPhone",
          total_price::float8 as "totalPrice", correlation_id as "correlationId",
          needs_attention as "needsAttention", attention_reasons as "attentionReasons",
          blocked_choice_ids as "blockedChoiceIds", blocked_product_ids as "blockedProductIds",
          created_at as "createdAt", updated_at as "updatedAt", tracking_number as "trackingNumber", carrier
        from orders where id = any(${ids}::text[])`,
      decodeOrders
    )
    const items = yield* Effect.flatMap(
      sql`
        select i.order_id as "orderId", i.id, i.product_id as "productId", i.quantity,
          array(
            select c.choice_id from order_item_choices c where c.order_item_id = i.id order by c.position
          ) as "choiceIds"
        from order_items i where i.order_id = any(${ids}::text[]) order by i.order_id, i.position`,
      decodeItems
    )
    const jobs = yield* Effect.flatMap(
      sql`
        select order_item_id as "orderItemId", part, mes_job_id as "mesJobId", status
        from mes_jobs where order_id = any(${ids}::text[])
        order by order_item_id, part desc nulls first`,
      decodeJobs
    )
    const history = yield* Effect.flatMap(
      sql`
        select order_id as "orderId", from_status as "from", to_status as "to", actor, reason, at
        from order_status_history where order_id = any(${ids}::text[]) order by order_id, id`,
      decodeHistory
    )

    const itemsOf = Map.groupBy(items, (row) => row.orderId)
    const jobsOf = Map.groupBy(jobs, (row) => row.orderItemId)
    const historyOf = Map.groupBy(history, (row) => row.orderId)
    const byId = new Map(
      orders.map((row): [OrderId, Order] => [
        row.id,
        {
          id: row.id,
          source: row.source,
          status: row.status,
          externalOrderId: row.externalOrderId,
          customer: {
            name: row.customerName,
            ...(row.customerEmail === null ? {} : { email: row.customerEmail }),
            ...(row.customerPhone === null ? {} : { phone: row.customerPhone })
          },
          items: (itemsOf.get(row.id) ?? []).map((item) => ({
            ...Struct.omit(item, ["orderId"]),
            jobs: (jobsOf.get(item.id) ?? []).map(Struct.omit(["orderItemId"]))
          })),
          totalPrice: row.totalPrice,
          correlationId: row.correlationId,
          needsAttention: row.needsAttention,
          reasons: [...row.attentionReasons, ...(row.blockedProductIds.length > 0 ? [noMesItem] : [])],
          blockedChoiceIds: row.blockedChoiceIds,
          history: (historyOf.get(row.id) ?? []).map(Struct.omit(["orderId"])),
          createdAt: row.createdAt,
          updatedAt: row.updatedAt,
          trackingNumber: row.trackingNumber,
          carrier: row.carrier
        }
      ])
    )
    return ids.flatMap((id) => byId.get(id) ?? [])
  }, Effect.orDie)
