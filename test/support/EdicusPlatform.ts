/**
 * An independent Edicus on a port of its own, written from section 8.3 of the specification alone: it shares nothing
 * with the hub's sandbox. Strict about headers and bodies. What is logically wrong is answered 200 with `{ err }`, as
 * Edicus does. Orders render when the test says so (`render`, `failRender`), or by themselves (`renderAfter`).
 */
import { Effect, Ref, type Scope } from "effect"
import * as Faults from "./simulator/Faults.ts"
import * as HttpSimulator from "./simulator/HttpSimulator.ts"
import type { RecordedRequest } from "./simulator/HttpSimulator.ts"

export type Operation = "project" | "previews" | "tentative" | "definitive" | "query" | "cancel" | "reset"

export type OrderState = "ordering" | "ordered" | "rendering" | "rendered" | "render-fail"

export interface EdicusOrder {
  readonly id: number
  readonly projectId: string
  readonly partnerOrderId: string | undefined
  readonly status: OrderState
  readonly isCancelled: boolean
  /** How often it was asked about since it was ordered. */
  readonly looks: number
  /** How often it was started: definitive, and each reset. */
  readonly starts: number
  /** Milliseconds. */
  readonly createdAt: number
}

export interface EdicusPlatform {
  readonly url: string
  readonly apiKey: string
  readonly uid: string
  readonly simulator: HttpSimulator.HttpSimulator
  readonly faults: Faults.Faults<Operation>
  /** Every order ever placed. */
  readonly orders: Effect.Effect<ReadonlyArray<EdicusOrder>>
  /** What was answered 4xx, with the reason. */
  readonly refusals: Effect.Effect<ReadonlyArray<string>>
  /** A customer's project, ready to be ordered. */
  readonly addProject: (projectId: string) => Effect.Effect<void>
  readonly render: (orderId: number) => Effect.Effect<void>
  readonly failRender: (orderId: number) => Effect.Effect<void>
  /** Orders are rendered once they were asked about so many times; null (the beginning): only by `render`. */
  readonly renderAfter: (looks: number | null) => Effect.Effect<void>
}

/** A logical error, as Edicus answers it. */
export const logicalError = (code: string, message: string): Faults.Fault => ({
  _tag: "Answer",
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ err: { code, message, info: null } })
})

interface State {
  readonly projects: ReadonlySet<string>
  readonly orders: ReadonlyArray<EdicusOrder>
  readonly renderAfter: number | null
  readonly refusals: ReadonlyArray<string>
}

const apiKey = "edicus-test-key"
const uid = "edicus-test-uid"
const ok = (body: unknown) => HttpSimulator.json(200, body)
const wrong = (code: string, message: string) => ok({ err: { code, message, info: {} } })

