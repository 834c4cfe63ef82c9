/** The endpoints of what the hub wrote down about its calls (provider integrations, section 3). */
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CallEntry } from "../../src/domain/CallEntry.ts"
import { CacheStats, IntegrationMetrics, IntegrationStats } from "../../src/domain/CallStatistics.ts"
import { CallLog } from "../../src/services/observability/CallLog.ts"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const get = Effect.fnUntraced(function* (path: string, options: Hub.Request = {}) {
  const { request } = yield* Hub.TestHub
  return yield* request("GET", `/api/v1${path}`, options)
})

/** The data of a 200, read by the schema that the API declares. */
const read = <S extends Schema.Codec<unknown, unknown>>(schema: S, path: string) =>
  Effect.flatMap(get(path), (reply) => {
    assert.strictEqual(reply.status, 200, reply.text)
    return Schema.decodeUnknownEffect(schema)(reply.body)
  })

const Calls = Schema.Struct({
  data: Schema.Array(CallEntry),
  meta: Schema.Struct({ page: Schema.Int, limit: Schema.Int, total: Schema.Int, totalPages: Schema.Int })
})

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Records of calls", (it) => {
  it.effect("Property 1: GET /integrations/:name/calls shows each call of a data service, newest first, filtered", () =>
    Effect.gen(function* () {
      const headers = { "x-correlation-id": "records-1" }
      yield* get("/providers/fx/rates?base=usd", { headers })
      yield* get("/providers/fx/rates?base=usd", { headers })
      const { data, meta } = yield* read(Calls, "/integrations/fx/calls?correlationId=records-1")
      assert.deepStrictEqual(
        data.map(({ cache, kind, outcome, sandbox }) => [kind, outcome, cache, sandbox]),
        [
          ["guarded", "hit", "HIT", true],
          ["guarded", "miss", "MISS", true],
          ["request", "success", null, true]
        ]
      )
      assert.deepStrictEqual(meta, { page: 1, limit: 20, total: 3, totalPages: 1 })
      assert.strictEqual(new Set(data.slice(1).map(({ traceId }) => traceId)).size, 1)
      const hits = yield* read(Calls, "/integrations/fx/calls?outcome=hit&operation=rates&provider=fx_primary&limit=1")
      assert.deepStrictEqual([hits.data.length, hits.data[0]?.outcome], [1, "hit"])
      const later = yield* read(Calls, "/integrations/fx/calls?since=2999-01-01T00:00:00Z")
      assert.strictEqual(later.meta.total, 0)
    })
  )

  it.effect("Property 2: metrics of one integration, of all, and of caches", () =>
    Effect.gen(function* () {
      yield* get("/providers/fx/rates?base=eur")
      yield* get("/providers/fx/rates?base=eur")
      const metrics = yield* read(IntegrationMetrics, "/integrations/fx/metrics?minutes=15")
      assert.deepInclude(metrics, { integration: "fx", minutes: 15 })
      assert.isAtLeast(metrics.summary.total, 2)
      assert.strictEqual(metrics.summary.errorRate, 0)
      const stats = yield* read(
        Schema.Struct({ minutes: Schema.Int, data: Schema.Array(IntegrationStats) }),
        "/health/integrations/stats"
      )
      assert.include(
        stats.data.map(({ integration }) => integration),
        "fx"
      )
      const caches = yield* read(
        Schema.Struct({ minutes: Schema.Int, data: Schema.Array(CacheStats) }),
        "/health/integrations/cache?minutes=5"
      )
      const fx = caches.data.find(({ integration }) => integration === "fx")
      assert.isAtLeast(fx?.entries ?? 0, 1)
      assert.isAtLeast(fx?.hits ?? 0, 1)
    })
  )

  it.effect("an adapter has calls and metrics too; a name that nobody knows is 404; a wrong filter is 400", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* get("/integrations/mes/calls")).status, 200)
      assert.strictEqual((yield* get("/integrations/mes/metrics")).status, 200)
      for (const path of ["calls", "metrics"]) {
        const reply = yield* get(`/integrations/nobody/${path}`)
        assert.strictEqual(reply.status, 404)
        Hub.assertProblem(reply, path)
      }
      for (const query of ["calls?outcome=good", "calls?since=yesterday", "metrics?minutes=0", "metrics?minutes=1e3"]) {
        const reply = yield* get(`/integrations/mes/${query}`)
        assert.strictEqual(reply.status, 400, query)
        Hub.assertProblem(reply, query)
      }
    })
  )

  it.effect("is for administrators", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const made = yield* request("POST", "/api/v1/api-keys", { body: { name: "core", scopes: ["core"] } })
      const { key } = Object(made.body)
      for (const path of [
        "/integrations/fx/calls",
        "/integrations/fx/metrics",
        "/health/integrations/stats",
        "/health/integrations/cache"
      ]) {
        assert.strictEqual((yield* get(path, { key: null })).status, 401, path)
        assert.strictEqual((yield* get(path, { key })).status, 403, path)
      }
    })
  )

  it.effect("the level of an integration is kept to", () =>
    Effect.gen(function* () {
      const log = yield* CallLog
      yield* log.setLevel("address", "none")
      yield* get("/providers/addresses?q=sejong")
      const { meta } = yield* read(Calls, "/integrations/address/calls")
      assert.strictEqual(meta.total, 0)
    })
  )
})
