/** What the SQL layers of the events share: array parameters and decoders of rows. */
import { PgTypes } from "@effect/sql-pg"
import { Result, Schema, SchemaParser } from "effect"

/** An array parameter whose elements have this type (`PgTypes.OID`); int8 elements are bigints. */
export const sqlArray = (oid: number, values: ReadonlyArray<unknown>): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, oid))

/** Decodes rows with these columns; throws on others: our own rows are ours to get right. */
export const decodeRows = <const F extends Readonly<Record<string, Schema.ConstraintDecoder<unknown>>>>(fields: F) =>
  SchemaParser.decodeUnknownSync(Schema.Array(Schema.Struct(fields)))
