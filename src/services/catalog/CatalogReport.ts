/** What a catalogue import did, file by file, and what it could not take. JSON as it stands. */
import { Schema } from "effect"
import { Instant } from "../../domain/Instant.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** A record that is not in, and why. */
export const RejectedRecord = Schema.Struct({
  /** Position in the file, from 0. */
  index: Count,
  /** Its business key as far as it can be read, e.g. `14529/A4`. */
  key: Schema.String,
  reason: Schema.String,
  /** The record as JSON, cut to 200 characters. */
  record: Schema.String
})
export type RejectedRecord = typeof RejectedRecord.Type

/** `records` = inserted + updated + unchanged + rejected + superseded. */
export const FileReport = Schema.Struct({
  file: Schema.String,
  records: Count,
  inserted: Count,
  updated: Count,
  unchanged: Count,
  /** Records that a later one of the same key replaced (price rows: the last wins). */
  superseded: Count,
  rejected: Schema.Array(RejectedRecord),
  /** Why the file as a whole could not be taken (missing, malformed JSON, not an array); null = it could. */
  problem: Schema.NullOr(Schema.String),
  notes: Schema.Array(Schema.String)
})
export type FileReport = typeof FileReport.Type

export const CatalogReport = Schema.Struct({
  /** ISO-8601 UTC. Hand it on when one import takes several requests. */
  startedAt: Schema.String,
  /** In the order they were taken. */
  files: Schema.Array(FileReport)
})
export type CatalogReport = typeof CatalogReport.Type

/** Progress within one file, in records. */
export interface CatalogProgress {
  readonly file: string
  readonly done: number
  readonly total: number
}

/** As this report writes it. */
const StartedAt = Instant.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/))

/** Body of `POST /catalog/import`. */
export const CatalogImportRequest = Schema.Struct({
  /** Text of each file by its name, e.g. `products.json`. */
  files: Schema.Record(Schema.String, Schema.String),
  /** Where a text is a part of its file: position in the file of each of its records. */
  positions: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Count))),
  /** `startedAt` of the first answer, when this request continues an import. Default: now. */
  startedAt: Schema.optionalKey(StartedAt)
})
export type CatalogImportRequest = typeof CatalogImportRequest.Type

/** The report on a file of which nothing could be taken. */
export const problemReport = (file: string, problem: string): FileReport => ({
  file,
  records: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  superseded: 0,
  rejected: [],
  problem,
  notes: []
})

/** One report on an import that took several requests. Files keep the order of their first mention. */
export const mergeReports = (first: CatalogReport, ...others: ReadonlyArray<CatalogReport>): CatalogReport => ({
  startedAt: first.startedAt,
  files: [
    ...Map.groupBy(
      [first, ...others].flatMap((report) => report.files),
      ({ file }) => file
    ).values()
  ].flatMap(([part, ...parts]) => (part === undefined ? [] : [parts.reduce(mergeFiles, part)]))
})

const mergeFiles = (a: FileReport, b: FileReport): FileReport => ({
  file: a.file,
  records: a.records + b.records,
  inserted: a.inserted + b.inserted,
  updated: a.updated + b.updated,
  unchanged: a.unchanged + b.unchanged,
  superseded: a.superseded + b.superseded,
  rejected: [...a.rejected, ...b.rejected].sort((one, other) => one.index - other.index),
  problem: a.problem ?? b.problem,
  notes: [...a.notes, ...b.notes]
})
