import { assert, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Ref, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Database } from "../../../src/services/storage/Database.ts"
import { CommitParticipant, isBare } from "../../../src/services/storage/UnitOfWork.ts"
import { describeDatabases } from "../../support/Databases.ts"

const setUp = Effect.gen(function* () {
  const database = yield* Database
  const sql = yield* SqlClient.SqlClient
  const flushed = yield* Ref.make<ReadonlyArray<ReadonlyArray<number>>>([])
  const participant = new CommitParticipant((items: ReadonlyArray<number>) =>
    Ref.update(flushed, (all) => [...all, items])
  )
  return { database, sql, flushed, participant }
})

const defect = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    const reason = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason) : undefined
    return String(reason?.defect)
  })

/** What one level does: enlist a number, or open a level inside, which may fail, caught outside of it. */
type Step = number | { readonly steps: ReadonlyArray<Step>; readonly fails: boolean }
const Step: Schema.Codec<Step> = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })),
  Schema.Struct({ steps: Schema.Array(Schema.suspend((): Schema.Codec<Step> => Step)), fails: Schema.Boolean })
])

/** What must have been flushed, and what must be in the table. */
const expected = (steps: ReadonlyArray<Step>): ReadonlyArray<number> =>
  steps.flatMap((step) => (typeof step === "number" ? [step] : step.fails ? [] : expected(step.steps)))

