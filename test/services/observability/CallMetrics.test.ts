import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { CallMetrics } from "../../../src/services/observability/CallMetrics.ts"
import * as CallRecords from "../../../src/services/observability/CallRecords.ts"
import * as ProviderServices from "../../../src/services/providers/ProviderServices.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { broken, found, make as makeStub } from "../../support/CallStub.ts"
import { type DatabaseLayer, describeDatabases, embedded } from "../../support/Databases.ts"

const start = "2026-11-21T10:00:00.000Z"

const services = CallRecords.layer().pipe(
  Layer.provideMerge([Layer.fresh(CircuitBreakers.layer), Layer.fresh(ProviderServices.layerMemory)])
)

const over =
  (database: DatabaseLayer) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    TestClock.setTime(Date.parse(start)).pipe(
      Effect.andThen(Effect.provide(test, services.pipe(Layer.provideMerge(database)))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )

const prometheus = Effect.map(PrometheusMetrics.format(), (text) => text.split("\n"))

describeDatabases("CallMetrics", (database) => {
  it.effect("Property 2: every call is in the window it ended in, and in the sum", () =>
    Effect.gen(function* () {
      const metrics = yield* CallMetrics
      const { answers, find } = yield* makeStub()
      yield* find("a")
      yield* find("a")
      yield* find("a")
      yield* TestClock.adjust("6 minutes")
      yield* answers(broken)
      yield* find("a")
      yield* find("b")
      const { summary, windows } = yield* metrics.metrics("books", 10)
      assert.deepInclude(summary, {
        total: 5,
        successful: 4,
        failed: 1,
        rejected: 0,
        cached: 3,
        stale: 1,
        requests: 3,
        failedRequests: 2,
        rateLimited: 0,
        timeouts: 0,
        circuitOpenings: 0,
        errorRate: 20,
        hitRate: 40
      })
      assert.deepStrictEqual(
        windows.map(({ errorRate, hitRate, startedAt, total }) => [startedAt, total, errorRate, hitRate]),
        [
          ["2026-11-21T10:00:00.000Z", 3, 0, 66.67],
          ["2026-11-21T10:05:00.000Z", 2, 50, 0]
        ]
      )
      assert.deepStrictEqual((yield* metrics.metrics("books", 1)).summary.total, 2)
      assert.deepStrictEqual((yield* metrics.metrics("nobody", 60)).windows, [])
      assert.deepStrictEqual(
        (yield* metrics.stats(60)).map(({ integration, total }) => [integration, total]),
        [["books", 5]]
      )
    }).pipe(over(database))
  )

  it.effect("counts the openings of the circuits of an integration", () =>
    Effect.gen(function* () {
      const metrics = yield* CallMetrics
      const { answers, find } = yield* makeStub()
      yield* answers(broken)
      for (let call = 0; call < 6; call++) yield* find(`title ${call}`)
      const openings = Effect.map(metrics.metrics("books", 5), ({ summary }) => summary.circuitOpenings)
      assert.strictEqual(yield* Effect.repeat(openings, { until: (count) => count > 0, times: 50 }), 1)
      const { summary } = yield* metrics.metrics("books", 5)
      assert.deepInclude(summary, { total: 6, failed: 6, requests: 6, errorRate: 100 })
    }).pipe(over(database))
  )

  it.effect("windows survive a restart, those of several hubs add up, and old ones go", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse(start))
      const { sql } = yield* Database
      const process = Effect.gen(function* () {
        const { find } = yield* makeStub()
        yield* find("a")
        yield* find("a")
      }).pipe(Effect.scoped, Effect.provide(services, { local: true }))
      yield* process
      yield* process
      const later = Effect.gen(function* () {
        const metrics = yield* CallMetrics
        return yield* metrics.metrics("books", 5)
      }).pipe(Effect.provide(services, { local: true }))
      assert.deepInclude((yield* later).summary, { total: 4, cached: 2, hitRate: 50 })
      assert.strictEqual((yield* sql`select from call_windows`).length, 2)
      yield* sql`update call_windows set started_at = started_at - interval '40 days'`
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("61 minutes")
        const left = sql`select from call_windows`
        const rows = yield* Effect.repeat(left, { until: ({ length }) => length === 0, times: 500 })
        assert.strictEqual(rows.length, 0)
      }).pipe(Effect.provide(services, { local: true }))
    }).pipe(Effect.provide(database))
  )

  it.effect("counts go on while the database is out of order, and are stored when it is back", () =>
    Effect.gen(function* () {
      const metrics = yield* CallMetrics
      const { sql } = yield* Database
      const { find } = yield* makeStub()
      yield* sql`alter table call_windows rename to elsewhere`
      assert.strictEqual((yield* find("a"))._tag, "Success")
      yield* metrics.flush
      yield* sql`alter table elsewhere rename to call_windows`
      assert.strictEqual((yield* metrics.metrics("books", 5)).summary.total, 1)
    }).pipe(over(database))
  )
})

describe("CallMetrics", () => {
  it.effect("tells Prometheus of caches, with few labels", () =>
    Effect.gen(function* () {
      const { answers, find } = yield* makeStub()
      yield* answers(found)
      yield* find("a")
      yield* find("a")
      yield* find("b")
      yield* find("b")
      assert.include(yield* prometheus, `cache_hit_rate{integration="books"} 50`)
      yield* TestClock.adjust("16 minutes")
      yield* answers(broken)
      yield* find("a")
      const lines = yield* prometheus
      assert.include(lines, `cache_hit_rate{integration="books"} 0`)
      assert.include(lines, `cache_lookups_total{integration="books",result="hit"} 2`)
      assert.include(lines, `cache_lookups_total{integration="books",result="miss"} 2`)
      assert.include(lines, `stale_cache_usage_total{integration="books"} 1`)
    }).pipe(over(embedded))
  )
})
