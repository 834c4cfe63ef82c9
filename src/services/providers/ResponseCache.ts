/**
 * Answers of data services, kept so that they can be served again: fresh ones instead of a call, stale ones when no
 * provider answers. It keeps and finds; whether an entry may still be served is the caller's choice, from its age.
 *
 * - An entry stays findable for `keepFor`, longer than it may be served; clean-up removes it after that.
 * - A cache that fails or is slow never fails a call: `get` finds nothing, `put` does nothing, each with a warning.
 * - In front of a shared store (SQL, Redis) every process keeps what it used last, for at most `frontFor`: that long it may
 *   miss an invalidation made by another process. Its own are seen at once.
 * - A write of data that was asked for before an invalidation is dropped.
 *
 * Why not Effect's Persistence: it removes entries the moment they expire, and cannot list or remove by pattern.
 */
import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import * as CachePattern from "./CachePattern.ts"
import * as RecentMap from "./RecentMap.ts"

/** An answer as it is kept. */
export const CacheEntry = Schema.Struct({
  /** JSON, as the integration's own schema encodes it. */
  data: Schema.Unknown,
  source: Schema.String,
  /** Epoch ms at which the provider gave it. */
  fetchedAt: Schema.Finite,
  /** A genuine answer with nothing in it. */
  empty: Schema.Boolean
})
export type CacheEntry = typeof CacheEntry.Type

/** What an operator sees of an entry. */
export interface CacheListing {
  readonly key: string
  readonly source: string
  /** Epoch ms. */
  readonly fetchedAt: number
  readonly empty: boolean
}

/** The store of the cache did not do what an operator asked for. */
export class CacheUnavailable extends Schema.TaggedError<CacheUnavailable>()("CacheUnavailable", {
  cause: Schema.Defect()
}) {
  override get message(): string {
    return "the store of the response cache does not answer"
  }
}

/** Where entries live beyond this process. */
export interface CacheStore {
  /** Null = none, or one that nobody can read. */
  readonly get: (key: string) => Effect.Effect<CacheEntry | null, CacheUnavailable>
  readonly put: (key: string, entry: CacheEntry, keepFor: Duration.Duration) => Effect.Effect<void, CacheUnavailable>
  readonly remove: (key: string) => Effect.Effect<void, CacheUnavailable>
  /** Gives the number of entries removed. */
  readonly removeMatching: (pattern: string) => Effect.Effect<number, CacheUnavailable>
  readonly list: (pattern: string, limit: number) => Effect.Effect<ReadonlyArray<CacheListing>, CacheUnavailable>
}

export class ResponseCache extends Context.Service<
  ResponseCache,
  {
    /** Never fails; null = none. The same entry is the same object while this process keeps it. */
    readonly get: (key: string) => Effect.Effect<CacheEntry | null>
    /** What this process keeps, without asking the store. */
    readonly peek: (key: string) => Effect.Effect<CacheEntry | null>
    /**
     * Never fails. `generation`: the value of `generation` from before the data was asked for; when something was
     * invalidated since, nothing is written.
     */
    readonly put: (
      key: string,
      entry: CacheEntry,
      options: { readonly keepFor: Duration.Duration; readonly generation: number }
    ) => Effect.Effect<void>
    /** Grows with every invalidation by this process. */
    readonly generation: Effect.Effect<number>
    readonly invalidate: (key: string) => Effect.Effect<void, CacheUnavailable>
    /** Every key that fits the pattern; see `CachePattern`. Gives the number of entries removed from the store. */
    readonly invalidateMatching: (pattern: string) => Effect.Effect<number, CacheUnavailable>
    /** At most `limit` entries whose keys fit the pattern, in the order of their keys. */
    readonly list: (pattern: string, limit: number) => Effect.Effect<ReadonlyArray<CacheListing>, CacheUnavailable>
  }
>()("hub/services/providers/ResponseCache") {
  /** In this process only; at most 10 000 entries, those used longest ago go first. */
  static readonly layerMemory: Layer.Layer<ResponseCache> = Layer.sync(ResponseCache, () => make({ store: null }))
}

