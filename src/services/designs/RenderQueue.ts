/**
 * The render jobs as their worker needs them: who may carry a job, how far it is, when it goes on.
 *
 * Guarantees
 * - A job is carried by one holder at a time, in any number of processes: it is claimed for a time, and every write names
 *   the claim, so a holder who was believed dead and wakes up late can change nothing (`ClaimLost`).
 * - Of one project one job is carried at a time, in the order they were asked for.
 * - What a call may cause at Edicus is on record before the call: `place`, `hold` with a step.
 * - A job that ends changes its design, or tells the operator, in the same transaction.
 *
 * Claims are judged by the clocks of the hubs: those must agree to within a few seconds. Knows no HTTP and no format of
 * Edicus.
 */
import { Clock, Context, Effect, Layer, type Queue, Schema, type Scope } from "effect"
import type { Statement } from "effect/sql"
import { EdicusMode, OutputFormat } from "../../domain/Design.ts"
import { DesignId, now, RenderJobId } from "../../domain/Ids.ts"
import { RenderStep } from "../../domain/RenderStep.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import * as Signals from "../events/Signals.ts"
import { isoOf } from "../events/Time.ts"
import { Notifications } from "../orders/Notifications.ts"
import { Database } from "../storage/Database.ts"

const ClaimedRender = Schema.Struct({
  renderJobId: RenderJobId,
  designId: DesignId,
  projectId: Schema.String,
  outputFormat: OutputFormat,
  step: RenderStep,
  /** The mode it was begun in. */
  mode: EdicusMode,
  /** Attempts that failed since the last one that got an answer. */
  failures: Schema.Int,
  /** How often Edicus was asked since the render began. */
  polls: Schema.Int,
  /** What went wrong last; null = nothing. */
  problem: Schema.NullOr(Schema.String),
  /** Epoch milliseconds at which it was first taken up: its deadline counts from there. */
  begunAt: Schema.Finite,
  correlationId: Schema.String,
  /** The number of this claim. */
  claim: Schema.Int
})
/** A job in the hands of a worker. */
export type ClaimedRender = typeof ClaimedRender.Type

/** Another holder has the job by now. Nothing was changed. */
export class ClaimLost extends Schema.TaggedError<ClaimLost>()("ClaimLost", { renderJobId: RenderJobId }) {}

const KnownOrder = Schema.Struct({
  /** Its name at Edicus: the id of the job that placed it. */
  partnerOrderId: Schema.String,
  /** Null = it is not known whether it was placed. */
  orderId: Schema.NullOr(Schema.Finite)
})
/** The order of a project, as far as the hub knows it. */
export type KnownOrder = typeof KnownOrder.Type

type Fenced<A> = Effect.Effect<A, ClaimLost>

export class RenderQueue extends Context.Service<
  RenderQueue,
  {
    /** Claims jobs that are due and whose turn it is. With `begunBefore` (epoch ms) only those begun by then. */
    readonly claim: (options: {
      readonly mode: EdicusMode
      readonly limit: number
      readonly leaseMillis: number
      readonly begunBefore?: number
    }) => Effect.Effect<ReadonlyArray<ClaimedRender>>
    /** From now on the time of the jobs that could be claimed runs, though nothing can be done for them yet. */
    readonly begin: Effect.Effect<void>
    /** Epoch ms at which the next job can be claimed, by what is known now; null = there is none. */
    readonly nextDue: Effect.Effect<number | null>
    /** Frees the jobs that an earlier process has left. Only for a database that no other process can use. */
    readonly freeAll: Effect.Effect<void>

    /** Keeps the claim for another `leaseMillis`, and records the step when it is given. Before each call. */
    readonly hold: (job: ClaimedRender, leaseMillis: number, step?: RenderStep) => Fenced<void>
    /** The order of the job's project in its mode; null = none was ever placed. */
    readonly order: (job: ClaimedRender) => Effect.Effect<KnownOrder | null>
    /** Records that an order may be placed from now on, under the name that this gives. */
    readonly place: (job: ClaimedRender, leaseMillis: number) => Fenced<KnownOrder>
    /** Keeps the id of the project's order. False, and nothing changed: it is the id of another project's order. */
    readonly keepOrder: (job: ClaimedRender, orderId: number) => Fenced<boolean>
    /** Edicus refused the order, so it has none: the next job begins afresh. */
    readonly forgetOrder: (job: ClaimedRender) => Fenced<void>

    /** Gives the job back, to go on at `dueAt` (epoch ms). */
    readonly wait: (
      job: ClaimedRender,
      next: Pick<ClaimedRender, "failures" | "polls" | "problem"> & { readonly dueAt: number }
    ) => Fenced<void>
    /** Gives the job back as it is. */
    readonly release: (job: ClaimedRender) => Effect.Effect<void>
    readonly complete: (job: ClaimedRender, renderedFileUrl: string) => Fenced<void>
    readonly fail: (job: ClaimedRender, reason: string) => Fenced<void>

    /** Tells the workers of this process that there may be something to do. */
    readonly signal: () => void
    readonly news: Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
  }
