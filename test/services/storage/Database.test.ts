import { assert, it } from "@effect/vitest"
import { Effect, Exit, Ref, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Database } from "../../../src/services/storage/Database.ts"
import { CommitParticipant } from "../../../src/services/storage/UnitOfWork.ts"
import { describeDatabases } from "../../support/Databases.ts"

const Rows = Schema.Array(Schema.Struct({ n: Schema.Int }))
const decodeRows = Schema.decodeUnknownEffect(Rows)

const setUp = Effect.gen(function* () {
  const database = yield* Database
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table numbers (n integer primary key)`
  const flushed = yield* Ref.make<ReadonlyArray<ReadonlyArray<number>>>([])
  const participant = new CommitParticipant((items: ReadonlyArray<number>) =>
    Effect.orDie(sql`insert into numbers (n) select unnest(${[...items]}::int[])`).pipe(
      Effect.andThen(Ref.update(flushed, (all) => [...all, items]))
    )
  )
  const numbers = sql`select n from numbers order by n`.pipe(
    Effect.flatMap(decodeRows),
    Effect.map((rows) => rows.map((row) => row.n))
  )
  return { database, sql, participant, flushed, numbers }
})

describeDatabases("Database", (layer) => {
  it.effect("flushes what was enlisted once, last, with the transaction", () =>
    Effect.gen(function* () {
      const { database, participant, flushed, numbers } = yield* setUp
      yield* database.transaction(
        Effect.gen(function* () {
          yield* database.enlist(participant, [1])
          assert.deepStrictEqual(yield* numbers, [])
          yield* database.enlist(participant, [2, 3])
        })
      )
      assert.deepStrictEqual(yield* numbers, [1, 2, 3])
      assert.deepStrictEqual(yield* Ref.get(flushed), [[1, 2, 3]])
    }).pipe(Effect.provide(layer))
  )

  it.effect("drops what was enlisted in a savepoint that rolls back, keeps the rest in order", () =>
    Effect.gen(function* () {
      const { database, participant, flushed } = yield* setUp
      yield* database.transaction(
        Effect.gen(function* () {
          yield* database.enlist(participant, [1])
          yield* Effect.exit(database.transaction(Effect.andThen(database.enlist(participant, [2]), Effect.fail("no"))))
          yield* database.transaction(database.enlist(participant, [3]))
          yield* database.enlist(participant, [4])
        })
      )
      assert.deepStrictEqual(yield* Ref.get(flushed), [[1, 3, 4]])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a failure keeps its type and rolls everything back", () =>
    Effect.gen(function* () {
      const { database, participant, sql, flushed, numbers } = yield* setUp
      const exit = yield* Effect.exit(
        database.transaction(
          Effect.gen(function* () {
            yield* Effect.orDie(sql`insert into numbers (n) values (7)`)
            yield* database.enlist(participant, [1])
            return yield* Effect.fail("refused" as const)
          })
        )
      )
      assert.deepStrictEqual(exit, Exit.fail("refused" as const))
      assert.deepStrictEqual(yield* numbers, [])
      assert.deepStrictEqual(yield* Ref.get(flushed), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a flush that fails rolls everything back, as a defect", () =>
    Effect.gen(function* () {
      const { database, participant, sql, numbers } = yield* setUp
      const exit = yield* Effect.exit(
        database.transaction(
          Effect.gen(function* () {
            yield* Effect.orDie(sql`insert into numbers (n) values (7)`)
            yield* database.enlist(participant, [7])
          })
        )
      )
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* numbers, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("runs afterCommit only after a commit", () =>
    Effect.gen(function* () {
      const { database } = yield* setUp
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const note = (text: string) => Ref.update(seen, (all) => [...all, text])
      yield* database.transaction(Effect.andThen(database.afterCommit(note("committed")), note("inside")))
      yield* Effect.exit(database.transaction(Effect.andThen(database.afterCommit(note("never")), Effect.fail("no"))))
      assert.deepStrictEqual(yield* Ref.get(seen), ["inside", "committed"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("enlisting outside a transaction is a defect; inTransaction tells", () =>
    Effect.gen(function* () {
      const { database, participant } = yield* setUp
      assert.isTrue(Exit.hasDies(yield* Effect.exit(database.enlist(participant, [1]))))
      assert.isFalse(yield* database.inTransaction)
      assert.isTrue(yield* database.transaction(database.inTransaction))
    }).pipe(Effect.provide(layer))
  )

  it.effect("transactions of many fibers do not mix", () =>
    Effect.gen(function* () {
      const { database, sql, numbers } = yield* setUp
      yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => index),
        (n) =>
          Effect.exit(
            database.transaction(
              Effect.gen(function* () {
                yield* Effect.orDie(sql`insert into numbers (n) values (${n})`)
                if (n % 2 === 1) return yield* Effect.fail("odd")
              })
            )
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        yield* numbers,
        Array.from({ length: 20 }, (_, index) => index * 2)
      )
    }).pipe(Effect.provide(layer))
  )
})
