/**
 * Takes in one file of a catalogue export, in transactions of bounded size.
 *
 * Guarantees: what the database refuses is narrowed down to the record and reported, and the rest of its batch is in;
 * rows and events of a batch are written together; taking in the same file again changes nothing. A crash leaves the
 * batches before it in place.
 */
import { DateTime, Effect, Predicate } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { EventBus } from "../../events/EventBus.ts"
import type { Database } from "../../storage/Database.ts"
import type { CatalogProgress, FileReport } from "../CatalogReport.ts"
import { type Entry, parseFile, type RecordShape, rejection } from "./ParsedFile.ts"

/** What a writer works with. */
export interface ImportRun {
  readonly sql: SqlClient.SqlClient
  readonly bus: EventBus["Service"]
  /** When the import began, ISO-8601: products made since then are its own. */
  readonly startedAt: string
  /** Now, ISO-8601. */
  readonly at: string
  /** Who maps choices. */
  readonly actor: string
}

/** What became of a batch, by the records' index; the others were the same. */
export interface Written {
  readonly inserted: Iterable<number>
  readonly changed: Iterable<number>
  readonly rejected: ReadonlyMap<number, string>
}

export interface FileImport<A> {
  /** Name of the file. */
  readonly file: string
  readonly shape: RecordShape<A>
  /** Records of one group stay in one transaction, as long as it fits. Default: each record by itself. */
  readonly group?: (value: A) => string
  /** Records of a lower rank are written first. Default: in the order of the file. */
  readonly rank?: (value: A) => number
  /** Writes the records and publishes their events, in the transaction that is open. */
  readonly write: (entries: ReadonlyArray<Entry<A>>, run: ImportRun) => Effect.Effect<Written, SqlError.SqlError>
}

/** A file import without the type of its records. */
export interface AnyFileImport {
  readonly file: string
  readonly key: ReadonlyArray<string>
  readonly take: (options: {
    readonly text: string
    readonly positions?: ReadonlyArray<number> | undefined
    readonly database: Database["Service"]
    readonly bus: EventBus["Service"]
    readonly startedAt: string
    readonly actor: string
    readonly onProgress: (progress: CatalogProgress) => Effect.Effect<void>
  }) => Effect.Effect<FileReport>
}

/** Records per transaction. */
const batchSize = 500

export const fileImport = <A>(spec: FileImport<A>): AnyFileImport => ({
  file: spec.file,
  key: spec.shape.key,
  take: Effect.fn("CatalogImport.file")(function* ({ actor, bus, database, onProgress, positions, startedAt, text }) {
    const parsed = parseFile(text, spec.shape, positions)
    const rejected = [...parsed.rejected]
    let inserted = 0
    let updated = 0
    let remaining = parsed.entries.length
    for (const batch of batchesOf(parsed.entries, spec)) {
      const at = DateTime.formatIso(yield* DateTime.now)
      const written = yield* writeBatch(spec, batch, { sql: database.sql, bus, startedAt, at, actor }, database).pipe(
        Effect.retry({ while: (error) => error.isRetryable, times: 3 }),
        Effect.orDie
      )
      inserted += written.inserted.length
      updated += written.changed.length
      for (const entry of batch) {
        const reason = written.rejected.get(entry.index)
        if (reason !== undefined) rejected.push(rejection(entry, reason))
      }
      remaining -= batch.length
      yield* onProgress({ file: spec.file, done: parsed.records - remaining, total: parsed.records })
    }
    return {
      file: spec.file,
      records: parsed.records,
      inserted,
      updated,
      unchanged: parsed.records - inserted - updated - rejected.length - parsed.superseded,
      superseded: parsed.superseded,
      rejected: rejected.sort((a, b) => a.index - b.index),
      problem: parsed.problem,
      notes: parsed.notes
    }
  })
})

interface WrittenBatch {
  readonly inserted: ReadonlyArray<number>
  readonly changed: ReadonlyArray<number>
  readonly rejected: ReadonlyMap<number, string>
}

