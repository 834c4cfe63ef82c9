/** Pages of the log: from rows of the table, and merged over partitions for a reader that wants one list. Pure. */
import { Schema, SchemaParser } from "effect"
import type { ListOptions, LogPage } from "./EventLog.ts"
import type { LoggedRecord, Position, SizedRecord } from "./EventRecord.ts"

/** A page ends after so many bytes of payloads, per partition: whatever was published, it must fit in memory. */
export const pageBytes = 1_048_576

/**
 * Decodes the rows of a read, which come partition by partition. Every partition that was asked for has at least one row,
 * with its `end`; a row without a record has nulls. `limit` and `pageBytes` are what cut the records of a partition off.
 */
export const fromRows = (
  rows: ReadonlyArray<{ readonly [column: string]: unknown }>,
  options: { readonly after: Position; readonly limit: number }
): LogPage => {
  const upTo = [...options.after]
  const counts = options.after.map(() => 0)
  const sizes = options.after.map(() => 0)
  const firsts = rows.filter((row, index) => row["partition"] !== rows[index - 1]?.["partition"])
  for (const { end, partition } of decodePlaces(firsts)) upTo[partition] = Math.max(end, options.after[partition] ?? 0)
  const records = decodeRecords(rows.filter((row) => row["seq"] !== null)).map(toLogged)
  for (const { partition, seq, size } of records) {
    const count = (counts[partition] = (counts[partition] ?? 0) + 1)
    const bytes = (sizes[partition] = (sizes[partition] ?? 0) + size)
    if (count === options.limit || bytes >= pageBytes) upTo[partition] = seq
  }
  return { records, upTo }
}

/**
 * Takes up to `limit` records, each time the one with the oldest timestamp among the partitions' next. A record never
 * precedes an earlier one of its partition. `next` is the position after them.
 */
export const merge = (page: LogPage, options: ListOptions) => {
  const lanes = new Map<number, Array<LoggedRecord>>()
  for (const record of page.records) {
    const lane = lanes.get(record.partition)
    if (lane === undefined) lanes.set(record.partition, [record])
    else lane.push(record)
  }
  const data: Array<LoggedRecord> = []
  const taken = new Map<number, number>()
  while (data.length < options.limit) {
    let oldest: LoggedRecord | undefined
    for (const [partition, lane] of lanes) {
      const head = lane[taken.get(partition) ?? 0]
      if (head !== undefined && (oldest === undefined || head.record.timestamp < oldest.record.timestamp)) oldest = head
    }
    if (oldest === undefined) break
    data.push(oldest)
    taken.set(oldest.partition, (taken.get(oldest.partition) ?? 0) + 1)
  }
  const next = page.upTo.map((upTo, partition) => {
    const lane = lanes.get(partition)
    const count = taken.get(partition) ?? 0
    if (lane === undefined || count === lane.length) return upTo
    return lane[count - 1]?.seq ?? options.after[partition] ?? 0
  })
  return { data, next }
}

const decodePlaces = SchemaParser.decodeUnknownSync(
  Schema.Array(Schema.Struct({ partition: Schema.Int, end: Schema.Finite }))
)

/** bigint columns are selected as float8: exact to 2^53. Ids and correlation ids were checked on their way in. */
const decodeRecords = SchemaParser.decodeUnknownSync(
  Schema.Array(
    Schema.Struct({
      partition: Schema.Int,
      seq: Schema.Finite,
      id: Schema.String.pipe(Schema.brand("EventId")),
      type: Schema.String,
      key: Schema.String,
      correlationId: Schema.String,
      causationId: Schema.NullOr(Schema.String),
      source: Schema.String,
      schemaVersion: Schema.Int,
      timestamp: Schema.Date,
      payload: Schema.Json,
      size: Schema.Int
    })
  )
)

const toLogged = (row: ReturnType<typeof decodeRecords>[number]): SizedRecord => ({
  partition: row.partition,
  seq: row.seq,
  size: row.size,
  record: {
    id: row.id,
    timestamp: row.timestamp.toISOString(),
    correlationId: row.correlationId,
    causationId: row.causationId,
    source: row.source,
    schemaVersion: row.schemaVersion,
    type: row.type,
    key: row.key,
    payload: row.payload
  }
})
