/** What the catalogue's SQL shares. */
import { Effect, Schema } from "effect"
import type { Statement } from "effect/sql"

/**
 * Runs a statement and decodes its rows with these columns; other columns are a defect: our own rows are ours to get
 * right. Failures of the statement stay failures, for transactions that are tried again.
 */
export const queryOf = <const F extends Readonly<Record<string, Schema.ConstraintDecoder<unknown>>>>(fields: F) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct(fields)))
  return (statement: Statement.Statement<object>) => Effect.flatMap(statement, (rows) => Effect.orDie(decode(rows)))
}

/** The same, a failure of the statement being a defect. */
export const rowsOf = <const F extends Readonly<Record<string, Schema.ConstraintDecoder<unknown>>>>(fields: F) => {
  const query = queryOf(fields)
  return (statement: Statement.Statement<object>) => Effect.orDie(query(statement))
}

const totals = rowsOf({ total: Schema.Int })

/** The `total` of a `select count(*)::int as total`. */
export const totalOf = (statement: Statement.Statement<object>) =>
  Effect.map(totals(statement), ([row]) => row?.total ?? 0)

/** Pattern for `ilike` that finds the text anywhere, taken literally. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, "\\$&")}%`
