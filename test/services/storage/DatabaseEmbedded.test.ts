import { PGlite } from "@electric-sql/pglite"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Option, Result, Schema, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Database } from "../../../src/services/storage/Database.ts"
import * as DatabaseEmbedded from "../../../src/services/storage/DatabaseEmbedded.ts"
import { DurableFiles, durableParams } from "../../../src/services/storage/EmbeddedPostgres.ts"
import * as EmbeddedLock from "../../../src/services/storage/EmbeddedLock.ts"
import * as ChildScript from "../../support/ChildScript.ts"
import { embedded, embeddedDirectory } from "../../support/Databases.ts"
import { dataDirectory } from "../../support/HubProcess.ts"

/** Commits pairs of rows, saying each number once its commit was answered. */
const writer = `
  import { Effect } from "effect"
  import { Database } from "./src/services/storage/Database.ts"
  import * as DatabaseEmbedded from "./src/services/storage/DatabaseEmbedded.ts"
  const program = Effect.gen(function*() {
    const { sql, transaction } = yield* Database
    yield* sql\`create table if not exists pairs (n integer, half text, filler text, primary key (n, half))\`
    const [{ last }] = yield* sql\`select coalesce(max(n), 0) as last from pairs\`
    console.log("open " + last)
    for (let n = last + 1;; n++) {
      yield* transaction(Effect.orDie(Effect.gen(function*() {
        yield* sql\`insert into pairs values (\${n}, 'a', \${"x".repeat(n % 3000)})\`
        yield* sql\`insert into pairs values (\${n}, 'b', '')\`
      })))
      console.log("committed " + n)
    }
  })
  Effect.runFork(Effect.provide(program, DatabaseEmbedded.layer(process.argv[1])))`

const Pairs = Schema.Tuple([Schema.Struct({ rows: Schema.Int, numbers: Schema.Int, last: Schema.Int })])

const pairs = (directory: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql`
      select count(*)::int4 as rows, count(distinct n)::int4 as numbers, coalesce(max(n), 0) as last from pairs`
    const [found] = yield* Schema.decodeUnknownEffect(Pairs)(rows)
    return found
  }).pipe(Effect.provide(DatabaseEmbedded.layer(directory)), Effect.scoped)

