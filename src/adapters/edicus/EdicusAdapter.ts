/**
 * Has designs rendered by Edicus (specification, section 7, Edicus). It follows no events: render jobs are carried by a
 * worker (`RenderWorker`), for which this makes the attempts.
 *
 * Guarantees: a project is ordered at Edicus once, however often it is rendered, and whatever is repeated, lost or
 * interrupted on the way: before an order is placed it is looked for, unless it cannot exist; what was placed twice all
 * the same, because a request that was believed lost arrived after all, is cancelled. Calls go under the correlation id of
 * the job's request.
 */
import { Context, Duration, Effect, Layer, Predicate, Redacted, Schema } from "effect"
import { renderedFileUrl } from "../../domain/Design.ts"
import { Invalid, Transient } from "../../domain/IntegrationError.ts"
import { type EdicusOrder, leadingOrder, nextAction, type RenderStep } from "../../domain/RenderStep.ts"
import type { RenderProgress } from "../../services/designs/RenderAttempt.ts"
import { type ClaimedRender, type KnownOrder, RenderQueue } from "../../services/designs/RenderQueue.ts"
import * as RenderWorker from "../../services/designs/RenderWorker.ts"
import { type Adapter, makeAdapter } from "../../services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import * as OutboundHttp from "../../services/integrations/OutboundHttp.ts"
import { CallRecorder } from "../../services/providers/CallRecorder.ts"
import { CircuitBreakers } from "../../services/resilience/CircuitBreakers.ts"
import { CircuitSettings } from "../../services/resilience/CircuitSettings.ts"
import * as RetryPolicy from "../../services/resilience/RetryPolicy.ts"
import { EdicusContract } from "./EdicusContract.ts"
import { saysNotFound, verdictOf } from "./EdicusFailure.ts"
import {
  OrderFromEdicus,
  type OrderLookup,
  OrderLookupFromEdicus,
  OrderRequestFromEdicus,
  OrderStatusFromEdicus
} from "./EdicusMapper.ts"
import { EdicusSettings, EdicusTransport } from "./EdicusTransport.ts"

export class EdicusAdapter extends Context.Service<
  EdicusAdapter,
  {
    readonly adapter: Adapter<never>
    readonly worker: RenderWorker.RenderWorker
  }
>()("hub/adapters/edicus/EdicusAdapter") {
  static readonly layer = Layer.effect(
    EdicusAdapter,
    Effect.suspend(() => make)
  )

  /** Registers the adapter and starts the worker, unless the mode is `off`: then jobs wait, and their time does not run. */
  static readonly layerRegistered = Layer.effectDiscard(
    Effect.gen(function* () {
      const { adapter, worker } = yield* EdicusAdapter
      const registry = yield* AdapterRegistry
      yield* registry.register(adapter)
      if (adapter.mode !== "off") yield* worker.start
    })
  ).pipe(Layer.provideMerge(EdicusAdapter.layer))
}

const name = "edicus"
const liveUrl = "https://api-dot-edicusbase.appspot.com"
const sandboxUrl = "http://edicus.sandbox"
const healthEvery = Duration.seconds(30)

/** A claim outlasts one call by this: the writes around it. */
const leaseMargin = Duration.seconds(10)

/** No chain of actions is longer: place, confirm, wait. */
const mostActions = 5

