/** Who gets in: API keys, scopes, idempotency, signed webhooks, correlation. Over the wire. */
import { assert, layer } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Option, Ref, Schema } from "effect"
import { EventLog } from "../../src/services/events/EventLog.ts"
import { Production } from "../../src/services/orders/Production.ts"
import { secretFromText, sign } from "../../src/services/security/WebhookSignature.ts"
import { Database } from "../../src/services/storage/Database.ts"
import * as Desk from "../support/OrderDesk.ts"
import { describeDatabases } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const product = { name: "Card", productType: "card" }
const products = "/api/v1/products"

const Key = Schema.decodeUnknownSync(Schema.Struct({ id: Schema.String, key: Schema.String }))

const newKey = Effect.fnUntraced(function* (scopes: ReadonlyArray<string>, more: object = {}) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request("POST", "/api/v1/api-keys", { body: { name: scopes.join("+"), scopes, ...more } })
  assert.strictEqual(reply.status, 201, reply.text)
  return Key(reply.body)
})

const statusOf = Effect.fnUntraced(function* (method: string, path: string, options: Hub.Request) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, path, options)
  if (reply.status >= 400) Hub.assertProblem(reply, `${method} ${path}`)
  return reply.status
})

const rowsOf = (table: string) =>
  Effect.gen(function* () {
    const { sql } = yield* Database
    const [row] = yield* sql`select count(*)::int as rows from ${sql(table)}`
    return row?.["rows"]
  })

const secret = Option.getOrThrow(secretFromText(Hub.webhookSecret))

let webhooks = 0
const report = Effect.fnUntraced(function* (
  orderId: string,
  body: unknown,
  options: {
    readonly id?: string
    readonly headers?: Readonly<Record<string, string>>
  } = {}
) {
  const { request } = yield* Hub.TestHub
  const id = options.id ?? `msg_${webhooks++}`
  const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return yield* request("PUT", `/api/v1/integration/mes/orders/${orderId}/status`, {
    key: null,
    body: text,
    headers: {
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": sign({ secret, id, timestamp, body: text }),
      ...options.headers
    }
  })
})

/** A shop that is open for the whole file. */
class TheShop extends Context.Service<TheShop, Desk.Shop>()("test/http/TheShop") {
  static readonly layer = Layer.effect(TheShop, Desk.open())
}

/** An order whose jobs the plant has accepted, and their ids. */
const accepted = Effect.fnUntraced(function* () {
  const { id } = yield* Desk.place(Desk.cardOrder(yield* TheShop), "trace-order")
  return { id, jobs: yield* Desk.dispatchAll(id) }
})

