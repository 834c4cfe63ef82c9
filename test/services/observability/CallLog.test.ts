import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Metric, Redacted, Tracer } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { Transient } from "../../../src/domain/IntegrationError.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import * as OutboundHttp from "../../../src/services/integrations/OutboundHttp.ts"
import type * as CallLogModule from "../../../src/services/observability/CallLog.ts"
import { CallLog } from "../../../src/services/observability/CallLog.ts"
import * as CallRecords from "../../../src/services/observability/CallRecords.ts"
import { type AttemptRecord, CallRecorder } from "../../../src/services/providers/CallRecorder.ts"
import * as ProviderServices from "../../../src/services/providers/ProviderServices.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { canary, broken, found, lost, make as makeStub } from "../../support/CallStub.ts"
import { type DatabaseLayer, describeDatabases, embedded } from "../../support/Databases.ts"
import { watched } from "../../support/DataServices.ts"

const start = "2026-11-21T10:00:00.000Z"
const context = { correlationId: "corr-7", causationId: null, source: "test" }
const firstPage = { page: 1, limit: 100 }

const layer = (database: DatabaseLayer, options: CallLogModule.Options = {}) =>
  CallRecords.layer(options).pipe(
    Layer.provideMerge([CircuitBreakers.layer, ProviderServices.layerMemory]),
    Layer.provideMerge(database)
  )

const begin = makeStub()

/** The clock first: what runs in the background would live through the years up to now. */
const over =
  (database: DatabaseLayer, options: CallLogModule.Options = {}) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    Effect.andThen(TestClock.setTime(Date.parse(start)), Effect.provide(test, layer(database, options)))

const rows = (filter: CallLogModule.CallFilter = {}) =>
  Effect.flatMap(CallLog, (log) => log.list("books", { since: "2020-01-01T00:00:00Z", ...filter }, firstPage))

const attempt = (more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  _tag: "Attempt",
  integration: "books",
  provider: "library",
  operation: "GET /x",
  attempt: 1,
  outcome: "success",
  errorClass: null,
  status: null,
  circuit: "CLOSED",
  sandbox: false,
  at: Date.parse(start),
  durationMillis: 3,
  traceId: null,
  correlationId: null,
  ...more
})