const make = Effect.gen(function* () {
  const settings = yield* EdicusSettings
  const queue = yield* RenderQueue
  const breakers = yield* CircuitBreakers
  const breaker = yield* breakers.make({
    name,
    settings: CircuitSettings.make({
      failures: settings.breaker.failures,
      openFor: settings.breaker.openFor,
      halfOpenLimit: settings.breaker.halfOpenLimit
    })
  })
  const secrets = [settings.apiKey, settings.uid].filter((secret) => secret !== null)
  const outbound = OutboundHttp.make({
    adapter: name,
    baseUrl: settings.baseUrl ?? (settings.mode === "live" ? liveUrl : sandboxUrl),
    httpClient: yield* EdicusTransport,
    breaker,
    timeout: settings.timeout,
    headers: {
      ...(settings.apiKey === null ? {} : { "edicus-api-key": settings.apiKey }),
      ...(settings.uid === null ? {} : { "edicus-uid": settings.uid })
    },
    checkAnswer: verdictOf(secrets.map(Redacted.value)),
    mode: settings.mode === "live" ? "live" : "sandbox",
    recorder: yield* CallRecorder
  })
  const edicus = yield* outbound.api(EdicusContract)
  const leaseMillis = Duration.toMillis(Duration.sum(settings.timeout, leaseMargin))
  const template = settings.renderedUrlTemplate ?? `${settings.baseUrl ?? sandboxUrl}/sandbox/files/{orderId}.{format}`

  /** The orders that match; none also when Edicus says that there is no such order. */
  const query = Effect.fnUntraced(function* (lookup: OrderLookup) {
    const payload = yield* Effect.orDie(encodeLookup(lookup))
    const answer = yield* outbound.call(operations.query, edicus.orders.query({ payload })).pipe(
      Effect.catchIf(
        (error) => error._tag === "Rejected" && saysNotFound(error),
        () => Effect.succeed({ result: [] })
      )
    )
    return yield* Effect.orDie(Effect.forEach(answer.result, (record) => decodeOrder(record)))
  })

  /** Cancels what was placed twice. Not getting it done does no harm: it stays tentative, and is never rendered. */
  const cancel = (job: ClaimedRender, orderId: number) =>
    queue.hold(job, leaseMillis).pipe(
      Effect.andThen(outbound.call(operations.cancel, edicus.orders.cancel({ params: { orderId } }))),
      Effect.andThen(Effect.logWarning(`cancelled order ${orderId}, which was placed twice`)),
      Effect.catchTag(["Rejected", "Invalid"], (error) =>
        Effect.logWarning(`order ${orderId} was placed twice and could not be cancelled: ${error.message}`)
      )
    )

  /** What Edicus has for the job's project. */
  const find = Effect.fnUntraced(function* (job: ClaimedRender, known: KnownOrder) {
    yield* queue.hold(job, leaseMillis)
    const { orderId, partnerOrderId } = known
    const found = yield* query(
      orderId === null ? { _tag: "ByPartnerOrderId", partnerOrderId } : { _tag: "ById", orderId }
    )
    const ours = found.filter((order) => order.projectId === job.projectId)
    const leading = leadingOrder(ours)
    if (leading === null) {
      if (found.length === 0) return null
      return yield* invalid(operations.query, `Edicus told of another project than ${job.projectId}`)
    }
    for (const order of ours) {
      if (order.orderId !== leading.orderId && order.status === "tentative") yield* cancel(job, order.orderId)
    }
    if (leading.orderId !== orderId) yield* keep(job, leading.orderId, operations.query)
    return leading
  })

  const keep = Effect.fnUntraced(function* (job: ClaimedRender, orderId: number, operation: string) {
    if (yield* queue.keepOrder(job, orderId)) return
    return yield* invalid(operation, `Edicus gave the order id ${orderId} to two projects`)
  })

  /** Places a tentative order: order_count 1, total_price 0. */
  const place = Effect.fnUntraced(function* (job: ClaimedRender) {
    const { partnerOrderId } = yield* queue.place(job, leaseMillis)
    const payload = yield* Effect.orDie(encodeRequest({ count: 1, totalPrice: 0, partnerOrderId, name: job.designId }))
    const answer = yield* outbound.call(
      operations.tentative,
      edicus.projects.tentative({ params: { projectId: job.projectId }, payload })
    )
    yield* keep(job, answer.order_id, operations.tentative)
    return yield* orderOf(answer)
  })

  /** Places an order where an earlier request is believed lost. It may arrive meanwhile: that shows afterwards. */
  const placeAgain = Effect.fnUntraced(function* (job: ClaimedRender, { partnerOrderId }: KnownOrder) {
    const arrived = find(job, { partnerOrderId, orderId: null })
    const placed = yield* place(job).pipe(
      Effect.catchTag("Rejected", (refusal) => Effect.filterOrFail(arrived, Predicate.isNotNull, () => refusal))
    )
    return (yield* arrived) ?? placed
  })

  /** Makes the order definitive, which starts the render. */
  const confirm = Effect.fnUntraced(function* (job: ClaimedRender, orderId: number) {
    yield* queue.hold(job, leaseMillis, "ordering")
    const answer = yield* outbound.call(
      operations.definitive,
      edicus.projects.definitive({ params: { projectId: job.projectId } })
    )
    if (answer.order_id !== orderId) {
      yield* Effect.logWarning(`Edicus ordered ${answer.order_id} for good, where ${orderId} was placed`)
      yield* keep(job, answer.order_id, operations.definitive)
    }
    return yield* orderOf(answer)
  })

  const repeat = Effect.fnUntraced(function* (job: ClaimedRender, orderId: number) {
    // Not written down: if its answer is lost nobody knows whose render it is, and it is begun again.
    yield* queue.hold(job, leaseMillis)
    yield* outbound.call(operations.reset, edicus.orders.reset({ params: { orderId } }))
    return { orderId, status: "ordered" as const }
  })

  const attempt = Effect.fn("EdicusAdapter.attempt")(function* (job: ClaimedRender, late: boolean) {
    const known = yield* queue.order(job)
    // A sandbox that was restarted has forgotten its orders: there they are placed again.
    const isKnown = known !== null && known.orderId !== null && job.mode === "live"
    let step: RenderStep = job.step
    let order: Found | null = known === null ? null : yield* find(job, known)
    for (let actions = 0; actions < mostActions; actions++) {
      const action = nextAction({ step, order, known: isKnown, late })
      switch (action._tag) {
        case "Place":
          order = yield* (known === null ? place(job) : placeAgain(job, known)).pipe(
            Effect.tapErrorTag("Rejected", () => queue.forgetOrder(job))
          )
          step = "ordering"
          break
        case "Confirm":
          order = yield* confirm(job, action.orderId)
          step = "ordering"
          break
        case "Repeat":
          order = yield* repeat(job, action.orderId)
          step = "rendering"
          break
        case "Wait":
          yield* queue.hold(job, leaseMillis, "rendering")
          return rendering
        case "Complete":
          return rendered(renderedFileUrl(template, { orderId: action.orderId, format: job.outputFormat }))
        case "Fail":
          return action.reason === "deadline" ? expired : failed(`Edicus could not render order ${order?.orderId}`)
        case "Vanished":
          return yield* new Transient({
            adapter: name,
            operation: operations.query,
            message: `Edicus does not know order ${known?.orderId} any more`
          })
      }
    }
    return yield* Effect.die("an attempt goes round in circles")
  })

  // Edicus has no health endpoint: a look for an order that does not exist is answered by a system that is well.
  const healthCheck = outbound
    .probe(
      operations.query,
      edicus.orders.query({ payload: { by_partner_order_id: { partner_order_id: "hub-health-check" } } })
    )
    .pipe(
      Effect.as(true),
      Effect.catchTag("Rejected", () => Effect.succeed(true))
    )

  const { retries } = settings
  const worker = yield* RenderWorker.make({
    adapter: name,
    mode: settings.mode === "live" ? "live" : "sandbox",
    breaker,
    attempt,
    healthCheck,
    retry: retries === null ? RetryPolicy.designRender : { ...RetryPolicy.designRender, retries },
    deadline: settings.renderDeadline,
    leaseMillis
  })

  return EdicusAdapter.of({
    adapter: makeAdapter<never>({
      name,
      mode: settings.mode,
      breaker,
      events: [],
      handle: () => Effect.void,
      healthCheck,
      healthIntervalMillis: Duration.toMillis(healthEvery),
      activity: worker.activity
    }),
    worker
  })
})

