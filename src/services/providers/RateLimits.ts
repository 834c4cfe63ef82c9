/**
 * Rate limits of providers: two token buckets each (per minute, per hour), callers queue in order, up to a maximum wait.
 *
 * - A bucket starts full and is refilled evenly, so after a rest a burst of a whole limit may pass at once.
 * - Buckets live in this process (`layerMemory`), in the hub's database (`layerSql`), or in any `RateLimiterStore` of Effect,
 *   such as Redis (`layer`). On the latter two several hubs stay within one limit together. When the store fails or does not
 *   answer in time, the process limits by itself, with a warning, until it answers again. Callers of one process are served in order; between processes there is no order.
 * - Who would have to wait too long is refused at once, with `retryAfterMillis`. Every wait and refusal is counted
 *   (`rate_limit_waits_total`, `rate_limit_refusals_total`, by provider) and logged.
 * - An interrupted caller gives place and token back.
 */
import { Clock, Context, Deferred, Duration, Effect, Layer, Metric, type Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import { RateLimited } from "../../domain/IntegrationError.ts"
import { Database } from "../storage/Database.ts"
import type { Limits } from "./ProviderPolicy.ts"
import * as RateBuckets from "./RateBuckets.ts"
import * as RateBucketsSql from "./RateBucketsSql.ts"
import * as RateLimitQueue from "./RateLimitQueue.ts"

/** A limiter at one moment. */
export interface LimiterState {
  readonly provider: string
  /** Tokens left; negative = promised to callers who wait. */
  readonly minute: { readonly limit: number; readonly remaining: number }
  readonly hour: { readonly limit: number; readonly remaining: number }
  /** Callers of this process in the queue. */
  readonly waiting: number
  /** Epoch ms until which the provider asked for a pause; null = none. */
  readonly pausedUntil: number | null
}

export interface Limiter {
  /** Waits for a token of both buckets and takes them. Fails with `RateLimited` (reason `Local`) when that takes too long. */
  readonly take: Effect.Effect<void, RateLimited>
  /** The provider asked for a pause: nobody gets a token for `millis` milliseconds, those in the queue neither. */
  readonly pause: (millis: number) => Effect.Effect<void>
  readonly state: Effect.Effect<LimiterState>
}

export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** The limiter of a provider; listed until the scope closes. `limits` is read for each token. */
    readonly limiter: (provider: string, limits: () => Limits) => Effect.Effect<Limiter, never, Scope.Scope>
    /** Of all limiters, in the order they were made. */
    readonly states: Effect.Effect<ReadonlyArray<LimiterState>>
  }
>()("hub/services/providers/RateLimits") {
  /** On a store that several hubs share. */
  static readonly layer: Layer.Layer<RateLimits, never, RateLimiter.RateLimiterStore> = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const shared = RateBuckets.fromLimiter(yield* RateLimiter.make)
      return make(RateBuckets.withFallback(shared, yield* RateBuckets.inMemory))
    })
  )

  /** In the hub's database, which several hubs share. */
  static readonly layerSql: Layer.Layer<RateLimits, never, Database> = Layer.effect(
    RateLimits,
    Effect.gen(function* () {
      const shared = RateBucketsSql.make(yield* Database)
      return make(RateBuckets.withFallback(shared, yield* RateBuckets.inMemory))
    })
  )

  /** In this process. */
  static readonly layerMemory: Layer.Layer<RateLimits> = Layer.effect(
    RateLimits,
    Effect.map(RateBuckets.inMemory, (buckets) => make(buckets))
  )
}

const make = (buckets: RateBuckets.RateBuckets): RateLimits["Service"] => {
  const limiters = new Map<string, Limiter>()
  return {
    limiter: (provider, limits) =>
      Effect.acquireRelease(
        Effect.tap(
          makeLimiter(provider, limits, (tokens) => buckets(provider, limits(), tokens)),
          (limiter) => Effect.sync(() => limiters.set(provider, limiter))
        ),
        () => Effect.sync(() => limiters.delete(provider))
      ),
    states: Effect.suspend(() => Effect.forEach([...limiters.values()], ({ state }) => state))
  }
}

type Turn = Deferred.Deferred<void, RateLimited>

