/** Endpoints 3 and 4, retranslate and resolve-attention (specification, section 9). */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { makeAdapter } from "../../src/services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../src/services/integrations/AdapterRegistry.ts"
import { Products } from "../../src/services/catalog/Products.ts"
import * as CircuitBreaker from "../../src/services/resilience/CircuitBreaker.ts"
import { CircuitSettings } from "../../src/services/resilience/CircuitSettings.ts"
import { Database } from "../../src/services/storage/Database.ts"
import { describeDatabases } from "../support/Databases.ts"
import { at, numberAt, stringAt } from "../support/Shop.ts"
import * as ShopDesk from "../support/ShopDesk.ts"
import * as Hub from "../support/TestHub.ts"
import * as Webhook from "../support/Webhook.ts"

const path = "/api/v1/integration/shopby/orders"

/** A shop that is told nothing, in this mode. */
const registered = Effect.fnUntraced(function* (mode: "sandbox" | "off") {
  const registry = yield* AdapterRegistry
  const breaker = yield* CircuitBreaker.make({
    name: "shopby",
    settings: CircuitSettings.make({ failures: 5, openFor: Duration.minutes(1) })
  })
  yield* registry.register(
    makeAdapter({
      name: "shopby",
      mode,
      breaker,
      events: [],
      handle: () => Effect.void,
      healthCheck: Effect.succeed(true)
    })
  )
})

const call = Effect.fnUntraced(function* (
  method: string,
  target: string,
  status: number,
  body?: unknown,
  options: Hub.Request = {}
) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, `/api/v1${target}`, { ...options, ...(body === undefined ? {} : { body }) })
  assert.strictEqual(reply.status, status, `${method} ${target} → ${reply.text}`)
  if (status >= 400 && status < 500) Hub.assertProblem(reply, `${method} ${target}`)
  return reply
})

/** As the shop calls. */
const tell = Effect.fnUntraced(function* (
  body: unknown,
  options: Parameters<typeof Webhook.signed>[1] & { readonly headers?: Readonly<Record<string, string>> } = {}
) {
  const { request } = yield* Hub.TestHub
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return yield* request("POST", path, {
    body: text,
    key: null,
    headers: { ...Webhook.signed(text, options), ...options.headers }
  })
})

const take = Effect.fnUntraced(function* (body: unknown, status = 201, options: Parameters<typeof tell>[1] = {}) {
  const reply = yield* tell(body, options)
  assert.strictEqual(reply.status, status, reply.text)
  return reply.body
})

const order = (orderNo: string, more: object = {}) => ({
  orderNo,
  orderAmount: 12_000,
  orderer: { name: "Lee", email: "lee@example.com", phone: "010" },
  items: [{ productNo: ShopDesk.cardNo, quantity: 3, price: 4_000 }],
  ...more
})
const lost = { items: [{ productNo: 999_999, quantity: 1, price: 1 }] }

/** A card that the shop sells as this number. */
const card = Effect.fnUntraced(function* (shopbyId: number, name: string) {
  const { id } = yield* Products.use((products) => products.create({ name, productType: "card", sellingPrice: 4_000 }))
  yield* ShopDesk.sell(id, shopbyId)
  return id
})

const opened = Layer.effectDiscard(Effect.andThen(registered("sandbox"), card(ShopDesk.cardNo, "Card")))

const count = Effect.gen(function* () {
  const { sql } = yield* Database
  return (yield* sql`select id from orders`).length
})

const unknownOrder = "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV"

