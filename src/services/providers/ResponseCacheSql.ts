/**
 * The response cache in the hub's database: survives restarts, and several hubs on one server share it.
 *
 * Rows past their time are removed in the background, every ten minutes.
 */
import { Clock, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { inBackground } from "../security/Housekeeping.ts"
import { Database } from "../storage/Database.ts"
import * as CachePattern from "./CachePattern.ts"
import { type CacheStore, CacheUnavailable, make, ResponseCache } from "./ResponseCache.ts"

export const layerSql: Layer.Layer<ResponseCache, never, Database> = Layer.effect(
  ResponseCache,
  Effect.gen(function* () {
    const database = yield* Database
    yield* inBackground("remove old answers from the response cache", Duration.minutes(10), sweep(database))
    return make({ store: makeStore(database) })
  })
)

/** Removes rows past their time; gives their number. */
export const sweep = ({ sql }: Database["Service"]): Effect.Effect<number> =>
  Effect.gen(function* () {
    const now = isoOf(yield* Clock.currentTimeMillis)
    const [{ count }] = yield* decodeCount(
      yield* sql`
        with gone as (delete from provider_cache where keep_until <= ${now}::timestamptz returning 1)
        select count(*)::int as count from gone`
    )
    return count
  }).pipe(Effect.orDie)

const makeStore = ({ sql }: Database["Service"]): CacheStore => ({
  get: (key) =>
    sql`
      select data, source, (extract(epoch from fetched_at) * 1000)::float8 as "fetchedAt", empty
      from provider_cache where key = ${key}`.pipe(
      Effect.map((rows) => Option.getOrNull(decodeEntry(rows[0]))),
      Effect.mapError(unavailable)
    ),
  put: (key, { data, empty, fetchedAt, source }, keepFor) =>
    Effect.gen(function* () {
      const keepUntil = isoOf(fetchedAt + Duration.toMillis(keepFor))
      const json = yield* encodeJson(data)
      yield* sql`
        insert into provider_cache (key, data, source, fetched_at, empty, keep_until)
        values (${key}, ${json}, ${source}, ${isoOf(fetchedAt)}::timestamptz, ${empty}, ${keepUntil}::timestamptz)
        on conflict (key) do update set data = excluded.data, source = excluded.source,
          fetched_at = excluded.fetched_at, empty = excluded.empty, keep_until = excluded.keep_until
        where provider_cache.fetched_at <= excluded.fetched_at`
    }).pipe(Effect.mapError(unavailable)),
  remove: (key) => sql`delete from provider_cache where key = ${key}`.pipe(Effect.asVoid, Effect.mapError(unavailable)),
  removeMatching: (pattern) =>
    sql`
      with gone as (delete from provider_cache where key like ${CachePattern.like(pattern)} escape '\\' returning 1)
      select count(*)::int as count from gone`.pipe(
      Effect.flatMap(decodeCount),
      Effect.map(([{ count }]) => count),
      Effect.mapError(unavailable)
    ),
  list: (pattern, limit) =>
    sql`
      select key, source, (extract(epoch from fetched_at) * 1000)::float8 as "fetchedAt", empty
      from provider_cache where key like ${CachePattern.like(pattern)} escape '\\'
      order by key limit ${limit}`.pipe(Effect.flatMap(decodeListings), Effect.mapError(unavailable))
})

const unavailable = (cause: unknown) => new CacheUnavailable({ cause })

const isoOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

const labels = { source: Schema.String, fetchedAt: Schema.Finite, empty: Schema.Boolean }
const decodeEntry = Schema.decodeUnknownOption(
  Schema.Struct({ data: Schema.fromJsonString(Schema.Unknown), ...labels })
)
const decodeListings = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ key: Schema.String, ...labels })))
const decodeCount = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ count: Schema.Int })]))
const encodeJson = Schema.encodeEffect(Schema.fromJsonString(Schema.Unknown))
