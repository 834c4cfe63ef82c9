/**
 * DeliveryStore in PostgreSQL. Each write of an owner is one statement that first locks the subscription's row, if it
 * still has the owner's epoch; a take-over locks the same row exclusively, so a former owner can change nothing.
 */
import { PgTypes } from "@effect/sql-pg"
import { Effect, Option, Schema, SchemaParser } from "effect"
import { Database } from "../storage/Database.ts"
import * as DeadLetterStoreSql from "./DeadLetterStoreSql.ts"
import type { Burial, Lease, Ownership, Parked } from "./DeliveryStore.ts"
import { EventRecord, type Position } from "./EventRecord.ts"
import type { DescribedFailure } from "./FailureText.ts"
import { errorClassOf } from "./Outcome.ts"
import * as Signals from "./Signals.ts"
import { decodeRows, sqlArray } from "./Sql.ts"

/** Rows that `untaken` gives at once. */
const batchSize = 500

export const make = Effect.gen(function* () {
  const database = yield* Database
  const { sql } = database
  const replayAsked = Signals.make()
  const replayEnded = Signals.make()
  const deadLetters = yield* DeadLetterStoreSql.make(replayAsked, replayEnded)

  const bigints = (position: Position) => sqlArray(PgTypes.OID.int8, position.map(BigInt))
  const time = (millis: number | null) => PgTypes.timestamptz(millis)
  /** A CTE with one row while the epoch holds; keeps a take-over waiting until the statement has committed. */
  const owner = (name: string, epoch: number) => sql`
    owner as materialized (
      select 1 from event_subscriptions where name = ${name} and epoch = ${epoch} for key share
    )`
  const hasRow = Effect.map((rows: ReadonlyArray<unknown>) => rows.length > 0)

  const acquire = Effect.fnUntraced(function* (name: string, id: string, seen: Lease) {
    const rows = yield* sql`
      with seen as materialized (
        select name from event_subscriptions
        where name = ${name} and epoch = ${seen.epoch} and beat = ${seen.beat} and owner is not distinct from ${seen.owner}
        for update
      )
      update event_subscriptions set owner = ${id}, epoch = epoch + 1, beat = 0 from seen
      where event_subscriptions.name = seen.name
      returning epoch::float8 as epoch, positions::float8[] as position, off_from::float8[] as "offFrom",
        off_to::float8[] as "offTo"`
    const row = decodeOwnership(rows)[0]
    if (row === undefined) return Option.none<Ownership>()
    const buried = yield* sql`
      select event_id as "eventId" from integration_dead_letters
      join unnest(${bigints(row.position)}) with ordinality as cursor(seq, place)
        on cursor.place = integration_dead_letters.partition + 1 and integration_dead_letters.seq > cursor.seq
      where adapter_name = ${name}`
    return Option.some({
      epoch: row.epoch,
      position: row.position,
      buried: new Set(decodeEventIds(buried).map(({ eventId }) => eventId)),
      off: row.offFrom === null || row.offTo === null ? null : { from: row.offFrom, to: row.offTo }
    })
  }, Effect.orDie)

  const untaken = (name: string, epoch: number) =>
    sql`
      select partition, seq::float8 as seq, event as record, attempts,
        (extract(epoch from due_at) * 1000)::float8 as "dueAt", dead_letter_id as "deadLetterId"
      from event_parked where subscription = ${name} and taken < ${epoch}
      order by seq limit ${batchSize}`.pipe(Effect.map(decodeParked), Effect.orDie)

  const take = (name: string, epoch: number, eventIds: ReadonlyArray<string>) =>
    sql`
      with ${owner(name, epoch)}, taken as (
        update event_parked set taken = ${epoch} from owner
        where subscription = ${name} and event_id = any(${sqlArray(PgTypes.OID.text, eventIds)})
      )
      select from owner`.pipe(hasRow, Effect.orDie)

  const park = (name: string, epoch: number, parked: ReadonlyArray<Parked>) => {
    const column = (oid: number, value: (entry: Parked) => unknown) => sqlArray(oid, parked.map(value))
    return sql`
      with ${owner(name, epoch)}, parked as (
        insert into event_parked
          (subscription, event_id, partition, seq, event, attempts, due_at, dead_letter_id, taken)
        select ${name}, entry.*, ${epoch} from owner, unnest(
          ${column(PgTypes.OID.text, (entry) => entry.record.id)},
          ${column(PgTypes.OID.int2, (entry) => entry.partition)},
          ${column(PgTypes.OID.int8, (entry) => BigInt(entry.seq))},
          ${column(PgTypes.OID.jsonb, (entry) => entry.record)},
          ${column(PgTypes.OID.int4, (entry) => entry.attempts)},
          ${column(PgTypes.OID.timestamptz, (entry) => entry.dueAt)},
          ${column(PgTypes.OID.uuid, (entry) => entry.deadLetterId)}
        ) as entry
        on conflict (subscription, event_id) do update set
          attempts = excluded.attempts, due_at = excluded.due_at, taken = excluded.taken
      )
      select from owner`.pipe(hasRow, Effect.orDie)
  }

  const bury = (name: string, epoch: number, dead: Burial) =>
    sql`
      with ${owner(name, epoch)}, unparked as (
        delete from event_parked using owner where subscription = ${name} and event_id = ${dead.record.id}
      ), buried as (
        insert into integration_dead_letters (
          id, event_id, event_type, event_payload, adapter_name, partition, seq, error_message, error_class, error_chain,
          retry_count, created_at, correlation_id
        )
        select ${dead.deadLetterId}::uuid, ${dead.record.id}, ${dead.record.type}, ${PgTypes.jsonb(dead.record)}, ${name},
          ${dead.partition}::int2, ${PgTypes.int8(BigInt(dead.seq))}, ${dead.failure.message},
          ${errorClassOf(dead.failure.failure)}, ${sqlArray(PgTypes.OID.text, dead.failure.chain)},
          ${dead.attempts - 1}::int4, ${time(dead.now)}, ${dead.record.correlationId}
        from owner
        on conflict (adapter_name, event_id) where status = 'pending' do update set
          error_message = excluded.error_message, error_class = excluded.error_class,
          error_chain = excluded.error_chain, retry_count = excluded.retry_count
      )
      select from owner`.pipe(hasRow, Effect.orDie)

  const claimReplay = (
    name: string,
    epoch: number,
    replay: { readonly deadLetterId: string; readonly claimedUntil: number }
  ) =>
    sql`
      with ${owner(name, epoch)}, claimed as (
        update integration_dead_letters set claimed_until = ${time(replay.claimedUntil)} from owner
        where id = ${replay.deadLetterId}::uuid and status = 'pending' and exists (
          select 1 from event_parked where subscription = ${name} and dead_letter_id = integration_dead_letters.id
        )
        returning 1
      )
      select exists (select 1 from claimed) as claimed from owner`.pipe(
      Effect.map((rows) => {
        const row = decodeClaimed(rows)[0]
        return row === undefined ? ("refused" as const) : row.claimed ? ("claimed" as const) : ("gone" as const)
      }),
      Effect.orDie
    )

  const finishReplay = (
    name: string,
    epoch: number,
    outcome: {
      readonly deadLetterId: string
      readonly failed: { readonly failure: DescribedFailure; readonly attempts: number } | null
      readonly now: number
    }
  ) => {
    const { deadLetterId, failed, now } = outcome
    const change =
      failed === null
        ? sql`status = 'replayed', replayed_at = ${time(now)}`
        : sql`error_message = ${failed.failure.message}, error_class = ${errorClassOf(failed.failure.failure)},
          error_chain = ${sqlArray(PgTypes.OID.text, failed.failure.chain)}, retry_count = ${failed.attempts - 1}`
    return sql`
      with ${owner(name, epoch)}, unparked as (
        delete from event_parked using owner where subscription = ${name} and dead_letter_id = ${deadLetterId}::uuid
        returning dead_letter_id
      ), ended as (
        update integration_dead_letters set
          claimed_until = null, last_replay_at = ${time(now)}, replay_count = replay_count + 1, ${change}
        from unparked where id = unparked.dead_letter_id and status = 'pending'
      )
      select from owner`.pipe(hasRow, Effect.orDie, Effect.tap(Effect.sync(replayEnded.signal)))
  }

  return {
    register: (
      name: string,
      {
        from,
        now,
        tail
      }: {
        readonly from: Position
        readonly tail: Position
        readonly now: number
      }
    ) =>
      sql`
        insert into event_subscriptions (name, positions, created_at) values (${name}, ${bigints(from)}, ${time(now)})
        on conflict (name) do update set off_to = coalesce(event_subscriptions.off_to, ${bigints(tail)})
        where event_subscriptions.off_from is not null`.pipe(Effect.orDie, Effect.asVoid),
    suspend: (name: string, { now, tail }: { readonly tail: Position; readonly now: number }) =>
      sql`
        insert into event_subscriptions (name, positions, off_from, created_at)
        values (${name}, ${bigints(tail)}, ${bigints(tail)}, ${time(now)})
        on conflict (name) do update set
          off_from = coalesce(event_subscriptions.off_from, excluded.off_from), off_to = null`.pipe(
        Effect.orDie,
        Effect.asVoid
      ),
    lease: (name: string) =>
      sql`select owner, epoch::float8 as epoch, beat::float8 as beat from event_subscriptions where name = ${name}`.pipe(
        Effect.map((rows) => decodeLease(rows)[0]),
        Effect.orDie
      ),
    acquire,
    renew: (name: string, epoch: number) =>
      sql`update event_subscriptions set beat = beat + 1 where name = ${name} and epoch = ${epoch} returning 1`.pipe(
        hasRow,
        Effect.orDie
      ),
    release: (name: string, epoch: number) =>
      sql`update event_subscriptions set owner = null where name = ${name} and epoch = ${epoch}`.pipe(
        Effect.orDie,
        Effect.asVoid
      ),
    isShared: database.kind === "server",
    living: new Set<string>(),

    moveCursors: (name: string, epoch: number, position: Position) =>
      sql`
        update event_subscriptions set positions = ${bigints(position)}
        where name = ${name} and epoch = ${epoch} returning 1`.pipe(hasRow, Effect.orDie),
    position: (name: string) =>
      sql`select positions::float8[] as position from event_subscriptions where name = ${name}`.pipe(
        Effect.map((rows) => Option.fromUndefinedOr(decodePositions(rows)[0]?.position)),
        Effect.orDie
      ),
    positions: sql`select positions::float8[] as position from event_subscriptions`.pipe(
      Effect.map((rows) => decodePositions(rows).map(({ position }) => position)),
      Effect.orDie
    ),

    untaken,
    take,
    park,
    unpark: (name: string, epoch: number, eventId: string) =>
      sql`
        with ${owner(name, epoch)}, unparked as (
          delete from event_parked using owner where subscription = ${name} and event_id = ${eventId}
        )
        select from owner`.pipe(hasRow, Effect.orDie),
    bury,
    claimReplay,
    finishReplay,

    counts: (name: string) =>
      sql`
        select
          (select count(*) from event_parked where subscription = ${name})::int4 as parked,
          (select count(*) from integration_dead_letters where adapter_name = ${name} and status = 'pending')::int4 as dead`.pipe(
        Effect.map((rows) => decodeCounts(rows)[0]),
        Effect.orDie
      ),
    deadLetters,
    replayAsked,
    replayEnded
  }
})

// bigint columns are selected as float8: exact to 2^53.
const PositionColumn = Schema.Array(Schema.Finite)
const decodeOwnership = decodeRows({
  epoch: Schema.Finite,
  position: PositionColumn,
  offFrom: Schema.NullOr(PositionColumn),
  offTo: Schema.NullOr(PositionColumn)
})
const decodePositions = decodeRows({ position: PositionColumn })
const decodeEventIds = decodeRows({ eventId: Schema.String })
const decodeParked = decodeRows({
  partition: Schema.Int,
  seq: Schema.Finite,
  record: EventRecord,
  attempts: Schema.Int,
  dueAt: Schema.NullOr(Schema.Finite),
  deadLetterId: Schema.NullOr(Schema.String)
})
const decodeClaimed = decodeRows({ claimed: Schema.Boolean })
const decodeLease = SchemaParser.decodeUnknownSync(
  Schema.NonEmptyArray(
    Schema.Struct({ owner: Schema.NullOr(Schema.String), epoch: Schema.Finite, beat: Schema.Finite })
  )
)
const decodeCounts = SchemaParser.decodeUnknownSync(
  Schema.NonEmptyArray(Schema.Struct({ parked: Schema.Int, dead: Schema.Int }))
)