describe("DatabaseEmbedded", () => {
  it.live(
    "what was committed is there after kill -9 in the middle of writing, and the directory opens again",
    () =>
      Effect.gen(function* () {
        const directory = yield* embeddedDirectory
        let answered = 0
        for (const commits of [1, 40, 150]) {
          const child = yield* ChildScript.start(writer, directory)
          yield* child.awaitLine(/open/)
          const target = answered + commits
          while (answered < target) answered = Number((yield* child.awaitLine(/committed (\d+)/))[1])
          yield* child.kill
          const { rows, numbers, last } = yield* pairs(directory)
          // What was committed but not said yet may be there too.
          assert.isAtLeast(last, answered)
          assert.strictEqual(numbers, last)
          assert.strictEqual(rows, 2 * last)
          answered = last
        }
      }),
    120_000
  )

  it.live(
    "a first start that is killed leaves nothing that keeps the next one from starting",
    () =>
      Effect.gen(function* () {
        const directory = yield* dataDirectory
        const child = yield* ChildScript.start(writer, directory)
        const half = join(directory, "postgres.new", "base")
        yield* Effect.yieldNow.pipe(Effect.delay("5 millis"), Effect.repeat({ until: () => existsSync(half) }))
        yield* child.kill
        assert.isFalse(existsSync(join(directory, "postgres")))
        yield* Effect.gen(function* () {
          const { sql } = yield* Database
          assert.deepStrictEqual(yield* sql`select 1 as n`, [{ n: 1 }])
        }).pipe(Effect.provide(DatabaseEmbedded.layer(directory)))
        assert.isFalse(existsSync(half))
      }),
    60_000
  )

  it.live(
    "keeps its data, is refused to a second process, and says where the hub is",
    () =>
      Effect.gen(function* () {
        const directory = yield* embeddedDirectory
        const first = yield* Scope.make()
        const context = yield* Layer.buildWithScope(DatabaseEmbedded.layer(directory), first)
        const write = Effect.gen(function* () {
          const { sql } = yield* Database
          yield* sql`create table kept (n integer)`
          yield* sql`insert into kept values (7)`
          yield* (yield* DatabaseEmbedded.Advertise)("http://127.0.0.1:4321")
        })
        yield* Effect.provide(write, context)
        assert.deepStrictEqual(yield* EmbeddedLock.runningHub(directory), Option.some("http://127.0.0.1:4321"))
        const refused = yield* Effect.flip(Effect.scoped(Layer.build(DatabaseEmbedded.layer(directory))))
        assert.strictEqual(refused._tag, "DatabaseInUse")
        yield* Scope.close(first, Exit.void)
        yield* Effect.gen(function* () {
          const { sql } = yield* Database
          assert.deepStrictEqual(yield* sql`select n from kept`, [{ n: 7 }])
        }).pipe(Effect.provide(DatabaseEmbedded.layer(directory)))
      }),
    60_000
  )

  it.live("says what is wrong with a directory that holds something else", () =>
    Effect.gen(function* () {
      const directory = yield* dataDirectory
      yield* Effect.promise(async () => {
        await mkdir(join(directory, "postgres"))
        await writeFile(join(directory, "postgres", "PG_VERSION"), "11\n")
      })
      const refused = yield* Effect.flip(Effect.scoped(Layer.build(DatabaseEmbedded.layer(directory))))
      assert.strictEqual(refused._tag, "DatabaseUnavailable")
      assert.include(refused.message, directory)
    })
  )

  it.live("every commit waits for the disk", () =>
    Effect.gen(function* () {
      const directory = join(yield* embeddedDirectory, "postgres")
      const files = new DurableFiles(directory)
      yield* Effect.promise(async () => {
        await using pglite = await PGlite.create({ fs: files, startParams: durableParams })
        await pglite.exec("create table t (n integer)")
        const before = files.syncs
        for (let n = 0; n < 10; n++) await pglite.exec(`insert into t values (${n})`)
        assert.isAtLeast(files.syncs - before, 10)
      })
    })
  )

  it.effect("is not disturbed by the test clock", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      const fiber = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 20 }), () => transaction(Effect.orDie(sql`select 1 as n`)), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 20)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(yield* sql`select 2 as n`, [{ n: 2 }])
    }).pipe(Effect.provide(embedded))
  )

  it.effect("a loop of statements leaves others their turn", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      const turn = yield* Deferred.make<void>()
      setTimeout(() => Deferred.doneUnsafe(turn, Effect.void), 0)
      let statements = 0
      while (!Deferred.isDoneUnsafe(turn) && statements < 1000) {
        yield* sql`select 1 as n`
        statements += 1
      }
      assert.isBelow(statements, 1000)
    }).pipe(Effect.provide(embedded))
  )

  it.effect("survives statements that are interrupted, fail, or answer with a lot", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      yield* sql`create table numbers (n integer primary key)`
      for (let n = 0; n < 50; n++) {
        const fiber = yield* Effect.forkChild(
          transaction(
            Effect.gen(function* () {
              yield* Effect.orDie(sql`insert into numbers (n) values (${n})`)
              yield* Effect.yieldNow
              return yield* Effect.orDie(sql`insert into numbers (n) values (${n})`)
            })
          )
        )
        for (let steps = n % 7; steps > 0; steps--) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      }
      assert.deepStrictEqual(yield* sql`select n from numbers`, [])
      const failed = yield* Effect.result(sql`select * from missing`)
      assert.isTrue(Result.isFailure(failed))
      const rows = yield* sql`select repeat('x', 1000) as text from generate_series(1, 5000)`
      assert.strictEqual(rows.length, 5000)
      const wide = yield* sql`select ${"é".repeat(1_000_000)} as text`
      assert.deepStrictEqual(wide, [{ text: "é".repeat(1_000_000) }])
    }).pipe(Effect.provide(embedded))
  )

  it.effect("a caught time-out inside a transaction does not end the transaction", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      yield* sql`create table numbers (n integer primary key)`
      yield* transaction(
        Effect.gen(function* () {
          yield* Effect.orDie(sql`insert into numbers (n) values (1)`)
          const slow = yield* Effect.forkChild(Effect.orDie(sql`select count(*) from generate_series(1, 300000)`))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(slow)
          yield* Effect.orDie(sql`insert into numbers (n) values (2)`)
        })
      )
      assert.deepStrictEqual(yield* sql`select n from numbers order by n`, [{ n: 1 }, { n: 2 }])
    }).pipe(Effect.provide(embedded))
  )
})
