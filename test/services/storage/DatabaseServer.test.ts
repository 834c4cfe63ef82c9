import { PgConnection } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Queue, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { readdirSync } from "node:fs"
import { Database } from "../../../src/services/storage/Database.ts"
import { isConnectionFailure } from "../../../src/services/storage/DatabaseErrors.ts"
import * as DatabaseServer from "../../../src/services/storage/DatabaseServer.ts"
import { freshSchema, hasServer, server, serverIn, serverUrl } from "../../support/Databases.ts"

const admin = PgConnection.make({ url: Redacted.make(serverUrl) })

/** A database of its own on the server, whose backends can be ended without disturbing anybody. */
const ownDatabase = Effect.gen(function* () {
  const connection = yield* admin
  const name = `hub_test_${randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(connection.query(`create database ${name}`), () =>
    Effect.ignore(connection.query(`drop database ${name} with (force)`))
  )
  const url = new URL(serverUrl)
  url.pathname = name
  return {
    layer: DatabaseServer.layer({ url: Redacted.make(url.href), maxConnections: 5 }),
    terminateAll: connection.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]),
    /** Waits until this many backends are asleep. */
    awaitSleepers: (count: number) =>
      Effect.repeat(
        connection.query("select pid from pg_stat_activity where datname = $1 and wait_event = 'PgSleep'", [name]),
        { until: ({ rows }) => rows.length === count }
      )
  }
})

/** Repeats what fails because of a lost connection, and only that. */
const untilConnected = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.catchCause(effect, (cause) =>
    isConnectionFailure(cause) ? Effect.andThen(Effect.yieldNow, untilConnected(effect)) : Effect.failCause(cause)
  )

const refusal = (options: DatabaseServer.ServerOptions) =>
  Effect.flip(Effect.scoped(Layer.build(DatabaseServer.layer(options))))

describe.skipIf(!hasServer)("DatabaseServer", () => {
  it.live(
    "recovers by itself when its backends are terminated",
    () =>
      Effect.gen(function* () {
        const { layer, terminateAll, awaitSleepers } = yield* ownDatabase
        yield* Effect.gen(function* () {
          const { sql, transaction } = yield* Database
          yield* sql`create table numbers (n integer)`
          const sleepers = yield* Effect.forEach(Array.from({ length: 3 }), () =>
            Effect.forkChild(Effect.exit(sql`select pg_sleep(60)`))
          )
          yield* awaitSleepers(3)
          const exit = yield* Effect.exit(
            transaction(
              Effect.gen(function* () {
                yield* Effect.orDie(sql`insert into numbers (n) values (1)`)
                yield* Effect.orDie(terminateAll)
                yield* Effect.orDie(sql`insert into numbers (n) values (2)`)
              })
            )
          )
          assert.isTrue(Exit.isFailure(exit) && isConnectionFailure(exit.cause))
          for (const sleeper of sleepers) {
            const ended = yield* Fiber.join(sleeper)
            assert.isTrue(Exit.isFailure(ended) && isConnectionFailure(ended.cause))
          }
          const rows = yield* Effect.forEach(
            Array.from({ length: 20 }),
            () => untilConnected(sql`select n from numbers`),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(rows.flat(), [])

          // And once more while all connections are idle.
          yield* terminateAll
          yield* untilConnected(transaction(Effect.orDie(sql`insert into numbers (n) values (3)`)))
          assert.deepStrictEqual(yield* untilConnected(sql`select n from numbers`), [{ n: 3 }])
        }).pipe(Effect.provide(layer))
      }),
    180_000 // a database of its own is made, and a server under load takes its time for that
  )

  it.live("an interrupted statement is cancelled on the server, and its connection serves again", () =>
    Effect.gen(function* () {
      const { layer, awaitSleepers } = yield* ownDatabase
      yield* Effect.gen(function* () {
        const { sql, transaction } = yield* Database
        for (const around of [transaction, <A, E>(effect: Effect.Effect<A, E>) => effect]) {
          const sleepers = yield* Effect.forEach(Array.from({ length: 5 }), () =>
            Effect.forkChild(around(Effect.orDie(sql`select pg_sleep(60)`)))
          )
          yield* awaitSleepers(5)
          yield* Fiber.interruptAll(sleepers)
          yield* awaitSleepers(0)
          assert.deepStrictEqual(yield* sql`select 1 as n`, [{ n: 1 }])
        }
      }).pipe(Effect.provide(layer))
    })
  )

  it.live("tells lost connections from other failures", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      assert.isFalse(isConnectionFailure(yield* Effect.flip(Effect.sandbox(sql`select 1 / 0`))))
      assert.isFalse(isConnectionFailure(Cause.fail(new Error("something"))))
      assert.isFalse(isConnectionFailure(Cause.interrupt()))
    }).pipe(Effect.provide(server))
  )

  it.live("listens again after a lost connection, and calls back because something may have been missed", () =>
    Effect.gen(function* () {
      const { layer, terminateAll } = yield* ownDatabase
      yield* Effect.gen(function* () {
        const { listen, notify } = yield* Database
        const calls = yield* Queue.unbounded<void>()
        yield* listen("news", Effect.asVoid(Queue.offer(calls, undefined)))
        yield* Queue.take(calls)
        for (let round = 0; round < 2; round++) {
          yield* terminateAll
          yield* Queue.take(calls)
          yield* notify("news")
          yield* Queue.take(calls)
        }
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  )

  it.live("a callback that fails does not end the listening", () =>
    Effect.gen(function* () {
      const { listen, notify } = yield* Database
      const channel = `c${randomUUID()}`
      const calls = yield* Queue.unbounded<void>()
      yield* listen(channel, Effect.andThen(Queue.offer(calls, undefined), Effect.die("broken")))
      yield* Queue.take(calls)
      yield* notify(channel)
      yield* Queue.take(calls)
      yield* notify(channel)
      yield* Queue.take(calls)
    }).pipe(Effect.scoped, Effect.provide(server))
  )

  it.live("notifies other processes, coalesced, outside of the transaction", () =>
    Effect.gen(function* () {
      const { notify, transaction } = yield* Database
      const channel = `c${randomUUID()}`
      const other = yield* admin
      const received = yield* other.listen(channel)
      let count = 0
      yield* transaction(
        Effect.gen(function* () {
          for (let round = 0; round < 20; round++) {
            for (let n = 0; n < 50; n++) yield* notify(channel)
            count += (yield* Effect.orDie(Queue.takeAll(received))).length
          }
        })
      )
      assert.isAtLeast(count, 20)
      assert.isAtMost(count, 60)
    }).pipe(Effect.scoped, Effect.provide(server))
  )

  it.live("many that start at once on an empty schema all start", () =>
    Effect.gen(function* () {
      const schema = yield* freshSchema
      yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.scoped(Layer.build(Layer.fresh(serverIn(schema)))),
        { concurrency: "unbounded" }
      )
      const connection = yield* admin
      const { rows } = yield* connection.query(`select count(*)::int4 as count from "${schema}".hub_migrations`)
      const files = readdirSync(new URL("../../../src/services/storage/migrations", import.meta.url))
      assert.deepStrictEqual(rows, [{ count: files.length }])
    })
  )

  it.live("refuses a database that is newer than the program, and leaves it alone", () =>
    Effect.gen(function* () {
      const schema = yield* freshSchema
      yield* Effect.gen(function* () {
        const { sql } = yield* Database
        yield* sql`insert into hub_migrations (migration_id, name) values (999, 'future')`
      }).pipe(Effect.provide(serverIn(schema)))
      const refused = yield* refusal({ url: Redacted.make(serverUrl), schema })
      assert.strictEqual(refused._tag, "DatabaseTooNew")
      assert.include(refused.message, "999")
    })
  )

  it.live("a schema may have any name", () =>
    Effect.gen(function* () {
      const schema = `${yield* freshSchema} "Odd", Näme`
      yield* Effect.gen(function* () {
        const { sql } = yield* Database
        assert.deepStrictEqual(yield* sql`select current_schema() as name`, [{ name: schema }])
        yield* sql`drop schema ${sql(schema)} cascade`
      }).pipe(Effect.provide(serverIn(schema)))
    })
  )

  it.live("a server that cannot be reached is said in plain words, without the password", () =>
    Effect.gen(function* () {
      for (const url of [
        "postgres://hub:open-sesame@127.0.0.1:1/hub",
        "postgres://hub:open-sesame@[bad",
        "postgres://hub:open-sesame@127.0.0.1:99999/hub",
        "mysql://hub:open-sesame@127.0.0.1/hub"
      ]) {
        const refused = yield* refusal({ url: Redacted.make(url) })
        assert.strictEqual(refused._tag, "DatabaseUnavailable")
        assert.isTrue(isConnectionFailure(Cause.fail(refused)))
        assert.notInclude(Cause.pretty(Cause.fail(refused)) + JSON.stringify(refused), "open-sesame")
      }
      const refused = yield* refusal({ url: Redacted.make("postgres://hub:open-sesame@127.0.0.1:1/hub") })
      assert.include(refused.message, "ECONNREFUSED")
    })
  )

  it.effect("is not disturbed by the test clock", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      const fiber = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 30 }), () => transaction(Effect.orDie(sql`select 1 as n`)), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 30)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(yield* sql`select 2 as n`, [{ n: 2 }])
    }).pipe(Effect.provide(server))
  )
})
