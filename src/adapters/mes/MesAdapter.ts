/**
 * Brings confirmed orders to the print plant and follows their jobs (specification, section 7, MES).
 *
 * Guarantees: an order whose choices are all verified becomes one job per (order item, part), once, whatever is
 * repeated, lost or interrupted on the way; an order with something missing makes no call and goes by itself when the
 * last of it is there. Events only say that something changed: each time the present state is loaded and judged
 * (`Production`), so a late or replayed event sets nothing back. Calls and events about an order carry the order's own
 * correlation id. Retries, waiting and dead letters are Delivery's.
 *
 * Does not guarantee that the plant makes nothing of a cancelled order: it knows no cancellation.
 */
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { DispatchOrderToMes, ReleaseOrdersToMes } from "../../domain/events/Commands.ts"
import { MappingMesVerified, OrderCreated, OrderStatusChanged } from "../../domain/events/DomainEvents.ts"
import type { EventOf } from "../../domain/events/Event.ts"
import type { OrderId } from "../../domain/Ids.ts"
import { type IntegrationError, Invalid, Rejected } from "../../domain/IntegrationError.ts"
import type { JobMode } from "../../domain/MesJob.ts"
import { underCorrelation } from "../../services/events/EventContext.ts"
import { type Adapter, makeAdapter } from "../../services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import * as OutboundHttp from "../../services/integrations/OutboundHttp.ts"
import type { PlannedJob } from "../../services/orders/DispatchPlan.ts"
import { JobReports, type OpenJob } from "../../services/orders/JobReports.ts"
import { Production } from "../../services/orders/Production.ts"
import { CallRecorder } from "../../services/providers/CallRecorder.ts"
import { CircuitBreakers } from "../../services/resilience/CircuitBreakers.ts"
import { CircuitSettings } from "../../services/resilience/CircuitSettings.ts"
import * as RetryPolicy from "../../services/resilience/RetryPolicy.ts"
import { MesContract } from "./MesContract.ts"
import { DispatchOutcomeFromMes, JobProgressFromMes, ProductionJobFromMes } from "./MesMapper.ts"
import { MesSettings, MesTransport } from "./MesTransport.ts"

const events = [OrderCreated, OrderStatusChanged, MappingMesVerified, DispatchOrderToMes, ReleaseOrdersToMes] as const
type MesEvents = (typeof events)[number]

export class MesAdapter extends Context.Service<
  MesAdapter,
  {
    readonly adapter: Adapter<MesEvents>
    /** Asks the plant for every job that it has not shipped yet. Stops when the plant does not answer. Never fails. */
    readonly sweep: Effect.Effect<void>
  }
>()("hub/adapters/mes/MesAdapter") {
  static readonly layer = Layer.effect(
    MesAdapter,
    Effect.suspend(() => make)
  )

  /** Registers the adapter, which starts its delivery, and sweeps on schedule (MES_SWEEP, default 5 minutes). */
  static readonly layerRegistered = Layer.effectDiscard(
    Effect.gen(function* () {
      const { adapter, sweep } = yield* MesAdapter
      const registry = yield* AdapterRegistry
      const settings = yield* MesSettings
      yield* registry.register(adapter)
      if (settings.mode !== "off") {
        yield* Effect.forkScoped(Effect.schedule(sweep, Schedule.spaced(settings.sweep)))
      }
    })
  ).pipe(Layer.provideMerge(MesAdapter.layer))
}

const name = "mes"
const dispatchOperation = "POST /dispatch"

