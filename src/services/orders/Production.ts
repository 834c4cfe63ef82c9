/**
 * The orders' way into the plant: which jobs an order needs, what blocks it, which jobs the MES has accepted.
 *
 * Guarantees
 * - `plan` reads and judges an order in one transaction that holds its mapping rows: when it marks an order blocked, a
 *   verification that comes later sees the mark (and releases the order), one that came earlier is seen.
 * - One job per (order item, part). Its idempotency key is the same until the plant has rejected it, through crashes
 *   and mapping changes; `begin` is on record before the call goes out, and from then on the item keeps its parts.
 * - `accepted` of the last job sets PRODUCTION_WAITING and publishes `order.dispatched.mes` per job and
 *   `order.status.changed`, all in that transaction.
 * - Jobs of the sandbox count as not existing in live mode. Events and history carry the order's correlation id.
 *
 * Knows no HTTP and no format of the plant: that is the adapter's.
 */
import { Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { DispatchOrderToMes } from "../../domain/events/Commands.ts"
import { OrderDispatchedMes } from "../../domain/events/DomainEvents.ts"
import { ChoiceId, type EventId, now, OrderId, ProductId } from "../../domain/Ids.ts"
import type { JobMode } from "../../domain/MesJob.ts"
import { OrderStatus, orderStatusFromJobs, transition } from "../../domain/OrderStatus.ts"
import { MesMappings } from "../catalog/MesMappings.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { type DispatchPlan, makePlanning } from "./DispatchPlan.ts"
import { Notifications } from "./Notifications.ts"
import { OrderNotFound } from "./Orders.ts"
import { type JobRow, makeProductionRows, type OrderRow } from "./ProductionRows.ts"
import { makeApplyStatus } from "./StatusChanges.ts"

/** Leave to call the plant for a job. */
export interface JobAttempt {
  readonly idempotencyKey: string
  readonly attempt: number
}

/** The plant gave an id that it gave to another job of the order. Nothing was stored. */
export class DuplicateJobId extends Schema.TaggedError<DuplicateJobId>()("DuplicateJobId", {
  mesJobId: Schema.String
}) {}

/** A manual dispatch makes no sense now. HTTP 409. */
export class NotDispatchable extends Schema.TaggedError<NotDispatchable>()("NotDispatchable", {
  orderId: OrderId,
  status: OrderStatus,
  reason: Schema.Literals(["not-confirmed", "already-dispatched", "needs-attention"])
}) {}

/** A manual dispatch would only block. HTTP 409 `mapping-unverified`. */
export class MappingUnverified extends Schema.TaggedError<MappingUnverified>()("MappingUnverified", {
  orderId: OrderId,
  choiceIds: Schema.Array(ChoiceId),
  /** Products without an active MES item. */
  productIds: Schema.Array(ProductId)
}) {}

export class Production extends Context.Service<
  Production,
  {
    /** Judges the order as it is now, and keeps the verdict. Repeating it is harmless. */
    readonly plan: (orderId: OrderId, mode: JobMode) => Effect.Effect<DispatchPlan>
    /**
     * To be asked before each call for a job; from then on the plant may know it. Null when the order is no longer to be
     * dispatched, or the job was accepted meanwhile.
     */
    readonly begin: (jobId: number, mode: JobMode) => Effect.Effect<JobAttempt | null>
    /** The plant accepted. Stored even if the order was cancelled meanwhile (with a notification). Repeatable. */
    readonly accepted: (jobId: number, mode: JobMode, mesJobId: string) => Effect.Effect<void, DuplicateJobId>
    /** The plant refused this attempt: the next one gets another key. */
    readonly rejected: (jobId: number, attempt: number) => Effect.Effect<void>
    /** Appends a dispatch command for each order blocked by this choice. */
    readonly releaseByChoice: (choiceId: ChoiceId) => Effect.Effect<ReadonlyArray<OrderId>>
    /** The same for orders blocked with `no-mes-item` by this product. */
    readonly releaseByProduct: (productId: ProductId) => Effect.Effect<ReadonlyArray<OrderId>>
    /** Endpoint 9: checks, keeps the memo and appends the dispatch command; gives its event id. */
    readonly requestDispatch: (
      orderId: OrderId,
      options: { readonly memo: string | null }
    ) => Effect.Effect<EventId, OrderNotFound | NotDispatchable | MappingUnverified>
  }
>()("hub/services/orders/Production") {
  static readonly layer = Layer.effect(
    Production,
    Effect.suspend(() => make)
  )
}

const decodeOrderRefs = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ orderId: OrderId, correlationId: Schema.String }))
)

