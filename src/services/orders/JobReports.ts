/**
 * How far the plant is: takes its reports, by callback or asked for, and moves jobs and orders forward.
 *
 * Guarantees: a job never goes back; an order has the status of its slowest job and never goes back either, nor does a
 * report revive a cancelled one; job, order, history and event change in one transaction, under a lock on the order.
 * Jobs of another mode count as not existing. Events and history carry the order's correlation id.
 */
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { now, OrderId } from "../../domain/Ids.ts"
import type { JobCallback, JobMode, StatusChange } from "../../domain/MesJob.ts"
import { JobStatus, jobTransition, orderStatusFromJobs, transition } from "../../domain/OrderStatus.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { InvalidStateTransition, OrderNotFound } from "./Orders.ts"
import { makeProductionRows } from "./ProductionRows.ts"
import { makeApplyStatus } from "./StatusChanges.ts"

const OpenJob = Schema.Struct({
  id: Schema.Int,
  orderId: OrderId,
  correlationId: Schema.String,
  mesJobId: Schema.String,
  status: JobStatus
})
/** A job that the plant is working on. */
export type OpenJob = typeof OpenJob.Type

/** No such job for this order in this mode. HTTP 404. */
export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", {
  orderId: OrderId,
  mesJobId: Schema.String
}) {}

/** The order's dispatch is still under way: the report must come again. HTTP 503 with Retry-After. */
export class DispatchNotFinished extends Schema.TaggedError<DispatchNotFinished>()("DispatchNotFinished", {
  orderId: OrderId,
  /** Suggested wait. */
  retryAfterSeconds: Schema.Int
}) {}

export class JobReports extends Context.Service<
  JobReports,
  {
    readonly apply: (
      orderId: OrderId,
      mode: JobMode,
      report: JobCallback
    ) => Effect.Effect<StatusChange, OrderNotFound | JobNotFound | DispatchNotFinished | InvalidStateTransition>
    /** Jobs of this mode that are not SHIPPED, of orders that are with the plant; by id, after `after`. */
    readonly openJobs: (
      mode: JobMode,
      options: { readonly after: number; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<OpenJob>>
  }
>()("hub/services/orders/JobReports") {
  static readonly layer = Layer.effect(
    JobReports,
    Effect.suspend(() => make)
  )
}

const retryAfterSeconds = 5

const decodeOpenJobs = Schema.decodeUnknownEffect(Schema.Array(OpenJob))

const make = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus
  const { sql } = database
  const rows = makeProductionRows(database)
  const applyStatus = makeApplyStatus(database, bus)

  const apply: JobReports["Service"]["apply"] = Effect.fn("JobReports.apply")(function* (orderId, mode, report) {
    return yield* database.transaction(
      Effect.gen(function* () {
        const order = yield* rows.lockOrder(orderId)
        if (order === undefined) return yield* new OrderNotFound({ orderId })
        const jobs = (yield* rows.jobs(orderId)).filter((job) => job.mode === mode)
        const job = jobs.find((one) => one.mesJobId === report.mesJobId)
        const inDoubt = jobs.some((one) => one.begun && one.mesJobId === null)
        if (order.status === "CONFIRMED" || (job === undefined && inDoubt)) {
          return yield* new DispatchNotFinished({ orderId, retryAfterSeconds })
        }
        if (job === undefined || job.status === null) {
          return yield* new JobNotFound({ orderId, mesJobId: report.mesJobId })
        }

        const verdict = jobTransition(job.status, report.status)
        if (verdict === "Illegal") {
          return yield* new InvalidStateTransition({
            orderId,
            mesJobId: report.mesJobId,
            from: job.status,
            to: report.status
          })
        }
        const barcode = report.barcode ?? job.barcode
        const changed = verdict === "Changed" || barcode !== job.barcode
        if (changed) {
          yield* Effect.orDie(sql`
          update mes_jobs
          set status = ${report.status}, barcode = ${barcode}, updated_at = ${yield* now},
            occurred_at = coalesce(${instant(report.occurredAt)}::timestamptz, occurred_at)
          where id = ${job.id}`)
        }

        const slowest = orderStatusFromJobs(jobs.map((one) => (one.id === job.id ? report.status : one.status)))
        const moves = transition("mes", order.status, slowest) === "Changed"
        if (moves) {
          yield* applyStatus({
            orderId,
            from: order.status,
            to: slowest,
            actor: "mes",
            reason: null,
            correlationId: order.correlationId,
            source: "mes"
          })
        }
        return { orderId, previousStatus: order.status, status: moves ? slowest : order.status, changed }
      })
    )
  })

  const openJobs: JobReports["Service"]["openJobs"] = Effect.fn("JobReports.openJobs")(function* (mode, options) {
    return yield* Effect.flatMap(
      sql`
        select j.id, j.order_id as "orderId", o.correlation_id as "correlationId", j.mes_job_id as "mesJobId", j.status
        from mes_jobs j join orders o on o.id = j.order_id
        where j.mode = ${mode} and j.status <> 'SHIPPED' and j.id > ${options.after}
          and o.status in ('PRODUCTION_WAITING', 'PRODUCING', 'PRODUCTION_DONE', 'SHIPPED')
        order by j.id limit ${options.limit}`,
      decodeOpenJobs
    )
  }, Effect.orDie)

  return JobReports.of({ apply, openJobs })
})

/** One form for the database, whatever zone it came in. */
const instant = (text: string | undefined): string | null =>
  text === undefined ? null : Option.getOrNull(Option.map(DateTime.make(text), DateTime.formatIso))