const make = Effect.gen(function* () {
  const settings = yield* MesSettings
  const production = yield* Production
  const reports = yield* JobReports
  const breakers = yield* CircuitBreakers
  const breaker = yield* breakers.make({
    name,
    settings: CircuitSettings.make({
      failures: settings.breaker.failures,
      openFor: settings.breaker.openFor,
      halfOpenLimit: settings.breaker.halfOpenLimit
    })
  })
  const outbound = OutboundHttp.make({
    adapter: name,
    baseUrl: settings.baseUrl ?? "http://mes.sandbox",
    httpClient: yield* MesTransport,
    breaker,
    timeout: settings.timeout,
    headers: settings.apiKey === null ? {} : { "x-api-key": settings.apiKey },
    mode: settings.mode === "live" ? "live" : "sandbox",
    recorder: yield* CallRecorder
  })
  const mes = yield* outbound.api(MesContract)

  /** Hands one job to the plant; false = the order is no longer to be dispatched. */
  const send = Effect.fnUntraced(function* ({ id, job }: PlannedJob, mode: JobMode) {
    const payload = yield* encodeJob(job)
    const leave = yield* production.begin(id, mode)
    if (leave === null) return false
    const answer = yield* outbound.call(
      dispatchOperation,
      mes.jobs.dispatch({ headers: { "idempotency-key": leave.idempotencyKey }, payload })
    )
    const outcome = yield* decodeOutcome(answer)
    if (outcome._tag === "Refused") {
      yield* production.rejected(id, leave.attempt)
      const reason = outcome.reason ?? "without saying why"
      return yield* new Rejected({
        adapter: name,
        operation: dispatchOperation,
        message: `The MES refused ${job.itemCode}: ${reason.slice(0, 500)}`
      })
    }
    if (outcome.itemCode !== job.itemCode) {
      yield* Effect.logWarning(`The MES makes ${outcome.itemCode} where ${job.itemCode} was asked for`)
    }
    yield* production
      .accepted(id, mode, outcome.mesJobId)
      .pipe(
        Effect.catchTag("DuplicateJobId", () =>
          Effect.fail(
            invalid(dispatchOperation, `The MES gave the job id ${outcome.mesJobId} to two jobs of the order`)
          )
        )
      )
    yield* Effect.logInfo(`The MES accepted job ${outcome.mesJobId}`)
    return true
  })

  const dispatch = Effect.fn("MesAdapter.dispatch")(
    function* (orderId: OrderId) {
      if (settings.mode === "off") return
      const { mode } = settings
      const plan = yield* production.plan(orderId, mode)
      switch (plan._tag) {
        case "Skip":
          return yield* plan.reason === "live-jobs"
            ? Effect.logWarning("Not dispatched: the order may have jobs at the real MES")
            : Effect.logDebug(`Not dispatched: ${plan.reason}`)
        case "Blocked":
          return yield* Effect.logWarning("Not dispatched: not everything is mapped and verified").pipe(
            Effect.annotateLogs({ choiceIds: plan.choiceIds, productIds: plan.productIds }),
            underCorrelation(plan.correlationId, name)
          )
        case "Ready":
          return yield* Effect.gen(function* () {
            // One after the other: when the plant refuses one job of an order, it is not given the next.
            for (const job of plan.jobs) {
              const goOn = yield* send(job, mode)
              if (!goOn) return
            }
          }).pipe(underCorrelation(plan.correlationId, name))
      }
    },
    (effect, orderId) => Effect.annotateLogs(effect, { orderId })
  )

  const handle = (event: EventOf<MesEvents>): Effect.Effect<void, IntegrationError> => {
    switch (event.type) {
      case "order.created":
      case "command.mes.dispatch-order":
        return dispatch(event.payload.orderId)
      case "order.status.changed":
        return event.payload.to === "CONFIRMED" ? dispatch(event.payload.orderId) : Effect.void
      case "mapping.mes.verified":
        return Effect.asVoid(production.releaseByChoice(event.payload.choiceId))
      case "command.mes.release-orders":
        return Effect.asVoid(production.releaseByProduct(event.payload.productId))
    }
  }

  /** False = the plant does not answer: no use asking for more. */
  const ask = Effect.fnUntraced(
    function* (job: OpenJob, mode: JobMode) {
      const answer = yield* outbound.call("GET /jobs/{mesJobId}", mes.jobs.get({ params: { mesJobId: job.mesJobId } }))
      const progress = yield* decodeProgress(answer)
      if (progress.mesJobId !== job.mesJobId || progress.orderId !== job.orderId) {
        yield* Effect.logWarning(`Asked for job ${job.mesJobId}, the MES told of ${progress.mesJobId}`)
        return true
      }
      yield* reports.apply(job.orderId, mode, { mesJobId: job.mesJobId, status: progress.status })
      return true
    },
    (effect, job, mode) =>
      effect.pipe(
        Effect.catchTag(["Transient", "Ambiguous", "RateLimited", "CircuitOpen", "Unauthorized"], (error) =>
          Effect.as(Effect.logDebug(`Sweep ended early: ${error.message}`), false)
        ),
        Effect.catch((error) =>
          // A sandbox that was restarted has forgotten its jobs.
          Effect.logWithLevel(error._tag === "Rejected" && mode === "live" ? "Warn" : "Debug")(
            `Job ${job.mesJobId} was not brought up to date: ${error._tag}`
          ).pipe(Effect.as(true))
        ),
        Effect.annotateLogs({ orderId: job.orderId }),
        underCorrelation(job.correlationId, name)
      )
  )

  const sweepMode = Effect.fnUntraced(function* (mode: JobMode) {
    let after = 0
    while (true) {
      const jobs = yield* reports.openJobs(mode, { after, limit: sweepPage })
      for (const job of jobs) {
        const goOn = yield* ask(job, mode)
        if (!goOn) return
        after = job.id
      }
      if (jobs.length < sweepPage) return
    }
  })

  const sweep = Effect.suspend(() => (settings.mode === "off" ? Effect.void : sweepMode(settings.mode))).pipe(
    Effect.catchCause((cause) => Effect.logError("The MES sweep failed", cause)),
    Effect.withSpan("MesAdapter.sweep")
  )

  const retry =
    settings.retries === null ? RetryPolicy.orderDispatch : { ...RetryPolicy.orderDispatch, retries: settings.retries }

  return MesAdapter.of({
    adapter: makeAdapter({
      name,
      mode: settings.mode,
      breaker,
      events: events.map((definition) => ({ definition, retry })),
      handle,
      // By its status alone: what stands in the body is the plant's.
      healthCheck: Effect.as(outbound.probe("GET /health", outbound.client.get("/health")), true)
    }),
    sweep
  })
})

/** Jobs read at once by the sweep. */
const sweepPage = 100

const encodeJob = (job: PlannedJob["job"]) =>
  Schema.encodeEffect(ProductionJobFromMes)(job).pipe(
    Effect.mapError((error) => invalid(dispatchOperation, "The order cannot be written for the MES", error))
  )

const decodeOutcome = (answer: typeof DispatchOutcomeFromMes.Encoded) =>
  Schema.decodeEffect(DispatchOutcomeFromMes)(answer).pipe(
    Effect.mapError((error) => invalid(dispatchOperation, "The answer of the MES cannot be understood", error))
  )

const decodeProgress = (answer: typeof JobProgressFromMes.Encoded) =>
  Schema.decodeEffect(JobProgressFromMes)(answer).pipe(
    Effect.mapError((error) => invalid("GET /jobs/{mesJobId}", "The answer of the MES cannot be understood", error))
  )

const invalid = (operation: string, message: string, error?: Schema.SchemaError) =>
  new Invalid({ adapter: name, operation, message, issues: error === undefined ? [] : [error.message] })
