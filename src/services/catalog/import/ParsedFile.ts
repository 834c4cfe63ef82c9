/**
 * Reads the text of one file of a catalogue export into records, without a database. Nothing is lost: every record is
 * either an entry, or rejected with a reason, or superseded by a later one of the same key.
 */
import { Predicate, Result, Schema, SchemaIssue, SchemaParser } from "effect"
import type { RejectedRecord } from "../CatalogReport.ts"

/** How the records of a file are told apart. */
export interface RecordShape<A> {
  readonly schema: Schema.ConstraintDecoder<A>
  /** The business key, by field. */
  readonly key: ReadonlyArray<string>
  /** Of records with the same key, which one counts. */
  readonly wins: "first" | "last"
}

export interface Entry<A> {
  /** Position in the file, from 0. */
  readonly index: number
  /** The business key, to read and to compare. */
  readonly key: string
  readonly value: A
  /** The record as it came. */
  readonly raw: unknown
}

export interface ParsedFile<A> {
  readonly entries: ReadonlyArray<Entry<A>>
  readonly records: number
  readonly superseded: number
  readonly rejected: ReadonlyArray<RejectedRecord>
  /** Why no record could be read; null = they could. */
  readonly problem: string | null
  readonly notes: ReadonlyArray<string>
}

/** Deepest nesting of a record, as for HTTP bodies (section 9). */
const maxDepth = 64

const JsonText = Schema.fromJsonString(Schema.Unknown)
const parseJson = SchemaParser.decodeUnknownResult(JsonText)
/** Fails for what has no JSON text. */
export const toJson = SchemaParser.encodeUnknownResult(JsonText)
const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** `positions`: where in the file each record of this text stands; default: as it is. */
export const parseFile = <A>(text: string, shape: RecordShape<A>, positions?: ReadonlyArray<number>): ParsedFile<A> => {
  const records = readArray(text)
  if (Result.isFailure(records)) {
    return { entries: [], records: 0, superseded: 0, rejected: [], problem: records.failure, notes: [] }
  }
  const decode = SchemaParser.decodeUnknownResult(shape.schema, { errors: "all", reportInput: true })
  const byKey = new Map<string, Entry<A>>()
  const rejected: Array<RejectedRecord> = []
  const notes: Array<string> = []
  let superseded = 0
  for (const [at, raw] of records.success.entries()) {
    const index = positions?.[at] ?? at
    const key = keyOf(raw, shape.key)
    const reject = (reason: string) => rejected.push(rejection({ index, key, raw }, reason))
    if (isDeeper(raw, maxDepth)) {
      reject(`nested deeper than ${maxDepth} levels`)
      continue
    }
    const value = decode(raw)
    if (Result.isFailure(value)) {
      reject(reasonOf(value.failure))
      continue
    }
    const entry = { index, key, value: value.success, raw }
    const identity = identityOf(raw, shape.key)
    const same = byKey.get(identity)
    if (same === undefined) {
      byKey.set(identity, entry)
    } else if (shape.wins === "first") {
      reject(`duplicate key: record ${same.index} has it already`)
    } else {
      superseded += 1
      notes.push(`${key}: record ${same.index} is replaced by record ${index}, the last wins`)
      byKey.set(identity, entry)
    }
  }
  return {
    entries: [...byKey.values()],
    records: records.success.length,
    superseded,
    rejected,
    problem: null,
    notes
  }
}

/** The report's line on a record that is not in. */
export const rejection = (entry: Pick<Entry<unknown>, "index" | "key" | "raw">, reason: string): RejectedRecord => ({
  index: entry.index,
  key: entry.key,
  reason: shorten(reason, 500),
  record: isDeeper(entry.raw, maxDepth)
    ? "…"
    : shorten(
        Result.getOrElse(toJson(entry.raw), () => ""),
        200
      )
})

/** The records of a file's text, or why there are none. */
export const readArray = (text: string): Result.Result<ReadonlyArray<unknown>, string> => {
  // A byte order mark is no part of JSON, but spreadsheets write it.
  const parsed = parseJson(text.startsWith("\uFEFF") ? text.slice(1) : text)
  if (Result.isFailure(parsed)) return Result.fail("not well-formed JSON")
  return Array.isArray(parsed.success) ? Result.succeed(parsed.success) : Result.fail("not a JSON array")
}

/** To read, also for records that do not decode: what is missing or no plain value is `?`, null is `-`. */
const keyOf = (raw: unknown, fields: ReadonlyArray<string>): string =>
  fields
    .map((field) => {
      const value = fieldOf(raw, field)
      if (typeof value === "string") return shorten(value, 60)
      if (typeof value === "number" || typeof value === "boolean") return String(value)
      return value === null ? "-" : "?"
    })
    .join("/")

/** To compare: the same for two records exactly when their keys are equal; left out counts as null. */
export const identityOf = (raw: unknown, fields: ReadonlyArray<string>): string =>
  Result.getOrElse(toJson(fields.map((field) => fieldOf(raw, field) ?? null)), () => "")

const fieldOf = (raw: unknown, field: string): unknown => (Predicate.hasProperty(raw, field) ? raw[field] : undefined)

const reasonOf = (issue: SchemaIssue.Issue): string =>
  formatIssue(issue)
    .issues.map(({ message, path }) =>
      path === undefined || path.length === 0 ? message : `${path.join(".")}: ${message}`
    )
    .join("; ")

/** Makes any text printable and storable, and at most so long. */
const shorten = (value: string, maxLength: number): string => {
  const printable = value.toWellFormed().replaceAll("\0", "\\0")
  return printable.length <= maxLength ? printable : `${printable.slice(0, maxLength - 1).toWellFormed()}…`
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1)))
