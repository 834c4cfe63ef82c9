/**
 * Orders of the shop on their way in: taken, translated anew, and released to the plant. See `ShopOrders` for what is
 * guaranteed.
 */
import { PgTypes } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { OrderCreated } from "../../domain/events/DomainEvents.ts"
import { makeEventId, makeOrderId, now } from "../../domain/Ids.ts"
import type { ShopMode } from "../../domain/ShopListing.ts"
import { ShopOrder, shopStatusOf } from "../../domain/ShopOrder.ts"
import { EventContext } from "../events/EventContext.ts"
import { sqlArray } from "../events/Sql.ts"
import { makeInsertItems } from "../orders/OrderItems.ts"
import { isAhead, type ShopOrderChanges, untranslated } from "./ShopOrderChanges.ts"
import { NotRetranslatable } from "./ShopOrderErrors.ts"
import type { ShopOrderRow } from "./ShopOrderRows.ts"
import type { ShopOrders } from "./ShopOrders.ts"
import { isMissingLine, isTranslationReason, translate } from "./ShopOrderTranslation.ts"

export const makeShopOrderIntake = (changes: ShopOrderChanges) => {
  const { bus, changeByShop, database, present, requireOrder, rows, setReasons, show } = changes
  const { aside, claim, join, sql, transaction, write } = database
  const insertItems = makeInsertItems(database)

  const translateNow = Effect.fnUntraced(function* (order: ShopOrder, mode: ShopMode) {
    const productNos = [...new Set(order.items.map(({ productNo }) => productNo))]
    return translate(order, yield* aside(rows.offers(mode, productNos)))
  })

  /** The order is here already: a payment that is told now confirms it, and is not told back. */
  const meet = Effect.fnUntraced(function* (externalOrderId: string, mode: ShopMode, status: "PENDING" | "CONFIRMED") {
    const row = yield* rows.lockExternal(externalOrderId, mode)
    if (row === undefined) return yield* Effect.die(new Error("an order of the shop is gone"))
    const isPaid = status === "CONFIRMED" && row.status === "PENDING"
    if (isPaid) yield* changeByShop(row, "CONFIRMED", "PAY_DONE")
    else if (status === "CONFIRMED" && isAhead("PAY_DONE", row.shopStatus)) yield* show(row.orderId, "PAY_DONE")
    return {
      orderId: row.orderId,
      externalOrderId,
      source: "shopby" as const,
      status: isPaid ? ("CONFIRMED" as const) : row.status,
      needsAttention: row.reasons.length > 0,
      created: false
    }
  })

  const receive: ShopOrders["Service"]["receive"] = Effect.fn("ShopOrders.receive")(function* (order, options) {
    const context = yield* EventContext
    const correlationId = context?.correlationId ?? (yield* makeEventId)
    const orderId = yield* makeOrderId
    const at = yield* now
    const status = options.status ?? "CONFIRMED"
    const { items, reasons } = yield* translateNow(order, options.mode)
    const encoded = yield* Effect.orDie(encodeOrder(order))
    const inserted = sql`
      insert into orders ${sql.insert({
        id: orderId,
        source: "shopby",
        external_order_id: order.orderNo,
        status,
        customer_name: order.orderer.name,
        customer_email: order.orderer.email ?? null,
        customer_phone: order.orderer.phone ?? null,
        total_price: order.orderAmount,
        correlation_id: correlationId,
        needs_attention: reasons.length > 0,
        attention_reasons: sqlArray(PgTypes.OID.text, reasons),
        raw_body: storable(options.raw),
        shopby_mode: options.mode,
        shopby_order: PgTypes.jsonb(encoded),
        shopby_status: shopStatusOf(status),
        shopby_shipping_nos: sqlArray(PgTypes.OID.text, typeof order.shippingNo === "string" ? [order.shippingNo] : []),
        created_at: at,
        updated_at: at
      })}`
    const isNew = yield* claim(
      { name: "received", statement: inserted },
      sql`on conflict (source, shopby_mode, external_order_id) do nothing`
    )
    if (!isNew) return yield* meet(order.orderNo, options.mode, status)
    yield* insertItems(orderId, items)
    yield* write({
      name: "begun",
      statement: sql`
        insert into order_status_history (order_id, from_status, to_status, actor, reason, correlation_id, at)
        values (${orderId}, null, ${status}, 'shopby', ${options.via === "sweep" ? "found by the sweep" : null}::text,
          ${correlationId}, ${at})`
    })
    yield* Effect.orDie(bus.publish(OrderCreated, { orderId, source: "shopby" }, { correlationId, source: "shopby" }))
    if (reasons.length > 0) {
      yield* changes.note(
        { orderId, correlationId },
        untranslated,
        `Order ${orderId} (${order.orderNo} of the shop) could not be translated: ${reasons.join(", ")}`
      )
    }
    return {
      orderId,
      externalOrderId: order.orderNo,
      source: "shopby" as const,
      status,
      needsAttention: reasons.length > 0,
      created: true
    }
  }, join)

  const retranslate: ShopOrders["Service"]["retranslate"] = Effect.fn("ShopOrders.retranslate")(function* (orderId) {
    const row = yield* requireOrder(orderId)
    const { order: encoded, mode, reasons: before, status } = row
    if (encoded === null || mode === null) {
      return yield* new NotRetranslatable({ orderId, status, reason: "not-a-shop-order" })
    }
    if (!before.some(isTranslationReason)) return yield* present(orderId)
    if (!isOpen(row)) {
      return yield* new NotRetranslatable({ orderId, status, reason: "not-open" })
    }
    const { items, reasons } = yield* translateNow(yield* Effect.orDie(decodeOrder(encoded)), mode)
    yield* Effect.orDie(sql`
      delete from order_item_choices where order_item_id in (select id from order_items where order_id = ${orderId})`)
    yield* Effect.orDie(sql`delete from mes_jobs where order_id = ${orderId}`)
    yield* Effect.orDie(sql`delete from order_items where order_id = ${orderId}`)
    yield* insertItems(orderId, items)
    const left = [...before.filter((reason) => !isTranslationReason(reason)), ...reasons]
    yield* setReasons(orderId, left)
    yield* changes.release(row, left)
    return yield* present(orderId)
  }, transaction)

  const resolveAttention: ShopOrders["Service"]["resolveAttention"] = Effect.fn("ShopOrders.resolveAttention")(
    function* (orderId, by) {
      const row = yield* requireOrder(orderId)
      const left = isOpen(row) ? row.reasons.filter(isMissingLine) : []
      if (left.length === row.reasons.length) return yield* present(orderId)
      yield* setReasons(orderId, left)
      if (left.length === 0) yield* changes.acknowledge(orderId, by.name)
      yield* Effect.logInfo(`${by.name} has dealt with order ${orderId}: ${row.reasons.join(", ")}`)
      yield* changes.release(row, left)
      return yield* present(orderId)
    },
    transaction
  )

  return { receive, retranslate, resolveAttention }
}

const encodeOrder = Schema.encodeEffect(ShopOrder)
const decodeOrder = Schema.decodeEffect(ShopOrder)

/** May it still be translated anew? */
const isOpen = ({ atPlant, status }: ShopOrderRow): boolean =>
  (status === "CONFIRMED" || status === "PENDING") && !atPlant

/** Text that PostgreSQL takes. */
const storable = (raw: string): string => raw.toWellFormed().replaceAll("\0", "\uFFFD")