describeDatabases("CallLog", (database) => {
  it.effect("Property 1, 23, 47, 48, 50: every call is written with all that is known of it", () =>
    Effect.gen(function* () {
      const { find } = yield* begin
      yield* Effect.provideService(find("Moby Dick"), EventContext, context)
      yield* find("moby  dick")
      const { data, total } = yield* rows()
      assert.strictEqual(total, 3)
      const [hit, miss, request] = data
      assert.deepInclude(request, {
        at: start,
        kind: "request",
        integration: "books",
        operation: "POST /find",
        provider: "library",
        outcome: "success",
        method: "POST",
        url: "http://books.test/v1/find?title=Moby+Dick&serviceKey=[redacted]".replace("+", "%20"),
        status: 200,
        retries: 0,
        cache: null,
        circuit: "CLOSED",
        errorClass: null,
        correlationId: "corr-7",
        sandbox: false,
        probe: false
      })
      assert.deepInclude(request?.requestHeaders, {
        authorization: "[redacted]",
        "x-desk": "[redacted]",
        "x-correlation-id": "corr-7"
      })
      assert.strictEqual(request?.requestBody, `{"title":"Moby Dick","credentials":"[redacted]"}`)
      assert.deepInclude(request?.responseHeaders, { "set-cookie": "[redacted]", "x-request-id": "r-1" })
      assert.include(request?.responseBody ?? "", `{"title":"Moby Dick","access_token":"[redacted]"`)
      assert.deepInclude(miss, {
        kind: "guarded",
        operation: "find",
        outcome: "miss",
        cache: "MISS",
        provider: "library"
      })
      assert.deepInclude(hit, { kind: "guarded", outcome: "hit", cache: "HIT", provider: "library" })
      for (const { traceId } of data) assert.match(traceId ?? "", /^[0-9a-f]{32}$/)
      assert.strictEqual(miss?.traceId, request?.traceId)
    }).pipe(over(database))
  )

  it.effect(
    "Property 29, 36, 37: stale answers, open circuits, limits and failures are written with their context",
    () =>
      Effect.gen(function* () {
        const { answers, find, provider } = yield* begin
        yield* find("a")
        yield* TestClock.adjust("6 minutes")
        yield* answers(broken)
        yield* find("a")
        yield* answers(lost)
        yield* find("b")
        yield* provider.breaker.forceOpen
        yield* find("c")
        const { data } = yield* rows()
        const seen = data.map(({ kind, outcome, status }) => [kind, outcome, status]).toReversed()
        assert.deepStrictEqual(seen, [
          ["request", "success", 200],
          ["guarded", "miss", null],
          ["request", "failed", 503],
          ["guarded", "stale", null],
          ["request", "failed", null],
          ["guarded", "unavailable", null],
          ["request", "refused-by-circuit", null],
          ["guarded", "unavailable", null]
        ])
        const [, refused, , connection, , failed] = data
        assert.deepInclude(refused, { errorClass: "CircuitOpen", circuit: "OPEN", method: null, url: null })
        assert.deepInclude(connection, { method: "POST", responseBody: null, responseHeaders: null })
        assert.include(connection?.message ?? "", "ECONNRESET")
        assert.deepInclude(failed, { errorClass: "Transient", message: "answered 503" })
        assert.strictEqual(data[0]?.message, "tried library: CircuitOpen")
      }).pipe(over(database))
  )

  it.effect("Property 38, 49: a secret reaches no row, no log line, no metric and no answer", () =>
    Effect.gen(function* () {
      const { lines, result } = yield* watched(
        Effect.gen(function* () {
          const { answers, find } = yield* begin
          const replies: Array<unknown> = []
          for (const answer of [found, broken, lost]) {
            yield* answers(answer)
            replies.push(yield* find(`about ${replies.length}`))
          }
          const log = yield* CallLog
          log.record(attempt({ outcome: "defect", errorClass: "Defect", error: new Error(`token=${canary}`) }))
          const { data } = yield* rows()
          assert.strictEqual(data.length, 7)
          const { sql } = yield* Database
          const raw = yield* sql`select call_log::text as line from call_log`
          return [data, raw, replies, yield* PrometheusMetrics.format()]
        }).pipe(Effect.scoped, over(database))
      )
      assert.notInclude(JSON.stringify(result), canary)
      assert.notInclude(lines.join("\n"), canary)
    })
  )

  it.effect("Property 1: none, errors, all and bodies write what they say, from the next call on", () =>
    Effect.gen(function* () {
      const log = yield* CallLog
      const { answers, find } = yield* begin
      const written = Effect.fnUntraced(function* (level: Parameters<typeof log.setLevel>[1]) {
        const before = (yield* rows()).total
        yield* log.setLevel("books", level)
        yield* answers(found)
        yield* find(`${level} 1`)
        yield* answers(broken)
        yield* find(`${level} 2`)
        const { data, total } = yield* rows()
        return data
          .slice(0, total - before)
          .map(({ outcome, responseBody }) => `${outcome}${responseBody === null ? "" : "+"}`)
          .toReversed()
      })
      assert.strictEqual(yield* log.level("books"), "bodies")
      assert.deepStrictEqual(yield* written("bodies"), ["success+", "miss", "failed+", "unavailable"])
      assert.deepStrictEqual(yield* written("all"), ["success", "miss", "failed+", "unavailable"])
      assert.deepStrictEqual(yield* written("errors"), ["failed+", "unavailable"])
      assert.deepStrictEqual(yield* written("none"), [])
    }).pipe(over(database))
  )

  it.effect("finds calls by operation, outcome, provider, correlation and time, in pages", () =>
    Effect.gen(function* () {
      const log = yield* CallLog
      const at = (minutes: number) => Date.parse(start) - minutes * 60_000
      for (let minutes = 0; minutes < 50; minutes++) {
        log.record(attempt({ at: at(minutes), outcome: minutes % 2 === 0 ? "success" : "timeout" }))
      }
      log.record(attempt({ provider: "shop", correlationId: "c'1", operation: "GET /y", at: at(60 * 30) }))
      const totals = [
        yield* rows({ outcome: "timeout" }),
        yield* rows({ provider: "shop" }),
        yield* rows({ correlationId: "c'1" }),
        yield* rows({ operation: "GET /y" }),
        yield* rows({ since: "2026-11-21T09:50:00Z" }),
        yield* rows({ provider: "shop", outcome: "timeout" }),
        yield* log.list("nobody", {}, firstPage)
      ].map(({ total }) => total)
      assert.deepStrictEqual(totals, [25, 1, 1, 1, 11, 0, 0])
      // Without a time: the last day.
      const second = yield* log.list("books", {}, { page: 2, limit: 20 })
      assert.strictEqual(second.total, 50)
      assert.deepStrictEqual([second.data.length, second.data[0]?.at], [20, "2026-11-21T09:40:00.000Z"])
    }).pipe(over(database))
  )

  it.effect("has one partition a day, and drops those that are old enough, by itself", () =>
    Effect.gen(function* () {
      const log = yield* CallLog
      const { sql } = yield* Database
      const days = Effect.map(
        sql`select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
          where inhparent = 'call_log'::regclass order by relname`,
        (found) => found.map(({ name }) => name)
      )
      for (const daysAgo of [0, 1, 2, 3, 40]) {
        log.record(attempt({ at: Date.parse(start) - Duration.toMillis(Duration.days(daysAgo)) }))
      }
      yield* log.flush
      // What is too old already is not written.
      assert.deepStrictEqual(yield* days, ["call_log_20261119", "call_log_20261120", "call_log_20261121"].slice(0, 3))
      assert.strictEqual(yield* log.dropOld, 0)
      yield* TestClock.setTime(Date.parse("2026-11-23T00:30:00Z"))
      // The drop that this wakes may have begun the day before; the next one comes within the hour.
      const left = yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 minute"), days), {
        until: ({ length }) => length === 1,
        times: 300
      })
      assert.deepStrictEqual(left, ["call_log_20261121"])
      // The day comes back when it is needed.
      log.record(attempt({ at: Date.parse("2026-11-23T00:29:00Z") }))
      yield* log.flush
      assert.deepStrictEqual(yield* days, ["call_log_20261121", "call_log_20261123"])
    }).pipe(over(database, { keep: Duration.days(2) }))
  )

  it.effect("writes by itself, and what waits at the end", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse(start))
      yield* Effect.gen(function* () {
        const log = yield* CallLog
        log.record(attempt())
        yield* log.flush
        log.record(attempt())
        log.record(attempt())
      }).pipe(Effect.provide(CallRecords.layer().pipe(Layer.provide(CircuitBreakers.layer))))
      const { sql } = yield* Database
      assert.strictEqual((yield* sql`select from call_log`).length, 3)
    }).pipe(Effect.provide(database))
  )

  it.effect("a database that does not take calls changes no answer, and is told of", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      const { find } = yield* begin
      yield* sql`alter table call_log rename to elsewhere`
      const answer = yield* find("a")
      assert.strictEqual(answer._tag, "Success")
      yield* Effect.flatMap(CallLog, ({ flush }) => flush)
      yield* sql`alter table elsewhere rename to call_log`
      assert.strictEqual((yield* rows()).total, 0)
      yield* find("a")
      assert.strictEqual((yield* rows()).total, 1)
      assert.match(yield* PrometheusMetrics.format(), /call_log_dropped_total\{reason="storage"\} 2/)
    }).pipe(over(database), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("writes any text that comes from outside", () =>
    Effect.gen(function* () {
      const log = yield* CallLog
      const text = `NUL \0, lone \ud800, "quoted" 김 ${"x".repeat(5000)}`
      log.record(
        attempt({
          operation: text,
          provider: text,
          correlationId: text,
          outcome: "failed",
          error: new Transient({ adapter: "a", operation: "b", message: text })
        })
      )
      const { data } = yield* rows()
      assert.include(data[0]?.message ?? "", `"quoted" 김`)
    }).pipe(over(database))
  )
})

