import { assert, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { BusinessNumber } from "../../../src/domain/BusinessNumber.ts"
import { ManualCompany } from "../../../src/domain/Company.ts"
import { ManualCompanies } from "../../../src/services/data/ManualCompanies.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"

const number = BusinessNumber.make("1248100998")
const other = BusinessNumber.make("2208162517")

describeDatabases("ManualCompanies", (database) => {
  const layer = ManualCompanies.layer.pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, ManualCompanies | Database>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "a record is kept with who entered it and when",
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 10, 21, 3))
      const manual = yield* ManualCompanies
      assert.isTrue(Option.isNone(yield* manual.current(number)))
      const entered = yield* manual.enter(
        number,
        { name: "(주)한빛", representative: "홍길동", note: "by phone" },
        "core"
      )
      assert.deepInclude(entered, {
        businessNumber: number,
        name: "(주)한빛",
        representative: "홍길동",
        state: "ACTIVE",
        industry: null,
        origin: { kind: "manual", enteredBy: "core", enteredAt: "2026-11-21T03:00:00.000Z" }
      })
      assert.deepStrictEqual(yield* manual.current(number), Option.some(entered))
      assert.isTrue(Option.isNone(yield* manual.current(other)))
    })
  )

  test(
    "the newest record counts, the older ones are kept; the same once more changes nothing",
    Effect.gen(function* () {
      const manual = yield* ManualCompanies
      const { sql } = yield* Database
      const first = yield* manual.enter(number, { name: "하나" }, "core")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* manual.enter(number, { name: "하나" }, "core"), first)
      const second = yield* manual.enter(number, { name: "둘", state: "CLOSED" }, "core")
      assert.deepStrictEqual(yield* manual.current(number), Option.some(second))
      yield* manual.enter(number, { name: "둘", state: "CLOSED" }, "someone else")
      const rows = yield* Effect.orDie(sql`select name, entered_by from manual_companies order by id`)
      assert.deepStrictEqual(
        rows.map((row) => [row["name"], row["entered_by"]]),
        [
          ["하나", "core"],
          ["둘", "core"],
          ["둘", "someone else"]
        ]
      )
    })
  )

  test(
    "the vendor's answer ends what was entered until then, and nothing else",
    Effect.gen(function* () {
      const manual = yield* ManualCompanies
      yield* TestClock.setTime(Date.UTC(2026, 10, 21, 3))
      yield* manual.enter(number, { name: "하나" }, "core")
      yield* manual.enter(other, { name: "다른" }, "core")
      yield* manual.supersede(number, "2026-11-21T02:59:59.999Z")
      assert.isTrue(Option.isSome(yield* manual.current(number)), "an answer from before")
      yield* manual.supersede(number, "2026-11-21T03:00:00.000Z")
      assert.isTrue(Option.isNone(yield* manual.current(number)))
      assert.isTrue(Option.isSome(yield* manual.current(other)))
      yield* TestClock.adjust("1 second")
      yield* manual.enter(number, { name: "하나" }, "core")
      assert.isTrue(Option.isSome(yield* manual.current(number)), "entered again later")
    })
  )

  it.effect.prop(
    "every record that the API takes is stored, and read as it was",
    [ManualCompany],
    ([record]) =>
      Effect.gen(function* () {
        const manual = yield* ManualCompanies
        const entered = yield* manual.enter(number, record, "core")
        assert.deepStrictEqual(yield* manual.current(number), Option.some(entered))
        assert.strictEqual(entered.name, record.name)
        assert.strictEqual(entered.address, record.address ?? null)
      }).pipe(Effect.provide(layer)),
    { arbitrary: { runs: 20 } }
  )

  test(
    "the table refuses what is no record",
    Effect.gen(function* () {
      const { sql } = yield* Database
      const at = "2026-11-21T03:00:00.000Z"
      for (const statement of [
        sql`insert into manual_companies (business_number, name, state, entered_by, entered_at) values ('123', 'a', 'ACTIVE', 'x', ${at})`,
        sql`insert into manual_companies (business_number, name, state, entered_by, entered_at) values (${number}, '', 'ACTIVE', 'x', ${at})`,
        sql`insert into manual_companies (business_number, name, state, entered_by, entered_at) values (${number}, 'a', 'UNKNOWN', 'x', ${at})`,
        sql`insert into manual_companies (business_number, name, state, entered_by, entered_at, superseded_at)
          values (${number}, 'a', 'ACTIVE', 'x', ${at}, '2026-11-21T02:00:00Z')`
      ]) {
        assert.strictEqual((yield* Effect.exit(statement))._tag, "Failure")
      }
      assert.isTrue(Schema.is(BusinessNumber)(number))
    })
  )
})
