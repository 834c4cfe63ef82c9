/**
 * The response cache in Redis: several hubs share it, whatever database they use. Redis removes entries past their time.
 *
 * Keys begin with the prefix (default `hub:cache:`). Invalidation by pattern walks the keys with SCAN, so what is written
 * while it runs may stay.
 */
import { Duration, Effect, Layer, Option, Schema } from "effect"
import { Redis } from "effect/persistence"
import * as CachePattern from "./CachePattern.ts"
import {
  CacheEntry,
  type CacheListing,
  type CacheStore,
  CacheUnavailable,
  make,
  ResponseCache
} from "./ResponseCache.ts"

export const layerRedis = (
  options: { readonly prefix?: string } = {}
): Layer.Layer<ResponseCache, never, Redis.Redis> =>
  Layer.effect(
    ResponseCache,
    Redis.Redis.useSync((redis) => make({ store: makeStore(redis, options.prefix ?? "hub:cache:") }))
  )

/** Keys looked at by one SCAN, and entries read by one MGET. */
const page = 500

const makeStore = (redis: Redis.Redis["Service"], prefix: string): CacheStore => {
  const read = (keys: ReadonlyArray<string>) =>
    keys.length === 0 ? Effect.succeed([]) : Effect.flatMap(redis.send("MGET", ...keys), decodeReplies)

  /** Each key once; SCAN may give one several times. */
  const scan = Effect.fnUntraced(function* (pattern: string) {
    const keys = new Set<string>()
    let cursor = "0"
    do {
      const match = `${CachePattern.glob(CachePattern.literal(prefix))}${CachePattern.glob(pattern)}`
      const reply = yield* redis.send("SCAN", cursor, "MATCH", match, "COUNT", String(page))
      const [next, found] = yield* decodeScan(reply)
      for (const key of found) keys.add(key)
      cursor = next
    } while (cursor !== "0")
    return [...keys]
  })

  return {
    get: (key) =>
      Effect.map(read([`${prefix}${key}`]), ([reply]) => Option.getOrNull(decodeEntry(reply))).pipe(
        Effect.mapError(unavailable)
      ),
    put: (key, entry, keepFor) =>
      Effect.flatMap(encodeEntry(entry), (json) =>
        redis.send("SET", `${prefix}${key}`, json, "PX", String(Math.max(1, Math.ceil(Duration.toMillis(keepFor)))))
      ).pipe(Effect.asVoid, Effect.mapError(unavailable)),
    remove: (key) => redis.send("UNLINK", `${prefix}${key}`).pipe(Effect.asVoid, Effect.mapError(unavailable)),
    removeMatching: (pattern) =>
      Effect.gen(function* () {
        const keys = yield* scan(pattern)
        let removed = 0
        for (let from = 0; from < keys.length; from += page) {
          removed += yield* decodeCount(yield* redis.send("UNLINK", ...keys.slice(from, from + page)))
        }
        return removed
      }).pipe(Effect.mapError(unavailable)),
    list: (pattern, limit) =>
      Effect.gen(function* () {
        const keys = (yield* scan(pattern)).toSorted().slice(0, limit)
        const listings: Array<CacheListing> = []
        for (let from = 0; from < keys.length; from += page) {
          const names = keys.slice(from, from + page)
          const replies = yield* read(names)
          names.forEach((name, index) => {
            const entry = Option.getOrNull(decodeEntry(replies[index]))
            if (entry === null) return
            const { empty, fetchedAt, source } = entry
            listings.push({ key: name.slice(prefix.length), source, fetchedAt, empty })
          })
        }
        return listings
      }).pipe(Effect.mapError(unavailable))
  }
}

const unavailable = (cause: unknown) => new CacheUnavailable({ cause })

const decodeReplies = Schema.decodeUnknownEffect(Schema.Array(Schema.NullOr(Schema.String)))
const decodeScan = Schema.decodeUnknownEffect(Schema.Tuple([Schema.String, Schema.Array(Schema.String)]))
const decodeCount = Schema.decodeUnknownEffect(Schema.Int)
const decodeEntry = Schema.decodeUnknownOption(Schema.fromJsonString(CacheEntry))
const encodeEntry = Schema.encodeEffect(Schema.fromJsonString(CacheEntry))
