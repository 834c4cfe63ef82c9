import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Logger, Metric, Ref, Schema } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import { defaultLimits, type Limits } from "../../../src/services/providers/ProviderPolicy.ts"
import { type Limiter, RateLimits } from "../../../src/services/providers/RateLimits.ts"
import * as RateBuckets from "../../../src/services/providers/RateBuckets.ts"
import * as RateBucketsSql from "../../../src/services/providers/RateBucketsSql.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as TestRedis from "../../support/TestRedis.ts"

const makeLimiter = (limits: Partial<Limits> = {}, name = "shop") =>
  Effect.flatMap(RateLimits, (service) => service.limiter(name, () => ({ ...defaultLimits, ...limits })))

/** Takes `count` tokens, which must be there. */
const takeNow = (limiter: Limiter, count: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.timeoutOrElse(limiter.take, { duration: 0, orElse: () => Effect.die("had to wait") }),
    { discard: true }
  )

/** A caller in the queue, who writes down when the turn came. */
const caller = (limiter: Limiter, name: string, served: Ref.Ref<ReadonlyArray<readonly [string, number]>>) =>
  Effect.flatMap(limiter.take, () =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(served, (all) => [...all, [name, now] as const]))
  )

const makeServed = Ref.make<ReadonlyArray<readonly [string, number]>>([])

const counted = (name: string) =>
  Effect.map(Metric.snapshot, (all) =>
    all
      .filter((metric) => metric.id === name && metric.type === "Counter")
      .reduce((sum, metric) => sum + (metric.type === "Counter" ? Number(metric.state.count) : 0), 0)
  )

