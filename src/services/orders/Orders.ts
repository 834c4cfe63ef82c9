/**
 * The core's orders: take in, show, change status.
 *
 * Guarantees: an order, its history and its events are written together or not at all; a status changes only along
 * the state machine of `OrderStatus`, under a lock on the order's row, so two changes at once are judged one after
 * the other. Does not talk to any external system, and does not check prices or the quantity steps of a product.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { OrderCreated, type OrderSource } from "../../domain/events/DomainEvents.ts"
import { makeEventId, makeOrderId, now, OrderId } from "../../domain/Ids.ts"
import type { StatusChange } from "../../domain/MesJob.ts"
import type { NewOrder, Order } from "../../domain/Order.ts"
import { type OrderActor, OrderStatus, transition } from "../../domain/OrderStatus.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import { Products } from "../catalog/Products.ts"
import { EventBus } from "../events/EventBus.ts"
import { EventContext } from "../events/EventContext.ts"
import { Database } from "../storage/Database.ts"
import { Notifications } from "./Notifications.ts"
import { makeInsertItems } from "./OrderItems.ts"
import { makeReadOrders } from "./OrderRows.ts"
import { makeApplyStatus } from "./StatusChanges.ts"

export class OrderNotFound extends Schema.TaggedError<OrderNotFound>()("OrderNotFound", {
  orderId: OrderId
}) {}

/** A new order that does not fit the catalogue. Nothing was stored. HTTP 400. */
export class InvalidOrder extends Schema.TaggedError<InvalidOrder>()("InvalidOrder", {
  /** `path` as dotted keys of the body, e.g. `items.0.choiceIds.2`. */
  issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {}

/** The state machine refuses. Nothing changed. HTTP 409 `invalid-state-transition`. */
export class InvalidStateTransition extends Schema.TaggedError<InvalidStateTransition>()("InvalidStateTransition", {
  orderId: OrderId,
  /** Null for the order itself, else the job that cannot go back. */
  mesJobId: Schema.NullOr(Schema.String),
  from: OrderStatus,
  to: OrderStatus
}) {}

export class Orders extends Context.Service<
  Orders,
  {
    /**
     * Stores a new order with its first history entry and publishes `order.created`, in one transaction. The order's
     * correlation id is EventContext's, else a new one. `actor`: name of the API key.
     */
    readonly create: (order: NewOrder, actor: string) => Effect.Effect<Order, InvalidOrder>
    readonly get: (orderId: OrderId) => Effect.Effect<Order, OrderNotFound>
    /** Newest first. */
    readonly list: (
      filter: { readonly status?: OrderStatus; readonly source?: OrderSource; readonly needsAttention?: boolean },
      page: PageRequest
    ) => Effect.Effect<Page<Order>>
    /**
     * Asks for a status. A change writes history and publishes `order.status.changed` in the same transaction;
     * cancelling an order that the MES may know records a notification, as the MES knows no cancellation.
     */
    readonly changeStatus: (
      orderId: OrderId,
      to: OrderStatus,
      by: {
        readonly actor: OrderActor
        /** Goes into the history: name of the API key or adapter. */
        readonly name: string
        readonly reason?: string
      }
    ) => Effect.Effect<StatusChange, OrderNotFound | InvalidStateTransition>
  }
>()("hub/services/orders/Orders") {
  static readonly layer = Layer.effect(
    Orders,
    Effect.suspend(() => make)
  )
}

const decodeIds = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ id: OrderId })))
const designRows = rowsOf({ id: Schema.String })
const decodeTotal = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))
const decodeLocked = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ status: OrderStatus, correlationId: Schema.String }))
)
const decodeJobs = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ mode: Schema.String, mesJobId: Schema.NullOr(Schema.String) }))
)

