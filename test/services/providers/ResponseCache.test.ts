import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import {
  type CacheEntry,
  type CacheStore,
  CacheUnavailable,
  make,
  ResponseCache
} from "../../../src/services/providers/ResponseCache.ts"
import { layerRedis } from "../../../src/services/providers/ResponseCacheRedis.ts"
import { layerSql, sweep } from "../../../src/services/providers/ResponseCacheSql.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as TestRedis from "../../support/TestRedis.ts"

const entry = (data: unknown, fetchedAt = 0): CacheEntry => ({ data, source: "shop", fetchedAt, empty: false })
const keepFor = Duration.hours(1)

const put = (cache: ResponseCache["Service"], key: string, value: CacheEntry) =>
  Effect.flatMap(cache.generation, (generation) => cache.put(key, value, { keepFor, generation }))

type Cache = ResponseCache["Service"]

/** What every cache does. The test gets two caches on one store, as two processes have them. */
const contract = (provide: <A, E>(test: (one: Cache, other: Cache) => Effect.Effect<A, E>) => Effect.Effect<A, E>) => {
  it.effect("finds what was put, whatever is in it", () =>
    provide(
      Effect.fnUntraced(function* (one, other) {
        const data = { text: 'NUL \0, lone \ud800, "quoted" 김', list: [1, 2.5, null, { b: 1, a: 2 }], at: 1e21 }
        assert.isNull(yield* one.get("a"))
        yield* put(one, "a", { data, source: "shop", fetchedAt: 1_795_224_000_123, empty: true })
        for (const cache of [one, other]) {
          const found = yield* cache.get("a")
          assert.deepStrictEqual(found, { data, source: "shop", fetchedAt: 1_795_224_000_123, empty: true })
          assert.strictEqual(yield* cache.get("a"), found)
        }
        assert.isNull(yield* one.get("b"))
      })
    )
  )

  it.effect("the later answer stays", () =>
    provide(
      Effect.fnUntraced(function* (one, other) {
        yield* put(one, "a", entry("old", 1000))
        yield* put(one, "a", entry("new", 2000))
        assert.strictEqual((yield* other.get("a"))?.data, "new")
      })
    )
  )

  it.effect("Property 32: invalidates by key, and by pattern with wildcards, exactly those that fit", () =>
    provide(
      Effect.fnUntraced(function* (one, other) {
        const keys = ["fx:rates:1:base=USD", "fx:rates:1:base=U_D", "fx:rates:1:base=U%25D", "fx:x[a]?^", "fy:rates:1:"]
        for (const key of keys) yield* put(one, key, entry(key))
        yield* one.invalidate("fy:rates:1:")
        assert.isNull(yield* one.get("fy:rates:1:"))
        assert.isNull(yield* other.get("fy:rates:1:"))
        assert.strictEqual(yield* one.invalidateMatching("fx:*:base=U_D"), 1)
        assert.strictEqual(yield* one.invalidateMatching("fx:x[a]?^"), 1)
        assert.strictEqual(yield* one.invalidateMatching("fx:*%25*"), 1)
        assert.strictEqual(yield* one.invalidateMatching("r*"), 0)
        assert.deepStrictEqual(
          (yield* one.list("*", 10)).map(({ key }) => key),
          ["fx:rates:1:base=USD"]
        )
        assert.isNotNull(yield* one.get("fx:rates:1:base=USD"))
        assert.strictEqual(yield* one.invalidateMatching("*"), 1)
        assert.isNull(yield* one.get("fx:rates:1:base=USD"))
      })
    )
  )

  it.effect("lists in the order of the keys, no more than asked for", () =>
    provide(
      Effect.fnUntraced(function* (one) {
        for (const key of ["c", "a", "b"]) yield* put(one, key, entry(key, 7))
        assert.deepStrictEqual(yield* one.list("*", 2), [
          { key: "a", source: "shop", fetchedAt: 7, empty: false },
          { key: "b", source: "shop", fetchedAt: 7, empty: false }
        ])
      })
    )
  )

  it.effect("what was asked for before an invalidation is not written after it", () =>
    provide(
      Effect.fnUntraced(function* (one, other) {
        const generation = yield* one.generation
        yield* one.invalidateMatching("x*")
        yield* one.put("a", entry(1), { keepFor, generation })
        assert.isNull(yield* one.get("a"))
        assert.isNull(yield* other.get("a"))
      })
    )
  )

  it.effect("a key that is too long for a store is not kept, and does no harm", () =>
    provide(
      Effect.fnUntraced(function* (one) {
        const key = "k".repeat(1025)
        yield* put(one, key, entry(1))
        assert.isNull(yield* one.get(key))
        yield* put(one, key.slice(1), entry(1))
        assert.isNotNull(yield* one.get(key.slice(1)))
      })
    )
  )
}