describe("RateLimits", () => {
  it.effect("Property 27: 60 a minute: the 61st waits a second, which is when the bucket has a token again", () =>
    Effect.gen(function* () {
      const limiter = yield* makeLimiter()
      const served = yield* makeServed
      yield* takeNow(limiter, 60)
      yield* Effect.forkChild(caller(limiter, "61", served))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(yield* Ref.get(served), [])
      yield* TestClock.adjust("1 milli")
      assert.deepStrictEqual(yield* Ref.get(served), [["61", 1000]])
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("1000 an hour: the second bucket holds when the first has tokens", () =>
    Effect.gen(function* () {
      const limiter = yield* makeLimiter({ perMinute: 60, perHour: 100 })
      yield* takeNow(limiter, 60)
      yield* TestClock.adjust("1 minute")
      const state = yield* limiter.state
      assert.deepStrictEqual([state.minute.remaining, state.hour.remaining], [60, 41])
      yield* takeNow(limiter, 41)
      const error = yield* Effect.flip(limiter.take)
      // A token every 36 s; 24 s of it have passed.
      assert.strictEqual(error.retryAfterMillis, 12_000)
      assert.strictEqual(error.reason, "Local")
      assert.strictEqual((yield* limiter.state).minute.remaining, 19)
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect.prop(
    "Property 27: over any stretch of time no more tokens are given than both buckets hold and gain in it",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 }))).check(
        Schema.isMinLength(20),
        Schema.isMaxLength(60)
      )
    ],
    ([pauses]) =>
      Effect.gen(function* () {
        const limiter = yield* makeLimiter({ perMinute: 6, perHour: 20, maxWait: Duration.seconds(15) })
        const served = yield* makeServed
        for (const [index, pause] of pauses.entries()) {
          yield* Effect.forkChild(Effect.ignore(caller(limiter, String(index), served)))
          yield* TestClock.adjust(pause)
        }
        yield* TestClock.adjust("1 minute")
        const times = (yield* Ref.get(served)).map(([, at]) => at)
        times.forEach((from, first) =>
          times.slice(first).forEach((to, more) => {
            const stretch = to - from
            assert.isAtMost(more + 1, 6 + Math.floor(stretch / 10_000) + 1)
            assert.isAtMost(more + 1, 20 + Math.floor(stretch / 180_000) + 1)
          })
        )
      }).pipe(Effect.provide(RateLimits.layerMemory), Effect.provide(Logger.layer([])), Effect.scoped),
    { arbitrary: { runs: 40 } }
  )

  it.effect("Property 28: callers queue in order, and are served in it", () =>
    Effect.gen(function* () {
      const limiter = yield* makeLimiter()
      const served = yield* makeServed
      yield* takeNow(limiter, 60)
      for (const name of ["a", "b", "c", "d"]) yield* Effect.forkChild(caller(limiter, name, served))
      yield* TestClock.adjust("1 milli")
      assert.strictEqual((yield* limiter.state).waiting, 4)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Ref.get(served), [
        ["a", 1000],
        ["b", 2000],
        ["c", 3000],
        ["d", 4000]
      ])
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("who would wait longer than the maximum is refused at once, and takes no token", () =>
    Effect.gen(function* () {
      const limiter = yield* makeLimiter()
      yield* takeNow(limiter, 60)
      const waiting = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.forkChild(limiter.take))
      yield* TestClock.adjust("1 milli")
      const error = yield* Effect.flip(limiter.take)
      assert.strictEqual(error.retryAfterMillis, 10_999)
      assert.strictEqual((yield* limiter.state).minute.remaining, -10)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.forEach(waiting, Fiber.join)
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("an interrupted caller gives place and token back: those behind move up", () =>
    Effect.gen(function* () {
      const limiter = yield* makeLimiter()
      const served = yield* makeServed
      yield* takeNow(limiter, 60)
      const first = yield* Effect.forkChild(caller(limiter, "a", served))
      for (const name of ["b", "c"]) yield* Effect.forkChild(caller(limiter, name, served))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      const state = yield* limiter.state
      assert.deepStrictEqual([state.waiting, state.minute.remaining, state.hour.remaining], [2, -2, 938])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Ref.get(served), [
        ["b", 1000],
        ["c", 2000]
      ])
      assert.strictEqual((yield* limiter.state).minute.remaining, 8)
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("a slot far away that was given up does not hold up one that comes sooner", () =>
    Effect.gen(function* () {
      let limits: Limits = { ...defaultLimits, perHour: 60, maxWait: Duration.minutes(2) }
      const limiter = yield* (yield* RateLimits).limiter("shop", () => limits)
      const served = yield* makeServed
      yield* takeNow(limiter, 60)
      const first = yield* Effect.forkChild(limiter.take)
      yield* TestClock.adjust("1 milli")
      yield* Fiber.interrupt(first)
      limits = { ...limits, perHour: 3600 }
      yield* Effect.forkChild(caller(limiter, "b", served))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(yield* Ref.get(served), [["b", 1000]])
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("a pause holds those in the queue too, and refuses those whose time runs out", () =>
    Effect.gen(function* () {
      const limiter = yield* makeLimiter()
      const served = yield* makeServed
      yield* takeNow(limiter, 60)
      const early = yield* Effect.forkChild(caller(limiter, "early", served))
      yield* TestClock.adjust("900 millis")
      yield* limiter.pause(9000)
      assert.strictEqual((yield* limiter.state).pausedUntil, 9900)
      yield* TestClock.adjust("8 seconds")
      assert.deepStrictEqual(yield* Ref.get(served), [])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(early)
      assert.deepStrictEqual(yield* Ref.get(served), [["early", 9900]])
      yield* limiter.pause(11_000)
      assert.strictEqual((yield* Effect.flip(limiter.take)).retryAfterMillis, 11_000)
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("Property 29: each wait and each refusal is counted and logged", () => {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.formatStructured, (line) => void lines.push(JSON.stringify(line)))
    return Effect.gen(function* () {
      const before = [yield* counted("rate_limit_waits_total"), yield* counted("rate_limit_refusals_total")]
      const limiter = yield* makeLimiter()
      yield* takeNow(limiter, 60)
      for (let n = 0; n < 13; n++) yield* Effect.forkChild(Effect.ignore(limiter.take))
      yield* TestClock.adjust("11 seconds")
      const after = [yield* counted("rate_limit_waits_total"), yield* counted("rate_limit_refusals_total")]
      assert.deepStrictEqual([(after[0] ?? 0) - (before[0] ?? 0), (after[1] ?? 0) - (before[1] ?? 0)], [10, 3])
      assert.strictEqual(lines.filter((line) => line.includes("a call waits")).length, 10)
      assert.strictEqual(lines.filter((line) => line.includes("a call was refused")).length, 3)
    }).pipe(Effect.provide(RateLimits.layerMemory), Effect.provide(Logger.layer([logger])))
  })

  it.effect("limits can be changed without losing what is left", () =>
    Effect.gen(function* () {
      let limits = defaultLimits
      const limiter = yield* (yield* RateLimits).limiter("shop", () => limits)
      yield* takeNow(limiter, 50)
      limits = { ...defaultLimits, perMinute: 120 }
      yield* takeNow(limiter, 10)
      const error = yield* Effect.forkChild(limiter.take)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(error)
    }).pipe(Effect.provide(RateLimits.layerMemory))
  )

  it.effect("when the shared store fails or hangs, the process limits by itself", () =>
    Effect.forEach([storeOf(broken), storeOf(Effect.never)], (store) =>
      Effect.gen(function* () {
        const limiter = yield* makeLimiter()
        for (let n = 0; n < 60; n++) {
          const taking = yield* Effect.forkChild(limiter.take)
          yield* TestClock.adjust("500 millis")
          yield* Fiber.join(taking)
        }
      }).pipe(Effect.provide(Layer.provide(RateLimits.layer, store)), Effect.provide(Logger.layer([])))
    )
  )
})

const broken = Effect.fail(
  new RateLimiter.RateLimiterError({ reason: new RateLimiter.RateLimitStoreError({ message: "out of order" }) })
)
const storeOf = (answer: Effect.Effect<never, RateLimiter.RateLimiterError>) =>
  Layer.succeed(RateLimiter.RateLimiterStore, {
    fixedWindow: () => answer,
    tokenBucket: () => answer,
    adaptiveConsume: () => answer,
    adaptiveFeedback: () => answer
  })

/** Two processes take 20 tokens each out of one bucket of 20; no refill to speak of while the test runs. */
const together = (processes: ReadonlyArray<Layer.Layer<RateLimits>>) =>
  Effect.gen(function* () {
    const attempts = Effect.gen(function* () {
      const limiter = yield* makeLimiter({ perMinute: 20, maxWait: Duration.zero })
      const results = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.result(limiter.take), {
        concurrency: 5
      })
      return results.filter((result) => result._tag === "Success").length
    }).pipe(Effect.scoped)
    const start = yield* Clock.currentTimeMillis
    const taken = yield* Effect.forEach(processes, (process) => Effect.provide(attempts, Layer.fresh(process)), {
      concurrency: "unbounded"
    })
    const refilled = Math.floor(((yield* Clock.currentTimeMillis) - start) / 3000) + 1
    const sum = taken.reduce((total, count) => total + count, 0)
    assert.isAtLeast(sum, 20)
    assert.isAtMost(sum, 20 + refilled)
  })

TestRedis.describeRedis("RateLimits", () => {
  it.live("two processes stay within one limit together", () =>
    Effect.gen(function* () {
      const prefix = yield* TestRedis.freshPrefix
      const process = Layer.provide(
        RateLimits.layer,
        Layer.provide(RateLimiter.layerStoreRedis({ prefix }), TestRedis.layer)
      )
      yield* together([process, process])
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describeDatabases("RateLimits", (database) => {
  it.live("two processes stay within one limit together", () =>
    Effect.gen(function* () {
      const storage = Layer.succeed(Database, yield* Database)
      const process = Layer.provide(RateLimits.layerSql, storage)
      yield* together([process, process])
    }).pipe(Effect.provide(database), Effect.provide(Logger.layer([])))
  )

  it.effect.prop(
    "buckets in the database do what those in memory do",
    [
      Schema.Array(
        Schema.Struct({
          tokens: Schema.Literals([1, 1, 1, 0, -1]),
          pause: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30_000 }))
        })
      ).check(Schema.isMinLength(8), Schema.isMaxLength(25))
    ],
    ([steps]) =>
      Effect.gen(function* () {
        const { sql } = yield* Database
        yield* sql`truncate provider_rate_buckets`
        const memory = yield* RateBuckets.inMemory
        const stored = RateBucketsSql.make(yield* Database)
        const limits = { ...defaultLimits, perMinute: 7, perHour: 30 }
        let taken = 0
        for (const { pause, tokens } of steps) {
          // Only what was taken a moment ago is ever given back.
          if (tokens === -1 && (taken === 0 || pause > 0)) continue
          taken = pause > 0 ? 0 : taken + tokens
          const expected = yield* memory("shop", limits, tokens)
          const found = yield* stored("shop", limits, tokens)
          assert.deepStrictEqual([found.minute, found.hour], [expected.minute, expected.hour])
          assert.approximately(found.millis, expected.millis, 0.01)
          yield* TestClock.adjust(pause)
        }
      }).pipe(Effect.provide(database)),
    { arbitrary: { runs: 5 } }
  )
})