type Found = Pick<EdicusOrder, "orderId" | "status">

const operations = {
  query: "POST /order/query",
  cancel: "POST /orders/{id}/cancel",
  tentative: "POST /projects/{id}/order/tentative",
  definitive: "POST /projects/{id}/order/definitive",
  reset: "PUT /orders/{id}/status/reset_as_ordered"
}

const encodeLookup = Schema.encodeEffect(OrderLookupFromEdicus)
const encodeRequest = Schema.encodeEffect(OrderRequestFromEdicus)
const decodeOrder = Schema.decodeEffect(OrderFromEdicus)

const invalid = (operation: string, message: string) => new Invalid({ adapter: name, operation, message, issues: [] })

const rendering: RenderProgress = { _tag: "Rendering" }
const expired: RenderProgress = { _tag: "Expired" }
const rendered = (url: string): RenderProgress => ({ _tag: "Rendered", url })
const failed = (reason: string): RenderProgress => ({ _tag: "Failed", reason })

/** The order in the answer of a step of ordering. */
const orderOf = (answer: { readonly order_id: number; readonly status: typeof OrderStatusFromEdicus.Encoded }) =>
  Effect.orDie(
    Effect.map(Schema.decodeEffect(OrderStatusFromEdicus)(answer.status), (status) => ({
      orderId: answer.order_id,
      status
    }))
  )
