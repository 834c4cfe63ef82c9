import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import * as Net from "node:net"
import * as HubConfig from "../../../src/services/HubConfig.ts"
import { defaultLimits } from "../../../src/services/providers/ProviderPolicy.ts"
import * as ProviderServices from "../../../src/services/providers/ProviderServices.ts"
import { RateLimits } from "../../../src/services/providers/RateLimits.ts"
import { ResponseCache } from "../../../src/services/providers/ResponseCache.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as TestRedis from "../../support/TestRedis.ts"

const noDatabase = Layer.mock(Database)({ kind: "embedded" })

describe("ProviderServices", () => {
  it.effect("HUB_REDIS_URL comes before REDIS_URL; a bad one is named, and not shown", () =>
    Effect.gen(function* () {
      const config = yield* HubConfig.load({ HUB_REDIS_URL: "rediss://u:p@r:1/2", REDIS_URL: "redis://other" })
      assert.strictEqual(config.redisUrl === null ? null : Redacted.value(config.redisUrl), "rediss://u:p@r:1/2")
      const other = yield* HubConfig.load({ REDIS_URL: "redis://other" })
      assert.strictEqual(other.redisUrl === null ? null : Redacted.value(other.redisUrl), "redis://other")
      assert.isNull((yield* HubConfig.load({})).redisUrl)
      const error = yield* Effect.flip(HubConfig.load({ HUB_REDIS_URL: "http://user:s3cret-canary@r" }))
      assert.include(error.message, "HUB_REDIS_URL: expected a redis:// URL")
      assert.notInclude(error.message, "canary")
    })
  )

  it.live("a Redis that is not there is a failure in plain words, without the password", () =>
    Effect.gen(function* () {
      const redisUrl = Redacted.make("redis://user:s3cret-canary@127.0.0.1:1")
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(Layer.provide(ProviderServices.layer({ redisUrl }), noDatabase)))
      )
      assert.include(error.message, "ECONNREFUSED")
      assert.notInclude(JSON.stringify(error), "canary")
    })
  )
})

describeDatabases("ProviderServices", (database) => {
  it.effect("without Redis, answers are kept in the database", () =>
    Effect.gen(function* () {
      const cache = yield* ResponseCache
      const entry = { data: 1, source: "shop", fetchedAt: 0, empty: false }
      yield* cache.put("a", entry, { keepFor: Duration.hours(1), generation: 0 })
      const { sql } = yield* Database
      assert.deepStrictEqual(yield* sql`select key from provider_cache`, [{ key: "a" }])
    }).pipe(Effect.provide(Layer.provideMerge(ProviderServices.layer({ redisUrl: null }), database)))
  )
})

TestRedis.describeRedis("ProviderServices", () => {
  it.live("with Redis, answers are kept there", () =>
    Effect.gen(function* () {
      const cache = yield* ResponseCache
      const key = `test:${randomUUID()}`
      yield* cache.put(
        key,
        { data: 1, source: "shop", fetchedAt: 0, empty: false },
        { keepFor: Duration.minutes(1), generation: 0 }
      )
      assert.strictEqual((yield* cache.list(`${key}*`, 10)).length, 1)
      yield* cache.invalidate(key)
    }).pipe(
      Effect.provide(Layer.provide(ProviderServices.layer({ redisUrl: Redacted.make(TestRedis.url) }), noDatabase))
    )
  )

  it.live("a Redis that goes away and comes back is done without meanwhile", () =>
    Effect.gen(function* () {
      const door = yield* makeDoor(new URL(TestRedis.url))
      yield* Effect.gen(function* () {
        const cache = yield* ResponseCache
        const limiter = yield* (yield* RateLimits).limiter(`test-${randomUUID()}`, () => defaultLimits)
        const key = `test:${randomUUID()}`
        const entry = { data: 1, source: "shop", fetchedAt: 0, empty: false }
        yield* limiter.take
        yield* door.close
        const start = performance.now()
        yield* limiter.take
        yield* cache.put(key, entry, { keepFor: Duration.minutes(1), generation: 0 })
        assert.strictEqual((yield* cache.get(key))?.data, 1)
        assert.isNull(yield* cache.get(`${key}-other`))
        assert.strictEqual((yield* Effect.flip(cache.list("*", 1)))._tag, "CacheUnavailable")
        assert.isBelow(performance.now() - start, 2500)
        yield* door.open
        const listed = cache.list("*", 1).pipe(Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 100 }))
        assert.isAtMost((yield* listed).length, 1)
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.provide(ProviderServices.layer({ redisUrl: Redacted.make(door.url) }), noDatabase))
      )
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

/** A port that leads to the Redis server, and can be closed, which ends its connections. */
const makeDoor = Effect.fnUntraced(function* (to: URL) {
  const sockets = new Set<Net.Socket>()
  const server = Net.createServer((incoming) => {
    const outgoing = Net.connect(Number(to.port === "" ? 6379 : to.port), to.hostname)
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
    }
    incoming.pipe(outgoing)
    outgoing.pipe(incoming)
  })
  const listen = (port: number) =>
    Effect.callback<number>((resume) => {
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(address === null || typeof address === "string" ? 0 : address.port))
      })
    })
  const close = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const socket of sockets) socket.destroy()
  })
  const port = yield* Effect.acquireRelease(listen(0), () => close)
  const url = new URL(to)
  url.host = `127.0.0.1:${port}`
  return { url: url.href, close, open: listen(port) }
})
