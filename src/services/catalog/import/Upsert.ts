/**
 * Writes many rows of one table by business key in a few statements, and tells which are new, which changed in which
 * columns, and which were the same. PostgreSQL compares, after converting to the types of the columns.
 */
import { Effect, Result, Schema } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { queryOf } from "../CatalogSql.ts"
import { toJson } from "./ParsedFile.ts"

/**
 * What a column is for:
 * - `key`: finds the row; `nullable-key`: so too, nulls being equal
 * - `value`: compared and written
 * - `keep`: the same, but null leaves a row as it is, and gives a new one the default
 * - `created`: written to new rows only; `touched`: written to new and changed rows, not compared
 */
export type Column =
  | { readonly as: "key" | "nullable-key" | "value" | "created" | "touched"; readonly type: string }
  | { readonly as: "keep"; readonly type: string; readonly default: string }

export interface Table<Name extends string> {
  readonly name: string
  readonly columns: { readonly [N in Name]: Column }
}

export interface Row<Name extends string> {
  /** The caller's mark of the row. */
  readonly index: number
  /** What is left out is null. */
  readonly columns: { readonly [N in Name]?: unknown }
}

export interface Upserted {
  readonly inserted: ReadonlySet<number>
  /** Names of the changed columns, by index. Rows in neither were the same. */
  readonly changed: ReadonlyMap<number, ReadonlyArray<string>>
}

const compared = queryOf({ index: Schema.Int, changed: Schema.Array(Schema.String) })

/** Locks the rows it compares, in the order of their keys, until the transaction ends. */
export const upsert = Effect.fnUntraced(function* <Name extends string>(
  sql: SqlClient.SqlClient,
  table: Table<Name>,
  rows: ReadonlyArray<Row<Name>>
): Effect.fn.Return<Upserted, SqlError.SqlError> {
  if (rows.length === 0) return { inserted: new Set(), changed: new Map() }
  const statements = statementsOf(table)
  const found = yield* compared(sql.unsafe(statements.compare, [toParameter(rows)]))
  const known = new Set(found.map((row) => row.index))
  const changed = new Map(found.flatMap((row) => (row.changed.length > 0 ? [[row.index, row.changed] as const] : [])))
  const fresh = rows.filter((row) => !known.has(row.index))
  if (fresh.length > 0) yield* sql.unsafe(statements.insert, [toParameter(fresh)])
  if (changed.size > 0) {
    yield* sql.unsafe(statements.update, [toParameter(rows.filter((row) => changed.has(row.index)))])
  }
  return { inserted: new Set(fresh.map((row) => row.index)), changed }
})

/** Rows as one JSON parameter, for `json_to_recordset`. */
export const toParameter = (rows: ReadonlyArray<Row<string>>): string =>
  Result.getOrThrow(toJson(rows.map(({ columns, index }) => ({ index, ...columns }))))

const statementsOf = (table: Table<string>) => {
  const columns = Object.entries(table.columns)
  const input = `json_to_recordset($1::json) as r(index integer, ${columns
    .map(([name, column]) => `${name} ${column.type}`)
    .join(", ")})`
  const sameKey = columns
    .flatMap(([name, { as }]) =>
      as === "key"
        ? [`t.${name} = r.${name}`]
        : as === "nullable-key"
          ? [`t.${name} is not distinct from r.${name}`]
          : []
    )
    .join(" and ")
  const keys = columns.flatMap(([name, { as }]) => (as === "key" || as === "nullable-key" ? [`t.${name}`] : []))
  const differs = columns.flatMap(([name, { as }]) =>
    as === "value"
      ? [`case when t.${name} is distinct from r.${name} then '${name}' end`]
      : as === "keep"
        ? [`case when r.${name} is not null and t.${name} is distinct from r.${name} then '${name}' end`]
        : []
  )
  const assigned = columns.flatMap(([name, { as }]) =>
    as === "value" || as === "touched"
      ? [`${name} = r.${name}`]
      : as === "keep"
        ? [`${name} = coalesce(r.${name}, t.${name})`]
        : []
  )
  const names = columns.map(([name]) => name)
  const values = columns.map(([name, column]) =>
    column.as === "keep" ? `coalesce(r.${name}, ${column.default})` : `r.${name}`
  )
  return {
    compare: `select r.index, array_remove(array[${differs.join(", ")}]::text[], null) as changed
      from ${input} join ${table.name} t on ${sameKey} order by ${keys.join(", ")} for no key update of t`,
    insert: `insert into ${table.name} (${names.join(", ")}) select ${values.join(", ")} from ${input} order by r.index`,
    update: `update ${table.name} t set ${assigned.join(", ")} from ${input} where ${sameKey}`
  }
}
