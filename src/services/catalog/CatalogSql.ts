/** What the catalogue's SQL shares. */
import { Effect, Schema } from "effect"
import type { Statement } from "effect/sql"

/** Decodes rows with these columns; anything else is a defect: our own rows are ours to get right. */
export const rowsOf = <const F extends Readonly<Record<string, Schema.ConstraintDecoder<unknown>>>>(fields: F) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct(fields)))
  return (statement: Statement.Statement<object>) => Effect.orDie(Effect.flatMap(statement, decode))
}

const totals = rowsOf({ total: Schema.Int })

/** The `total` of a `select count(*)::int as total`. */
export const totalOf = (statement: Statement.Statement<object>) =>
  Effect.map(totals(statement), ([row]) => row?.total ?? 0)

/** Pattern for `ilike` that finds the text anywhere, taken literally. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, "\\$&")}%`
