/** The operator's side of the dead letters of a `DeliveryStoreSql`. */
import { PgTypes } from "@effect/sql-pg"
import { Effect, Option, Schema } from "effect"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { DeadLetter, type DeadLetterFilter, DeadLetterGroup } from "./DeadLetter.ts"
import type { Access, Claim, DeadLetterStore } from "./DeadLetterStore.ts"
import * as Position from "./Position.ts"
import type { Signals } from "./Signals.ts"
import { decodeRows } from "./Sql.ts"

/** Tells the owners in other processes that replays wait; follows their word in turn. */
export const make = (replayAsked: Signals, replayEnded: Signals) =>
  Effect.gen(function* () {
    const database = yield* Database
    const { sql } = database

    const schema = yield* sql`select current_schema() as name`.pipe(Effect.map(decodeName), Effect.orDie)
    const channel = `hub_replays_${Position.fnv1a(schema[0]?.name ?? "").toString(36)}`
    yield* database.listen(channel, Effect.sync(replayAsked.signal))
    const asked = Effect.andThen(Effect.sync(replayAsked.signal), database.notify(channel))

    const time = (millis: number) => PgTypes.timestamptz(millis)
    const columns = sql.literal(
      `id, event_id as "eventId", event_type as "eventType", event_payload as "eventPayload",
       adapter_name as "adapterName", error_message as "errorMessage", error_class as "errorClass",
       error_chain as "errorChain", retry_count as "retryCount", status, created_at as "createdAt",
       last_replay_at as "lastReplayAt", replayed_at as "replayedAt", replay_count as "replayCount",
       correlation_id as "correlationId"`
    )
    const matching = (filter: DeadLetterFilter) =>
      sql.and([
        sql`true`,
        ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
        ...(filter.adapter === undefined ? [] : [sql`adapter_name = ${filter.adapter}`]),
        ...(filter.eventType === undefined ? [] : [sql`event_type = ${filter.eventType}`]),
        ...(filter.errorClass === undefined ? [] : [sql`error_class = ${filter.errorClass}`])
      ])
    const free = (now: number) => sql`status = 'pending' and (claimed_until is null or claimed_until <= ${time(now)})`

    const find = Effect.fnUntraced(function* (id: string) {
      if (!isUuid(id)) return Option.none<DeadLetter>()
      const rows = yield* sql`select ${columns} from integration_dead_letters where id = ${id}::uuid`.pipe(Effect.orDie)
      return Option.fromUndefinedOr(decodeLetters(rows)[0])
    })

    /** Why a letter that `free` did not let through could not be had. */
    const refusal = Effect.fnUntraced(function* (id: string) {
      const found = yield* find(id)
      return Option.match(found, {
        onNone: (): Access => ({ _tag: "NotFound" }),
        onSome: ({ status }): Access => (status === "pending" ? { _tag: "Claimed" } : { _tag: "NotPending", status })
      })
    })

    const claimWhere = (where: ReturnType<typeof matching>, { now, until }: Claim) =>
      sql`
        with claimed as (
          update integration_dead_letters set claimed_until = ${time(until)} where ${free(now)} and ${where}
          returning *
        ), parked as (
          insert into event_parked (subscription, event_id, partition, seq, event, attempts, due_at, dead_letter_id)
          select adapter_name, event_id, partition, seq, event_payload, retry_count + 1, ${time(now)}, id from claimed
          on conflict (subscription, event_id) do nothing
        )
        select ${columns} from claimed`.pipe(Effect.orDie)

    const claim = Effect.fnUntraced(function* (id: string, options: Claim) {
      const rows = isUuid(id) ? yield* claimWhere(sql`id = ${id}::uuid`, options) : []
      const before = decodeLetters(rows)[0]
      if (before === undefined) return yield* refusal(id)
      yield* database.afterCommit(asked)
      return { _tag: "Done" as const, before }
    })

    const claimAll = Effect.fnUntraced(function* (filter: DeadLetterFilter, options: Claim) {
      const rows = yield* claimWhere(matching(filter), options)
      if (rows.length > 0) yield* database.afterCommit(asked)
      return rows.length
    })

    const discardWhere = (where: ReturnType<typeof matching>, now: number) =>
      sql`
        with discarded as (
          update integration_dead_letters set status = 'discarded', claimed_until = null where ${free(now)} and ${where}
          returning *
        ), unparked as (
          delete from event_parked using discarded
          where subscription = discarded.adapter_name and dead_letter_id = discarded.id
        )
        select ${columns} from discarded`.pipe(Effect.orDie, Effect.tap(Effect.sync(replayEnded.signal)))

    const discard = Effect.fnUntraced(function* (id: string, now: number) {
      const rows = isUuid(id) ? yield* discardWhere(sql`id = ${id}::uuid`, now) : []
      const before = decodeLetters(rows)[0]
      return before === undefined ? yield* refusal(id) : { _tag: "Done" as const, before }
    })

    const list = Effect.fnUntraced(function* (
      filter: DeadLetterFilter,
      { limit, page }: { readonly page: number; readonly limit: number }
    ) {
      const counted = yield* sql`select count(*)::int4 as total from integration_dead_letters where ${matching(filter)}`
      const rows = yield* sql`
          select ${columns} from integration_dead_letters where ${matching(filter)}
          order by id desc limit ${limit} offset ${(page - 1) * limit}`
      return { data: decodeLetters(rows), total: decodeTotal(counted)[0]?.total ?? 0 }
    }, Effect.orDie)

    const groups = (filter: DeadLetterFilter) =>
      sql`
        select adapter_name as "adapterName", event_type as "eventType", error_class as "errorClass",
          count(*)::int4 as count, min(created_at) as "firstAt", max(created_at) as "lastAt",
          (array_agg(error_message order by id desc))[1] as sample
        from integration_dead_letters where ${matching(filter)}
        group by adapter_name, event_type, error_class
        order by count(*) desc, adapter_name, event_type, error_class`.pipe(Effect.map(decodeGroups), Effect.orDie)

    const store: DeadLetterStore = {
      list,
      get: find,
      groups,
      claim,
      claimAll,
      discard,
      discardAll: (filter, now) => Effect.map(discardWhere(matching(filter), now), (rows) => rows.length)
    }
    return store
  })

const isUuid = (text: string) => /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text)

const decodeName = decodeRows({ name: Schema.String })
const decodeTotal = decodeRows({ total: Schema.Int })
const decodeLetters = decodeRows({
  ...DeadLetter.fields,
  createdAt: IsoFromDate,
  lastReplayAt: Schema.NullOr(IsoFromDate),
  replayedAt: Schema.NullOr(IsoFromDate)
})
const decodeGroups = decodeRows({ ...DeadLetterGroup.fields, firstAt: IsoFromDate, lastAt: IsoFromDate })