describe("ResponseCache (memory)", () => {
  contract((test) =>
    Effect.provide(
      ResponseCache.use((cache) => test(cache, cache)),
      ResponseCache.layerMemory
    )
  )

  it.effect("keeps as long as it was told to, and what was used last when it is full", () =>
    Effect.gen(function* () {
      const cache = make({ store: null, capacity: 4 })
      yield* put(cache, "a", entry("a"))
      yield* put(cache, "b", entry("b"))
      yield* cache.get("a")
      yield* put(cache, "c", entry("c"))
      yield* cache.get("a")
      yield* put(cache, "d", entry("d"))
      assert.isNull(yield* cache.get("b"))
      assert.isNotNull(yield* cache.get("a"))
      yield* TestClock.adjust("1 hour")
      assert.isNull(yield* cache.get("a"))
      assert.deepStrictEqual(yield* cache.list("*", 10), [])
    })
  )
})

describeDatabases("ResponseCache", (database) => {
  const cacheOf = Effect.map(Layer.build(Layer.fresh(layerSql)), (context) => Context.get(context, ResponseCache))

  contract((test) =>
    Effect.gen(function* () {
      return yield* test(yield* cacheOf, yield* cacheOf)
    }).pipe(Effect.scoped, Effect.provide(database))
  )

  it.effect("clean-up takes a row after its time, not before", () =>
    Effect.gen(function* () {
      const cache = yield* cacheOf
      const storage = yield* Database
      yield* put(cache, "a", entry(1))
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(yield* sweep(storage), 0)
      assert.isNotNull(yield* cache.get("a"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* sweep(storage), 1)
    }).pipe(Effect.provide(database))
  )

  it.effect("an answer that came earlier does not replace a later one, and a row that nobody can read is none", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* cacheOf, yield* cacheOf]
      const { sql } = yield* Database
      yield* put(one, "a", entry("later", 2000))
      yield* put(other, "a", entry("earlier", 1000))
      assert.strictEqual((yield* one.get("a"))?.data, "later")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* other.get("a"))?.data, "later")
      yield* sql`update provider_cache set data = 'no json'`
      yield* TestClock.adjust("5 seconds")
      assert.isNull(yield* other.get("a"))
    }).pipe(Effect.provide(database))
  )

  it.effect("without its table the cache finds nothing and fails nothing, and an operator is told", () =>
    Effect.gen(function* () {
      const cache = yield* cacheOf
      const { sql } = yield* Database
      yield* sql`drop table provider_cache`
      yield* put(cache, "a", entry(1))
      assert.isNull(yield* cache.get("b"))
      assert.strictEqual((yield* Effect.flip(cache.invalidate("a")))._tag, "CacheUnavailable")
      assert.isNull(yield* cache.get("a"))
    }).pipe(Effect.provide(database), Effect.provide(Logger.layer([])))
  )
})

TestRedis.describeRedis("ResponseCache", () => {
  contract((test) =>
    Effect.gen(function* () {
      const prefix = yield* TestRedis.freshPrefix
      const cacheOf = Effect.map(Layer.build(Layer.fresh(layerRedis({ prefix }))), (context) =>
        Context.get(context, ResponseCache)
      )
      return yield* test(yield* cacheOf, yield* cacheOf)
    }).pipe(Effect.scoped, Effect.provide(TestRedis.layer))
  )
})

describe("ResponseCache in front of a store", () => {
  const empty: CacheStore = {
    get: () => Effect.succeed(null),
    put: () => Effect.void,
    remove: () => Effect.void,
    removeMatching: () => Effect.succeed(0),
    list: () => Effect.succeed([])
  }

  it.effect("asks the store again after five seconds", () =>
    Effect.gen(function* () {
      let asked = 0
      const get = () => Effect.sync(() => entry(++asked))
      const cache = make({ store: { ...empty, get } })
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* cache.get("a"))?.data, 1)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* cache.get("a"))?.data, 2)
    })
  )

  it.effect("a store that fails, dies or hangs is done without", () =>
    Effect.gen(function* () {
      const failing = Effect.fail(new CacheUnavailable({ cause: "out of order" }))
      for (const answer of [failing, Effect.die("a bug"), Effect.never]) {
        const cache = make({ store: { ...empty, get: () => answer, put: () => answer } })
        const fiber = yield* Effect.forkChild(
          Effect.gen(function* () {
            assert.isNull(yield* cache.get("a"))
            yield* put(cache, "a", entry(1))
            assert.strictEqual((yield* cache.get("a"))?.data, 1)
          })
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
      }
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("an invalidation that comes during a write wins", () =>
    Effect.gen(function* () {
      const stored = new Set<string>()
      const cache = make({
        store: {
          ...empty,
          put: (key) =>
            Effect.delay(
              Effect.sync(() => void stored.add(key)),
              "100 millis"
            ),
          remove: (key) => Effect.sync(() => void stored.delete(key))
        }
      })
      const writing = yield* Effect.forkChild(put(cache, "a", entry(1)))
      yield* TestClock.adjust("50 millis")
      yield* cache.invalidate("a")
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(writing)
      assert.isFalse(stored.has("a"))
      assert.isNull(yield* cache.peek("a"))
    })
  )
})