describeDatabases("Shopby orders over HTTP", (database) => {
  layer(opened.pipe(Layer.provideMerge(Hub.layer(database))), { excludeTestServices: true, timeout: "60 seconds" })(
    (it) => {
      it.effect("AC-API-001 AC-SHOPBY-003 endpoint 3: 201 for a new order, 200 for the same again", () =>
        Effect.gen(function* () {
          const body = order("H-1")
          const first = yield* take(body, 201, { headers: { "x-correlation-id": "trace-http" } })
          const orderId = stringAt(first, "orderId")
          const expected = {
            orderId,
            externalOrderId: "H-1",
            source: "shopby",
            status: "CONFIRMED",
            needsAttention: false
          }
          assert.deepStrictEqual(first, expected)
          assert.deepStrictEqual(yield* take(body, 200), expected)
          const { body: shown } = yield* call("GET", `/orders/${orderId}`, 200)
          assert.deepInclude(shown, {
            source: "shopby",
            externalOrderId: "H-1",
            customer: { name: "Lee", email: "lee@example.com", phone: "010" },
            totalPrice: 12_000,
            correlationId: "trace-http",
            trackingNumber: null,
            carrier: null
          })
          const events = yield* call("GET", "/events?correlationId=trace-http", 200)
          assert.deepStrictEqual(
            Object(events.body).data.map(({ data, source, type }: Record<string, unknown>) => ({ data, source, type })),
            [{ type: "order.created", source: "shopby", data: { orderId, source: "shopby" } }]
          )
        })
      )

      it.effect(
        "AC-NFR-001 the same webhook id has the first answer; without a right signature nothing is stored",
        () =>
          Effect.gen(function* () {
            const body = order("H-2")
            const first = yield* take(body, 201, { id: "msg_once" })
            assert.deepStrictEqual(yield* take(body, 201, { id: "msg_once" }), first)
            const before = yield* count
            const other = order("H-forged")
            for (const options of [
              { by: Buffer.alloc(32, 8) },
              { seconds: 1 },
              { headers: { "webhook-signature": "" } },
              { headers: { "webhook-id": "" } }
            ]) {
              Hub.assertProblem(yield* tell(other, options), "forged")
              assert.strictEqual((yield* tell(other, options)).status, 401)
            }
            // A key is no signature.
            yield* call("POST", "/integration/shopby/orders", 401, other)
            assert.strictEqual(yield* count, before)
          })
      )

      it.effect("AC-NFR-004 50 webhooks at once, duplicates among them: one order each, none lost", () =>
        Effect.gen(function* () {
          const before = yield* count
          const replies = yield* Effect.forEach(
            Array.from({ length: 50 }, (_, index) => index),
            (index) =>
              // The same order in another webhook; each fifth is the same webhook.
              tell(order(`N-${index % 20}`), index % 5 === 0 ? { id: `msg_N-${index % 20}` } : {}),
            { concurrency: "unbounded" }
          )
          const ids = new Map<string, Set<string>>()
          for (const { body, status, text } of replies) {
            assert.include([200, 201], status, text)
            const orderNo = stringAt(body, "externalOrderId")
            ids.set(orderNo, new Set([...(ids.get(orderNo) ?? []), stringAt(body, "orderId")]))
          }
          assert.strictEqual(ids.size, 20)
          for (const [orderNo, found] of ids) assert.strictEqual(found.size, 1, orderNo)
          assert.strictEqual((yield* count) - before, 20)
        })
      )

      it.effect("no order is lost for its customer or its shipping number; what is no order is a 400 with paths", () =>
        Effect.gen(function* () {
          const customerOf = Effect.fnUntraced(function* (orderNo: string, more: object) {
            const taken = yield* take(order(orderNo, more))
            return at((yield* call("GET", `/orders/${stringAt(taken, "orderId")}`, 200)).body, "customer")
          })
          const long = "김".repeat(300)
          assert.deepStrictEqual(
            yield* customerOf("L-1", { orderer: { name: long, email: "e".repeat(400), phone: "1".repeat(60) } }),
            { name: "김".repeat(200) }
          )
          assert.deepStrictEqual(yield* customerOf("L-2", { orderer: { name: " ", email: "", phone: null } }), {
            name: "-"
          })
          assert.deepStrictEqual(yield* customerOf("L-3", { orderer: { name: 5 }, shippingNo: "" }), { name: "-" })
          yield* take(order("L-4", { shippingNo: 12_345, orderer: {}, extra: { ignored: true } }))
          const { sql } = yield* Database
          assert.deepStrictEqual(
            yield* sql`
              select external_order_id as no, shopby_shipping_nos as nos from orders
              where external_order_id in ('L-3', 'L-4') order by 1`,
            [
              { no: "L-3", nos: [] },
              { no: "L-4", nos: ["12345"] }
            ]
          )

          const before = yield* count
          const paths = Effect.fnUntraced(function* (body: unknown) {
            const reply = yield* tell(body)
            Hub.assertProblem(reply, JSON.stringify(body))
            assert.strictEqual(reply.status, 400)
            return Object(reply.body)
              .errors.map((issue: { readonly path: string }) => issue.path)
              .sort()
          })
          assert.deepStrictEqual(yield* paths({}), ["items", "orderAmount", "orderNo", "orderer"])
          assert.deepStrictEqual(yield* paths(order("X", { items: [] })), ["items"])
          assert.deepStrictEqual(
            yield* paths(order("", { orderAmount: -1, items: [{ productNo: 0, quantity: 0, price: 1 }] })),
            ["items[0].productNo", "items[0].quantity", "orderAmount", "orderNo"]
          )
          yield* paths("{")
          assert.strictEqual(yield* count, before)
        })
      )

      it.effect("AC-API-002 AC-SHOPBY-004 endpoint 4: status and parcel, 404, 409, 400", () =>
        Effect.gen(function* () {
          const orderId = stringAt(yield* take(order("S-1")), "orderId")
          const put = (status: number, body: unknown, id = orderId, options: Hub.Request = {}) =>
            Effect.map(
              call("PUT", `/integration/shopby/orders/${id}/status`, status, body, options),
              (reply) => reply.body
            )
          const parcel = { trackingNumber: "690012345678", carrier: "CJ" }
          assert.deepStrictEqual(yield* put(200, { status: "CONFIRMED", ...parcel }), {
            orderId,
            previousStatus: "CONFIRMED",
            status: "CONFIRMED",
            changed: true
          })
          assert.deepInclude((yield* call("GET", `/orders/${orderId}`, 200)).body, parcel)
          const events = yield* call("GET", "/events?type=command.shopby.sync-order&limit=100", 200)
          assert.include(JSON.stringify(events.body), orderId)
          assert.deepInclude(yield* put(409, { status: "SHIPPED", trackingNumber: "bad" }), {
            type: "urn:hub:problem:invalid-state-transition",
            from: "CONFIRMED",
            to: "SHIPPED"
          })
          assert.deepInclude((yield* call("GET", `/orders/${orderId}`, 200)).body, parcel)
          assert.deepInclude(yield* put(200, { status: "CANCELLED" }), {
            previousStatus: "CONFIRMED",
            status: "CANCELLED",
            changed: true
          })
          assert.deepInclude(yield* put(200, { status: "CANCELLED" }), { changed: false })

          yield* put(404, { status: "SHIPPED" }, unknownOrder)
          const { body: own } = yield* call("POST", "/orders", 201, {
            source: "widget",
            customer: { name: "Kim" },
            items: [{ productId: yield* card(8001, "Own"), quantity: 1, choiceIds: [] }],
            totalPrice: 1
          })
          assert.deepInclude(yield* put(409, { status: "CANCELLED" }, stringAt(own, "id")), {
            type: "urn:hub:problem:conflict"
          })
          for (const bad of [{}, { status: "LOST" }, { status: "SHIPPED", trackingNumber: " " }]) yield* put(400, bad)
          yield* put(400, { status: "SHIPPED" }, "ord_1")
          yield* put(401, { status: "SHIPPED" }, orderId, { key: null })
          const { body: narrow } = yield* call("POST", "/api-keys", 201, { name: "mes only", scopes: ["mes"] })
          yield* put(403, { status: "SHIPPED" }, orderId, { key: stringAt(narrow, "key") })
        })
      )

      it.effect("an order that is not understood is kept, and released by a translation once the cause is gone", () =>
        Effect.gen(function* () {
          const taken = yield* take(order("R-1", lost))
          assert.deepInclude(taken, { status: "CONFIRMED", needsAttention: true })
          const orderId = stringAt(taken, "orderId")
          const retranslate = (status: number, id = orderId) =>
            Effect.map(call("POST", `/orders/${id}/retranslate`, status), (reply) => reply.body)
          assert.deepInclude(yield* retranslate(200), { needsAttention: true, reasons: ["unknown-product:999999"] })
          const open = yield* call("GET", "/orders?needsAttention=true&source=shopby", 200)
          assert.strictEqual(numberAt(open.body, "meta", "total"), 1)
          const productId = yield* card(999_999, "Found")
          const released = yield* retranslate(200)
          assert.deepInclude(released, { needsAttention: false, reasons: [] })
          assert.strictEqual(at(released, "items", 0, "productId"), productId)
          const commands = yield* call("GET", "/events?type=command.mes.dispatch-order&limit=100", 200)
          assert.include(JSON.stringify(commands.body), orderId)

          const keyed: Hub.Request = { headers: { "idempotency-key": "again-1" } }
          const first = yield* call("POST", `/orders/${orderId}/retranslate`, 200, undefined, keyed)
          assert.strictEqual(
            (yield* call("POST", `/orders/${orderId}/retranslate`, 200, undefined, keyed)).text,
            first.text
          )

          yield* retranslate(404, unknownOrder)
          yield* retranslate(400, "ord_1")
          yield* call("POST", `/orders/${orderId}/retranslate`, 401, undefined, { key: null })
          const { body: own } = yield* call("POST", "/orders", 201, {
            source: "admin",
            customer: { name: "Kim" },
            items: [{ productId, quantity: 1, choiceIds: [] }],
            totalPrice: 1
          })
          assert.deepInclude(yield* retranslate(409, stringAt(own, "id")), { type: "urn:hub:problem:conflict" })
        })
      )

      it.effect("an operator deals with what no translation mends", () =>
        Effect.gen(function* () {
          const products = yield* Products
          const productId = yield* card(8002, "Closing")
          yield* products.deactivate(productId)
          const items = [{ productNo: 8002, quantity: 1, price: 1 }]
          const orderId = stringAt(yield* take(order("Z-1", { items })), "orderId")
          const resolve = (status: number, id = orderId, options: Hub.Request = {}) =>
            Effect.map(
              call("POST", `/orders/${id}/resolve-attention`, status, undefined, options),
              (reply) => reply.body
            )
          assert.deepInclude(yield* resolve(200), { needsAttention: false, reasons: [] })
          assert.deepInclude(yield* resolve(200), { needsAttention: false })
          const notes = yield* call("GET", "/notifications?acknowledged=true", 200)
          assert.deepInclude(Object(notes.body).data[0], { subject: `order:${orderId}`, acknowledgedBy: "admin" })
          yield* resolve(404, unknownOrder)
          yield* resolve(401, orderId, { key: null })
          // Lines that are missing are not waved through.
          const missing = stringAt(
            yield* take(order("Z-2", { items: [{ productNo: 5, quantity: 1, price: 1 }] })),
            "orderId"
          )
          assert.deepInclude(yield* resolve(200, missing), { needsAttention: true, reasons: ["unknown-product:5"] })
        })
      )
    }
  )

  layer(Layer.effectDiscard(registered("off")).pipe(Layer.provideMerge(Hub.layer(database))), {
    excludeTestServices: true,
    timeout: "60 seconds"
  })("switched off", (it) => {
    it.effect("an order of a shop that is switched off must come again, under the same webhook id", () =>
      Effect.gen(function* () {
        for (let times = 0; times < 2; times++) {
          const reply = yield* tell(order("O-1"), { id: "msg_off" })
          assert.strictEqual(reply.status, 503)
          assert.isAbove(Number(reply.headers["retry-after"]), 0)
        }
        assert.strictEqual(yield* count, 0)
        const { sql } = yield* Database
        assert.deepStrictEqual(yield* sql`select webhook_id from webhook_inbox`, [])
      })
    )
  })
})
