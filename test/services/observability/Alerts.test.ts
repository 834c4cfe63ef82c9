import { assert, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, References, Ref } from "effect"
import { TestClock } from "effect/testing"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { AlertLog } from "../../../src/services/observability/AlertLog.ts"
import { Alerts } from "../../../src/services/observability/Alerts.ts"
import * as Monitoring from "../../../src/services/observability/Monitoring.ts"
import { RecentCalls } from "../../../src/services/observability/RecentCalls.ts"
import type { CallRecord } from "../../../src/services/providers/CallRecorder.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { CircuitSettings } from "../../../src/services/resilience/CircuitSettings.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import { become, below, mes } from "../../support/MonitoringRig.ts"

const page = { page: 1, limit: 100 }

const call = (outcome: CallRecord["outcome"], at: number): CallRecord => ({
  _tag: "Call",
  integration: "mes",
  operation: "rates",
  outcome,
  cache: null,
  provider: null,
  tried: [],
  attempts: 1,
  shared: false,
  sandbox: false,
  at,
  durationMillis: 1,
  traceId: null,
  correlationId: null
})

describeDatabases("Alerts", (database) => {
  /** With the alert lines that were logged, and a dead letter queue of this length. */
  const rig = Effect.gen(function* () {
    const lines: Array<string> = []
    const pending = yield* Ref.make(0)
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      if (!String(message).startsWith("alert ")) return
      lines.push(`${logLevel} ${String(message)}`)
      assert.containsAllKeys(fiber.getRef(References.CurrentLogAnnotations), ["alert", "kind", "subject", "severity"])
    })
    // Looks only when the test says so, but at transitions of circuits.
    const stack = Layer.fresh(Alerts.layer({ targets: [] })).pipe(
      Layer.provideMerge(AlertLog.layer),
      Layer.provideMerge(Monitoring.health),
      Layer.provide(Layer.mock(DeadLetters)({ pendingCount: () => Ref.get(pending) })),
      Layer.provideMerge(below),
      Layer.provideMerge(Logger.layer([logger]))
    )
    return { lines, pending, stack }
  })
  const look = Alerts.use(({ look }) => look)
  const history = AlertLog.use((log) => Effect.map(log.list({}, page), ({ data }) => data))

  it.effect(
    "Property 42: health that becomes worse is told of once, then its recovery; in the log and the history",
    () =>
      Effect.gen(function* () {
        const { lines, stack } = yield* rig
        yield* Effect.gen(function* () {
          yield* look
          assert.deepStrictEqual(yield* history, [])
          yield* become({ ...mes, check: false })
          yield* look
          yield* look
          yield* TestClock.adjust("5 seconds")
          yield* become(mes)
          yield* look
          yield* look
          assert.deepStrictEqual(yield* history, [
            {
              id: 1,
              kind: "health",
              subject: "mes",
              severity: "critical",
              message: "mes is unhealthy: the health check failed",
              raisedAt: "1970-01-01T00:00:00.000Z",
              worsenedAt: null,
              recoveredAt: "1970-01-01T00:00:05.000Z",
              recovery: "mes is healthy: the health check succeeded",
              deliveries: []
            }
          ])
          assert.deepStrictEqual(lines, [
            "Warn alert raised: mes is unhealthy: the health check failed",
            "Info alert recovered: mes is healthy: the health check succeeded"
          ])
        }).pipe(Effect.provide(stack))
      }).pipe(Effect.provide(database))
  )

  it.effect("Property 26: an error rate above 10 % is told of, exactly 10 % is not", () =>
    Effect.gen(function* () {
      const { lines, stack } = yield* rig
      yield* Effect.gen(function* () {
        const recent = yield* RecentCalls
        for (let n = 0; n < 9; n++) recent.record(call("miss", 0))
        recent.record(call("unavailable", 0))
        yield* look
        assert.deepStrictEqual(lines, [])
        recent.record(call("stale", 0))
        yield* look
        yield* look
        const rates = (yield* history).filter(({ kind }) => kind === "error-rate")
        assert.deepStrictEqual(
          rates.map(({ message, severity }) => [severity, message]),
          [["warning", "mes: 2 of 11 calls failed in five minutes (18.2 %)"]]
        )
      }).pipe(Effect.provide(stack))
    }).pipe(Effect.provide(database))
  )

  it.effect("a circuit that opens and closes between two looks is told of; the cool-down keeps it from repeating", () =>
    Effect.gen(function* () {
      const { lines, stack } = yield* rig
      yield* Effect.gen(function* () {
        const breakers = yield* CircuitBreakers
        const settings = CircuitSettings.make({ failures: 1, openFor: Duration.seconds(1) })
        const breaker = yield* breakers.make({ name: "fx_primary", settings })
        const untilTold = Effect.fnUntraced(function* (count: number) {
          while (lines.length < count) yield* Effect.yieldNow
        })
        yield* Effect.exit(breaker.protect(Effect.fail("down")))
        yield* untilTold(1)
        yield* breaker.reset
        yield* untilTold(2)
        yield* Effect.exit(breaker.protect(Effect.fail("down")))
        yield* look
        yield* breaker.reset
        yield* look
        assert.deepStrictEqual(lines, [
          "Warn alert raised: circuit of fx_primary is OPEN",
          "Info alert recovered: circuit of fx_primary is CLOSED"
        ])
        yield* breaker.forceOpen
        yield* TestClock.adjust("15 minutes")
        yield* untilTold(3)
        assert.strictEqual(lines[2], "Warn alert raised: circuit of fx_primary is OPEN, held by an operator")
      }).pipe(Effect.provide(stack))
    }).pipe(Effect.scoped, Effect.provide(database))
  )

  it.effect("rate limits that are hit often, and dead letters that grow", () =>
    Effect.gen(function* () {
      const { lines, pending, stack } = yield* rig
      yield* Effect.gen(function* () {
        const recent = yield* RecentCalls
        yield* Ref.set(pending, 3)
        yield* look
        for (let n = 0; n < 10; n++) {
          recent.record({
            ...call("miss", 0),
            _tag: "Attempt",
            provider: "mes",
            attempt: 1,
            outcome: "rate-limited",
            errorClass: "RateLimited",
            status: 429,
            circuit: "CLOSED",
            sandbox: false
          })
        }
        yield* Ref.set(pending, 4)
        yield* look
        yield* look
        assert.deepStrictEqual(lines, [
          "Warn alert raised: mes: 10 calls refused for a rate limit in five minutes",
          "Warn alert raised: mes: 4 dead letters are waiting"
        ])
        yield* Ref.set(pending, 0)
        yield* look
        assert.strictEqual(lines[2], "Info alert recovered: mes: 0 dead letters are waiting")
      }).pipe(Effect.provide(stack))
    }).pipe(Effect.provide(database))
  )

  it.effect("a restart raises nothing anew, and ends what it finds well again; of two hubs one tells", () =>
    Effect.gen(function* () {
      const { lines, stack } = yield* rig
      const worsen = Effect.andThen(become({ ...mes, check: false }), look)
      yield* Effect.provide(worsen, stack)
      yield* Effect.provide(worsen, stack)
      assert.strictEqual(lines.length, 1)
      // Two at once: the second finds the alert in the database, but not in its memory.
      const { sql } = yield* Database
      yield* Effect.provide(look, stack)
      assert.strictEqual(lines.length, 2)
      const other = yield* rig
      yield* Effect.gen(function* () {
        yield* look
        yield* Effect.provide(worsen, stack)
        yield* worsen
        assert.deepStrictEqual([lines.length, other.lines.length], [3, 0])
      }).pipe(Effect.provide(other.stack))
      assert.deepStrictEqual(yield* sql`select count(*)::int as open from alerts where recovered_at is null`, [
        { open: 1 }
      ])
    }).pipe(Effect.provide(database))
  )

  it.effect("what cannot be stored is told at the next look; what is gone is over", () =>
    Effect.gen(function* () {
      const { lines, stack } = yield* rig
      yield* Effect.gen(function* () {
        const { sql } = yield* Database
        yield* become({ ...mes, check: false })
        yield* sql`alter table alerts rename to out_of_order`
        assert.strictEqual((yield* Effect.exit(look))._tag, "Failure")
        yield* sql`alter table out_of_order rename to alerts`
        assert.deepStrictEqual(lines, [])
        yield* look
        assert.strictEqual(lines.length, 1)
        yield* become()
        yield* look
        yield* look
        assert.deepStrictEqual(lines.slice(1), ["Info alert recovered: mes is not looked at any more"])
      }).pipe(Effect.provide(stack))
    }).pipe(Effect.provide(database))
  )

  it.effect("lists by kind, subject and whether it holds, page by page; forgets what was over 90 days ago", () =>
    Effect.gen(function* () {
      const log = yield* AlertLog
      const change = { level: 1, message: "so it is", targets: [] } as const
      yield* log.write({ ...change, notice: "raised", kind: "health", subject: "fx" })
      yield* log.write({ ...change, notice: "raised", kind: "error-rate", subject: "fx" })
      assert.isNull(yield* log.write({ ...change, notice: "raised", kind: "health", subject: "fx" }))
      const worse = yield* log.write({ ...change, level: 2, notice: "worsened", kind: "health", subject: "fx" })
      assert.deepInclude(worse ?? {}, { severity: "critical", worsenedAt: "1970-01-01T00:00:00.000Z" })
      assert.isNull(yield* log.write({ ...change, level: 2, notice: "worsened", kind: "health", subject: "fx" }))
      yield* log.write({ ...change, level: 0, notice: "recovered", kind: "health", subject: "fx" })
      assert.isNull(yield* log.write({ ...change, level: 0, notice: "recovered", kind: "health", subject: "fx" }))
      const kinds = (filter: Parameters<typeof log.list>[0], at = page) =>
        Effect.map(log.list(filter, at), ({ data, total }) => [total, ...data.map(({ kind }) => kind)])
      assert.deepStrictEqual(yield* kinds({}), [2, "error-rate", "health"])
      assert.deepStrictEqual(yield* kinds({ open: true }), [1, "error-rate"])
      assert.deepStrictEqual(yield* kinds({ open: false, subject: "fx" }), [1, "health"])
      assert.deepStrictEqual(yield* kinds({ kind: "health" }), [1, "health"])
      assert.deepStrictEqual(yield* kinds({ subject: "mes" }), [0])
      assert.deepStrictEqual(yield* kinds({}, { page: 2, limit: 1 }), [2, "health"])
      assert.deepStrictEqual(yield* log.open, [{ kind: "error-rate", subject: "fx", level: 1 }])
      yield* log.prune("1970-01-01T00:00:00.001Z")
      assert.deepStrictEqual(yield* kinds({}), [1, "error-rate"])
    }).pipe(Effect.provide(AlertLog.layer.pipe(Layer.provide(database))))
  )
})
