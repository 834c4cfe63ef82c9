/** The Redis server for tests (`HUB_TEST_REDIS_URL`, else 127.0.0.1:6379), when one answers. */
import { NodeRedis } from "@effect/platform-node"
import { describe } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Redis } from "effect/persistence"
import { randomUUID } from "node:crypto"

/** Where it is. */
export const url = process.env["HUB_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379"

/** Each build is a connection of its own, as another process has it. */
export const layer: Layer.Layer<Redis.Redis> = Layer.fresh(
  Layer.orDie(NodeRedis.layer({ url, disableOfflineQueue: true, socket: { connectTimeout: 1000 } }))
)

/** Does it answer? */
export const answers = await Effect.runPromise(
  Redis.Redis.use((redis) => redis.send("PING")).pipe(
    Effect.provide(NodeRedis.layer({ url, socket: { connectTimeout: 500 } })),
    Effect.timeout("2 seconds"),
    Effect.as(true),
    Effect.catchCause(() => Effect.succeed(false))
  )
)
if (!answers) console.warn(`no Redis server at ${url}: its tests are skipped`)

/** A prefix for keys, whose keys are removed with the scope. */
export const freshPrefix = Effect.acquireRelease(
  Effect.sync(() => `hub_test_${randomUUID()}:`),
  (prefix) =>
    Redis.Redis.use((redis) =>
      redis.send(
        "EVAL",
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
        "0",
        `${prefix}*`
      )
    ).pipe(Effect.provide(layer), Effect.orDie)
)

/** A `describe` that is skipped when there is no Redis server. */
export const describeRedis = (name: string, suite: () => void): void => {
  describe.skipIf(!answers)(`${name} (Redis)`, suite)
}
