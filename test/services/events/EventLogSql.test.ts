import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import { EventLogMismatch, EventLogSettings } from "../../../src/services/events/EventLogSettings.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { CommitParticipant } from "../../../src/services/storage/UnitOfWork.ts"
import { describeDatabases, hasServer, server } from "../../support/Databases.ts"
import { recordOf } from "../../support/events/Samples.ts"

const idsIn = Effect.gen(function* () {
  const log = yield* EventLog
  const { records } = yield* log.read({ after: log.origin, limit: 1000 })
  return new Set(records.map(({ record }) => record.id))
})

describeDatabases("EventLog", (database) => {
  const layer = EventLog.layerSql.pipe(Layer.provideMerge(database))

  it.effect("AC-EVT-005 what is appended in a transaction is seen with its commit, or never", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const { transaction } = yield* Database
      const changes = yield* log.changes
      const [kept, lost, nested, dropped] = [
        yield* recordOf({ key: "a" }),
        yield* recordOf({ key: "b" }),
        yield* recordOf({ key: "c" }),
        yield* recordOf({ key: "d" })
      ]
      yield* Effect.exit(transaction(Effect.andThen(log.append([lost]), Effect.fail("rolled back"))))
      yield* transaction(
        Effect.gen(function* () {
          yield* log.append([kept])
          yield* Effect.exit(transaction(Effect.andThen(log.append([dropped]), Effect.fail("savepoint rolled back"))))
          yield* transaction(log.append([nested]))
          assert.strictEqual((yield* Queue.poll(changes))._tag, "None")
        })
      )
      yield* Queue.take(changes)
      assert.deepStrictEqual(yield* idsIn, new Set([kept.id, nested.id]))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("refuses an append in a bare transaction", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const sql = yield* SqlClient.SqlClient
      const record = yield* recordOf({ key: "a" })
      const exit = yield* Effect.exit(sql.withTransaction(log.append([record])))
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* idsIn, new Set())
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-EVT-008 one bad record in a group of concurrent appends fails alone", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const good = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => `k${index}`),
        (key) => recordOf({ key })
      )
      const unstorable = { ...(yield* recordOf({ key: "k1" })), source: "a NUL \0" }
      const noTime = { ...(yield* recordOf({ key: "k2" })), timestamp: "not a time" }
      const records = [...good.slice(0, 20), unstorable, noTime, ...good.slice(20)]
      const exits = yield* Effect.forEach(records, (record) => Effect.exit(log.append([record])), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        exits.flatMap((exit, index) => (Exit.isFailure(exit) ? [index] : [])),
        [20, 21]
      )
      assert.deepStrictEqual(yield* idsIn, new Set(good.map(({ id }) => id)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("an interrupted append is written whole or not at all, and holds up no other", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const records = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => `k${index}`),
        (key) => recordOf({ key })
      )
      const fibers = yield* Effect.forEach(records, (record) => Effect.forkChild(log.append([record])))
      yield* Effect.forEach(
        fibers.filter((_, index) => index % 2 === 0),
        (fiber) => Fiber.interrupt(fiber)
      )
      yield* Effect.forEach(
        fibers.filter((_, index) => index % 2 === 1),
        (fiber) => Fiber.join(fiber)
      )
      const ids = yield* idsIn
      for (const [index, { id }] of records.entries()) if (index % 2 === 1) assert.isTrue(ids.has(id))
    }).pipe(Effect.provide(layer))
  )

  it.effect("ends a page where its payloads would take too much memory, and goes on from there", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const big = { text: "x".repeat(300_000) }
      const records = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, index) => index),
        (index) =>
          Effect.map(recordOf({ key: "same" }), (record) => (index % 3 === 0 ? record : { ...record, payload: big }))
      )
      yield* log.append(records)
      const seen: Array<string> = []
      let after = log.origin
      for (;;) {
        const page = yield* log.read({ after, limit: 100 })
        if (page.records.length === 0) break
        assert.isBelow(page.records.length, 8)
        seen.push(...page.records.map(({ record }) => record.id))
        after = page.upTo
      }
      assert.deepStrictEqual(
        seen,
        records.map(({ id }) => id)
      )
      const listed = yield* log.list({ after: log.origin, correlationId: "trace-1", limit: 100 })
      assert.isBelow(listed.data.length, 8)
      const rest = yield* log.list({ after: listed.next, correlationId: "trace-1", limit: 2 })
      assert.deepStrictEqual(
        rest.data.map(({ record }) => record.id),
        seen.slice(listed.data.length, listed.data.length + 2)
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses to open a log that was created with another number of partitions", () =>
    Effect.gen(function* () {
      const opened = (partitions: number) =>
        Effect.exit(Layer.build(Layer.fresh(EventLog.layerSql))).pipe(
          Effect.provideService(EventLogSettings, { partitions, pollMillis: 5000 })
        )
      assert.isTrue(Exit.isSuccess(yield* opened(4)))
      assert.isTrue(Exit.isSuccess(yield* opened(4)))
      const mismatch = new EventLogMismatch({
        expected: { partitions: 16, hash: "fnv1a-32" },
        actual: { partitions: 4, hash: "fnv1a-32" }
      })
      assert.deepStrictEqual(yield* opened(16), Exit.fail(mismatch))
    }).pipe(Effect.scoped, Effect.provide(database))
  )
})