describeDatabases("Access", (database) => {
  layer(Layer.provideMerge(TheShop.layer, Hub.layer(database)), { excludeTestServices: true, timeout: "60 seconds" })(
    "Access",
    (it) => {
      it.effect("AC-API-008 each scope opens its own endpoints, admin all of them", () =>
        Effect.gen(function* () {
          const doors = {
            core: [products, "/api/v1/orders", "/api/v1/options", "/api/v1/events"],
            mes: [
              "/api/v1/integration/mes/items",
              "/api/v1/integration/mes/mappings",
              "/api/v1/integration/mes/choice-mappings"
            ],
            admin: [
              "/api/v1/integrations",
              "/api/v1/dead-letters",
              "/api/v1/notifications",
              "/api/v1/api-keys",
              "/health/integrations"
            ]
          }
          for (const scope of ["core", "shopby", "mes", "edicus", "admin"] as const) {
            const { key } = yield* newKey([scope])
            for (const [owner, paths] of Object.entries(doors)) {
              for (const path of paths) {
                const expected = owner === scope || scope === "admin" ? 200 : 403
                assert.strictEqual(yield* statusOf("GET", path, { key }), expected, `${scope} at ${path}`)
              }
            }
          }
          const { key } = yield* newKey(["core", "mes"])
          assert.strictEqual(yield* statusOf("GET", products, { key }), 200)
          assert.strictEqual(yield* statusOf("GET", "/api/v1/integration/mes/items", { key }), 200)
        })
      )

      it.effect("AC-API-008 a key is taken from X-API-Key or as a bearer; without a good one it is a 401", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const { key } = yield* newKey(["core"])
          const refused: ReadonlyArray<Readonly<Record<string, string>>> = [
            {},
            { "x-api-key": "" },
            { "x-api-key": `${key}x` },
            { "x-api-key": key.slice(0, -1) },
            { authorization: key },
            { authorization: "Bearer" },
            { authorization: `Basic ${Buffer.from(`x:${key}`).toString("base64")}` },
            { "x-api-key": "wrong", authorization: `Bearer ${key}` }
          ]
          for (const headers of refused) {
            const reply = yield* request("GET", products, { key: null, headers })
            Hub.assertProblem(reply, JSON.stringify(headers))
            assert.deepStrictEqual([reply.status, reply.headers["www-authenticate"]], [401, "Bearer"])
          }
          for (const headers of [
            { "x-api-key": key },
            { authorization: `Bearer ${key}` },
            { authorization: `bEARER  ${key}` }
          ]) {
            assert.strictEqual(yield* statusOf("GET", products, { key: null, headers }), 200, JSON.stringify(headers))
          }
          // A refused request is not looked at any further.
          assert.strictEqual(yield* statusOf("POST", products, { key: null, body: "{" }), 401)
          assert.strictEqual(yield* statusOf("POST", products, { key: null, body: Buffer.alloc(2_000_000) }), 401)
        })
      )

      it.effect("AC-API-008 an expired key and a revoked one are refused at once", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const past = yield* newKey(["core"], { expiresAt: "2020-01-01T00:00:00Z" })
          assert.strictEqual(yield* statusOf("GET", products, { key: past.key }), 401)
          const future = yield* newKey(["core"], { expiresAt: "2999-02-30T00:00:00+09:00" })
          assert.strictEqual(yield* statusOf("GET", products, { key: future.key }), 200)
          const revoked = yield* request("DELETE", `/api/v1/api-keys/${future.id}`)
          assert.deepStrictEqual([revoked.status, revoked.text], [204, ""])
          assert.strictEqual(yield* statusOf("GET", products, { key: future.key }), 401)
          assert.strictEqual(yield* statusOf("DELETE", "/api/v1/api-keys/key_01ARZ3NDEKTSV4RRFFQ69G5FAV", {}), 404)
          const list = yield* request("GET", "/api/v1/api-keys?limit=100")
          assert.notInclude(list.text, future.key)
        })
      )

      it.effect("AC-API-007 the same request again gets the first answer again", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const before = yield* rowsOf("products")
          const options = { body: { ...product, name: "Once" }, headers: { "idempotency-key": "once" } }
          const first = yield* request("POST", products, options)
          const again = yield* request("POST", products, options)
          assert.deepStrictEqual([first.status, again.status, again.text], [201, 201, first.text])
          assert.deepStrictEqual(
            [first, again].map(({ headers }) => headers["idempotency-replayed"]),
            [undefined, "true"]
          )
          assert.strictEqual(yield* rowsOf("products"), Number(before) + 1)
          const other = yield* request("POST", products, { ...options, body: { ...product, name: "Twice" } })
          Hub.assertProblem(other, "another body")
          assert.strictEqual(other.status, 422)
        })
      )

      it.effect("AC-API-007 what failed is not kept: corrected under the same key it succeeds", () =>
        Effect.gen(function* () {
          const headers = { "idempotency-key": "corrected" }
          assert.strictEqual(yield* statusOf("POST", products, { body: { name: "A" }, headers }), 400)
          assert.strictEqual(yield* statusOf("POST", products, { body: "{", headers }), 400)
          assert.strictEqual(
            yield* statusOf("POST", products, { body: { ...product, categoryCode: "none" }, headers }),
            400
          )
          assert.strictEqual(yield* statusOf("POST", products, { body: product, headers }), 201)
          assert.strictEqual(yield* statusOf("POST", products, { body: { name: "A" }, headers }), 422)
        })
      )

      it.effect("AC-API-007 at the same moment: one effect, the others wait or come later", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const before = yield* rowsOf("products")
          const replies = yield* Effect.forEach(
            Array.from({ length: 10 }),
            () => request("POST", products, { body: product, headers: { "idempotency-key": "at once" } }),
            { concurrency: "unbounded" }
          )
          for (const reply of replies.filter(({ status }) => status !== 201)) {
            Hub.assertProblem(reply, "at once")
            assert.strictEqual(reply.status, 409)
            assert.match(reply.headers["retry-after"] ?? "", /^\d+$/)
          }
          assert.strictEqual(new Set(replies.filter(({ status }) => status === 201).map(({ text }) => text)).size, 1)
          assert.strictEqual(yield* rowsOf("products"), Number(before) + 1)
        })
      )

      it.effect(
        "AC-API-007 keys are apart by API key; a malformed one is a 400; a repeated new key is the same key",
        () =>
          Effect.gen(function* () {
            const { request } = yield* Hub.TestHub
            const headers = { "idempotency-key": "apart" }
            const { key } = yield* newKey(["core"])
            const [one, two] = [
              yield* request("POST", products, { body: product, headers }),
              yield* request("POST", products, { body: product, headers, key })
            ]
            assert.notStrictEqual(one.text, two.text)
            assert.strictEqual(
              yield* statusOf("POST", products, { body: product, headers: { "idempotency-key": "x".repeat(256) } }),
              400
            )
            const create = { body: { name: "repeated", scopes: ["core"] }, headers }
            const [made, again] = [
              yield* request("POST", "/api/v1/api-keys", create),
              yield* request("POST", "/api/v1/api-keys", create)
            ]
            assert.deepStrictEqual(made.body, again.body)
            const { sql } = yield* Database
            assert.notInclude(
              JSON.stringify(yield* sql`select encode(answer, 'escape') from idempotency_keys`),
              Key(made.body).key
            )
          })
      )

      it.effect("AC-NFR-001 endpoint 10: a signed callback is applied, once per id", () =>
        Effect.gen(function* () {
          const log = yield* EventLog
          const { id, jobs } = yield* accepted()
          const body = { mesJobId: jobs[0], status: "제작중" }
          const first = yield* report(id, body, { id: "msg_twice" })
          assert.deepStrictEqual(
            [first.status, first.body],
            [
              200,
              {
                orderId: id,
                previousStatus: "PRODUCTION_WAITING",
                status: "PRODUCING",
                changed: true
              }
            ]
          )
          assert.deepStrictEqual((yield* report(id, body)).body, {
            ...Object(first.body),
            previousStatus: "PRODUCING",
            changed: false
          })
          yield* report(id, { ...body, status: "출고완료" })
          // Backward now, but seen before: the same answer, and no second effect.
          const events = yield* log.count({ after: log.origin, limit: 1_000 })
          assert.deepStrictEqual((yield* report(id, body, { id: "msg_twice" })).body, first.body)
          assert.strictEqual(yield* log.count({ after: log.origin, limit: 1_000 }), events)
          assert.deepInclude((yield* report(id, body)).body, { type: "urn:hub:problem:invalid-state-transition" })
          assert.strictEqual((yield* report(id, { ...body, status: "분실" })).status, 400)
          assert.strictEqual((yield* report(id, "{")).status, 400)
          assert.strictEqual((yield* report(id, { ...body, mesJobId: "MJ-none" })).status, 404)
          assert.strictEqual((yield* report("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV", body)).status, 404)
        })
      )

      it.effect("AC-NFR-001 what a signed callback holds is checked like any other input", () =>
        Effect.gen(function* () {
          const { id, jobs } = yield* accepted()
          const body = { mesJobId: jobs[0], status: "제작중" }
          const spoilt: ReadonlyArray<unknown> = [
            { ...body, status: 1 },
            { ...body, mesJobId: "" },
            { ...body, barcode: "" },
            { ...body, barcode: "a\0" },
            { ...body, occurredAt: "yesterday" },
            { ...body, occurredAt: "2026-13-01T00:00:00Z" },
            { ...body, occurredAt: "2026-02-01T25:61:61Z" },
            { ...body, occurredAt: "2026-02-01T00:00:00+99:99" },
            { ...body, occurredAt: "0000-01-01T00:00:00Z" },
            { ...body, occurredAt: "9999-12-31T23:59:59-14:00" },
            [],
            null,
            ""
          ]
          for (const wrong of spoilt) {
            const reply = yield* report(id, wrong)
            Hub.assertProblem(reply, JSON.stringify(wrong))
            assert.strictEqual(reply.status, 400, JSON.stringify(wrong))
          }
          const huge = yield* report(id, { ...body, barcode: "a".repeat(1_100_000) })
          assert.strictEqual(huge.status, 413)
        })
      )

      it.effect("AC-NFR-001 a bad signature is a 401 that says no more, and stores nothing", () =>
        Effect.gen(function* () {
          const before = yield* rowsOf("webhook_inbox")
          const body = { mesJobId: "MJ-1", status: "제작중" }
          const order = "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV"
          const wrong: ReadonlyArray<Readonly<Record<string, string>>> = [
            { "webhook-signature": "v1,AAAA" },
            { "webhook-timestamp": "1760000000" },
            { "webhook-id": "another" },
            { "webhook-signature": "" }
          ]
          for (const headers of wrong) {
            const reply = yield* report(order, body, { headers })
            Hub.assertProblem(reply, JSON.stringify(headers))
            assert.strictEqual(reply.status, 401)
            assert.notProperty(reply.body, "detail")
          }
          // An API key is no signature.
          assert.strictEqual(
            yield* statusOf("PUT", `/api/v1/integration/mes/orders/${order}/status`, { body, headers: {} }),
            401
          )
          assert.strictEqual(yield* rowsOf("webhook_inbox"), before)
        })
      )

      it.effect("AC-NFR-004 fifty signed callbacks at once, each twice: none lost, none doubled", () =>
        Effect.gen(function* () {
          const { sql } = yield* Database
          const log = yield* EventLog
          const orders = yield* Effect.forEach(Array.from({ length: 50 }), () => accepted())
          const before = yield* log.count({ after: log.origin, types: ["order.status.changed"], limit: 10_000 })
          const replies = yield* Effect.forEach(
            [...orders, ...orders],
            ({ id, jobs }) => report(id, { mesJobId: jobs[0], status: "제작완료" }, { id: `fifty_${id}` }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(replies.map(({ status }) => status)), new Set([200]))
          for (const [index, { text }] of replies.slice(50).entries()) assert.strictEqual(text, replies[index]?.text)
          const done = yield* sql`select count(*)::int as rows from orders where status = 'PRODUCTION_DONE'`
          assert.deepStrictEqual(done, [{ rows: 50 }])
          const after = yield* log.count({ after: log.origin, types: ["order.status.changed"], limit: 10_000 })
          assert.strictEqual(after - before, 50)
        })
      )

      it.effect("a correlation id is taken over when it is valid, made otherwise, and returned on every answer", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
          const traceparent = `00-${trace}-00f067aa0ba902b7-01`
          for (const path of [products, `${products}/0`, "/nowhere", "/health", `${products}/%zz`]) {
            assert.strictEqual(
              (yield* request("GET", path, { headers: { "x-correlation-id": "trace-123" } })).headers[
                "x-correlation-id"
              ],
              "trace-123"
            )
            assert.match((yield* request("GET", path)).headers["x-correlation-id"] ?? "", /^[0-9a-f-]{36}$/)
            assert.match(
              (yield* request("GET", path, { headers: { "x-correlation-id": "x".repeat(201) } })).headers[
                "x-correlation-id"
              ] ?? "",
              /^[0-9a-f-]{36}$/
            )
            assert.strictEqual(
              (yield* request("GET", path, { headers: { traceparent } })).headers["x-correlation-id"],
              trace
            )
          }
          const both = yield* request("GET", "/nowhere", { headers: { traceparent, "x-correlation-id": "trace-123" } })
          assert.deepInclude(both.body, { traceId: trace })
          const one = yield* request("GET", "/nowhere", {
            headers: { "x-correlation-id": "trace-123", traceparent: "00-0-0-0" }
          })
          assert.deepInclude(one.body, { traceId: "trace-123", instance: "/nowhere" })
        })
      )

      it.effect("the events of a request carry its correlation id", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          yield* request("POST", products, { body: product, headers: { "x-correlation-id": "trace-events" } })
          const log = yield* EventLog
          const { data } = yield* log.list({ after: log.origin, correlationId: "trace-events", limit: 10 })
          assert.deepStrictEqual(
            data.map(({ record: { causationId, source, type } }) => [type, source, causationId]),
            [["product.created", "api", null]]
          )
        })
      )

      it.effect("a callback for an order whose dispatch is not finished comes again later", () =>
        Effect.gen(function* () {
          const { plantRefuses } = yield* Hub.TestHub
          yield* Ref.set(plantRefuses, false)
          const { id } = yield* Desk.place(Desk.cardOrder(yield* TheShop))
          const [job] = yield* Desk.readyJobs(id)
          yield* Production.use((production) => production.begin(job?.id ?? 0, "sandbox"))
          const reply = yield* report(id, { mesJobId: "MJ-early", status: "제작중" }, { id: "msg_early" })
          assert.strictEqual(reply.status, 503, reply.text)
          assert.match(reply.headers["retry-after"] ?? "", /^\d+$/)
          assert.deepInclude(reply.body, { type: "urn:hub:problem:unavailable" })
        })
      )
    }
  )
})