>()("hub/services/designs/RenderQueue") {
  static readonly layer = Layer.effect(
    RenderQueue,
    Effect.suspend(() => make)
  )
}

const claimedRows = rowsOf(ClaimedRender.fields)
const orderRows = rowsOf(KnownOrder.fields)
const idRows = rowsOf({ id: RenderJobId })
const dueRows = rowsOf({ dueAt: Schema.NullOr(Schema.Finite) })

const make = Effect.gen(function* () {
  const database = yield* Database
  const notifications = yield* Notifications
  const { sql } = database
  const signals = Signals.make()

  const isoNow = Effect.map(Clock.currentTimeMillis, isoOf)
  const leaseEnd = (leaseMillis: number) => Effect.map(Clock.currentTimeMillis, (millis) => isoOf(millis + leaseMillis))

  /** Not ended, and no other job of the project comes first. */
  const hasTurn = sql.literal(`
    c.status in ('queued', 'processing') and (c.status = 'processing' or not exists (
      select from render_jobs o
      where o.project_id = c.project_id and o.id <> c.id and o.status in ('queued', 'processing')
        and (o.status = 'processing' or (o.created_at, o.id) < (c.created_at, c.id))
    ))`)

  const claim: RenderQueue["Service"]["claim"] = Effect.fn("RenderQueue.claim")(function* (options) {
    const at = yield* isoNow
    const begunBefore = options.begunBefore === undefined ? null : isoOf(options.begunBefore)
    return yield* claimedRows(sql`
      with claimable as materialized (
        select c.id from render_jobs c
        where ${hasTurn} and c.due_at <= ${at}::timestamptz
          and (c.leased_until is null or c.leased_until <= ${at}::timestamptz)
          and (${begunBefore}::timestamptz is null or c.begun_at <= ${begunBefore}::timestamptz)
        order by c.due_at, c.id limit ${options.limit} for update skip locked
      )
      update render_jobs j
      set status = 'processing', mode = coalesce(j.mode, ${options.mode}),
        begun_at = coalesce(j.begun_at, ${at}::timestamptz), claim = j.claim + 1,
        leased_until = ${yield* leaseEnd(options.leaseMillis)}::timestamptz
      from claimable where j.id = claimable.id
      returning j.id as "renderJobId", j.design_id as "designId", j.project_id as "projectId",
        j.output_format as "outputFormat", j.step, j.mode, j.failures, j.polls, j.problem,
        round(extract(epoch from j.begun_at) * 1000)::float8 as "begunAt", j.correlation_id as "correlationId", j.claim`)
  })

  const begin = Effect.gen(function* () {
    const at = yield* isoNow
    yield* sql`
      update render_jobs c set begun_at = ${at}::timestamptz
      where ${hasTurn} and c.begun_at is null and c.due_at <= ${at}::timestamptz`
  }).pipe(Effect.orDie, Effect.withSpan("RenderQueue.begin"))

  const nextDue = Effect.map(
    dueRows(sql`
      select round(extract(epoch from min(greatest(c.due_at, c.leased_until))) * 1000)::float8 as "dueAt"
      from render_jobs c where ${hasTurn}`),
    ([row]) => row?.dueAt ?? null
  ).pipe(Effect.withSpan("RenderQueue.nextDue"))

  const freeAll = Effect.orDie(
    Effect.asVoid(sql`update render_jobs set leased_until = null where leased_until is not null`)
  )

  /** A change of the job by its holder. */
  const change = Effect.fnUntraced(function* (job: ClaimedRender, set: Statement.Fragment) {
    const [changed] = yield* idRows(sql`
      update render_jobs set ${set} where id = ${job.renderJobId} and claim = ${job.claim} and status = 'processing'
      returning id`)
    if (changed === undefined) return yield* new ClaimLost({ renderJobId: job.renderJobId })
  })

  const hold: RenderQueue["Service"]["hold"] = Effect.fn("RenderQueue.hold")(function* (job, leaseMillis, step) {
    yield* change(
      job,
      sql.csv([
        sql`leased_until = ${yield* leaseEnd(leaseMillis)}::timestamptz`,
        ...(step === undefined ? [] : [sql`step = ${step}`])
      ])
    )
  })

  const order: RenderQueue["Service"]["order"] = Effect.fn("RenderQueue.order")(function* (job) {
    const [row] = yield* orderRows(sql`
      select partner_order_id as "partnerOrderId", order_id::float8 as "orderId" from edicus_orders
      where project_id = ${job.projectId} and mode = ${job.mode}`)
    return row ?? null
  })

  const place: RenderQueue["Service"]["place"] = Effect.fn("RenderQueue.place")(function* (job, leaseMillis) {
    yield* hold(job, leaseMillis, "ordering")
    yield* Effect.orDie(sql`
      insert into edicus_orders (project_id, mode, partner_order_id, created_at)
      values (${job.projectId}, ${job.mode}, ${job.renderJobId}, ${yield* now}::timestamptz)
      on conflict (project_id, mode) do nothing`)
    return (yield* order(job)) ?? (yield* Effect.die("an order was not recorded"))
  }, database.transaction)

  const keepOrder: RenderQueue["Service"]["keepOrder"] = Effect.fn("RenderQueue.keepOrder")(function* (job, orderId) {
    yield* change(job, sql.csv([sql`step = step`]))
    const kept = yield* Effect.orDie(sql`
      update edicus_orders set order_id = ${orderId}::bigint
      where project_id = ${job.projectId} and mode = ${job.mode} and not exists (
        select from edicus_orders o
        where o.mode = ${job.mode} and o.order_id = ${orderId}::bigint and o.project_id <> ${job.projectId}
      )
      returning project_id`)
    return kept.length > 0
  }, database.transaction)

  const forgetOrder: RenderQueue["Service"]["forgetOrder"] = Effect.fn("RenderQueue.forgetOrder")(function* (job) {
    yield* change(job, sql.csv([sql`step = 'waiting'`]))
    yield* Effect.orDie(sql`
      delete from edicus_orders where project_id = ${job.projectId} and mode = ${job.mode} and order_id is null`)
  }, database.transaction)

  const wait: RenderQueue["Service"]["wait"] = Effect.fn("RenderQueue.wait")(function* (job, next) {
    yield* change(
      job,
      sql.csv([
        sql`leased_until = null`,
        sql`due_at = ${isoOf(Math.ceil(next.dueAt))}::timestamptz`,
        sql`failures = ${next.failures}`,
        sql`polls = ${next.polls}`,
        sql`problem = ${next.problem}`
      ])
    )
  })

  const release: RenderQueue["Service"]["release"] = Effect.fn("RenderQueue.release")(function* (job) {
    yield* sql`
      update render_jobs set leased_until = null where id = ${job.renderJobId} and claim = ${job.claim}`
  }, Effect.orDie)

  const end = Effect.fnUntraced(function* (job: ClaimedRender, set: ReadonlyArray<Statement.Fragment>) {
    yield* change(job, sql.csv([sql`leased_until = null`, sql`completed_at = ${yield* isoNow}::timestamptz`, ...set]))
  })

  const complete: RenderQueue["Service"]["complete"] = Effect.fn("RenderQueue.complete")(function* (job, url) {
    yield* end(job, [sql`status = 'completed'`, sql`rendered_file_url = ${url}`])
    // A file of the sandbox does not take the place of a real one.
    yield* Effect.orDie(sql`
      update designs
      set rendered_file_url = ${url}, rendered_mode = ${job.mode},
        updated_at = greatest(updated_at, ${yield* isoNow}::timestamptz)
      where id = ${job.designId} and (rendered_mode is distinct from 'live' or ${job.mode} = 'live')`)
  }, database.transaction)

  const fail: RenderQueue["Service"]["fail"] = Effect.fn("RenderQueue.fail")(function* (job, reason) {
    yield* end(job, [sql`status = 'failed'`, sql`problem = ${reason}`])
    yield* notifications.record({
      kind: "render-failed",
      message: `Render job ${job.renderJobId} of design ${job.designId} failed: ${reason}`,
      subject: `render:${job.renderJobId}`,
      correlationId: job.correlationId
    })
  }, database.transaction)

  return RenderQueue.of({
    claim,
    begin,
    nextDue,
    freeAll,
    hold,
    order,
    place,
    keepOrder,
    forgetOrder,
    wait,
    release,
    complete,
    fail,
    signal: signals.signal,
    news: signals.listen
  })
})
