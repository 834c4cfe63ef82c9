/**
 * Orders of the shop: taking them in, and what the shop is to be told of them (specification, sections 4, 7 and 9,
 * endpoints 3 and 4).
 *
 * Guarantees: the same orderNo is one order, also when it comes twice at the same moment; what cannot be translated
 * loses nothing: the order is kept, marked, with its raw body; order, history and events are written together or not at
 * all; what the shop has confirmed, or has told the hub itself, is never told to it again, nor is anything older than
 * that. An order belongs to the mode it came in: orders of the sandbox do not exist in live mode.
 *
 * Does not talk to the shop, and does not check prices.
 */
import { PgTypes } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema } from "effect"
import { DispatchOrderToMes, SyncOrderToShopby } from "../../domain/events/Commands.ts"
import { OrderCreated } from "../../domain/events/DomainEvents.ts"
import { makeEventId, makeOrderId, now, OrderId } from "../../domain/Ids.ts"
import type { StatusChange } from "../../domain/MesJob.ts"
import type { Order } from "../../domain/Order.ts"
import { OrderStatus, transition } from "../../domain/OrderStatus.ts"
import type { ShopMode } from "../../domain/ShopListing.ts"
import { ShopOrder, ShopStatus, shopStatusOf } from "../../domain/ShopOrder.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import { EventBus } from "../events/EventBus.ts"
import { EventContext } from "../events/EventContext.ts"
import { sqlArray } from "../events/Sql.ts"
import { Notifications } from "../orders/Notifications.ts"
import { makeInsertItems } from "../orders/OrderItems.ts"
import { type InvalidStateTransition, OrderNotFound, Orders } from "../orders/Orders.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { makeShopOrderRows, type ShopOrderRow } from "./ShopOrderRows.ts"
import { isTranslationReason, translate } from "./ShopOrderTranslation.ts"

/** The order did not come from the shop. HTTP 409. */
export class NotAShopOrder extends Schema.TaggedError<NotAShopOrder>()("NotAShopOrder", { orderId: OrderId }) {}

/** The order is not the shop's, or too far on to be translated anew. Nothing changed. HTTP 409. */
export class NotRetranslatable extends Schema.TaggedError<NotRetranslatable>()("NotRetranslatable", {
  orderId: OrderId,
  status: OrderStatus,
  reason: Schema.Literals(["not-a-shop-order", "not-open"])
}) {}

export interface ReceivedShopOrder {
  readonly orderId: OrderId
  /** The shop's orderNo. */
  readonly externalOrderId: string
  readonly source: "shopby"
  readonly status: OrderStatus
  readonly needsAttention: boolean
  /** False: it was here already. */
  readonly created: boolean
}

/** What the shop is to be told. */
export interface OutboundStatus {
  readonly orderId: OrderId
  /** The shop's orderNo. */
  readonly externalOrderId: string
  readonly correlationId: string
  readonly status: ShopStatus
  /** Null: not known yet; the shop must be asked. Never empty. */
  readonly shippingNos: ReadonlyArray<string> | null
  readonly trackingNumber: string | null
  readonly carrier: string | null
}

/** What became of a status that the shop shows. */
export type ShopReport =
  /** The order has not been received in this mode. */
  | { readonly _tag: "UnknownOrder" }
  /** Noted, if it says anything; the order stays as it is. */
  | { readonly _tag: "Unchanged"; readonly orderId: OrderId; readonly status: OrderStatus }
  | { readonly _tag: "Changed"; readonly orderId: OrderId; readonly from: OrderStatus; readonly to: OrderStatus }
  /** Cancelled in the shop, but too far on: marked, and an operator told. */
  | { readonly _tag: "NeedsAttention"; readonly orderId: OrderId; readonly status: OrderStatus }

