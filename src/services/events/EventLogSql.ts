/**
 * EventLog in PostgreSQL: one table, appended to under advisory locks, read by primary key.
 *
 * An append locks its partitions in ascending order and then draws the sequence numbers, in one statement; the locks go
 * with the commit. So within a partition the order of seq is the order of commits. The key of a lock holds a hash of
 * the schema's name: hubs in different schemas of a database do not wait for each other.
 */
import { PgTypes } from "@effect/sql-pg"
import { Clock, Context, Effect, Option, Schema, SchemaParser } from "effect"
import { Database } from "../storage/Database.ts"
import { CommitParticipant } from "../storage/UnitOfWork.ts"
import * as AppendGroup from "./AppendGroup.ts"
import type { AppendOptions, ListOptions, ReadOptions } from "./EventLog.ts"
import { EventLogMismatch, EventLogSettings } from "./EventLogSettings.ts"
import { EventRecord, type LoggedRecord, type Position } from "./EventRecord.ts"
import * as LogPages from "./LogPages.ts"
import * as Places from "./Position.ts"
import * as Signals from "./Signals.ts"
import { decodeRows, sqlArray } from "./Sql.ts"
import { millisOf } from "./Time.ts"

export const make = Effect.gen(function* () {
  const database = yield* Database
  const { sql } = database
  const settings = yield* EventLogSettings
  const { partitions } = settings
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  const start = Places.origin(partitions)

  yield* fixLayout(partitions)
  const schema = yield* sql`select current_schema() as name`.pipe(Effect.map(decodeName), Effect.orDie)
  const lockSpace = Places.fnv1a(`${schema}.event_log`) | 0
  const channel = `hub_events_${Places.fnv1a(schema).toString(36)}`

  const signals = Signals.make()
  const signal = Effect.sync(signals.signal)
  yield* database.listen(channel, signal)
  if (database.kind === "server") {
    yield* signal.pipe(Effect.delay(settings.pollMillis), Effect.forever, Effect.forkScoped)
  }
  const committed = Effect.andThen(signal, database.notify(channel))

  const insertion = (records: ReadonlyArray<EventRecord>, ids: "new" | "given") => {
    const rows = records.map((record) => Places.partitionOf(record.key, partitions))
    const column = (oid: number, value: (record: EventRecord) => unknown) => sqlArray(oid, records.map(value))
    return sql`
      with locks as materialized (
        select pg_advisory_xact_lock(${lockSpace}::int4, partition)
        from unnest(${sqlArray(
          PgTypes.OID.int4,
          [...new Set(rows)].sort((a, b) => a - b)
        )}) as partition
      )
      insert into event_log
        (partition, id, type, key, correlation_id, causation_id, source, schema_version, timestamp, payload, size)
      select
        partition, id, type, key, correlation_id, causation_id, source, schema_version, timestamp, payload,
        pg_column_size(payload)
      from (select count(*) from locks) as locked, unnest(
        ${sqlArray(PgTypes.OID.int2, rows)},
        ${column(PgTypes.OID.uuid, (record) => record.id)},
        ${column(PgTypes.OID.text, (record) => record.type)},
        ${column(PgTypes.OID.text, (record) => record.key)},
        ${column(PgTypes.OID.text, (record) => record.correlationId)},
        ${column(PgTypes.OID.text, (record) => record.causationId)},
        ${column(PgTypes.OID.text, (record) => record.source)},
        ${column(PgTypes.OID.int4, (record) => record.schemaVersion)},
        ${column(PgTypes.OID.timestamptz, (record) => millisOf(record.timestamp))},
        ${column(PgTypes.OID.jsonb, (record) => record.payload)}
      ) with ordinality as record
        (partition, id, type, key, correlation_id, causation_id, source, schema_version, timestamp, payload, place)
      order by place
      ${ids === "new" ? sql.literal("") : sql.literal("on conflict (id) do nothing")}`
  }
  const insert = (records: ReadonlyArray<EventRecord>, ids: "new" | "given") =>
    Effect.asVoid(Effect.orDie(insertion(records, ids)))
  const appendGrouped = yield* AppendGroup.make((records, ids) => Effect.tap(insert(records, ids), committed))
  const together = (appends: ReadonlyArray<Append>): [ReadonlyArray<EventRecord>, "new" | "given"] => [
    appends.flatMap(({ records }) => records),
    appends.every(({ ids }) => ids === "new") ? "new" : "given"
  ]
  const enlisted = new CommitParticipant(
    (appends: ReadonlyArray<Append>) => Effect.tap(insert(...together(appends)), database.afterCommit(committed)),
    (appends) => ({
      name: "appended",
      statement: insertion(...together(appends)),
      also: database.afterCommit(committed)
    })
  )

  /** In a transaction that is not a unit of work `enlist` is a defect. */
  const append = (records: ReadonlyArray<EventRecord>, { ids = "given" }: AppendOptions = {}): Effect.Effect<void> =>
    records.length === 0
      ? Effect.void
      : Effect.contextWith((context: Context.Context<never>) =>
          Context.getOrUndefined(context, sql.transactionService) === undefined
            ? appendGrouped(records, ids)
            : database.enlist(enlisted, [{ records, ids }])
        )

  const columns = sql.literal(
    `seq::float8 as seq, id, type, key, correlation_id as "correlationId", causation_id as "causationId", source,
     schema_version as "schemaVersion", timestamp, payload, size`
  )
  const ofTypes = (types: ReadonlyArray<string> | undefined) =>
    types === undefined ? sql.literal("") : sql`and type = any(${sqlArray(PgTypes.OID.text, types)})`
  const places = (after: Position, of: ReadonlyArray<number>) =>
    sql`unnest(${sqlArray(PgTypes.OID.int2, of)}, ${sqlArray(
      PgTypes.OID.int8,
      of.map((partition) => BigInt(after[partition] ?? 0))
    )}) as place(partition, after)`

  const readFrom = (source: "event_log" | "matching", options: ReadOptions) => sql`
    select place.partition, place_end.seq::float8 as end, record.*
    from ${places(options.after, options.partitions ?? all)}
    cross join lateral (
      select coalesce(max(seq), 0) as seq from event_log where partition = place.partition
    ) as place_end
    left join lateral (
      select ${columns} from (
        select *, sum(size) over (order by seq rows unbounded preceding) as total from ${sql(source)}
        where partition = place.partition and seq > place.after ${ofTypes(options.types)}
        order by seq limit ${options.limit}
      ) as next where total - size < ${LogPages.pageBytes}
    ) as record on true
    order by place.partition, record.seq`

  const read = (options: ReadOptions) =>
    readFrom("event_log", options).pipe(
      Effect.orDie,
      Effect.map((rows) => LogPages.fromRows(rows, options))
    )

  const list = (options: ListOptions) => {
    const { correlationId } = options
    const rows =
      correlationId === undefined
        ? readFrom("event_log", options)
        : sql`
          with matching as materialized (select * from event_log where correlation_id = ${correlationId})
          ${readFrom("matching", options)}`
    return rows.pipe(
      Effect.orDie,
      Effect.map((found) => LogPages.merge(LogPages.fromRows(found, options), options))
    )
  }

  const find = Effect.fnUntraced(function* (id: string) {
    if (!isEventId(id)) return Option.none<LoggedRecord>()
    const rows = yield* sql`select partition, 0::float8 as end, ${columns} from event_log where id = ${id}::uuid`.pipe(
      Effect.orDie
    )
    return Option.fromUndefinedOr(LogPages.fromRows(rows, { after: start, limit: 1 }).records[0])
  })

  const count = (options: {
    readonly after: Position
    readonly types?: ReadonlyArray<string>
    readonly limit: number
  }) =>
    sql`
      select count(*)::int4 as count from (
        select 1 from ${places(options.after, all)} cross join lateral (
          select 1 from event_log where partition = place.partition and seq > place.after ${ofTypes(options.types)}
          limit ${options.limit}
        ) as record limit ${options.limit}
      ) as counted`.pipe(Effect.map(decodeCount), Effect.orDie)

  const tail = sql`
    select place.partition, coalesce((select max(seq) from event_log where partition = place.partition), 0)::float8 as seq
    from ${places(start, all)} order by place.partition`.pipe(
    Effect.map((rows) => decodeTail(rows).map((row) => row.seq)),
    Effect.orDie
  )

  const prune = Effect.fnUntraced(function* (options: {
    readonly olderThanMillis: number
    readonly keepAfter: Position
  }) {
    const before = (yield* Clock.currentTimeMillis) - options.olderThanMillis
    const pruneSome = sql`
      with old as (
        select event_log.partition, seq from event_log join ${places(options.keepAfter, all)}
          on event_log.partition = place.partition and seq <= place.after
        where timestamp < ${PgTypes.timestamptz(before)} limit ${prunedAtOnce}
      ), deleted as (
        delete from event_log using old where event_log.partition = old.partition and event_log.seq = old.seq
        returning 1
      ) select count(*)::int4 as count from deleted`.pipe(Effect.map(decodeCount), Effect.orDie)
    let total = 0
    for (;;) {
      const some = yield* pruneSome
      total += some
      if (some < prunedAtOnce) return total
    }
  })

  return {
    partitions,
    partitionOf: (key: string) => Places.partitionOf(key, partitions),
    append,
    read,
    list,
    find,
    count,
    tail,
    origin: start,
    encodePosition: Places.encodePosition,
    decodePosition: (text: string) => Places.decodePosition(text, partitions),
    changes: signals.listen,
    prune
  }
})

