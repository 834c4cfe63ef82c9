/**
 * What guarded calls stand on: policies, rate limits, the response cache.
 *
 * Without Redis, limits and cached answers live in the hub's database (limits of a hub on an embedded one: in the process).
 * With Redis both live there, which takes that load off the database. Either way several hubs keep one limit together. A Redis that is not there at the start is a failure (a wrong setting must show); one
 * that goes away later is done without: calls go on, limited by each process alone, and not cached beyond it.
 */
import { NodeRedis } from "@effect/platform-node"
import { Effect, Layer, Predicate, Redacted, Schema } from "effect"
import { RateLimiter, Redis } from "effect/persistence"
import { Database } from "../storage/Database.ts"
import { ProviderConnections } from "./ProviderConnections.ts"
import { ProviderPolicies } from "./ProviderPolicies.ts"
import { RateLimits } from "./RateLimits.ts"
import { ResponseCache } from "./ResponseCache.ts"
import { layerRedis } from "./ResponseCacheRedis.ts"
import { layerSql } from "./ResponseCacheSql.ts"

export type ProviderServices = ProviderConnections | ProviderPolicies | RateLimits | ResponseCache

/** Nothing outside of this process. */
export const layerMemory: Layer.Layer<ProviderServices> = Layer.mergeAll(
  ProviderConnections.layer,
  ProviderPolicies.layer,
  RateLimits.layerMemory,
  ResponseCache.layerMemory
)

/** Redis was asked for and is not there. The message never holds the password. */
export class RedisUnavailable extends Schema.TaggedError<RedisUnavailable>()("RedisUnavailable", {
  reason: Schema.String
}) {
  override get message(): string {
    return `Redis (HUB_REDIS_URL or REDIS_URL) cannot be reached: ${this.reason}`
  }
}

export const layer = (options: {
  /** E.g. `redis://127.0.0.1:6379`; null = no Redis. */
  readonly redisUrl: Redacted.Redacted | null
}): Layer.Layer<ProviderServices, RedisUnavailable, Database> =>
  options.redisUrl === null
    ? Layer.mergeAll(ProviderConnections.layer, ProviderPolicies.layer, limitsInDatabase, layerSql)
    : Layer.mergeAll(ProviderConnections.layer, ProviderPolicies.layer, limitsInRedis, layerRedis()).pipe(
        Layer.provide(connect(Redacted.value(options.redisUrl)))
      )

/** An embedded database has one process. */
const limitsInDatabase = Layer.unwrap(
  Database.useSync(({ kind }): Layer.Layer<RateLimits, never, Database> =>
    kind === "server" ? RateLimits.layerSql : RateLimits.layerMemory
  )
)

const limitsInRedis = Layer.provide(RateLimits.layer, RateLimiter.layerStoreRedis({ prefix: "hub:limit:" }))

/** Commands fail at once while the connection is down, instead of waiting for it. */
const connect = (url: string): Layer.Layer<Redis.Redis, RedisUnavailable> =>
  Layer.catchTag(NodeRedis.layer({ url, disableOfflineQueue: true }), "RedisError", ({ cause }) =>
    Layer.effect(Redis.Redis, Effect.fail(new RedisUnavailable({ reason: reasonOf(cause) })))
  )

/** Codes of the system (`ECONNREFUSED`) and words of the server (`WRONGPASS`), but no message: it may name the URL. */
const reasonOf = (cause: unknown): string => {
  // How the client wraps what made it give up.
  if (Predicate.hasProperty(cause, "originalError")) return reasonOf(cause.originalError)
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
  const word = cause instanceof Error ? /^[A-Z]{3,}\b/.exec(cause.message)?.[0] : undefined
  return word ?? "the connection failed"
}