export class ShopOrders extends Context.Service<
  ShopOrders,
  {
    /**
     * Takes in an order in one transaction; never fails for what cannot be translated. The same orderNo again gives the
     * order that is there, and sets a PENDING one CONFIRMED when that is what comes.
     */
    readonly receive: (
      order: ShopOrder,
      options: {
        readonly mode: ShopMode
        /** What the order was read from, as received. */
        readonly raw: string
        readonly via: "webhook" | "sweep"
        /** Default CONFIRMED. */
        readonly status?: "PENDING" | "CONFIRMED"
      }
    ) => Effect.Effect<ReceivedShopOrder>
    /**
     * Translates the order anew. When nothing is left that needs attention, a CONFIRMED order goes to the plant: mark and
     * dispatch command in one transaction. Harmless when there is nothing to translate anew. Leaves reasons that are not
     * about the translation: see `resolveAttention`.
     */
    readonly retranslate: (orderId: OrderId) => Effect.Effect<Order, OrderNotFound | NotRetranslatable>
    /**
     * An operator has dealt with what needed attention. Reasons of the translation stay as long as the order could still
     * go to the plant: those are for `retranslate`. Acknowledges the notifications about it.
     */
    readonly resolveAttention: (orderId: OrderId, by: { readonly name: string }) => Effect.Effect<Order, OrderNotFound>
    /** Endpoint 4: an operator's change, and what is told of the parcel; a field that is left out stays. */
    readonly changeStatus: (
      orderId: OrderId,
      change: { readonly status: OrderStatus; readonly trackingNumber?: string; readonly carrier?: string },
      by: {
        /** Goes into the history: name of the API key. */
        readonly name: string
      }
    ) => Effect.Effect<StatusChange, OrderNotFound | NotAShopOrder | InvalidStateTransition>
    /** Null: nothing to tell; not an order of the shop in this mode, or the shop knows it all. */
    readonly outbound: (orderId: OrderId, mode: ShopMode) => Effect.Effect<OutboundStatus | null>
    /** The order's shipping numbers, as the shop told them. An empty list changes nothing. */
    readonly shippingNos: (orderId: OrderId, nos: ReadonlyArray<string>) => Effect.Effect<void>
    /** The shop has confirmed just this. */
    readonly confirmed: (
      orderId: OrderId,
      told: Pick<OutboundStatus, "status" | "trackingNumber" | "carrier">
    ) => Effect.Effect<void>
    /** The shop shows this `orderStatusType` for the order; words that mean nothing to the hub change nothing. */
    readonly reported: (externalOrderId: string, mode: ShopMode, status: string) => Effect.Effect<ShopReport>
    /** Up to when the sweep has seen all orders: ISO-8601 UTC; null before the first one. */
    readonly position: (mode: ShopMode) => Effect.Effect<string | null>
    /** Never goes back. */
    readonly savePosition: (mode: ShopMode, position: string) => Effect.Effect<void>
  }
