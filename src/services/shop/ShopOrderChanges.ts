/** What all that changes an order of the shop is made of. Runs in the transaction that is open. */
import { Effect } from "effect"
import { DispatchOrderToMes } from "../../domain/events/Commands.ts"
import { now, type OrderId } from "../../domain/Ids.ts"
import type { OrderStatus } from "../../domain/OrderStatus.ts"
import { ShopStatus } from "../../domain/ShopOrder.ts"
import { EventBus } from "../events/EventBus.ts"
import { EventContext } from "../events/EventContext.ts"
import { Notifications } from "../orders/Notifications.ts"
import { OrderNotFound, Orders } from "../orders/Orders.ts"
import { Database } from "../storage/Database.ts"
import { makeShopOrderRows, type ShopOrderRow } from "./ShopOrderRows.ts"

/** Kinds of notifications; the last two are reasons of the order as well, not about the translation. */
export const untranslated = "shop-order-needs-attention"
export const cancelledInShop = "cancelled-in-shop"
export const aheadInShop = "ahead-in-shop"

export const makeShopOrderChanges = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus
  const orders = yield* Orders
  const notifications = yield* Notifications
  const { sql } = database
  const rows = makeShopOrderRows(database)

  /** What the shop is known to show. */
  const show = (orderId: OrderId, status: ShopStatus) =>
    Effect.orDie(sql`update orders set shopby_status = ${status} where id = ${orderId}`)

  /** What the shop shows is noted first: the event that follows finds it, and tells the shop nothing. */
  const changeByShop = Effect.fnUntraced(function* (row: ShopOrderRow, to: OrderStatus, shown: ShopStatus) {
    yield* show(row.orderId, shown)
    const context = yield* EventContext
    yield* orders.changeStatus(row.orderId, to, { actor: "shopby", name: "shopby" }).pipe(
      Effect.catchTags({ OrderNotFound: Effect.die, InvalidStateTransition: Effect.die }),
      // The order's own correlation id, as with a report of the plant.
      Effect.provideService(EventContext, {
        correlationId: row.correlationId,
        causationId: context?.causationId ?? null,
        source: "shopby"
      })
    )
  })

  /** Why the order needs attention; none = it does not. */
  const setReasons = (orderId: OrderId, reasons: ReadonlyArray<string>) =>
    Effect.flatMap(now, (at) =>
      Effect.orDie(sql`
        update orders set needs_attention = ${reasons.length > 0}, attention_reasons = ${reasons}::text[],
          updated_at = ${at}
        where id = ${orderId}`)
    )

  /** Tells operators about the order. */
  const note = (row: Pick<ShopOrderRow, "orderId" | "correlationId">, kind: string, message: string) =>
    notifications.record({
      kind,
      message,
      subject: subjectOf(row.orderId),
      correlationId: row.correlationId
    })

  /** The notifications of an order that needs attention no more. */
  const acknowledge = (orderId: OrderId, actor: string) =>
    notifications.acknowledgeAbout(subjectOf(orderId), [untranslated, cancelledInShop, aheadInShop], actor)

  /** To the plant, when nothing is in the way. */
  const release = ({ correlationId, orderId, status }: ShopOrderRow, reasons: ReadonlyArray<string>) =>
    reasons.length > 0 || status !== "CONFIRMED"
      ? Effect.void
      : Effect.orDie(bus.publish(DispatchOrderToMes, { orderId, memo: null }, { correlationId }))

  const requireOrder = Effect.fnUntraced(function* (orderId: OrderId) {
    return (yield* rows.lock(orderId)) ?? (yield* new OrderNotFound({ orderId }))
  })
  const present = (orderId: OrderId) => Effect.catchTag(orders.get(orderId), "OrderNotFound", Effect.die)

  return {
    database,
    bus,
    orders,
    rows,
    show,
    changeByShop,
    setReasons,
    note,
    acknowledge,
    release,
    requireOrder,
    present
  }
})
export type ShopOrderChanges = Effect.Success<typeof makeShopOrderChanges>

/** The shop's words, in the order an order takes; a cancelled one is at its end. */
export const isAhead = (status: ShopStatus, shown: ShopStatus | null): boolean =>
  shown === null ||
  (shown !== "CANCEL_DONE" && ShopStatus.literals.indexOf(status) > ShopStatus.literals.indexOf(shown))

const subjectOf = (orderId: OrderId): string => `order:${orderId}`