/** A statement that takes too long is given up (`AnswerTimeout`). */
const prunedAtOnce = 20_000

/** What one `append` enlists. */
interface Append {
  readonly records: ReadonlyArray<EventRecord>
  readonly ids: "new" | "given"
}

/** Stores the layout in a new log, compares it in an old one. */
const fixLayout = Effect.fnUntraced(function* (partitions: number) {
  const { sql } = yield* Database
  const expected = { partitions, hash: Places.hashName }
  const rows = yield* sql`
    insert into event_log_layout (partitions, hash) values (${partitions}, ${Places.hashName})
    on conflict (singleton) do nothing`.pipe(
    Effect.andThen(sql`select partitions, hash from event_log_layout`),
    Effect.map(decodeLayout),
    Effect.orDie
  )
  for (const actual of rows) {
    if (actual.partitions !== expected.partitions || actual.hash !== expected.hash) {
      return yield* new EventLogMismatch({ expected, actual })
    }
  }
})

const isEventId = SchemaParser.is(EventRecord.fields.id)

const decodeName = (rows: unknown) =>
  SchemaParser.decodeUnknownSync(Schema.Tuple([Schema.Struct({ name: Schema.String })]))(rows)[0].name
const decodeLayout = decodeRows({ partitions: Schema.Int, hash: Schema.String })
const decodeTail = decodeRows({ seq: Schema.Finite })
const decodeCount = (rows: unknown) =>
  SchemaParser.decodeUnknownSync(Schema.Tuple([Schema.Struct({ count: Schema.Int })]))(rows)[0].count
