/** Endpoints 1, 2 and 5, and how categories map to the shop: over the wire. */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { CategoryId, ProductId } from "../../src/domain/Ids.ts"
import { CatalogImport } from "../../src/services/catalog/CatalogImport.ts"
import { EventLog } from "../../src/services/events/EventLog.ts"
import { makeAdapter } from "../../src/services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../src/services/integrations/AdapterRegistry.ts"
import * as CircuitBreaker from "../../src/services/resilience/CircuitBreaker.ts"
import { CircuitSettings } from "../../src/services/resilience/CircuitSettings.ts"
import { ShopProducts } from "../../src/services/shop/ShopProducts.ts"
import { demoFiles } from "../support/catalog/Demo.ts"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const shopby = "/api/v1/integration/shopby"

const States = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({
      productId: ProductId,
      huniCode: Schema.NullOr(Schema.String),
      name: Schema.String,
      shopbyId: Schema.NullOr(Schema.Int),
      syncStatus: Schema.String,
      lastSyncedAt: Schema.NullOr(Schema.String),
      reasons: Schema.Array(Schema.String),
      error: Schema.NullOr(Schema.String),
      widgetOnly: Schema.Int
    })
  ),
  meta: Schema.Struct({ page: Schema.Int, limit: Schema.Int, total: Schema.Int, totalPages: Schema.Int })
})
const Categories = Schema.Struct({
  data: Schema.Array(Schema.Struct({ categoryId: CategoryId, code: Schema.String }))
})
const Accepted = Schema.Struct({ productId: ProductId, eventId: Schema.String, status: Schema.String })

const ask = Effect.fnUntraced(function* (method: string, path: string, options: Hub.Request = {}) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, `${shopby}${path}`, options)
  if (reply.status >= 400) Hub.assertProblem(reply, `${method} ${path}`)
  return reply
})

const states = Effect.fnUntraced(function* (query: string) {
  const reply = yield* ask("GET", `/products${query}`)
  assert.strictEqual(reply.status, 200, reply.text)
  return yield* Schema.decodeUnknownEffect(States)(reply.body)
})

const statusOf = (method: string, path: string, options: Hub.Request = {}) =>
  Effect.map(ask(method, path, options), ({ status }) => status)

const registered = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    name: "shopby",
    settings: CircuitSettings.make({ failures: 5, openFor: Duration.minutes(1) })
  })
  yield* (yield* AdapterRegistry).register(
    makeAdapter({
      name: "shopby",
      mode: "sandbox",
      breaker,
      events: [],
      handle: () => Effect.void,
      healthCheck: Effect.succeed(true)
    })
  )
})

