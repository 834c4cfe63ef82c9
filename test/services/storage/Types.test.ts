import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { describeDatabases } from "../../support/Databases.ts"

describeDatabases("what services may rely on", (layer) => {
  it.effect("columns decode to the same values everywhere", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`
        select
          true as bool, 2147483647::int4 as int4, 9007199254740993::int8 as int8, 12::int8::float8 as "int8AsNumber",
          1.5::float8 as float8, 12345678901234567890.10::numeric as numeric, 'né'::text as text,
          '9f1b2c3d-0000-4000-8000-000000000001'::uuid as uuid,
          '{"b": [1, null, "x"], "a": {}}'::jsonb as jsonb, '\\x00ff'::bytea as bytea, date '2024-02-29' as date,
          timestamptz '2024-02-29 12:34:56.789+09:00' as timestamptz, null::text as nothing,
          array['a', null, 'c,"d']::text[] as texts, array[1, 2]::int4[] as ints, array[1, 2]::int8[] as bigints,
          array[]::uuid[] as uuids, count(*) as count, sum(1::int4) as sum
        from generate_series(1, 3)`
      assert.deepStrictEqual(rows, [
        {
          bool: true,
          int4: 2147483647,
          int8: 9007199254740993n,
          int8AsNumber: 12,
          float8: 1.5,
          numeric: "12345678901234567890.10",
          text: "né",
          uuid: "9f1b2c3d-0000-4000-8000-000000000001",
          jsonb: { b: [1, null, "x"], a: {} },
          bytea: new Uint8Array([0, 255]),
          date: "2024-02-29",
          timestamptz: new Date("2024-02-29T03:34:56.789Z"),
          nothing: null,
          texts: ["a", null, 'c,"d'],
          ints: [1, 2],
          bigints: [1n, 2n],
          uuids: [],
          count: 3n,
          sum: 3n
        }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("parameters arrive as the column's type, text without a cast too", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`
        create table things (
          id uuid, seq bigint, at timestamptz, amount numeric, tags text[], body jsonb, small integer, big bigint
        )`
      const values = {
        id: "9f1b2c3d-0000-4000-8000-000000000001",
        seq: "12",
        at: "2024-02-29T03:34:56.789Z",
        amount: "10.50"
      }
      yield* sql`
        insert into things (id, seq, at, amount, tags, body, small, big) values (
          ${values.id}, ${values.seq}, ${values.at}, ${values.amount}, ${["a", "b"]}::text[],
          ${JSON.stringify({ a: 1 })}, ${7}, ${5_000_000_000}
        )`
      assert.deepStrictEqual(yield* sql`select * from things`, [
        {
          id: values.id,
          seq: 12n,
          at: new Date(values.at),
          amount: "10.50",
          tags: ["a", "b"],
          body: { a: 1 },
          small: 7,
          big: 5_000_000_000n
        }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("times are UTC and texts of them are the same everywhere", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`
        select current_setting('timezone') as zone, (timestamptz '2024-02-29 12:34:56+09:00')::text as text,
          (timestamptz '2024-02-29 23:00:00-05:00')::date as day, current_setting('server_encoding') as encoding`
      assert.deepStrictEqual(rows, [
        { zone: "UTC", text: "2024-02-29 03:34:56+00", day: "2024-03-01", encoding: "UTF8" }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("texts are ordered by code point with collation C", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`
        select text from unnest(${["b", "a", "B", "가", "é"]}::text[]) as text order by text collate "C"`
      assert.deepStrictEqual(
        rows.map((row) => row["text"]),
        ["B", "a", "b", "é", "가"]
      )
    }).pipe(Effect.provide(layer))
  )
})