>()("hub/services/shop/ShopOrders") {
  static readonly layer = Layer.effect(
    ShopOrders,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus
  const orders = yield* Orders
  const notifications = yield* Notifications
  const { sql, transaction } = database
  const rows = makeShopOrderRows(database)
  const insertItems = makeInsertItems(database)

  const translateNow = Effect.fnUntraced(function* (order: ShopOrder, mode: ShopMode) {
    const productNos = [...new Set(order.items.map(({ productNo }) => productNo))]
    return translate(order, yield* rows.offers(mode, productNos))
  })

  const note = (row: ShopOrderRow, kind: string, message: string) =>
    notifications.record({
      kind,
      message,
      subject: `order:${row.orderId}`,
      correlationId: row.correlationId
    })

  /** The order is here already: a payment that is told now confirms it. */
  const meet = Effect.fnUntraced(function* (externalOrderId: string, mode: ShopMode, status: "PENDING" | "CONFIRMED") {
    const row = yield* rows.lockExternal(externalOrderId, mode)
    if (row === undefined) return yield* Effect.die(new Error("an order of the shop is gone"))
    const isPaid = status === "CONFIRMED" && row.status === "PENDING"
    if (isPaid) yield* changeByShop(row, "CONFIRMED", "PAY_DONE")
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
    const inserted = yield* Effect.orDie(sql`
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
      })} on conflict (source, shopby_mode, external_order_id) do nothing returning id`)
    if (inserted.length === 0) return yield* meet(order.orderNo, options.mode, status)
    yield* insertItems(orderId, items)
    yield* Effect.orDie(sql`
      insert into order_status_history (order_id, from_status, to_status, actor, reason, correlation_id, at)
      values (${orderId}, null, ${status}, 'shopby', ${options.via === "sweep" ? "found by the sweep" : null}::text,
        ${correlationId}, ${at})`)
    yield* Effect.orDie(bus.publish(OrderCreated, { orderId, source: "shopby" }, { correlationId, source: "shopby" }))
    if (reasons.length > 0) {
      yield* notifications.record({
        kind: "shop-order-needs-attention",
        message: `Order ${orderId} (${order.orderNo} of the shop) could not be translated: ${reasons.join(", ")}`,
        subject: `order:${orderId}`,
        correlationId
      })
    }
    return {
      orderId,
      externalOrderId: order.orderNo,
      source: "shopby" as const,
      status,
      needsAttention: reasons.length > 0,
      created: true
    }
  }, transaction)

  const setReasons = (orderId: OrderId, reasons: ReadonlyArray<string>) =>
    Effect.flatMap(now, (at) =>
      Effect.orDie(sql`
        update orders set needs_attention = ${reasons.length > 0}, attention_reasons = ${reasons}::text[],
          updated_at = ${at}
        where id = ${orderId}`)
    )

  const requireOrder = Effect.fnUntraced(function* (orderId: OrderId) {
    return (yield* rows.lock(orderId)) ?? (yield* new OrderNotFound({ orderId }))
  })
  const present = (orderId: OrderId) => Effect.catchTag(orders.get(orderId), "OrderNotFound", Effect.die)

  const retranslate: ShopOrders["Service"]["retranslate"] = Effect.fn("ShopOrders.retranslate")(function* (orderId) {
    const row = yield* requireOrder(orderId)
    const { order: encoded, mode, reasons: before, status } = row
    if (encoded === null || mode === null) {
      return yield* new NotRetranslatable({ orderId, status, reason: "not-a-shop-order" })
    }
    if (!before.some(isTranslationReason)) return yield* present(orderId)
    if ((status !== "CONFIRMED" && status !== "PENDING") || row.atPlant) {
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
    if (left.length === 0 && status === "CONFIRMED") {
      yield* Effect.orDie(
        bus.publish(DispatchOrderToMes, { orderId, memo: null }, { correlationId: row.correlationId })
      )
    }
    return yield* present(orderId)
  }, transaction)

  const resolveAttention: ShopOrders["Service"]["resolveAttention"] = Effect.fn("ShopOrders.resolveAttention")(
    function* (orderId, by) {
      const row = yield* requireOrder(orderId)
      const isOpen = (row.status === "CONFIRMED" || row.status === "PENDING") && !row.atPlant
      const left = isOpen ? row.reasons.filter(isTranslationReason) : []
      if (left.length === row.reasons.length) return yield* present(orderId)
      yield* setReasons(orderId, left)
      yield* Effect.logInfo(`${by.name} has dealt with order ${orderId}: ${row.reasons.join(", ")}`)
      if (left.length === 0 && row.status === "CONFIRMED") {
        yield* Effect.orDie(
          bus.publish(DispatchOrderToMes, { orderId, memo: null }, { correlationId: row.correlationId })
        )
      }
      return yield* present(orderId)
    },
    transaction
  )

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
        set shopby_status = ${told.status}, shopby_tracking_number = ${told.trackingNumber}::text,
          shopby_carrier = ${told.carrier}::text
        where id = ${orderId}`)
    )
  )

  const show = (orderId: OrderId, status: ShopStatus) =>
    Effect.orDie(sql`update orders set shopby_status = ${status} where id = ${orderId}`)

  /** What the shop shows is noted first: the event that follows finds it, and tells the shop nothing. */
  const changeByShop = Effect.fnUntraced(function* (row: ShopOrderRow, to: OrderStatus, shown: ShopStatus) {
    yield* show(row.orderId, shown)
    yield* orders
      .changeStatus(row.orderId, to, { actor: "shopby", name: "shopby" })
      .pipe(Effect.catchTags({ OrderNotFound: Effect.die, InvalidStateTransition: Effect.die }))
  })

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
        yield* note(
          row,
          "cancelled-in-shop",
          `Order ${orderId} (${externalOrderId}) was cancelled in the shop, but it is ${status} already`
        )
      }
      return { _tag: "NeedsAttention" as const, orderId, status }
    }
    if (shown !== "DEPOSIT_WAIT" && status === "PENDING") {
      yield* changeByShop(row, "CONFIRMED", shown)
      return { _tag: "Changed" as const, orderId, from: status, to: "CONFIRMED" as const }
    }
    if (row.shopStatus !== shown && row.shopStatus !== "CANCEL_DONE") yield* show(orderId, shown)
    return unchanged
  }, transaction)

  const position: ShopOrders["Service"]["position"] = Effect.fn("ShopOrders.position")(function* (mode) {
    const [row] = yield* positions(sql`select position from shop_sweeps where mode = ${mode}`)
    return row?.position ?? null
  })

  const savePosition: ShopOrders["Service"]["savePosition"] = Effect.fn("ShopOrders.savePosition")((mode, at) =>
    Effect.asVoid(
      Effect.orDie(sql`
        insert into shop_sweeps (mode, position) values (${mode}, ${at}::timestamptz)
        on conflict (mode) do update set position = greatest(shop_sweeps.position, excluded.position)`)
    )
  )

  return ShopOrders.of({
    receive,
    retranslate,
    resolveAttention,
    changeStatus,
    outbound,
    shippingNos,
    confirmed,
    reported,
    position,
    savePosition
  })
})

/** Reason of an order that the shop has cancelled too late. */
const cancelledInShop = "cancelled-in-shop"

const encodeOrder = Schema.encodeEffect(ShopOrder)
const decodeOrder = Schema.decodeEffect(ShopOrder)
const positions = rowsOf({ position: IsoFromDate })

/** Text that PostgreSQL takes. */
const storable = (raw: string): string => raw.toWellFormed().replaceAll("\0", "\uFFFD")

/** The shop's words, in the order an order takes; a cancelled one is at its end. */
const isAhead = (status: ShopStatus, shown: ShopStatus | null): boolean =>
  shown === null ||
  (shown !== "CANCEL_DONE" && ShopStatus.literals.indexOf(status) > ShopStatus.literals.indexOf(shown))

/** The `orderStatusType` as the hub knows it; null = it says nothing to the hub. */
const shownBy = (word: string): ShopStatus | null => {
  switch (word) {
    case "PAY_WAIT":
      return "DEPOSIT_WAIT"
    case "BUY_CONFIRM":
      return "DELIVERY_DONE"
    default:
      return isShopStatus(word) ? word : null
  }
}
const isShopStatus = Schema.is(ShopStatus)
