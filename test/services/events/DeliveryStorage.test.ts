import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { makeEventId } from "../../../src/domain/Ids.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import * as Events from "../../../src/services/events/Events.ts"
import { hasServer, server, serverIn } from "../../support/Databases.ts"
import * as FaultyStorage from "../../support/events/FaultyStorage.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { Noted, rejected, transient } from "../../support/events/Samples.ts"
import {
  collectLogs,
  drained,
  type LogLine,
  note,
  statusOf,
  subscribe,
  subscribeApart
} from "../../support/events/Subscriptions.ts"

describe("Delivery over a storage that fails", () => {
  it.effect("goes on when it is back: nothing is lost, and the trouble is logged once", () => {
    const faults = FaultyStorage.make()
    const lines: Array<LogLine> = []
    return Effect.gen(function* () {
      let isDown = false
      faults.before = () => isDown
      const recorder = yield* Recorder.make((_, attempt) => (attempt === 1 ? Effect.fail(transient) : Effect.void))
      yield* subscribe(recorder)
      yield* drained()
      isDown = true
      const events = [yield* note("a", 1), yield* note("a", 2)]
      for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
      assert.strictEqual(recorder.handled.length, 0)
      const complaints = lines.filter(({ level }) => level === "Warn")
      assert.deepStrictEqual(
        complaints.map(({ message }) => message.split(" failed")[0]),
        ["reading the event log"]
      )
      isDown = false
      while (recorder.handled.length < 2) yield* TestClock.adjust("1 second")
      yield* drained()
      assert.deepStrictEqual(recorder.handled, events)
      assert.isTrue(lines.some(({ message }) => message === "reading the event log succeeded again"))
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0, lag: 0 })
    }).pipe(
      Effect.provide(FaultyStorage.processOver(faults).pipe(Layer.provideMerge(FaultyStorage.storage))),
      Effect.provide(collectLogs(lines))
    )
  })

  it.effect("a dead letter that cannot be written keeps its event parked; the handler is not asked again", () => {
    const faults = FaultyStorage.make()
    return Effect.gen(function* () {
      let failures = 0
      faults.before = (operation) => operation === "bury" && ++failures <= 3
      const recorder = yield* Recorder.make((event) =>
        JSON.stringify(event.payload).includes('"value":1') ? Effect.fail(rejected) : Effect.void
      )
      const letters = yield* DeadLetters
      yield* subscribe(recorder)
      const bad = yield* note("a", 1)
      const behind = yield* note("a", 2)
      const other = yield* note("b", 3)
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [other])
      assert.deepInclude(yield* statusOf(), { parked: 2, dead: 0 })
      while (failures < 4) yield* TestClock.adjust("5 seconds")
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [other, behind])
      assert.strictEqual(recorder.attemptsOf(bad.metadata.id), 1)
      const { data } = yield* letters.list({}, { page: 1, limit: 10 })
      assert.deepStrictEqual(
        data.map(({ eventId, retryCount }) => [eventId, retryCount]),
        [[bad.metadata.id, 0]]
      )
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 1 })
    }).pipe(Effect.provide(FaultyStorage.processOver(faults).pipe(Layer.provideMerge(FaultyStorage.storage))))
  })

  it.effect("a dead letter that could not be written before a crash is written after it", () => {
    const faults = FaultyStorage.make()
    return Effect.gen(function* () {
      let isBroken = true
      faults.before = (operation) => operation === "bury" && isBroken
      const recorder = yield* Recorder.make(() => Effect.fail(rejected))
      const letters = yield* DeadLetters
      const unsubscribe = yield* subscribeApart(recorder)
      yield* note("a", 1)
      yield* drained()
      yield* unsubscribe
      isBroken = false
      yield* subscribe(recorder)
      yield* TestClock.adjust("20 seconds")
      yield* drained()
      assert.strictEqual((yield* letters.list({}, { page: 1, limit: 10 })).total, 1)
    }).pipe(Effect.provide(FaultyStorage.processOver(faults).pipe(Layer.provideMerge(FaultyStorage.storage))))
  })

  it.effect("an answer that is lost changes nothing: the same write is made again", () => {
    const faults = FaultyStorage.make()
    return Effect.gen(function* () {
      let losses = 0
      faults.after = (operation) => operation !== "read" && operation !== "renew" && ++losses % 3 === 0
      const recorder = yield* Recorder.make((event, attempt) =>
        JSON.stringify(event.payload).includes("bad")
          ? Effect.fail(rejected)
          : attempt === 1
            ? Effect.fail(transient)
            : Effect.void
      )
      const letters = yield* DeadLetters
      yield* subscribe(recorder)
      const events = yield* Effect.forEach([1, 2, 3, 4, 5], (value) => note("a", value))
      yield* note("bad")
      while (recorder.handled.length < 5) yield* TestClock.adjust("1 second")
      while ((yield* letters.pendingCount("test")) < 1) yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 minute")
      yield* drained()
      assert.deepStrictEqual(recorder.handled, events)
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 1, lag: 0 })
    }).pipe(Effect.provide(FaultyStorage.processOver(faults).pipe(Layer.provideMerge(FaultyStorage.storage))))
  })
})