export const make: Effect.Effect<EdicusPlatform, never, Scope.Scope> = Effect.gen(function* () {
  const simulator = yield* HttpSimulator.make
  const faults = yield* Faults.make<Operation>()
  const state = yield* Ref.make<State>({ projects: new Set(), orders: [], renderAfter: null, refusals: [] })
  const update = (change: (current: State) => Partial<State>) =>
    Ref.updateAndGet(state, (current) => ({ ...current, ...change(current) }))
  const change = (id: number, to: (order: EdicusOrder) => EdicusOrder) =>
    update(({ orders }) => ({ orders: orders.map((order) => (order.id === id ? to(order) : order)) }))

  const refuse = (request: RecordedRequest, status: number, reason: string) =>
    Effect.as(
      update(({ refusals }) => ({
        refusals: [...refusals, `${request.method} ${request.path} → ${status} ${reason}`]
      })),
      HttpSimulator.json(status, { message: reason })
    )

  const tentative = Effect.fnUntraced(function* (request: RecordedRequest, projectId: string) {
    const body = JSON.parse(request.body)
    if (!Number.isInteger(body.order_count) || !Number.isFinite(body.total_price)) {
      return yield* refuse(request, 400, "order_count and total_price")
    }
    const { orders, projects } = yield* Ref.get(state)
    if (!projects.has(projectId)) return wrong("project-not-found", projectId)
    const open = orders.find((order) => order.projectId === projectId && !order.isCancelled)
    if (open !== undefined) return wrong("already-ordered", `order ${open.id}`)
    const after = yield* update((current) => ({
      orders: [
        ...current.orders,
        {
          id: 5001 + current.orders.length,
          projectId,
          partnerOrderId: body.partner_order_id,
          status: "ordering",
          isCancelled: false,
          looks: 0,
          starts: 0,
          createdAt: new Date().getTime()
        }
      ]
    }))
    return ok({ order_id: after.orders.at(-1)?.id, status: "ordering" })
  })

  const start = (order: EdicusOrder): EdicusOrder => ({
    ...order,
    status: "ordered",
    looks: 0,
    starts: order.starts + 1
  })

  const definitive = Effect.fnUntraced(function* (request: RecordedRequest, projectId: string) {
    if (request.body !== "") return yield* refuse(request, 400, "no body")
    const order = (yield* Ref.get(state)).orders.find((one) => one.projectId === projectId && !one.isCancelled)
    if (order === undefined) return wrong("order-not-found", projectId)
    if (order.status !== "ordering") return wrong("invalid-status", order.status)
    yield* change(order.id, start)
    return ok({ order_id: order.id, status: "ordered" })
  })

  const query = Effect.fnUntraced(function* (request: RecordedRequest) {
    const body = JSON.parse(request.body)
    const id = body.by_order_id?.order_id
    const partner = body.by_partner_order_id?.partner_order_id
    if ((id === undefined) === (partner === undefined)) return yield* refuse(request, 400, "by what?")
    if (id !== undefined && typeof id !== "number") return yield* refuse(request, 400, "order ids are numbers")
    const isAsked = (order: EdicusOrder) => (id === undefined ? order.partnerOrderId === partner : order.id === id)
    const after = yield* update(({ orders, renderAfter }) => ({
      orders: orders.map((order) => {
        if (!isAsked(order) || (order.status !== "ordered" && order.status !== "rendering")) return order
        const looks = order.looks + 1
        const isDone = renderAfter !== null && looks >= renderAfter
        return { ...order, looks, status: isDone ? ("rendered" as const) : ("rendering" as const) }
      })
    }))
    return ok({
      result: after.orders
        .filter((order) => isAsked(order) && !order.isCancelled)
        .map((order) => ({
          id: order.id,
          project_id: order.projectId,
          partner_order_id: order.partnerOrderId ?? null,
          status: order.status,
          ctime: new Date(order.createdAt).toISOString()
        }))
    })
  })

  const answer = Effect.fnUntraced(function* (request: RecordedRequest, operation: Operation, id: string) {
    const { orders, projects } = yield* Ref.get(state)
    const order = orders.find((one) => String(one.id) === id)
    switch (operation) {
      case "project":
        return projects.has(id) ? ok({ id, status: "editing" }) : wrong("project-not-found", id)
      case "previews":
        return projects.has(id) ? ok({ urls: [] }) : wrong("project-not-found", id)
      case "tentative":
        return yield* tentative(request, id)
      case "definitive":
        return yield* definitive(request, id)
      case "query":
        return yield* query(request)
      case "cancel":
        if (order === undefined) return wrong("order-not-found", id)
        if (order.status !== "ordering") return wrong("invalid-status", order.status)
        yield* change(order.id, (one) => ({ ...one, isCancelled: true }))
        return ok({ order_id: order.id, status: "cancelled" })
      case "reset":
        if (order === undefined) return wrong("order-not-found", id)
        if (order.status === "ordering") return wrong("invalid-status", order.status)
        yield* change(order.id, start)
        return ok({ order_id: order.id, status: "ordered" })
    }
  })

  yield* simulator.respond(
    Effect.fnUntraced(function* (request) {
      if (request.headers["edicus-api-key"] !== apiKey) return yield* refuse(request, 401, "edicus-api-key")
      if (request.headers["edicus-uid"] !== uid) return yield* refuse(request, 401, "edicus-uid")
      const called = operationOf(request.method, request.path)
      if (called === undefined) return yield* refuse(request, 404, "the contract does not know this")
      return yield* faults.around(called.operation, answer(request, called.operation, called.id))
    })
  )

  return {
    url: simulator.url,
    apiKey,
    uid,
    simulator,
    faults,
    orders: Effect.map(Ref.get(state), ({ orders }) => orders),
    refusals: Effect.map(Ref.get(state), ({ refusals }) => refusals),
    addProject: (projectId) => update(({ projects }) => ({ projects: new Set([...projects, projectId]) })),
    render: (orderId) => change(orderId, (order) => ({ ...order, status: "rendered" })),
    failRender: (orderId) => change(orderId, (order) => ({ ...order, status: "render-fail" })),
    renderAfter: (looks) => update(() => ({ renderAfter: looks }))
  }
})

const operationOf = (
  method: string,
  path: string
): { readonly operation: Operation; readonly id: string } | undefined => {
  for (const [operation, pattern] of routes) {
    const match = pattern.exec(`${method} ${path}`)
    if (match !== null) return { operation, id: decodeURIComponent(match[1] ?? "") }
  }
  return undefined
}

const routes: ReadonlyArray<readonly [Operation, RegExp]> = [
  ["project", /^GET \/api\/projects\/([^/]+)$/],
  ["previews", /^GET \/api\/projects\/([^/]+)\/preview_urls$/],
  ["tentative", /^POST \/api\/projects\/([^/]+)\/order\/tentative$/],
  ["definitive", /^POST \/api\/projects\/([^/]+)\/order\/definitive$/],
  ["query", /^POST \/api\/order\/query$/],
  ["cancel", /^POST \/api\/orders\/([^/]+)\/cancel$/],
  ["reset", /^PUT \/api\/orders\/([^/]+)\/status\/reset_as_ordered$/]
]