describe("CallLog", () => {
  it.effect("drops rather than grow without end, counts it, and never throws", () =>
    Effect.gen(function* () {
      const recorder = yield* CallRecorder
      for (let call = 0; call < 100; call++) recorder.record(attempt())
      assert.match(yield* PrometheusMetrics.format(), /call_log_dropped_total\{reason="full"\} 90/)
      assert.strictEqual((yield* rows()).total, 10)
      recorder.record(attempt())
      assert.strictEqual((yield* rows()).total, 11)
    }).pipe(over(embedded, { queueSize: 10 }), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("Property 1: requests of an adapter are written too, and its health checks", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ name: "plant", settings: CircuitSettings.mes })
      const outbound = OutboundHttp.make({
        adapter: "plant",
        baseUrl: "http://plant.test",
        httpClient: HttpClient.make((request) =>
          Effect.succeed(HttpClientResponse.fromWeb(request, Response.json({ code: canary }, { status: 404 })))
        ),
        breaker,
        headers: { "x-plant": Redacted.make(canary) },
        recorder: yield* CallRecorder,
        mode: "sandbox"
      })
      const ask = outbound.client.get("/jobs/7")
      yield* Effect.flip(Effect.provideService(outbound.call("GET /jobs/{id}", ask), EventContext, context))
      yield* Effect.flip(outbound.probe("GET /health", ask))
      const log = yield* CallLog
      const { data } = yield* log.list("plant", {}, firstPage)
      const seen = data.map(({ correlationId, operation, outcome, probe, provider, sandbox, status }) => ({
        correlationId,
        operation,
        outcome,
        probe,
        provider,
        sandbox,
        status
      }))
      const common = { outcome: "rejected" as const, provider: "plant", sandbox: true, status: 404 }
      assert.deepStrictEqual(seen, [
        { ...common, correlationId: null, operation: "GET /health", probe: true },
        { ...common, correlationId: "corr-7", operation: "GET /jobs/{id}", probe: false }
      ])
      for (const { traceId } of data) assert.match(traceId ?? "", /^[0-9a-f]{32}$/)
      assert.notInclude(JSON.stringify(data), canary)
    }).pipe(over(embedded))
  )

  it.effect("Property 50: a guarded call that nobody traces gets a trace of its own, one traced keeps it", () =>
    Effect.gen(function* () {
      const { find } = yield* begin
      yield* find("a")
      const [own] = (yield* rows()).data
      assert.match(own?.traceId ?? "", /^[0-9a-f]{32}$/)
      yield* Effect.gen(function* () {
        const span = yield* Effect.currentSpan
        yield* find("b")
        const [traced] = (yield* rows()).data
        assert.strictEqual(traced?.traceId, span.traceId)
      }).pipe(Effect.withSpan("outside"))
    }).pipe(over(embedded), Effect.provideService(Tracer.MinimumTraceLevel, "All"))
  )
})