const make = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus
  const mappings = yield* MesMappings
  const notifications = yield* Notifications
  const { sql } = database
  const rows = makeProductionRows(database)
  const planning = makePlanning(database, rows, mappings, notifications)
  const applyStatus = makeApplyStatus(database, bus)

  /** If every job is accepted, the order is with the plant. */
  const finish = Effect.fnUntraced(function* (order: OrderRow) {
    const jobs = yield* rows.jobs(order.orderId)
    const to = orderStatusFromJobs(jobs.map((job) => job.status))
    if (transition("mes", order.status, to) !== "Changed") return
    for (const { mesJobId } of jobs) {
      if (mesJobId !== null) {
        yield* Effect.orDie(
          bus.publish(OrderDispatchedMes, { orderId: order.orderId, mesJobId }, { correlationId: order.correlationId })
        )
      }
    }
    yield* applyStatus({
      orderId: order.orderId,
      from: order.status,
      to,
      actor: "mes",
      reason: null,
      correlationId: order.correlationId
    })
  })

  const plan: Production["Service"]["plan"] = Effect.fn("Production.plan")(function* (orderId, mode) {
    return yield* database.transaction(
      Effect.gen(function* (): Effect.fn.Return<DispatchPlan> {
        const order = yield* rows.lockOrder(orderId)
        if (order === undefined) return { _tag: "Skip", reason: "unknown-order" }
        const verdict = yield* planning.plan(order, mode)
        if (verdict._tag === "Ready" && verdict.jobs.length === 0) yield* finish(order)
        return verdict
      })
    )
  })

  /** The job with its order, the order under lock. */
  const lockJob = Effect.fnUntraced(function* (jobId: number) {
    const orderId = yield* rows.orderOf(jobId)
    const order = orderId === undefined ? undefined : yield* rows.lockOrder(orderId)
    if (order === undefined) return undefined
    const jobs = yield* rows.jobs(order.orderId)
    const job = jobs.find((one) => one.id === jobId)
    return job === undefined ? undefined : { order, jobs, job }
  })

  const begin: Production["Service"]["begin"] = Effect.fn("Production.begin")(function* (jobId, mode) {
    return yield* database.transaction(
      Effect.gen(function* () {
        const found = yield* lockJob(jobId)
        if (found === undefined) return null
        const { job, order } = found
        if (order.status !== "CONFIRMED" || order.needsAttention) return null
        if (job.mode !== mode || job.mesJobId !== null) return null
        if (!job.begun) yield* Effect.orDie(sql`update mes_jobs set begun_at = ${yield* now} where id = ${jobId}`)
        return { idempotencyKey: idempotencyKey(job), attempt: job.attempt }
      })
    )
  })

  const accepted: Production["Service"]["accepted"] = Effect.fn("Production.accepted")(
    function* (jobId, mode, mesJobId) {
      yield* database.transaction(
        Effect.gen(function* () {
          const found = yield* lockJob(jobId)
          if (found === undefined || found.job.mode !== mode) {
            return yield* Effect.die(`no job ${jobId} in mode ${mode}`)
          }
          const { job, jobs, order } = found
          if (job.mesJobId === mesJobId) return
          if (job.mesJobId !== null || jobs.some((one) => one.mode === mode && one.mesJobId === mesJobId)) {
            return yield* new DuplicateJobId({ mesJobId })
          }
          const at = yield* now
          yield* Effect.orDie(sql`
          update mes_jobs
          set mes_job_id = ${mesJobId}, status = 'PRODUCTION_WAITING', begun_at = coalesce(begun_at, ${at}),
            updated_at = ${at}
          where id = ${jobId}`)
          if (order.status === "CONFIRMED") return yield* finish(order)
          yield* notifications.record({
            kind: "job-of-closed-order",
            message: `The MES accepted job ${mesJobId} for order ${order.orderId}, which is ${order.status} by now`,
            subject: `order:${order.orderId}`,
            correlationId: order.correlationId
          })
        })
      )
    }
  )

  const rejected: Production["Service"]["rejected"] = Effect.fn("Production.rejected")(function* (jobId, attempt) {
    yield* sql`
      update mes_jobs set attempt = attempt + 1, begun_at = null, updated_at = ${yield* now}
      where id = ${jobId} and attempt = ${attempt} and mes_job_id is null`
  }, Effect.orDie)

  const release = Effect.fnUntraced(function* (blocked: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>) {
    return yield* database.transaction(
      Effect.gen(function* () {
        const orders = yield* Effect.flatMap(blocked, decodeOrderRefs)
        for (const { correlationId, orderId } of orders) {
          yield* bus.publish(DispatchOrderToMes, { orderId, memo: null }, { correlationId })
        }
        return orders.map((order) => order.orderId)
      })
    )
  }, Effect.orDie)

  const releaseByChoice: Production["Service"]["releaseByChoice"] = Effect.fn("Production.releaseByChoice")(
    (choiceId) =>
      release(sql`
        select id as "orderId", correlation_id as "correlationId" from orders
        where status = 'CONFIRMED' and blocked_choice_ids @> array[${choiceId}]::integer[] order by created_at, id`)
  )

  const releaseByProduct: Production["Service"]["releaseByProduct"] = Effect.fn("Production.releaseByProduct")(
    (productId) =>
      release(sql`
        select id as "orderId", correlation_id as "correlationId" from orders
        where status = 'CONFIRMED' and blocked_product_ids @> array[${productId}]::integer[] order by created_at, id`)
  )

  const requestDispatch: Production["Service"]["requestDispatch"] = Effect.fn("Production.requestDispatch")(function* (
    orderId,
    { memo }
  ) {
    return yield* database.transaction(
      Effect.gen(function* () {
        const order = yield* rows.lockOrder(orderId)
        if (order === undefined) return yield* new OrderNotFound({ orderId })
        const { status } = order
        if (status === "PENDING" || status === "CANCELLED") {
          return yield* new NotDispatchable({ orderId, status, reason: "not-confirmed" })
        }
        if (status !== "CONFIRMED") {
          return yield* new NotDispatchable({ orderId, status, reason: "already-dispatched" })
        }
        if (order.needsAttention) return yield* new NotDispatchable({ orderId, status, reason: "needs-attention" })
        const verdict = yield* planning.judge(yield* rows.items(orderId), yield* rows.jobs(orderId), { lock: false })
        const [choiceIds, productIds] = [verdict.missingChoices, verdict.missingItems]
        if (choiceIds.length > 0 || productIds.length > 0) {
          return yield* new MappingUnverified({ orderId, choiceIds, productIds })
        }
        if (memo !== null) {
          yield* Effect.orDie(sql`update orders set memo = ${memo}, updated_at = ${yield* now} where id = ${orderId}`)
        }
        const event = yield* Effect.orDie(bus.publish(DispatchOrderToMes, { orderId, memo }))
        return event.metadata.id
      })
    )
  })

  return Production.of({
    plan,
    begin,
    accepted,
    rejected,
    releaseByChoice,
    releaseByProduct,
    requestDispatch
  })
})

/** The same for every call of one attempt, also after a crash; never used for another job. */
const idempotencyKey = (job: JobRow): string =>
  `${job.orderId}-${job.orderItemId}-${job.part ?? "whole"}-${job.attempt}`