const make = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus
  const products = yield* Products
  const notifications = yield* Notifications
  const { sql } = database
  const readOrders = makeReadOrders(database)
  const applyStatus = makeApplyStatus(database, bus)
  const insertItems = makeInsertItems(database)

  /** Designs that the order names and nobody has made. */
  const missingDesigns = Effect.fnUntraced(function* ({ items }: NewOrder) {
    const ids = items.flatMap((item) => item.designId ?? [])
    const found = ids.length === 0 ? [] : yield* designRows(sql`select id from designs where id = any(${ids}::text[])`)
    const known = new Set(found.map(({ id }) => id))
    return items.flatMap(({ designId }, index) =>
      designId !== undefined && !known.has(designId)
        ? [{ path: `items.${index}.designId`, message: "no such design" }]
        : []
    )
  })

  /** Everything in the order that the catalogue does not offer. */
  const issuesOf = Effect.fnUntraced(function* (order: NewOrder) {
    const offered = yield* products.offered([...new Set(order.items.map((item) => item.productId))])
    return order.items.flatMap((item, index) => {
      const path = `items.${index}`
      const offer = offered.get(item.productId)
      if (offer === undefined) return [{ path: `${path}.productId`, message: "no such product" }]
      if (!offer.product.isActive) return [{ path: `${path}.productId`, message: "the product is not active" }]
      return item.choiceIds.flatMap((choiceId, position) => {
        if (!offer.choiceIds.has(choiceId)) {
          return [{ path: `${path}.choiceIds.${position}`, message: "not offered by the product" }]
        }
        if (item.choiceIds.indexOf(choiceId) < position) {
          return [{ path: `${path}.choiceIds.${position}`, message: "chosen twice" }]
        }
        return []
      })
    })
  })

  const create: Orders["Service"]["create"] = Effect.fn("Orders.create")(function* (order, actor) {
    const context = yield* EventContext
    const correlationId = context?.correlationId ?? (yield* makeEventId)
    const id = yield* makeOrderId
    const at = yield* now
    const status: OrderStatus = order.paid === false ? "PENDING" : "CONFIRMED"
    return yield* database.transaction(
      Effect.gen(function* () {
        const issues = [...(yield* issuesOf(order)), ...(yield* missingDesigns(order))]
        if (issues.length > 0) return yield* new InvalidOrder({ issues })
        yield* Effect.orDie(
          sql`insert into orders ${sql.insert({
            id,
            source: order.source,
            status,
            customer_name: order.customer.name,
            customer_email: order.customer.email ?? null,
            customer_phone: order.customer.phone ?? null,
            total_price: order.totalPrice,
            memo: order.memo ?? null,
            correlation_id: correlationId,
            created_at: at,
            updated_at: at
          })}`
        )
        yield* insertItems(id, order.items)
        yield* Effect.orDie(sql`
        insert into order_status_history (order_id, from_status, to_status, actor, reason, correlation_id, at)
        values (${id}, null, ${status}, ${actor}, null, ${correlationId}, ${at})`)
        yield* Effect.orDie(bus.publish(OrderCreated, { orderId: id, source: order.source }, { correlationId }))
        return yield* Effect.orDie(get(id))
      })
    )
  })

  const get: Orders["Service"]["get"] = Effect.fn("Orders.get")(function* (orderId) {
    const [order] = yield* readOrders([orderId])
    return order ?? (yield* new OrderNotFound({ orderId }))
  })

  const list: Orders["Service"]["list"] = Effect.fn("Orders.list")(function* (filter, page) {
    const where = sql.and([
      ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
      ...(filter.source === undefined ? [] : [sql`source = ${filter.source}`]),
      ...(filter.needsAttention === undefined ? [] : [sql`needs_attention = ${filter.needsAttention}`])
    ])
    const [{ total }] = yield* Effect.flatMap(
      sql`select count(*)::int as total from orders where ${where}`,
      decodeTotal
    )
    const rows = yield* Effect.flatMap(
      sql`
        select id from orders where ${where}
        order by created_at desc, id desc limit ${page.limit} offset ${(page.page - 1) * page.limit}`,
      decodeIds
    )
    return { data: yield* readOrders(rows.map((row) => row.id)), total }
  }, Effect.orDie)

  /** The MES goes on making what it knows: somebody must call the plant. */
  const warnAboutJobs = Effect.fnUntraced(function* (orderId: OrderId, correlationId: string) {
    const jobs = yield* Effect.flatMap(
      sql`select mode, mes_job_id as "mesJobId" from mes_jobs where order_id = ${orderId} and begun_at is not null`,
      decodeJobs
    )
    if (jobs.length === 0) return
    const names = jobs.map((job) => `${job.mesJobId ?? "one whose answer is not known"} (${job.mode})`).join(", ")
    yield* notifications.record({
      kind: "order-cancelled-with-jobs",
      message: `Order ${orderId} was cancelled, but the MES has jobs of it and knows no cancellation: ${names}`,
      subject: `order:${orderId}`,
      correlationId
    })
  }, Effect.orDie)

  const changeStatus: Orders["Service"]["changeStatus"] = Effect.fn("Orders.changeStatus")(function* (orderId, to, by) {
    const context = yield* EventContext
    return yield* database.transaction(
      Effect.gen(function* () {
        const [order] = yield* Effect.flatMap(
          sql`select status, correlation_id as "correlationId" from orders where id = ${orderId} for update`,
          decodeLocked
        ).pipe(Effect.orDie)
        if (order === undefined) return yield* new OrderNotFound({ orderId })
        const from = order.status
        const verdict = transition(by.actor, from, to)
        if (verdict === "Illegal") return yield* new InvalidStateTransition({ orderId, mesJobId: null, from, to })
        if (verdict === "Changed") {
          const correlationId = context?.correlationId ?? order.correlationId
          yield* applyStatus({ orderId, from, to, actor: by.name, reason: by.reason ?? null, correlationId })
          if (to === "CANCELLED") yield* warnAboutJobs(orderId, correlationId)
        }
        return { orderId, previousStatus: from, status: to, changed: verdict === "Changed" }
      })
    )
  })

  return Orders.of({ create, get, list, changeStatus })
})