describe.skipIf(!hasServer)("Delivery when PostgreSQL ends its connections", () => {
  it.live(
    "goes on with new ones: every event that was committed is handled, in order per key",
    () =>
      Effect.gen(function* () {
        const bus = yield* EventBus
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql`select current_schema() as name`
        const other = yield* Layer.build(Layer.fresh(serverIn(String(rows[0]?.["name"]))))
        const killer = Context.get(other, SqlClient.SqlClient)
        const recorder = yield* Recorder.make()
        yield* subscribe(recorder)
        const backends = Effect.map(
          Effect.forEach(Array.from({ length: 8 }), () => sql`select pg_backend_pid() as pid, pg_sleep(0.02)::text`, {
            concurrency: "unbounded"
          }),
          (results) => results.flatMap((rows) => rows.map((row) => Number(row["pid"])))
        )
        const kill = Effect.gen(function* () {
          const pids = yield* backends
          yield* killer`select pg_terminate_backend(pid) from unnest(${pids}::int4[]) as pid`
        }).pipe(Effect.ignore)
        // A publisher whose connection broke does not know the outcome; it publishes the same id again.
        const publish = (key: number, value: number) =>
          Effect.gen(function* () {
            const id = yield* makeEventId
            yield* bus
              .publish(Noted, { key: `k${key}`, value }, { id })
              .pipe(Effect.sandbox, Effect.retry(Schedule.spaced("5 millis")))
            return id
          })
        const publishing = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 10 }, (_, key) => key),
            (key) =>
              Effect.forEach(
                Array.from({ length: 40 }, (_, value) => value),
                (value) => publish(key, value)
              ),
            { concurrency: "unbounded" }
          )
        )
        for (let round = 1; round <= 4; round++) {
          yield* recorder.succeeded(round * 60)
          yield* kill
        }
        const published = (yield* Effect.orDie(Fiber.join(publishing))).flat()
        // Asking also needs a connection, and may get one that was just ended.
        yield* drained().pipe(Effect.sandbox, Effect.retry(Schedule.spaced("5 millis")), Effect.orDie)
        const handled = recorder.handled.map((event) => String(event.metadata.id))
        assert.deepStrictEqual(new Set(handled), new Set(published.map(String)))
        for (let key = 0; key < 10; key++) {
          const ofKey = published.slice(key * 40, key * 40 + 40).map(String)
          const firsts = [...new Set(handled.filter((id) => ofKey.includes(id)))]
          assert.deepStrictEqual(firsts, ofKey)
        }
      }).pipe(Effect.scoped, Effect.provide(Layer.orDie(Events.layerSql).pipe(Layer.provideMerge(server)))),
    60_000
  )
})