describeDatabases("UnitOfWork", (layer) => {
  it.effect("work that runs after the commit is outside: enlisting there is a defect, not a loss", () =>
    Effect.gen(function* () {
      const { database, participant } = yield* setUp
      const seen = yield* Deferred.make<readonly [string, boolean]>()
      yield* database.transaction(
        database.afterCommit(
          Effect.gen(function* () {
            const said = yield* defect(database.enlist(participant, [1]))
            yield* Deferred.succeed(seen, [said, yield* database.inTransaction])
          })
        )
      )
      const [said, inside] = yield* Deferred.await(seen)
      assert.include(said, "outside Database.transaction")
      assert.isFalse(inside)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a fiber that outlives its transaction cannot enlist into it", () =>
    Effect.gen(function* () {
      const { database, participant, flushed } = yield* setUp
      const ended = yield* Deferred.make<void>()
      const late = yield* database.transaction(
        Effect.forkDetach(Effect.andThen(Deferred.await(ended), defect(database.enlist(participant, [1]))))
      )
      yield* Deferred.succeed(ended, undefined)
      assert.include(yield* Fiber.join(late), "has ended")
      assert.deepStrictEqual(yield* Ref.get(flushed), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("what joins belongs to the transaction around it, and has its own when there is none", () =>
    Effect.gen(function* () {
      const { database, participant, flushed } = yield* setUp
      const add = database.join(database.enlist(participant, [1]))
      yield* add
      assert.deepStrictEqual(yield* Ref.get(flushed), [[1]])
      yield* Effect.exit(database.transaction(Effect.andThen(add, Effect.fail("rolled back"))))
      assert.deepStrictEqual(yield* Ref.get(flushed), [[1]])
      yield* database.transaction(Effect.andThen(add, database.enlist(participant, [2])))
      assert.deepStrictEqual(yield* Ref.get(flushed), [[1], [1, 2]])
      assert.include(yield* defect(database.transaction(database.join(Effect.die("taken along")))), "taken along")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a bare withTransaction is found out, outside and inside a transaction", () =>
    Effect.gen(function* () {
      const { database, sql, participant } = yield* setUp
      const bare = Effect.gen(function* () {
        assert.isTrue(yield* isBare(sql))
        assert.isFalse(yield* database.inTransaction)
        return yield* defect(database.enlist(participant, [1]))
      })
      assert.isFalse(yield* isBare(sql))
      assert.include(yield* sql.withTransaction(bare), "bare")
      assert.include(yield* database.transaction(Effect.orDie(sql.withTransaction(bare))), "bare")
      assert.include(yield* sql.withTransaction(defect(database.transaction(Effect.void))), "bare")
      assert.isFalse(yield* database.transaction(isBare(sql)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("an interrupted transaction leaves nothing, and the connection is free again", () =>
    Effect.gen(function* () {
      const { database, sql, participant, flushed } = yield* setUp
      yield* sql`create table numbers (n integer primary key)`
      const waiting = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        database.transaction(
          Effect.gen(function* () {
            yield* Effect.orDie(sql`insert into numbers (n) values (1)`)
            yield* database.enlist(participant, [1])
            yield* database.transaction(database.enlist(participant, [2]))
            yield* Deferred.succeed(waiting, undefined)
            return yield* Effect.never
          })
        )
      )
      yield* Deferred.await(waiting)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* sql`select n from numbers`, [])
      assert.deepStrictEqual(yield* Ref.get(flushed), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("other fibers wait for the end of an open transaction or see nothing of it", () =>
    Effect.gen(function* () {
      const { database, sql } = yield* setUp
      yield* sql`create table numbers (n integer primary key)`
      const open = yield* Deferred.make<void>()
      const reader = yield* Effect.forkChild(
        Effect.andThen(Deferred.await(open), sql`select count(*)::int4 as count from numbers`)
      )
      yield* database.transaction(
        Effect.gen(function* () {
          yield* Effect.orDie(sql`insert into numbers (n) values (1)`)
          yield* Deferred.succeed(open, undefined)
          for (let n = 2; n <= 20; n++) {
            yield* Effect.orDie(sql`insert into numbers (n) values (${n})`)
            yield* Effect.yieldNow
          }
        })
      )
      const rows = yield* Fiber.join(reader)
      assert.include([0, 20], rows[0]?.["count"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("savepoints opened at the same time by fibers of one transaction do not mix", () =>
    Effect.gen(function* () {
      const { database, sql, participant, flushed } = yield* setUp
      yield* sql`create table numbers (n integer primary key)`
      yield* database.transaction(
        Effect.forEach(
          Array.from({ length: 20 }, (_, n) => n),
          (n) =>
            Effect.exit(
              database.transaction(
                Effect.gen(function* () {
                  yield* Effect.orDie(sql`insert into numbers (n) values (${n})`)
                  yield* database.enlist(participant, [n])
                  yield* Effect.yieldNow
                  if (n % 2 === 1) return yield* Effect.fail("odd")
                })
              )
            ),
          { concurrency: "unbounded", discard: true }
        )
      )
      const even = Array.from({ length: 10 }, (_, n) => n * 2)
      assert.deepStrictEqual(
        (yield* sql`select n from numbers order by n`).map((row) => row["n"]),
        even
      )
      assert.deepStrictEqual(
        (yield* Ref.get(flushed)).flat().toSorted((a, b) => a - b),
        even
      )
    }).pipe(Effect.provide(layer))
  )

  it.layer(Layer.fresh(layer))((suite) => {
    suite.effect.prop(
      "whatever is nested and whatever fails, exactly what was committed is flushed, in order, once",
      { steps: Schema.Array(Step), fails: Schema.Boolean },
      ({ steps, fails }) =>
        Effect.gen(function* () {
          const { database, sql, participant, flushed } = yield* setUp
          yield* sql`create table if not exists written (place serial, n integer)`
          yield* sql`delete from written`
          const perform = (todo: ReadonlyArray<Step>): Effect.Effect<void> =>
            Effect.forEach(
              todo,
              (step) =>
                typeof step === "number"
                  ? Effect.andThen(
                      Effect.orDie(sql`insert into written (n) values (${step})`),
                      database.enlist(participant, [step])
                    )
                  : Effect.ignore(level(step)),
              { discard: true }
            )
          const level = (step: { readonly steps: ReadonlyArray<Step>; readonly fails: boolean }) =>
            database.transaction(Effect.andThen(perform(step.steps), step.fails ? Effect.fail("no") : Effect.void))

          yield* Effect.ignore(level({ steps, fails }))
          const kept = fails ? [] : expected(steps)
          assert.deepStrictEqual(yield* Ref.get(flushed), kept.length === 0 ? [] : [kept])
          const rows = yield* sql`select n from written order by place`
          assert.deepStrictEqual(
            rows.map((row) => row["n"]),
            [...kept]
          )
        }),
      { arbitrary: { runs: 60 } }
    )
  })
})
