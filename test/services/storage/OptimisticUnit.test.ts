/** `Database.optimistic`: as an ordinary transaction in all that can be seen afterwards, in fewer statements. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Database } from "../../../src/services/storage/Database.ts"
import { CommitParticipant } from "../../../src/services/storage/UnitOfWork.ts"
import { describeDatabases } from "../../support/Databases.ts"

/** `keys` are taken once; `notes` may hold anything, in the order of writing; `notes.key` must be one of them or null. */
const setUp = Effect.gen(function* () {
  const database = yield* Database
  const sql = yield* SqlClient.SqlClient
  yield* sql`drop table if exists notes, keys`
  yield* sql`create table keys (n integer primary key)`
  yield* sql`create table notes (place serial, n integer, key integer references keys (n))`
  const note = (n: number) => sql`insert into notes (n) values (${n})`
  const participant = new CommitParticipant(
    (items: ReadonlyArray<number>) => Effect.orDie(Effect.forEach(items, note, { discard: true })),
    (items) => ({
      name: "enlisted",
      statement: sql`insert into notes (n) select * from unnest(${items}::int[])`,
      also: Effect.void
    })
  )
  return {
    database,
    sql,
    participant,
    note: (n: number, name = `note_${n}`) => database.write({ name, statement: note(n) }),
    claim: (n: number) =>
      database.claim(
        { name: `key_${n}`, statement: sql`insert into keys (n) values (${n})` },
        sql`on conflict do nothing`
      ),
    plain: (n: number) => Effect.orDie(note(n)),
    notes: Effect.map(sql`select n from notes order by place`, (rows) => rows.map((row) => row["n"])),
    keys: Effect.map(sql`select n from keys order by n`, (rows) => rows.map((row) => row["n"]))
  }
})

type Step =
  | { readonly _tag: "claim" | "note" | "plain" | "enlist"; readonly n: number }
  | { readonly _tag: "nested"; readonly steps: ReadonlyArray<Step>; readonly fails: boolean }
const small = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
const Step: Schema.Codec<Step> = Schema.Union([
  Schema.Struct({ _tag: Schema.Literals(["claim", "note", "plain", "enlist"]), n: small }),
  Schema.Struct({ _tag: Schema.Literals(["claim", "note"]), n: small }),
  Schema.Struct({
    _tag: Schema.Literal("nested"),
    steps: Schema.Array(Schema.suspend((): Schema.Codec<Step> => Step)),
    fails: Schema.Boolean
  })
])

