/**
 * Applies a change of an order's status that the state machine allows: status, history and `order.status.changed`,
 * in the transaction that is open. The caller holds the order's row and has asked `transition`.
 */
import { Effect } from "effect"
import { OrderStatusChanged } from "../../domain/events/DomainEvents.ts"
import { now, type OrderId } from "../../domain/Ids.ts"
import type { OrderStatus } from "../../domain/OrderStatus.ts"
import type { EventBus } from "../events/EventBus.ts"
import type { Database } from "../storage/Database.ts"

export interface AppliedChange {
  readonly orderId: OrderId
  readonly from: OrderStatus
  readonly to: OrderStatus
  /** Name of the API key or adapter. */
  readonly actor: string
  readonly reason: string | null
  readonly correlationId: string
  /** Originating module of the event; default EventContext's. */
  readonly source?: string
}

export const makeApplyStatus = (database: Database["Service"], bus: EventBus["Service"]) =>
  Effect.fnUntraced(function* (change: AppliedChange) {
    const { sql } = database
    const at = yield* now
    // A cancelled order is not made: nothing of it waits for an operator.
    const cleared = change.to === "CANCELLED" ? sql`, needs_attention = false, attention_reasons = '{}'` : sql``
    yield* sql`
      update orders
      set status = ${change.to}, blocked_choice_ids = '{}', blocked_product_ids = '{}', updated_at = ${at}${cleared}
      where id = ${change.orderId}`
    yield* sql`
      insert into order_status_history (order_id, from_status, to_status, actor, reason, correlation_id, at)
      values (${change.orderId}, ${change.from}, ${change.to}, ${change.actor}, ${change.reason},
        ${change.correlationId}, ${at})`
    yield* bus.publish(
      OrderStatusChanged,
      { orderId: change.orderId, from: change.from, to: change.to },
      { correlationId: change.correlationId, ...(change.source === undefined ? {} : { source: change.source }) }
    )
  }, Effect.orDie)
