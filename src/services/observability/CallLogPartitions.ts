/**
 * The days of the call log: a partition for each, made before it is written to and dropped whole when it is old enough.
 *
 * Hubs on one server take turns. A day that cannot be dropped at once, because somebody reads the log, is dropped later.
 */
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { isoOf, millisOf } from "../events/Time.ts"
import type { Database } from "../storage/Database.ts"

export interface Partitions {
  /** Makes the partitions of these days (`2026-11-21`, UTC) where they are missing. */
  readonly ensure: (days: Iterable<string>) => Effect.Effect<void, SqlError.SqlError>
  /** Drops the partitions of all days before this one; gives their number. */
  readonly dropBefore: (day: string) => Effect.Effect<number, SqlError.SqlError>
}

const oneDay = 86_400_000

/** The day of a moment in UTC. */
export const dayOf = (millis: number): string => isoOf(millis).slice(0, 10)

const startOf = (day: string): number => millisOf(`${day}T00:00:00.000Z`)

const nameOf = (day: string): string => `call_log_${day.replaceAll("-", "")}`

export const make = ({ sql, transaction }: Database["Service"]): Partitions => {
  /** Those that this process has seen to. */
  const known = new Set<string>()

  // `create table if not exists` fails when two do it at once. The lock goes with the commit.
  const lock = sql`select pg_advisory_xact_lock(hashtextextended('call_log partitions', 0))`

  const create = (day: string) =>
    transaction(
      Effect.gen(function* () {
        yield* lock
        // A day as text of a fixed form: safe as a literal, and no parameter is allowed here.
        const [from, to] = [isoOf(startOf(day)), isoOf(startOf(day) + oneDay)]
        yield* sql`
          create table if not exists ${sql(nameOf(day))} partition of call_log
          for values from (${sql.literal(`'${from}'`)}) to (${sql.literal(`'${to}'`)})`
      })
    )

  const drop = (name: string) =>
    transaction(
      Effect.gen(function* () {
        yield* sql`set local lock_timeout = '2s'`
        yield* lock
        yield* sql`drop table if exists ${sql(name)}`
      })
    )

  return {
    ensure: Effect.fnUntraced(function* (days) {
      for (const day of new Set(days)) {
        if (known.has(day)) continue
        yield* create(day)
        known.add(day)
      }
    }),
    dropBefore: Effect.fnUntraced(function* (day) {
      const rows = yield* sql`
        select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'call_log'::regclass order by relname`
      const old = decodeNames(rows).filter(({ name }) => /^call_log_\d{8}$/.test(name) && name < nameOf(day))
      for (const { name } of old) yield* drop(name)
      known.clear()
      return old.length
    })
  }
}

const decodeNames = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ name: Schema.String })))