describeDatabases("an optimistic unit", (layer) => {
  it.effect("writes what it was handed, with what was enlisted, at its end, and needs no transaction until then", () =>
    Effect.gen(function* () {
      const { claim, database, keys, note, notes, participant } = yield* setUp
      const written = yield* Deferred.make<void>()
      const looked = yield* Deferred.make<void>()
      const unit = yield* Effect.forkChild(
        database.optimistic(
          Effect.gen(function* () {
            assert.isTrue(yield* claim(1))
            yield* note(2)
            yield* database.enlist(participant, [3])
            assert.deepStrictEqual(yield* database.aside(notes), [])
            yield* Deferred.succeed(written, undefined)
            yield* Deferred.await(looked)
            return "done"
          })
        )
      )
      yield* Deferred.await(written)
      // The embedded database has one session: this would wait for an open transaction.
      assert.deepStrictEqual(yield* notes, [])
      yield* Deferred.succeed(looked, undefined)
      assert.strictEqual(yield* Fiber.join(unit), "done")
      assert.deepStrictEqual([yield* keys, yield* notes], [[1], [2, 3]])
    }).pipe(Effect.provide(layer))
  )

  it.effect("shows what was handed over to each of several statements at once", () =>
    Effect.gen(function* () {
      const { database, note, notes } = yield* setUp
      const seen = yield* database.optimistic(
        Effect.andThen(note(1), Effect.all([notes, notes, notes], { concurrency: "unbounded" }))
      )
      assert.deepStrictEqual(seen, [[1], [1], [1]])
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves nothing when it fails, dies or is interrupted", () =>
    Effect.gen(function* () {
      const { claim, database, keys, note, notes } = yield* setUp
      const begun = Effect.andThen(claim(1), note(2))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(database.optimistic(Effect.andThen(begun, Effect.fail("no"))))))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(database.optimistic(Effect.andThen(begun, Effect.die("no"))))))
      const reached = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        database.optimistic(Effect.andThen(begun, Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)))
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([yield* keys, yield* notes], [[], []])
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves nothing when one of its writes cannot be made, and that is a defect", () =>
    Effect.gen(function* () {
      const { claim, database, keys, note, notes, sql } = yield* setUp
      const runs: Array<string> = []
      const exit = yield* Effect.exit(
        database.optimistic(
          Effect.gen(function* () {
            runs.push("run")
            yield* claim(1)
            yield* note(2)
            yield* database.write({ name: "dangling", statement: sql`insert into notes (n, key) values (3, 99)` })
          })
        )
      )
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(runs, ["run"])
      assert.deepStrictEqual([yield* keys, yield* notes], [[], []])
    }).pipe(Effect.provide(layer))
  )

  it.effect("runs again, once, as an ordinary transaction when a claimed key is taken", () =>
    Effect.gen(function* () {
      const { claim, database, keys, note, notes, plain } = yield* setUp
      yield* claim(1)
      const answers: Array<boolean> = []
      const unit = database.optimistic(
        Effect.gen(function* () {
          const isNew = yield* claim(1)
          answers.push(isNew)
          yield* isNew ? note(10) : plain(20)
          return isNew
        })
      )
      assert.isFalse(yield* unit)
      assert.deepStrictEqual(answers, [true, false])
      assert.deepStrictEqual([yield* keys, yield* notes], [[1], [20]])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a key claimed by many at the same moment is taken by one", () =>
    Effect.gen(function* () {
      const { claim, database, note, notes } = yield* setUp
      const taken = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, n) => n),
        (n) => database.optimistic(Effect.tap(claim(1), (isNew) => (isNew ? note(n) : Effect.void))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(taken.filter(Boolean).length, 1)
      assert.deepStrictEqual(yield* notes, [taken.indexOf(true)])
    }).pipe(Effect.provide(layer))
  )

  it.effect("later parts read what earlier ones return, also in an ordinary transaction", () =>
    Effect.gen(function* () {
      const { database, notes, sql } = yield* setUp
      const both = database.write(
        { name: "taken", statement: sql`insert into keys (n) values (7), (8) returning n` },
        { name: "noted", statement: sql`insert into notes (n, key) select n * 10, n from taken order by n` }
      )
      yield* database.optimistic(both)
      assert.deepStrictEqual(yield* notes, [70, 80])
      yield* sql`delete from notes`
      yield* sql`delete from keys`
      yield* database.transaction(both)
      assert.deepStrictEqual(yield* notes, [70, 80])
    }).pipe(Effect.provide(layer))
  )

  it.effect("inside a transaction it is a part of it", () =>
    Effect.gen(function* () {
      const { claim, database, keys } = yield* setUp
      yield* Effect.exit(database.transaction(Effect.andThen(database.optimistic(claim(1)), Effect.fail("no"))))
      assert.deepStrictEqual(yield* keys, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("what follows the commit runs after it, and not without it", () =>
    Effect.gen(function* () {
      const { claim, database, keys } = yield* setUp
      const seen: Array<ReadonlyArray<unknown>> = []
      const unit = Effect.andThen(
        database.afterCommit(Effect.orDie(Effect.map(keys, (all) => void seen.push(all)))),
        claim(1)
      )
      yield* Effect.exit(database.optimistic(Effect.andThen(unit, Effect.fail("no"))))
      assert.deepStrictEqual(seen, [])
      yield* database.optimistic(unit)
      assert.deepStrictEqual(seen, [[1]])
      // Refuted and run again: the first run has no commit.
      yield* database.optimistic(unit)
      assert.deepStrictEqual(seen, [[1], [1]])
    }).pipe(Effect.provide(layer))
  )

  it.layer(Layer.fresh(layer))((suite) => {
    suite.effect.prop(
      "whatever is written, nested, claimed and failed in it, it leaves what an ordinary transaction leaves",
      {
        steps: Schema.Array(Step).check(Schema.isMinLength(3), Schema.isMaxLength(12)),
        taken: Schema.Array(small),
        fails: Schema.Boolean
      },
      ({ fails, steps, taken }) =>
        Effect.gen(function* () {
          const after = Effect.fnUntraced(function* (kind: "transaction" | "optimistic") {
            const { claim, database, keys, note, notes, participant, plain } = yield* setUp
            yield* Effect.forEach(taken, claim)
            const perform = (todo: ReadonlyArray<Step>): Effect.Effect<void> =>
              Effect.forEach(
                todo,
                (step) => {
                  switch (step._tag) {
                    case "claim":
                      return Effect.flatMap(claim(step.n), (isNew) => note(isNew ? step.n : -step.n))
                    case "note":
                      return note(step.n)
                    case "plain":
                      return plain(step.n)
                    case "enlist":
                      return database.enlist(participant, [100 + step.n])
                    case "nested":
                      return Effect.ignore(
                        database.transaction(
                          Effect.andThen(perform(step.steps), step.fails ? Effect.fail("no") : Effect.void)
                        )
                      )
                  }
                },
                { discard: true }
              )
            yield* Effect.ignore(
              database[kind](Effect.andThen(perform(steps), fails ? Effect.fail("no") : Effect.void))
            )
            return [yield* keys, yield* notes]
          })
          const ordinary = yield* after("transaction")
          assert.deepStrictEqual(yield* after("optimistic"), ordinary)
        }),
      { arbitrary: { runs: 60 } }
    )
  })
})
