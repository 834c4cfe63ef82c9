/**
 * How far an order of the shop is: what an operator says, what the shop is to be told, what the shop shows. See
 * `ShopOrders` for what is guaranteed.
 */
import { Effect, Schema } from "effect"
import { SyncOrderToShopby } from "../../domain/events/Commands.ts"
import { now } from "../../domain/Ids.ts"
import { transition } from "../../domain/OrderStatus.ts"
import { ShopStatus, shopStatusOf } from "../../domain/ShopOrder.ts"
import { aheadInShop, cancelledInShop, isAhead, type ShopOrderChanges } from "./ShopOrderChanges.ts"
import { NotAShopOrder } from "./ShopOrderErrors.ts"
import type { ShopOrders } from "./ShopOrders.ts"

export const makeShopOrderSteps = (changes: ShopOrderChanges) => {
  const { bus, changeByShop, database, orders, requireOrder, rows, setReasons, show } = changes
  const { sql, transaction } = database

  const changeStatus: ShopOrders["Service"]["changeStatus"] = Effect.fn("ShopOrders.changeStatus")(function* (
    orderId,
    change,
    by
  ) {
    const row = yield* requireOrder(orderId)
    if (row.source !== "shopby") return yield* new NotAShopOrder({ orderId })
    const trackingNumber = change.trackingNumber ?? row.trackingNumber
    const carrier = change.carrier ?? row.carrier
    const isNews = trackingNumber !== row.trackingNumber || carrier !== row.carrier
    if (isNews) {
      yield* Effect.orDie(sql`
          update orders
          set tracking_number = ${trackingNumber}::text, carrier = ${carrier}::text, updated_at = ${yield* now}
          where id = ${orderId}`)
    }
    const changed = yield* orders.changeStatus(orderId, change.status, { actor: "operator", name: by.name })
    if (isNews && !changed.changed) {
      yield* Effect.orDie(bus.publish(SyncOrderToShopby, { orderId }, { correlationId: row.correlationId }))
    }
    return { ...changed, changed: changed.changed || isNews }
  }, transaction)

  const outbound: ShopOrders["Service"]["outbound"] = Effect.fn("ShopOrders.outbound")(function* (orderId, mode) {
    const row = yield* rows.find(orderId)
    if (row === undefined || row.mode !== mode || row.externalOrderId === null) return null
    const status = shopStatusOf(row.status)
    const isNews = row.trackingNumber !== row.shownTrackingNumber || row.carrier !== row.shownCarrier
    if (row.shopStatus === status ? !isNews : !isAhead(status, row.shopStatus)) return null
    return {
      orderId,
      externalOrderId: row.externalOrderId,
      correlationId: row.correlationId,
      status,
      shippingNos: row.shippingNos.length === 0 ? null : row.shippingNos,
      trackingNumber: row.trackingNumber,
      carrier: row.carrier
    }
  })

  const shippingNos: ShopOrders["Service"]["shippingNos"] = Effect.fn("ShopOrders.shippingNos")((orderId, nos) =>
    nos.length === 0
      ? Effect.void
      : Effect.asVoid(Effect.orDie(sql`update orders set shopby_shipping_nos = ${nos}::text[] where id = ${orderId}`))
  )

  const confirmed: ShopOrders["Service"]["confirmed"] = Effect.fn("ShopOrders.confirmed")((orderId, told) =>
    Effect.asVoid(
      Effect.orDie(sql`
        update orders
        set shopby_status = case shopby_status when 'CANCEL_DONE' then shopby_status else ${told.status}::text end,
          shopby_tracking_number = ${told.trackingNumber}::text, shopby_carrier = ${told.carrier}::text
        where id = ${orderId}`)
    )
  )

  const reported: ShopOrders["Service"]["reported"] = Effect.fn("ShopOrders.reported")(function* (
    externalOrderId,
    mode,
    word
  ) {
    const row = yield* rows.lockExternal(externalOrderId, mode)
    if (row === undefined) return { _tag: "UnknownOrder" as const }
    const { orderId, status } = row
    const unchanged = { _tag: "Unchanged" as const, orderId, status }
    const shown = shownBy(word)
    if (shown === null) return unchanged
    if (shown === "CANCEL_DONE") {
      const verdict = transition("shopby", status, "CANCELLED")
      if (verdict === "Changed") {
        yield* changeByShop(row, "CANCELLED", shown)
        return { _tag: "Changed" as const, orderId, from: status, to: "CANCELLED" as const }
      }
      if (row.shopStatus !== shown) yield* show(orderId, shown)
      if (verdict === "Unchanged") return unchanged
      if (!row.reasons.includes(cancelledInShop) && row.shopStatus !== shown) {
        yield* setReasons(orderId, [...row.reasons, cancelledInShop])
        yield* changes.note(
          row,
          cancelledInShop,
          `Order ${orderId} (${externalOrderId}) was cancelled in the shop, but it is ${status} already`
        )
      }
      return { _tag: "NeedsAttention" as const, orderId, status }
    }
    if (shown !== "DEPOSIT_WAIT" && status === "PENDING") {
      yield* changeByShop(row, "CONFIRMED", shown)
      if (shown === "PAY_DONE") return { _tag: "Changed" as const, orderId, from: status, to: "CONFIRMED" as const }
      yield* setReasons(orderId, [...row.reasons, `${aheadInShop}:${shown}`])
      yield* changes.note(
        row,
        aheadInShop,
        `Order ${orderId} (${externalOrderId}) is ${shown} in the shop, but the hub has not had it made`
      )
      return { _tag: "NeedsAttention" as const, orderId, status: "CONFIRMED" as const }
    }
    if (row.shopStatus !== shown && row.shopStatus !== "CANCEL_DONE") yield* show(orderId, shown)
    return unchanged
  }, transaction)

  return { changeStatus, outbound, shippingNos, confirmed, reported }
}

/** The `orderStatusType` as the hub knows it; null = it says nothing to the hub. */
const shownBy = (word: string): ShopStatus | null => {
  switch (word) {
    case "PAY_WAIT":
      return "DEPOSIT_WAIT"
    case "BUY_CONFIRM":
      return "DELIVERY_DONE"
    case "PAY_CANCEL":
    case "PAY_FAIL":
    case "DELETE":
      return "CANCEL_DONE"
    default:
      return isShopStatus(word) ? word : null
  }
}
const isShopStatus = Schema.is(ShopStatus)