const published = Effect.gen(function* () {
  const log = yield* EventLog
  const { data } = yield* log.list({ after: log.origin, limit: 10_000 })
  return data.map(({ record }) => record)
})

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Shopby products", (it) => {
  it.effect("AC-API-001 endpoints 1, 2 and 5 from an unmapped category to a listed product", () =>
    Effect.gen(function* () {
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      yield* registered

      const listed = yield* ask("GET", "/categories")
      assert.strictEqual(listed.status, 200)
      const categories = yield* Schema.decodeUnknownEffect(Categories)(listed.body)
      assert.deepStrictEqual(
        categories.data.map(({ code }) => code),
        ["PAPER", "WALL", "BOUND"]
      )
      const wall = categories.data.find(({ code }) => code === "WALL")?.categoryId ?? assert.fail()
      assert.deepInclude(yield* states(""), { data: [] })

      const mapped = yield* ask("PUT", `/categories/${wall}`, { body: { shopbyCategoryNo: 77 } })
      assert.strictEqual(mapped.status, 200)
      assert.deepStrictEqual(mapped.body, {
        categoryId: wall,
        code: "WALL",
        name: "For the wall",
        parentId: null,
        shopbyCategoryNo: 77
      })

      const ready = yield* states("")
      assert.deepStrictEqual(ready.meta, { page: 1, limit: 20, total: 1, totalPages: 1 })
      const productId = ready.data[0]?.productId ?? assert.fail()
      assert.deepStrictEqual(ready.data, [
        {
          productId,
          huniCode: "50001",
          name: "Poster",
          shopbyId: null,
          syncStatus: "never",
          lastSyncedAt: null,
          reasons: [],
          error: null,
          widgetOnly: 0
        }
      ])
      assert.deepStrictEqual(yield* states("?status=ready"), ready)
      assert.deepStrictEqual(yield* states("?status="), ready)

      const accepted = yield* ask("POST", `/products/${productId}/sync`, { body: { force: true } })
      assert.strictEqual(accepted.status, 202)
      const { eventId, ...rest } = yield* Schema.decodeUnknownEffect(Accepted)(accepted.body)
      assert.deepStrictEqual(rest, { productId, status: "accepted" })
      const command = (yield* published).find(({ id }) => id === eventId)
      assert.deepInclude(Object(command), {
        type: "command.shopby.sync-product",
        payload: { productId, force: true },
        correlationId: accepted.headers["x-correlation-id"]
      })
      assert.deepInclude((yield* states("")).data[0], { syncStatus: "pending" })

      const shop = yield* ShopProducts
      const plan = yield* shop.plan(productId, "sandbox")
      if (plan._tag !== "Ready") return assert.fail(plan._tag)
      yield* shop.confirmed(productId, "sandbox", { shopbyId: 501, listing: plan.listing })
      const { data } = yield* states("?status=synced")
      assert.deepInclude(data[0], { productId, shopbyId: 501, syncStatus: "synced" })
      assert.match(data[0]?.lastSyncedAt ?? "", /Z$/)
      yield* shop.failed(productId, "sandbox", "refused")
      assert.deepInclude((yield* states("?status=failed")).data[0], { productId, error: "refused" })

      const left = yield* ask("GET", `/products/${productId}/widget-only`)
      assert.deepStrictEqual(left.body, { data: [], meta: { page: 1, limit: 20, total: 0, totalPages: 0 } })

      const taken = yield* ask("PUT", `/categories/${wall}`, { body: { shopbyCategoryNo: null } })
      assert.strictEqual(taken.status, 200)
      assert.deepStrictEqual((yield* states("")).data, [])
    })
  )

  it.effect("AC-API-006 lists in a stable order, page by page, with what each product lacks", () =>
    Effect.gen(function* () {
      const all = yield* states("?status=all")
      const ids = all.data.map(({ productId }) => productId)
      assert.deepStrictEqual(
        ids,
        ids.toSorted((a, b) => a - b)
      )
      const second = yield* states("?status=all&page=2&limit=3")
      assert.deepStrictEqual(second.meta, { page: 2, limit: 3, total: 4, totalPages: 2 })
      assert.deepStrictEqual(second.data, all.data.slice(3))
      assert.deepStrictEqual(all.data.find(({ huniCode }) => huniCode === "50003")?.reasons, [
        "unpriced",
        "category-not-mapped"
      ])
      assert.deepStrictEqual((yield* states("?status=all&page=9")).data, [])
    })
  )

  it.effect("AC-API-007 a sync under the same Idempotency-Key is asked for once", () =>
    Effect.gen(function* () {
      const { data } = yield* states("?status=all")
      const path = `/products/${data[0]?.productId}/sync`
      const headers = { "idempotency-key": "sync-1" }
      const first = yield* ask("POST", path, { headers })
      const count = (yield* published).length
      const again = yield* ask("POST", path, { headers })
      assert.deepStrictEqual([again.status, again.body], [202, first.body])
      assert.strictEqual((yield* published).length, count)
      assert.strictEqual(yield* statusOf("POST", path, { headers, body: { force: true } }), 422)
    })
  )

  it.effect("AC-API-004 refuses what does not fit, what is not there, and who may not", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const before = (yield* published).length
      for (const query of ["?status=other", "?status=pending", "?status=READY", "?page=0", "?limit=101", "?page=x"]) {
        assert.strictEqual(yield* statusOf("GET", `/products${query}`), 400, query)
      }
      assert.strictEqual(yield* statusOf("POST", "/products/999999/sync", { body: {} }), 404)
      assert.strictEqual(yield* statusOf("POST", "/products/x/sync", { body: {} }), 400)
      assert.strictEqual(yield* statusOf("POST", "/products/1/sync", { body: { force: "yes" } }), 400)
      assert.strictEqual(yield* statusOf("GET", "/products/999999/widget-only"), 404)
      assert.strictEqual(yield* statusOf("PUT", "/categories/999999", { body: { shopbyCategoryNo: 1 } }), 404)
      for (const shopbyCategoryNo of [0, -1, 1.5, "7", 2_147_483_648, undefined]) {
        assert.strictEqual(yield* statusOf("PUT", "/categories/1", { body: { shopbyCategoryNo } }), 400)
      }
      for (const path of ["/products", "/categories"]) {
        assert.strictEqual(yield* statusOf("GET", path, { key: null }), 401)
      }
      const made = yield* request("POST", "/api/v1/api-keys", { body: { name: "plant", scopes: ["mes", "core"] } })
      const { key } = yield* Schema.decodeUnknownEffect(Schema.Struct({ key: Schema.String }))(made.body)
      assert.strictEqual(yield* statusOf("GET", "/products", { key }), 403)
      assert.strictEqual((yield* published).length, before)
    })
  )
})