export interface Options {
  /** Null: nothing beyond this process. */
  readonly store: CacheStore | null
  /** How long this process keeps an entry without asking the store. Default 5 s; without a store, as long as `keepFor`. */
  readonly frontFor?: Duration.Duration
  /** Entries that this process keeps: at most this many, at least the half of them used last. Default 10 000. */
  readonly capacity?: number
}

/** Longer keys are not cached: no store has to take any length. */
const maxKeyLength = 1024

/** How long a store may take during a call; then the call goes on without it. */
const storeLimit = Duration.millis(500)

interface Kept {
  readonly entry: CacheEntry
  /** Epoch ms. */
  readonly until: number
}

export const make = (options: Options): ResponseCache["Service"] => {
  const { store } = options
  const frontMillis = store === null ? Infinity : Duration.toMillis(options.frontFor ?? Duration.seconds(5))
  const front = RecentMap.make<string, Kept>(options.capacity ?? 10_000)
  let generation = 0

  const find = (key: string, now: number): CacheEntry | null => {
    const kept = front.get(key)
    return kept === undefined || kept.until <= now ? null : kept.entry
  }
  const keep = (key: string, entry: CacheEntry, until: number): void => front.set(key, { entry, until })
  const matching = (pattern: string) => {
    const matches = CachePattern.matcher(pattern)
    return front.entries().filter(([key]) => matches(key))
  }

  const peek = (key: string) => Effect.map(Clock.currentTimeMillis, (now) => find(key, now))

  const fetch = (from: CacheStore, key: string, now: number) => {
    const before = generation
    return from.get(key).pipe(
      Effect.timeout(storeLimit),
      Effect.catchCause((cause) =>
        Effect.as(Effect.logWarning("response cache: could not read, going on without", cause), null)
      ),
      Effect.tap((entry) =>
        Effect.sync(() => {
          if (entry !== null && before === generation) keep(key, entry, now + frontMillis)
        })
      )
    )
  }

  /** Before and after: what was read or written in between is gone too. */
  const invalidating = <A>(forget: () => void, effect: Effect.Effect<A, CacheUnavailable>) => {
    const forgetNow = Effect.sync(() => {
      generation++
      forget()
    })
    return Effect.ensuring(Effect.andThen(forgetNow, effect), forgetNow)
  }

  return {
    peek,
    get: (key) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const entry = find(key, now)
        return entry !== null || store === null || key.length > maxKeyLength
          ? Effect.succeed(entry)
          : fetch(store, key, now)
      }),
    put: Effect.fnUntraced(function* (key, entry, { generation: asked, keepFor }) {
      if (asked !== generation || key.length > maxKeyLength) return
      keep(key, entry, (yield* Clock.currentTimeMillis) + Math.min(frontMillis, Duration.toMillis(keepFor)))
      if (store === null) return
      yield* store.put(key, entry, keepFor).pipe(
        Effect.timeout(storeLimit),
        Effect.catchCause((cause) => Effect.logWarning("response cache: could not write, going on without", cause))
      )
      // An invalidation that ran meanwhile may have come before the write.
      if (asked !== generation) yield* Effect.ignore(store.remove(key))
    }),
    generation: Effect.sync(() => generation),
    invalidate: (key) => invalidating(() => front.delete(key), store === null ? Effect.void : store.remove(key)),
    invalidateMatching: Effect.fn("ResponseCache.invalidateMatching")(function* (pattern) {
      const here = matching(pattern).length
      const forget = () => {
        for (const [key] of matching(pattern)) front.delete(key)
      }
      return yield* invalidating(forget, store === null ? Effect.succeed(here) : store.removeMatching(pattern))
    }),
    list: (pattern, limit) =>
      store === null
        ? Effect.map(Clock.currentTimeMillis, (now) =>
            matching(pattern)
              .filter(([, { until }]) => until > now)
              .toSorted(([left], [right]) => (left < right ? -1 : 1))
              .slice(0, limit)
              .map(([key, { entry }]) => ({
                key,
                source: entry.source,
                fetchedAt: entry.fetchedAt,
                empty: entry.empty
              }))
          )
        : store.list(pattern, limit)
  }
}
