import { assert, it } from "@effect/vitest"
import { Effect, Layer, Metric, Option } from "effect"
import { TestClock } from "effect/testing"
import { noCalls } from "../../../src/domain/IntegrationHealth.ts"
import { Circuits } from "../../../src/services/observability/Circuits.ts"
import { IntegrationHealth } from "../../../src/services/observability/IntegrationHealth.ts"
import * as Monitoring from "../../../src/services/observability/Monitoring.ts"
import { RecentCalls } from "../../../src/services/observability/RecentCalls.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import { become, below, mes } from "../../support/MonitoringRig.ts"
import { makeCall, makeStub, serverError } from "../../support/ProviderRig.ts"

const page = { page: 1, limit: 100 }

/** Lets what the clock woke up finish its queries: they take real time. */
const untilCount = Effect.fnUntraced(function* (name: string, count: number) {
  const health = yield* IntegrationHealth
  for (;;) {
    const { data, total } = yield* Effect.orDie(health.history(name, page))
    if (total >= count) return data
  }
})

describeDatabases("IntegrationHealth", (database) => {
  const layer = Monitoring.health.pipe(Layer.provideMerge(below), Layer.provideMerge(database))

  it.effect("Property 39: the widget systems are judged every minute, data services every five, into the history", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("books_one")
      yield* makeCall([stub])
      for (let minute = 1; minute <= 5; minute++) {
        yield* TestClock.adjust("1 minutes")
        assert.strictEqual((yield* untilCount("mes", minute)).length, minute)
      }
      const [first] = yield* untilCount("mes", 5)
      assert.deepStrictEqual(first, {
        at: "1970-01-01T00:05:00.000Z",
        status: "healthy",
        reason: "the health check succeeded",
        calls: noCalls
      })
      const books = yield* untilCount("books", 1)
      assert.deepStrictEqual(
        books.map(({ at, status }) => [at, status]),
        [["1970-01-01T00:05:00.000Z", "unknown"]]
      )
      const { checkedAt } = yield* (yield* IntegrationHealth).status("mes")
      assert.strictEqual(checkedAt, "1970-01-01T00:05:00.000Z")
    }).pipe(Effect.provide(layer))
  )

  it.effect("Property 41: all integrations are reported, adapters and data services, in one shape", () =>
    Effect.gen(function* () {
      const health = yield* IntegrationHealth
      const stub = yield* makeStub("books_one", {}, { mode: "sandbox" })
      const search = yield* makeCall([stub])
      yield* search.run({ title: "dune" })
      yield* become(mes, { name: "edicus", mode: "off", circuit: "CLOSED", check: null })
      const statuses = yield* health.statuses
      assert.deepStrictEqual(
        statuses.map(({ circuit, healthy, kind, mode, name, status }) => [name, kind, mode, status, healthy, circuit]),
        [
          ["mes", "adapter", "live", "healthy", true, "CLOSED"],
          ["edicus", "adapter", "off", "unknown", false, "CLOSED"],
          ["books", "service", "sandbox", "healthy", true, "CLOSED"]
        ]
      )
      assert.deepInclude(statuses[2], { lastSuccessAt: "1970-01-01T00:00:00.000Z", consecutiveFailures: 0 })
      const unknown = yield* Effect.flip(health.history("nobody", page))
      assert.strictEqual(unknown.name, "nobody")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a failing data service becomes unhealthy, its circuit shows, and the metric follows", () =>
    Effect.gen(function* () {
      const health = yield* IntegrationHealth
      const stub = yield* makeStub("books_one", { circuit: "FAST", retry: "CONSERVATIVE" })
      const search = yield* makeCall([stub])
      yield* stub.behave(serverError)
      yield* Effect.forkChild(Effect.exit(search.run({ title: "dune" })))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* health.status("books"), {
        status: "unhealthy",
        reason: "circuit open: books_one",
        circuit: "OPEN",
        healthy: false,
        consecutiveFailures: 1
      })
      yield* TestClock.adjust("5 minutes")
      yield* untilCount("books", 1)
      const gauge = (yield* Metric.snapshot).find(
        ({ attributes, id }) => id === "integration_provider_health" && attributes?.["integration"] === "books"
      )
      assert.deepInclude(gauge?.state, { value: 0 })
      // The call is forgotten by then; the circuit is still open.
      assert.deepInclude(yield* health.status("books"), { status: "unhealthy", reason: "circuit open: books_one" })
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a data service whose providers are all switched off is off, not sick, and a part of them does not count",
    () =>
      Effect.gen(function* () {
        const health = yield* IntegrationHealth
        const recent = yield* RecentCalls
        yield* makeCall([yield* makeStub("books_one")])
        const off = new Set<string>()
        for (const provider of ["books_one", "books_two"]) {
          recent.made({
            integration: "books",
            provider,
            mode: "live",
            get isOff() {
              return off.has(provider)
            }
          })
        }
        const breaker = Option.getOrThrow(yield* (yield* CircuitBreakers).get("books_one"))
        yield* breaker.forceOpen
        assert.deepInclude(yield* health.status("books"), { mode: "live", status: "degraded" })
        off.add("books_two")
        assert.deepInclude(yield* health.status("books"), { mode: "live", status: "unhealthy" })
        off.add("books_one")
        assert.deepInclude(yield* health.status("books"), { mode: "off", status: "unknown", reason: "switched off" })
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("the history is kept for 30 days", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      const insert = (at: string) => sql`
        insert into integration_health (integration, status, reason, asked, failed, stale, slow, rate_limited, hits, at)
        values ('mes', 'healthy', ${at}, 0, 0, 0, 0, 0, 0, ${at}::timestamptz)`
      yield* insert("1969-12-02T00:59:59Z")
      yield* insert("1969-12-02T01:00:00Z")
      yield* TestClock.adjust("1 hour")
      const health = yield* IntegrationHealth
      const old = (reason: string) =>
        Effect.map(health.history("mes", page), ({ data }) => data.some((record) => record.reason === reason))
      while (yield* old("1969-12-02T00:59:59Z")) yield* Effect.yieldNow
      assert.isTrue(yield* old("1969-12-02T01:00:00Z"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("a check that cannot be written is made up for by the next", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      yield* sql`alter table integration_health rename to out_of_order`
      yield* TestClock.adjust("1 minutes")
      // The failed write has been answered when this is: one session, or one after the other.
      yield* Effect.ignore(sql`select 1`)
      yield* sql`alter table out_of_order rename to integration_health`
      for (let minute = 0; minute < 3; minute++) yield* TestClock.adjust("1 minutes")
      assert.isAtLeast((yield* untilCount("mes", 1)).length, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a circuit is reset, with who did it and when; an unknown one is not found", () =>
    Effect.gen(function* () {
      const circuits = yield* Circuits
      const stub = yield* makeStub("books_one", { circuit: "FAST", retry: "CONSERVATIVE" })
      const search = yield* makeCall([stub])
      yield* stub.behave(serverError)
      yield* Effect.forkChild(Effect.exit(search.run({ title: "dune" })))
      yield* TestClock.adjust("10 seconds")
      const [open] = yield* circuits.list
      assert.deepInclude(open, { name: "books_one", integration: "books", state: "OPEN", lastReset: null })
      assert.strictEqual(open?.consecutiveFailures, 3)

      const closed = yield* circuits
        .reset("books_one", "Lee")
        .pipe(Effect.provideService(EventContext, { correlationId: "trace-1", causationId: null, source: "test" }))
      const reset = { at: "1970-01-01T00:00:10.000Z", actor: "Lee", from: "OPEN" } as const
      assert.deepInclude(closed, { state: "CLOSED", consecutiveFailures: 0, hold: "automatic", lastReset: reset })
      assert.deepStrictEqual(yield* circuits.list, [closed])
      const { sql } = yield* Database
      assert.deepStrictEqual(yield* sql`select circuit, actor, correlation_id from circuit_resets`, [
        { circuit: "books_one", actor: "Lee", correlation_id: "trace-1" }
      ])

      yield* stub.behave(Effect.succeed(["found"]))
      assert.deepInclude(yield* search.run({ title: "dune" }), { cache: "MISS" })
      const again = yield* circuits.reset("books_one", "Park")
      assert.deepInclude(again.lastReset ?? {}, { actor: "Park", from: "CLOSED" })
      const unknown = yield* Effect.flip(circuits.reset("nobody", "Lee"))
      assert.strictEqual(unknown._tag, "CircuitNotFound")
    }).pipe(Effect.provide(layer))
  )
})