const makeLimiter = Effect.fnUntraced(function* (
  provider: string,
  limits: () => Limits,
  consume: (tokens: -1 | 0 | 1) => ReturnType<RateBuckets.RateBuckets>
) {
  const scope = yield* Effect.scope
  const queue = RateLimitQueue.make<Turn>()
  const refused = new WeakSet<Turn>()
  let pausedUntil = 0
  let waker = 0
  let wakesAt = Infinity

  const giveBack = Effect.asVoid(consume(-1))

  const serve = (now: number) => {
    for (const turn of queue.due(now)) Deferred.doneUnsafe(turn, Effect.void)
  }

  /** Serves the queue as its slots come due. One that was started later, for an earlier slot, replaces it. */
  const wake = (own: number): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (own !== waker) return Effect.void
      serve(now)
      const next = queue.next()
      wakesAt = next ?? Infinity
      return next === undefined ? Effect.void : Effect.andThen(Effect.sleep(Math.max(1, next - now)), wake(own))
    })
  const wakeInTime = Effect.suspend(() => {
    const next = queue.next()
    return next === undefined || next >= wakesAt ? Effect.void : Effect.asVoid(Effect.forkIn(wake(++waker), scope))
  })

  const refuse = (turn: Turn, millis: number): Effect.Effect<void> => {
    const retryAfterMillis = Math.max(1, Math.ceil(millis))
    const message = "our own rate limit"
    refused.add(turn)
    Deferred.doneUnsafe(
      turn,
      Effect.fail(new RateLimited({ adapter: provider, operation: "", message, retryAfterMillis, reason: "Local" }))
    )
    return Effect.andThen(
      Metric.update(Metric.withAttributes(refusals, { provider }), 1),
      Effect.logWarning(`rate limit of ${provider}: a call was refused`).pipe(
        Effect.annotateLogs({ provider, retryAfterMillis })
      )
    )
  }

  const leave = (turn: Turn) =>
    Effect.suspend(() => (queue.leave(turn) === "Left" || refused.has(turn) ? Effect.void : giveBack))

  const reportWait = (millis: number) =>
    Effect.andThen(
      Metric.update(Metric.withAttributes(waits, { provider }), 1),
      Effect.logInfo(`rate limit of ${provider}: a call waits`).pipe(
        Effect.annotateLogs({ provider, waitMillis: Math.ceil(millis) })
      )
    )

  const take: Effect.Effect<void, RateLimited> = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const turn = Deferred.makeUnsafe<void, RateLimited>()
      queue.enter(turn, (yield* Clock.currentTimeMillis) + Duration.toMillis(limits().maxWait))
      const { millis } = yield* consume(1)
      const now = yield* Clock.currentTimeMillis
      // A token that is there is no wait, however long the store took to say so.
      const at = Math.max(millis === 0 ? 0 : now + millis, pausedUntil)
      const reserved = queue.reserve(at)
      if (reserved._tag !== "Kept") yield* giveBack
      if (reserved._tag === "TooLate") yield* refuse(reserved.waiter, reserved.at - now)
      serve(now)
      if (Deferred.isDoneUnsafe(turn)) return yield* Deferred.await(turn)
      yield* reportWait(at - now)
      yield* wakeInTime
      yield* Effect.onInterrupt(restore(Deferred.await(turn)), () => leave(turn))
    })
  )

  const limiter: Limiter = {
    take,
    pause: Effect.fnUntraced(function* (millis) {
      const now = yield* Clock.currentTimeMillis
      pausedUntil = Math.max(pausedUntil, now + millis)
      for (const turn of queue.pause(pausedUntil)) {
        yield* giveBack
        yield* refuse(turn, pausedUntil - now)
      }
    }, Effect.uninterruptible),
    state: Effect.gen(function* () {
      const { perHour, perMinute } = limits()
      const left = yield* consume(0)
      const now = yield* Clock.currentTimeMillis
      return {
        provider,
        minute: { limit: perMinute, remaining: left.minute },
        hour: { limit: perHour, remaining: left.hour },
        waiting: queue.size(),
        pausedUntil: pausedUntil > now ? pausedUntil : null
      }
    })
  }
  return limiter
})

const waits = Metric.counter("rate_limit_waits_total", {
  description: "Calls that had to wait for a token of their provider's rate limit",
  incremental: true
})
const refusals = Metric.counter("rate_limit_refusals_total", {
  description: "Calls that were refused because a token would have come too late",
  incremental: true
})
