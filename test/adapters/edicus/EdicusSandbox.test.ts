import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { HttpBody, HttpClientRequest } from "effect/http"
import { EdicusSandbox } from "../../../src/adapters/edicus/EdicusSandbox.ts"

const at = "http://edicus.sandbox"

/** A request as it goes over the wire: status and body. */
const send = Effect.fnUntraced(function* (method: "GET" | "POST" | "PUT", path: string, body?: unknown) {
  const { httpClient } = yield* EdicusSandbox
  const options = body === undefined ? {} : { body: HttpBody.jsonUnsafe(body) }
  const response = yield* httpClient.execute(HttpClientRequest.make(method)(`${at}${path}`, options))
  return { status: response.status, body: yield* response.json }
})

const Answer = Schema.Struct({ order_id: Schema.Int })
const place = (projectId: string, partnerOrderId = "rnd_1") =>
  send("POST", `/api/projects/${projectId}/order/tentative`, {
    order_count: 1,
    total_price: 0,
    partner_order_id: partnerOrderId
  })
const placed = (projectId: string, partnerOrderId?: string) =>
  Effect.map(
    Effect.flatMap(place(projectId, partnerOrderId), ({ body }) => Schema.decodeUnknownEffect(Answer)(body)),
    (answer) => answer.order_id
  )
const confirm = (projectId: string) => send("POST", `/api/projects/${projectId}/order/definitive`)
const query = (body: unknown) => Effect.map(send("POST", "/api/order/query", body), (answer) => answer.body)
const byId = (order_id: number) => query({ by_order_id: { order_id } })
const record = (id: number, status: string, partner_order_id = "rnd_1") => ({
  result: [{ id, project_id: "p-1", partner_order_id, status }]
})
const errorOf = ({ body, status }: { readonly body: unknown; readonly status: number }) => {
  assert.strictEqual(status, 200)
  return Schema.decodeUnknownSync(Schema.Struct({ err: Schema.Struct({ code: Schema.String }) }))(body).err.code
}

const test = (name: string, body: Effect.Effect<void, unknown, EdicusSandbox>) =>
  it.effect(name, () => Effect.provide(body, EdicusSandbox.layer))

test(
  "orders a project in two steps and renders it, one state a query",
  Effect.gen(function* () {
    const first = yield* place("p-1")
    const id = yield* Schema.decodeUnknownEffect(Answer)(first.body)
    assert.deepStrictEqual(first, { status: 200, body: { order_id: id.order_id, status: "ordering" } })
    assert.deepStrictEqual(yield* byId(id.order_id), record(id.order_id, "ordering"))
    assert.deepStrictEqual(yield* confirm("p-1"), { status: 200, body: { order_id: id.order_id, status: "ordered" } })
    const seen = yield* Effect.forEach([1, 2, 3], () => byId(id.order_id))
    assert.deepStrictEqual(seen, [
      record(id.order_id, "rendering"),
      record(id.order_id, "rendered"),
      record(id.order_id, "rendered")
    ])
    assert.deepStrictEqual(yield* query({ by_partner_order_id: { partner_order_id: "rnd_1" } }), seen[2])
    assert.deepStrictEqual(yield* query({ by_partner_order_id: { partner_order_id: "rnd_2" } }), { result: [] })
  })
)

test(
  "a project is ordered for good once; then it is only rendered again",
  Effect.gen(function* () {
    const id = yield* placed("p-1")
    assert.strictEqual(errorOf(yield* send("PUT", `/api/orders/${id}/status/reset_as_ordered`)), "not-ordered")
    yield* confirm("p-1")
    assert.strictEqual(errorOf(yield* place("p-1", "rnd_2")), "already-ordered")
    assert.strictEqual(errorOf(yield* confirm("p-1")), "already-ordered")
    assert.strictEqual(errorOf(yield* send("POST", `/api/orders/${id}/cancel`)), "already-ordered")
    assert.strictEqual((yield* send("PUT", `/api/orders/${id}/status/reset_as_ordered`)).status, 200)
    const [order] = yield* Effect.flatMap(EdicusSandbox, ({ orders }) => orders)
    assert.deepInclude(order, { status: "ordered", renders: 2 })
    assert.strictEqual(errorOf(yield* confirm("p-2")), "no-order")
    assert.strictEqual(errorOf(yield* send("PUT", "/api/orders/5/status/reset_as_ordered")), "order-not-found")
  })
)

test(
  "what is placed twice is two orders; a tentative one can be cancelled",
  Effect.gen(function* () {
    const [one, two] = [yield* placed("p-1"), yield* placed("p-1")]
    assert.notStrictEqual(one, two)
    yield* send("POST", `/api/orders/${two}/cancel`)
    assert.deepStrictEqual(
      yield* query({ by_partner_order_id: { partner_order_id: "rnd_1" } }),
      record(one, "ordering")
    )
    assert.strictEqual(errorOf(yield* send("POST", `/api/orders/${two}/cancel`)), "order-not-found")
  })
)

it.effect("AC-EDICUS-009 gives the same ids even after it forgot everything", () =>
  Effect.gen(function* () {
    const id = Effect.provide(placed("p-1"), Layer.fresh(EdicusSandbox.layer))
    assert.strictEqual(yield* id, yield* id)
    assert.notStrictEqual(yield* id, yield* Effect.provide(placed("p-2"), Layer.fresh(EdicusSandbox.layer)))
  })
)

test(
  "can be told: renders by command, renders that fail, an error inside every 200",
  Effect.gen(function* () {
    const id = yield* placed("p-1")
    yield* confirm("p-1")
    const settings = yield* send("PUT", "/sandbox/settings", { automatic: false, rendersFail: true })
    assert.deepStrictEqual(settings.body, { automatic: false, rendersFail: true, error: null })
    assert.deepStrictEqual(yield* byId(id), record(id, "ordered"))
    yield* send("POST", `/sandbox/orders/${id}/advance`)
    assert.deepStrictEqual(yield* byId(id), record(id, "rendering"))
    yield* send("POST", `/sandbox/orders/${id}/advance`)
    assert.deepStrictEqual(yield* byId(id), record(id, "render-fail"))
    assert.strictEqual((yield* send("POST", "/sandbox/orders/5/advance")).status, 404)

    yield* send("PUT", "/sandbox/settings", { error: { code: "down", message: "for today" } })
    for (const answer of [
      yield* place("p-2"),
      yield* confirm("p-1"),
      yield* send("POST", "/api/order/query", { by_order_id: { order_id: id } }),
      yield* send("PUT", `/api/orders/${id}/status/reset_as_ordered`)
    ]) {
      assert.strictEqual(errorOf(answer), "down")
    }
    yield* send("PUT", "/sandbox/settings", { error: null })
    assert.strictEqual((yield* Effect.flatMap(EdicusSandbox, ({ orders }) => orders)).length, 1)
  })
)

test(
  "a request that does not fit the contract is a 400; projects and files can be looked at",
  Effect.gen(function* () {
    const { httpClient } = yield* EdicusSandbox
    const bad = yield* httpClient.post(`${at}/api/projects/p-1/order/tentative`, {
      body: HttpBody.jsonUnsafe({ order_count: "1" })
    })
    assert.strictEqual(bad.status, 400)
    assert.deepStrictEqual((yield* send("GET", "/api/projects/p-1")).body, { id: "p-1" })
    assert.strictEqual((yield* send("GET", "/api/projects/p-1/preview_urls")).status, 200)
    const file = yield* httpClient.get(`${at}/sandbox/files/5.pdf`)
    assert.include(yield* file.text, "5.pdf")
  })
)