const writeBatch = <A>(
  spec: FileImport<A>,
  batch: ReadonlyArray<Entry<A>>,
  run: ImportRun,
  database: Database["Service"]
): Effect.Effect<WrittenBatch, SqlError.SqlError> => {
  const write = (entries: ReadonlyArray<Entry<A>>): Effect.Effect<WrittenBatch, SqlError.SqlError> =>
    database.transaction(
      Effect.map(spec.write(entries, run), ({ changed, inserted, rejected }) => ({
        inserted: [...inserted],
        changed: [...changed],
        rejected
      }))
    )
  const whenRefused = <R>(next: (error: SqlError.SqlError) => Effect.Effect<WrittenBatch, SqlError.SqlError, R>) =>
    Effect.catch((error: SqlError.SqlError) => (isRefusal(error) ? next(error) : Effect.fail(error)))

  // One record is tried twice: the first refusal may come from a row that somebody else has just made.
  const writeOne = (entry: Entry<A>) =>
    write([entry]).pipe(
      whenRefused(() => write([entry])),
      whenRefused((error) =>
        Effect.succeed({ inserted: [], changed: [], rejected: new Map([[entry.index, refusal(error)]]) })
      )
    )
  // Halves what the database refuses until the records are found; each try is a savepoint.
  const attempt = (entries: ReadonlyArray<Entry<A>>): Effect.Effect<WrittenBatch, SqlError.SqlError> => {
    const [first] = entries
    if (first !== undefined && entries.length === 1) return writeOne(first)
    const half = Math.ceil(entries.length / 2)
    return write(entries).pipe(
      whenRefused(() =>
        Effect.map(
          Effect.all([attempt(entries.slice(0, half)), attempt(entries.slice(half))]),
          ([a, b]): WrittenBatch => ({
            inserted: [...a.inserted, ...b.inserted],
            changed: [...a.changed, ...b.changed],
            rejected: new Map([...a.rejected, ...b.rejected])
          })
        )
      )
    )
  }
  return database.transaction(attempt(batch))
}

const batchesOf = <A>(
  entries: ReadonlyArray<Entry<A>>,
  spec: FileImport<A>
): ReadonlyArray<ReadonlyArray<Entry<A>>> => {
  const { group, rank } = spec
  const ordered = rank === undefined ? entries : entries.toSorted((a, b) => rank(a.value) - rank(b.value))
  const groups =
    group === undefined ? ordered.map((entry) => [entry]) : Map.groupBy(ordered, (entry) => group(entry.value)).values()
  const batches: Array<ReadonlyArray<Entry<A>>> = []
  let open: Array<Entry<A>> = []
  for (const members of groups) {
    if (open.length > 0 && open.length + members.length > batchSize) {
      batches.push(open)
      open = []
    }
    for (const entry of members) {
      if (open.length === batchSize) {
        batches.push(open)
        open = []
      }
      open.push(entry)
    }
  }
  return open.length === 0 ? batches : [...batches, open]
}

/** Does the database refuse the values (a constraint, a value out of range)? Otherwise it is in trouble itself. */
const isRefusal = ({ reason }: SqlError.SqlError): boolean =>
  reason._tag === "UniqueViolation" ||
  reason._tag === "ConstraintError" ||
  (Predicate.hasProperty(reason.cause, "code") && String(reason.cause.code).startsWith("22"))

/** Reasons in the words of the files, by a part of the database's message. */
const refusals: ReadonlyArray<readonly [constraint: string, reason: string]> = [
  ["products_slug", "the slug is taken by another product"],
  ["categories_parent", "the depth of its subcategories would be wrong"],
  ["option_choices_class_of_option", "the optionClass cannot change: its choices are mapped by class"]
]

const refusal = (error: SqlError.SqlError): string => {
  const detail = Predicate.hasProperty(error.reason.cause, "message")
    ? String(error.reason.cause.message)
    : error.message
  return (
    refusals.find(([constraint]) => detail.includes(`"${constraint}"`))?.[1] ?? `refused by the database: ${detail}`
  )
}