describe.skipIf(!hasServer)("EventLog (several connections)", () => {
  const layer = EventLog.layerSql.pipe(Layer.provideMerge(server))

  /** Ends a transaction slowly: after the append, before the commit. */
  const slowly = (effect: Effect.Effect<void>) => new CommitParticipant<null>(() => effect)

  /** Waits until a session waits for an advisory lock while it writes to the log of this schema. */
  const someoneWaits = Effect.gen(function* () {
    const { sql } = yield* Database
    for (;;) {
      const waiting = yield* sql`
        select from pg_locks where locktype = 'advisory' and not granted
          and pid in (select pid from pg_locks where relation = 'event_log'::regclass)`
      if (waiting.length > 0) return
    }
  })

  it.effect("looks for what others appended at intervals", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const changes = yield* log.changes
      yield* TestClock.adjust("6 seconds")
      yield* Queue.take(changes)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("draws sequence numbers after the lock of the partition, so a slow committer is not overtaken", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const { enlist, sql, transaction } = yield* Database
      const [first, second] = [yield* recordOf({ key: "same" }), yield* recordOf({ key: "same" })]
      const appended = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const slow = slowly(Effect.andThen(Deferred.succeed(appended, undefined), Deferred.await(commit)))
      const slowFiber = yield* Effect.forkChild(transaction(Effect.andThen(log.append([first]), enlist(slow, [null]))))
      yield* Deferred.await(appended)
      const drawn = sql`select last_value from event_log_seq_seq`
      const before = yield* drawn
      const secondFiber = yield* Effect.forkChild(log.append([second]))
      yield* someoneWaits
      assert.deepStrictEqual(yield* drawn, before)
      assert.deepStrictEqual(yield* idsIn, new Set())
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(slowFiber)
      yield* Fiber.join(secondFiber)
      const { records } = yield* log.read({ after: log.origin, limit: 10 })
      assert.deepStrictEqual(
        records.map(({ record }) => record.id),
        [first.id, second.id]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a reader that moves its cursors misses nothing under slow committers", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const { enlist, sql, transaction } = yield* Database
      const naps = slowly(Effect.orDie(Effect.asVoid(sql`select pg_sleep(random() * 0.004)`)))
      const writers = 6
      const rounds = 40
      const written: Array<string> = []
      const write = (writer: number) =>
        Effect.forEach(
          Array.from({ length: rounds }, (_, round) => round),
          (round) =>
            Effect.gen(function* () {
              const records = yield* Effect.forEach([round % 3, writer, round % 2], (key) =>
                recordOf({ key: `k${key}` })
              )
              if (round % 4 === 0) yield* log.append(records)
              else yield* transaction(Effect.andThen(log.append(records), enlist(naps, [null])))
              written.push(...records.map(({ id }) => id))
            }),
          { discard: true }
        )
      const seen: Array<string> = []
      let position = log.origin
      const readOn = Effect.gen(function* () {
        const page = yield* log.read({ after: position, limit: 5 })
        for (const { partition, record, seq } of page.records) {
          assert.isAbove(seq, position[partition] ?? 0)
          seen.push(record.id)
        }
        position = page.upTo
        return page.records.length
      })
      const writing = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: writers }, (_, writer) => writer),
          write,
          { concurrency: "unbounded" }
        )
      )
      const reading = yield* Effect.forkChild(Effect.forever(readOn))
      yield* Fiber.join(writing)
      yield* Fiber.interrupt(reading)
      while ((yield* readOn) > 0);
      assert.strictEqual(written.length, writers * rounds * 3)
      assert.strictEqual(seen.length, written.length)
      assert.deepStrictEqual(new Set(seen), new Set(written))
    }).pipe(Effect.provide(layer))
  )
})
