/**
 * An Edicus in the process: the contract of section 8.3 implemented with its state in memory. Mounted as the adapter's
 * HttpClient in sandbox mode; its `routes` can be served on a port for a demonstration.
 *
 * Every tentative order makes an order, also the second one for a project: what is placed twice is seen. Order ids are
 * deterministic: the first order of a project has the same id in every sandbox. Each query moves a render one state on
 * (ordered, rendering, rendered), unless it is told to wait for `advance`. It knows every project, does not check
 * credentials, and makes no faults of the wire: see FaultInjection.
 */
import { Context, Effect, Layer, Ref, Schema } from "effect"
import { type HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { createHash } from "node:crypto"
import { EdicusOrderId, EdicusProjectId } from "../../domain/Design.ts"
import { EdicusOrderStatus } from "../../domain/RenderStep.ts"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { EdicusContract } from "./EdicusContract.ts"
import { OrderFromEdicus } from "./EdicusMapper.ts"

/** What Edicus keeps of an order. */
export const SandboxOrder = Schema.Struct({
  orderId: EdicusOrderId,
  projectId: EdicusProjectId,
  partnerOrderId: Schema.NullOr(Schema.String),
  name: Schema.NullOr(Schema.String),
  count: Schema.Int,
  totalPrice: Schema.Int,
  status: EdicusOrderStatus,
  /** How often it was rendered, or begun to be. */
  renders: Schema.Int,
  /** `X-Correlation-Id` of the tentative order; null = none came. */
  correlationId: Schema.NullOr(Schema.String)
})
export type SandboxOrder = typeof SandboxOrder.Type

export class UnknownSandboxOrder extends Schema.TaggedError<UnknownSandboxOrder>()(
  "UnknownSandboxOrder",
  { orderId: EdicusOrderId },
  { httpApiStatus: 404 }
) {}

const Settings = Schema.Struct({
  /** Does a query move renders on? Default true. */
  automatic: Schema.Boolean,
  /** Do renders end as failed? Default false. */
  rendersFail: Schema.Boolean,
  /** The error inside a 200 that every request is answered with; null = none (default). */
  error: Schema.NullOr(Schema.Struct({ code: Schema.String, message: Schema.String }))
})
type Settings = typeof Settings.Type

/** The sandbox's own handles, for whoever demonstrates with it. Not part of Edicus' interface. */
const SandboxApi = HttpApi.make("edicus-sandbox").add(
  HttpApiGroup.make("sandbox").add(
    HttpApiEndpoint.get("orders", "/sandbox/orders", {
      success: Schema.Struct({ data: Schema.Array(SandboxOrder) })
    }),
    HttpApiEndpoint.post("advance", "/sandbox/orders/:orderId/advance", {
      params: { orderId: Schema.FiniteFromString.pipe(Schema.decodeTo(EdicusOrderId)) },
      success: SandboxOrder,
      error: UnknownSandboxOrder
    }),
    HttpApiEndpoint.put("set", "/sandbox/settings", {
      payload: Schema.Struct({
        automatic: Schema.optionalKey(Schema.Boolean),
        rendersFail: Schema.optionalKey(Schema.Boolean),
        error: Schema.optionalKey(Settings.fields.error)
      }),
      success: Settings
    }),
    HttpApiEndpoint.get("file", "/sandbox/files/:file", { params: { file: Schema.String } })
  )
)

export class EdicusSandbox extends Context.Service<
  EdicusSandbox,
  {
    /** Transport to this sandbox, in the process. */
    readonly httpClient: HttpClient.HttpClient
    /** Edicus' interface and the handles under /sandbox, to be served on a port. */
    readonly routes: Layer.Layer<never, never, HttpRouter.HttpRouter>
    /** All orders that were not cancelled, oldest first. */
    readonly orders: Effect.Effect<ReadonlyArray<SandboxOrder>>
    /** Moves a render on, by default to the next state. A tentative order stays, and one that is done. */
    readonly advance: (orderId: number, to?: EdicusOrderStatus) => Effect.Effect<SandboxOrder, UnknownSandboxOrder>
    readonly set: (settings: Partial<Settings>) => Effect.Effect<Settings>
  }
>()("hub/adapters/edicus/EdicusSandbox") {
  static readonly layer: Layer.Layer<EdicusSandbox> = Layer.effect(
    EdicusSandbox,
    Effect.suspend(() => make)
  )

  /** Serves the sandbox on a port, as a process of its own. */
  static readonly layerServed = Layer.unwrap(Effect.map(EdicusSandbox, ({ routes }) => HttpRouter.serve(routes)))
}

interface State {
  readonly orders: ReadonlyArray<SandboxOrder>
  readonly settings: Settings
}

/** A change of the orders with the order it is about, or the refusal: code and message. */
type Step =
  | { readonly order: SandboxOrder; readonly orders: ReadonlyArray<SandboxOrder> }
  | { readonly code: string; readonly message: string }

const make = Effect.gen(function* () {
  const state = yield* Ref.make<State>({
    orders: [],
    settings: { automatic: true, rendersFail: false, error: null }
  })

  const orders = Effect.map(Ref.get(state), (current) => current.orders)
  const set = (settings: Partial<Settings>) =>
    Effect.map(
      Ref.updateAndGet(state, (current) => ({ ...current, settings: { ...current.settings, ...settings } })),
      (current) => current.settings
    )

  /** Takes a step, or answers why not, in a 200. */
  const attempt = <A>(step: (current: State) => Step, answer: (order: SandboxOrder) => A) =>
    Effect.map(
      Ref.modify(state, (current): [Step, State] => {
        const taken = current.settings.error ?? step(current)
        return [taken, "order" in taken ? { ...current, orders: taken.orders } : current]
      }),
      (taken) => ("order" in taken ? answer(taken.order) : refused(taken))
    )

  const advance: EdicusSandbox["Service"]["advance"] = Effect.fnUntraced(function* (orderId, to) {
    const moved = yield* Ref.modify(state, (current): [SandboxOrder | undefined, State] => {
      const found = current.orders.find((order) => order.orderId === orderId)
      if (found === undefined) return [undefined, current]
      const next = { ...found, status: to ?? following(found.status, current.settings) }
      return [next, { ...current, orders: replace(current.orders, next) }]
    })
    return moved ?? (yield* new UnknownSandboxOrder({ orderId }))
  })

  const projects = HttpApiBuilder.group(EdicusContract, "projects", (handlers) =>
    handlers
      .handle("get", ({ params }) => Effect.succeed({ id: params.projectId }))
      .handle("previewUrls", ({ params }) => Effect.succeed({ urls: [`/sandbox/files/${params.projectId}.png`] }))
      .handle(
        "tentative",
        Effect.fnUntraced(function* ({ params, payload, request }) {
          return yield* attempt(
            (current) => {
              const known = current.orders.filter((order) => order.projectId === params.projectId)
              if (known.some((order) => order.status !== "tentative")) return alreadyOrdered
              const order: SandboxOrder = {
                orderId: orderIdOf(params.projectId, known.length),
                projectId: params.projectId,
                partnerOrderId: payload.partner_order_id ?? null,
                name: payload.order_name ?? null,
                count: payload.order_count,
                totalPrice: payload.total_price,
                status: "tentative",
                renders: 0,
                correlationId: request.headers["x-correlation-id"] ?? null
              }
              return { order, orders: [...current.orders, order] }
            },
            ({ orderId }) => ({ order_id: orderId, status: "ordering" as const })
          )
        })
      )
      .handle("definitive", ({ params }) =>
        attempt(
          (current) => {
            const known = current.orders.filter((order) => order.projectId === params.projectId)
            if (known.some((order) => order.status !== "tentative")) return alreadyOrdered
            const last = known.at(-1)
            return last === undefined
              ? { code: "no-order", message: "the project has no tentative order" }
              : renderOf(current, last)
          },
          ({ orderId }) => ({ order_id: orderId, status: "ordered" as const })
        )
      )
  )

  const ordersGroup = HttpApiBuilder.group(EdicusContract, "orders", (handlers) =>
    handlers
      .handle(
        "query",
        Effect.fnUntraced(function* ({ payload }) {
          const isMeant = (order: SandboxOrder) =>
            "by_order_id" in payload
              ? order.orderId === payload.by_order_id.order_id
              : order.partnerOrderId === payload.by_partner_order_id.partner_order_id
          const current = yield* Ref.updateAndGet(state, (before) =>
            before.settings.automatic && before.settings.error === null
              ? {
                  ...before,
                  orders: before.orders.map((order) =>
                    isMeant(order) ? { ...order, status: following(order.status, before.settings) } : order
                  )
                }
              : before
          )
          if (current.settings.error !== null) return refused(current.settings.error)
          const result = yield* Effect.orDie(
            Effect.forEach(current.orders.filter(isMeant), (order) => Schema.encodeEffect(OrderFromEdicus)(order))
          )
          return { result }
        })
      )
      .handle("cancel", ({ params }) =>
        attempt(
          (current) => {
            const order = current.orders.find((one) => one.orderId === params.orderId)
            if (order === undefined) return unknownOrder
            if (order.status !== "tentative") return alreadyOrdered
            return { order, orders: current.orders.filter((one) => one !== order) }
          },
          () => ({})
        )
      )
      .handle("reset", ({ params }) =>
        attempt(
          (current) => {
            const order = current.orders.find((one) => one.orderId === params.orderId)
            if (order === undefined) return unknownOrder
            if (order.status === "tentative") return { code: "not-ordered", message: "the order is not definitive" }
            return renderOf(current, order)
          },
          () => ({})
        )
      )
  )

  const sandbox = HttpApiBuilder.group(SandboxApi, "sandbox", (handlers) =>
    handlers
      .handle("orders", () => Effect.map(orders, (data) => ({ data })))
      .handle("advance", ({ params }) => advance(params.orderId))
      .handle("set", ({ payload }) => set(payload))
      .handle("file", ({ params }) =>
        Effect.succeed(HttpServerResponse.text(`This stands for the rendered file ${params.file}.\n`))
      )
  )

  const routes = Layer.mergeAll(
    HttpApiBuilder.layer(EdicusContract).pipe(Layer.provide([projects, ordersGroup])),
    HttpApiBuilder.layer(SandboxApi).pipe(Layer.provide(sandbox))
  ).pipe(Layer.provide(HttpServer.layerServices))

  const handler = yield* HttpRouter.toHttpEffect(routes)
  return EdicusSandbox.of({ httpClient: InProcessClient.fromHttpEffect(handler), routes, orders, advance, set })
})

const alreadyOrdered = { code: "already-ordered", message: "the project is ordered for good" }
const unknownOrder = { code: "order-not-found", message: "there is no such order" }

/** An error as Edicus answers it: inside a 200. */
const refused = ({ code, message }: { readonly code: string; readonly message: string }) =>
  HttpServerResponse.jsonUnsafe({ err: { code, message, info: null } }, { status: 200 })

const replace = (orders: ReadonlyArray<SandboxOrder>, order: SandboxOrder) =>
  orders.map((one) => (one.orderId === order.orderId ? order : one))

/** The order goes to be rendered, for the first time or again. */
const renderOf = (current: State, before: SandboxOrder): Step => {
  const order: SandboxOrder = { ...before, status: "ordered", renders: before.renders + 1 }
  return { order, orders: replace(current.orders, order) }
}

const following = (status: EdicusOrderStatus, settings: Settings): EdicusOrderStatus => {
  switch (status) {
    case "ordered":
      return "rendering"
    case "rendering":
      return settings.rendersFail ? "failed" : "rendered"
    case "tentative":
    case "rendered":
    case "failed":
      return status
  }
}

/** Nine digits that follow from the project and the number of orders it had. */
const orderIdOf = (projectId: string, earlier: number): number =>
  100_000_000 + (createHash("sha256").update(`${projectId} ${earlier}`).digest().readUInt32BE() % 900_000_000)
