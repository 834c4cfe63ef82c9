/** The rows that `Production` reads: an order under lock, its items with their choices, its jobs. */
import { Effect, Schema } from "effect"
import { ChoiceId, MesItemCode, MesItemId, OrderId, OrderItemId, ProductId } from "../../domain/Ids.ts"
import { JobMode, JobPart } from "../../domain/MesJob.ts"
import { JobStatus, OrderStatus } from "../../domain/OrderStatus.ts"
import type { Database } from "../storage/Database.ts"

const OrderRow = Schema.Struct({
  orderId: OrderId,
  status: OrderStatus,
  memo: Schema.NullOr(Schema.String),
  correlationId: Schema.String,
  needsAttention: Schema.Boolean,
  blockedChoiceIds: Schema.Array(ChoiceId),
  blockedProductIds: Schema.Array(ProductId)
})
export type OrderRow = typeof OrderRow.Type

const ItemRow = Schema.Struct({
  orderItemId: OrderItemId,
  productId: ProductId,
  quantity: Schema.Int,
  /** In the order chosen. */
  choiceIds: Schema.Array(ChoiceId),
  /** What a combination of the shop says beyond choices. */
  size: Schema.NullOr(Schema.String),
  optionLabel: Schema.NullOr(Schema.String)
})
export type ItemRow = typeof ItemRow.Type

const JobRow = Schema.Struct({
  id: Schema.Int,
  orderId: OrderId,
  orderItemId: OrderItemId,
  part: JobPart,
  mode: JobMode,
  mesItemId: MesItemId,
  itemCode: MesItemCode,
  itemIsActive: Schema.Boolean,
  attempt: Schema.Int,
  /** From then on the MES may know it. */
  begun: Schema.Boolean,
  mesJobId: Schema.NullOr(Schema.String),
  status: Schema.NullOr(JobStatus),
  barcode: Schema.NullOr(Schema.String)
})
export type JobRow = typeof JobRow.Type

const decodeOrders = Schema.decodeUnknownEffect(Schema.Array(OrderRow))
const decodeItems = Schema.decodeUnknownEffect(Schema.Array(ItemRow))
const decodeJobs = Schema.decodeUnknownEffect(Schema.Array(JobRow))
const decodeOrderOf = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ orderId: OrderId })))

export const makeProductionRows = ({ sql }: Database["Service"]) => ({
  /** Locks the order until the transaction ends: all changes of its status and jobs queue here. */
  lockOrder: Effect.fnUntraced(function* (orderId: OrderId) {
    const [row] = yield* Effect.flatMap(
      sql`
        select id as "orderId", status, memo, correlation_id as "correlationId", needs_attention as "needsAttention",
          blocked_choice_ids as "blockedChoiceIds", blocked_product_ids as "blockedProductIds"
        from orders where id = ${orderId} for update`,
      decodeOrders
    )
    return row
  }, Effect.orDie),

  items: Effect.fnUntraced(function* (orderId: OrderId) {
    return yield* Effect.flatMap(
      sql`
        select i.id as "orderItemId", i.product_id as "productId", i.quantity,
          array(
            select c.choice_id from order_item_choices c where c.order_item_id = i.id order by c.position
          ) as "choiceIds",
          i.size_code || coalesce(' (' || z.display_name || ')', '') as "size", i.option_label as "optionLabel"
        from order_items i left join product_sizes z on z.product_id = i.product_id and z.code = i.size_code
        where i.order_id = ${orderId} order by i.position`,
      decodeItems
    )
  }, Effect.orDie),

  jobs: Effect.fnUntraced(function* (orderId: OrderId) {
    return yield* Effect.flatMap(
      sql`
        select j.id, j.order_id as "orderId", j.order_item_id as "orderItemId", j.part, j.mode,
          j.mes_item_id as "mesItemId", m.item_code as "itemCode", m.is_active as "itemIsActive", j.attempt,
          j.begun_at is not null as begun, j.mes_job_id as "mesJobId", j.status, j.barcode
        from mes_jobs j join mes_items m on m.id = j.mes_item_id
        where j.order_id = ${orderId} order by j.order_item_id, j.part desc nulls first`,
      decodeJobs
    )
  }, Effect.orDie),

  orderOf: Effect.fnUntraced(function* (jobId: number) {
    const [row] = yield* Effect.flatMap(
      sql`select order_id as "orderId" from mes_jobs where id = ${jobId}`,
      decodeOrderOf
    )
    return row?.orderId
  }, Effect.orDie)
})

export type ProductionRows = ReturnType<typeof makeProductionRows>
