import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, FiberSet, Latch, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as SubscriptionPause from "../../../src/services/events/SubscriptionPause.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import { CircuitSettings } from "../../../src/services/resilience/CircuitSettings.ts"
import { transient } from "../../support/events/Samples.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const openMillis = 60_000

const makeBreaker = CircuitBreaker.make({
  name: "test",
  settings: CircuitSettings.make({ failures: 1, openFor: Duration.millis(openMillis) })
})

const openBreaker = Effect.tap(makeBreaker, (breaker) => Effect.exit(breaker.protect(Effect.fail(transient))))

/** A pause, and how often it said that events may be handed out. */
const make = Effect.fnUntraced(function* (
  options: { readonly breaker?: CircuitBreaker.CircuitBreaker; readonly isHealthy?: Effect.Effect<boolean> } = {}
) {
  const fork = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
  const seen = { resumed: 0 }
  const pause = SubscriptionPause.make({
    breaker: options.breaker,
    isHealthy: options.isHealthy ?? Effect.succeed(true),
    fork,
    resumed: () => {
      seen.resumed++
    }
  })
  return { ...pause, seen }
})

/** Asserts that the pause lasts exactly so long from now. */
const assertEndsIn = Effect.fnUntraced(function* (pause: SubscriptionPause.SubscriptionPause, millis: number) {
  yield* TestClock.adjust(millis - 1)
  assert.strictEqual(pause.mode(), "paused", `after ${millis - 1} ms`)
  yield* TestClock.adjust(1)
  assert.strictEqual(pause.mode(), "probing", `after ${millis} ms`)
})

describe("SubscriptionPause", () => {
  it.effect.prop(
    "lasts as long as the longest of its reasons says, and then one event is tried",
    [
      Schema.Array(
        Schema.Struct({
          reason: Schema.Literals(["retry-after", "circuit", "unhealthy"]),
          lasts: between(-10, 5000),
          after: between(0, 1000)
        })
      ).check(Schema.isMinLength(1), Schema.isMaxLength(8))
    ],
    ([reasons]) =>
      Effect.gen(function* () {
        const pause = yield* make({ isHealthy: Effect.succeed(false) })
        let now = 0
        let longest = 0
        for (const [index, { after, lasts, reason }] of reasons.entries()) {
          if (index > 0) {
            yield* TestClock.adjust(after)
            now += after
            if (pause.mode() !== "paused") break
          }
          longest = Math.max(longest, now + lasts)
          yield* pause.pause({ reason, until: now + lasts })
          if (pause.mode() !== "paused") break
        }
        if (pause.mode() !== "paused") assert.isAtMost(longest, now)
        if (longest - now > 1) {
          yield* TestClock.adjust(longest - now - 1)
          assert.strictEqual(pause.mode(), "paused")
          assert.strictEqual(pause.seen.resumed, 0)
        }
        // Reasons that are over already take a moment each.
        yield* TestClock.adjust(1 + 100 * reasons.length)
        assert.strictEqual(pause.mode(), "probing")
        assert.strictEqual(pause.seen.resumed, 1)
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    { arbitrary: { runs: 300 } }
  )

  it.effect("a circuit that admits already is not asked in a tight loop", () =>
    Effect.gen(function* () {
      const breaker = yield* openBreaker
      yield* TestClock.adjust(openMillis)
      const pause = yield* make({ breaker })
      yield* pause.pause({ reason: "circuit", until: 0 })
      yield* assertEndsIn(pause, 100)
    })
  )

  it.effect("a Retry-After that is over ends at once", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(1000)
      const pause = yield* make()
      yield* pause.pause({ reason: "retry-after", until: 1000 })
      yield* TestClock.adjust(0)
      assert.strictEqual(pause.mode(), "probing")
    })
  )

  it.effect("of two later reasons the longer one counts, the first of those that are equal", () =>
    Effect.gen(function* () {
      let asked = 0
      const pause = yield* make({ isHealthy: Effect.sync(() => ++asked > 0) })
      yield* pause.pause({ reason: "circuit", until: 1000 })
      yield* pause.pause({ reason: "circuit", until: 50_000 })
      yield* pause.pause({ reason: "unhealthy", until: 50_000 })
      yield* pause.pause({ reason: "unhealthy", until: 40_000 })
      yield* assertEndsIn(pause, 50_000)
      assert.strictEqual(asked, 0)
    })
  )

  it.effect("a pause for the circuit ends when the circuit does", () =>
    Effect.gen(function* () {
      const breaker = yield* openBreaker
      const pause = yield* make({ breaker })
      yield* pause.pause({ reason: "circuit", until: openMillis })
      yield* TestClock.adjust(5000)
      assert.strictEqual(pause.mode(), "paused")
      yield* breaker.reset
      yield* TestClock.adjust(0)
      assert.strictEqual(pause.mode(), "probing")
      assert.strictEqual(pause.seen.resumed, 1)
    })
  )

  it.effect("a circuit that closed before the pause began is not waited for", () =>
    Effect.gen(function* () {
      const pause = yield* make({ breaker: yield* makeBreaker })
      yield* pause.pause({ reason: "circuit", until: openMillis })
      yield* TestClock.adjust(0)
      assert.strictEqual(pause.mode(), "probing")
    })
  )

  it.effect("the circuit knows better than the event when it tries again; held open it does not", () =>
    Effect.gen(function* () {
      for (const until of [5000, 10 * openMillis]) {
        const pause = yield* make({ breaker: yield* openBreaker })
        const { retryAt } = (yield* pause.circuit) ?? { retryAt: null }
        yield* pause.pause({ reason: "circuit", until: (retryAt ?? 0) - openMillis + until })
        yield* assertEndsIn(pause, openMillis)
      }
      const held = yield* makeBreaker
      yield* held.forceOpen
      const pause = yield* make({ breaker: held })
      yield* pause.pause({ reason: "circuit", until: 2 * openMillis + 5000 })
      yield* assertEndsIn(pause, 5000)
    })
  )

  it.effect("a pause for the health asks for it every ten seconds, and ends when it is back", () =>
    Effect.gen(function* () {
      let isHealthy = false
      let asked = 0
      const pause = yield* make({
        breaker: yield* makeBreaker,
        isHealthy: Effect.sync(() => {
          asked++
          return isHealthy
        })
      })
      yield* pause.pause({ reason: "unhealthy", until: openMillis })
      yield* TestClock.adjust(29_999)
      assert.strictEqual(asked, 2)
      isHealthy = true
      assert.strictEqual(pause.mode(), "paused")
      yield* TestClock.adjust(1)
      assert.strictEqual(pause.mode(), "probing")
    })
  )

  it.effect("a pause for the health ends at its time whatever the circuit says, and early when the circuit moves", () =>
    Effect.gen(function* () {
      const breaker = yield* openBreaker
      const sick = yield* make({ breaker, isHealthy: Effect.succeed(false) })
      yield* sick.pause({ reason: "unhealthy", until: 3000 })
      yield* assertEndsIn(sick, 3000)
      yield* sick.pause({ reason: "unhealthy", until: openMillis })
      yield* TestClock.adjust(1000)
      assert.strictEqual(sick.mode(), "paused")
      yield* breaker.reset
      yield* TestClock.adjust(0)
      assert.strictEqual(sick.mode(), "probing")
    })
  )

  it.effect("AC-ERR-007 a Retry-After is never shortened, not by the circuit and not by the health", () =>
    Effect.gen(function* () {
      for (const reason of ["circuit", "unhealthy"] as const) {
        const breaker = yield* openBreaker
        const pause = yield* make({ breaker })
        const now = ((yield* breaker.snapshot).openUntil ?? 0) - openMillis
        yield* pause.pause({ reason, until: now + openMillis })
        yield* pause.pause({ reason: "retry-after", until: now + 30_000 })
        yield* pause.pause({ reason: "retry-after", until: now + 2000 })
        yield* TestClock.adjust(1000)
        yield* breaker.reset
        yield* assertEndsIn(pause, 29_000)
      }
    })
  )

  it.effect("after the answer to the one that was tried all flow, unless the circuit is not closed", () =>
    Effect.gen(function* () {
      const breaker = yield* openBreaker
      const pause = yield* make({ breaker })
      yield* pause.answered
      assert.strictEqual(pause.mode(), "flowing")
      assert.strictEqual(pause.seen.resumed, 0)
      yield* pause.pause({ reason: "circuit", until: openMillis })
      yield* pause.answered
      assert.strictEqual(pause.mode(), "paused")
      yield* assertEndsIn(pause, openMillis)
      yield* pause.answered
      assert.strictEqual(pause.mode(), "probing")
      assert.strictEqual(pause.seen.resumed, 1)
      yield* breaker.protect(Effect.void)
      yield* pause.answered
      assert.strictEqual(pause.mode(), "flowing")
      assert.strictEqual(pause.seen.resumed, 2)

      const withoutBreaker = yield* make()
      yield* withoutBreaker.pause({ reason: "retry-after", until: openMillis + 1 })
      yield* assertEndsIn(withoutBreaker, 1)
      yield* withoutBreaker.answered
      assert.strictEqual(withoutBreaker.mode(), "flowing")
    })
  )

  it.effect("an answer does not end a pause that began while the circuit was looked at", () =>
    Effect.gen(function* () {
      const looked = Latch.makeUnsafe(true)
      const breaker = yield* makeBreaker
      const pause = yield* make({
        breaker: { ...breaker, snapshot: Effect.andThen(looked.await, breaker.snapshot) }
      })
      yield* pause.pause({ reason: "retry-after", until: 10 })
      yield* assertEndsIn(pause, 10)
      looked.closeUnsafe()
      const answer = yield* Effect.forkChild(pause.answered, { startImmediately: true })
      yield* pause.pause({ reason: "retry-after", until: 1000 })
      looked.openUnsafe()
      yield* Fiber.join(answer)
      yield* assertEndsIn(pause, 990)
    })
  )

  it.effect("tells the state of the circuit, as an event's outcome needs it", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* (yield* make()).circuit, null)
      const breaker = yield* makeBreaker
      const { circuit } = yield* make({ breaker })
      assert.deepStrictEqual(yield* circuit, { closed: true, retryAt: 0 })
      yield* Effect.exit(breaker.protect(Effect.fail(transient)))
      assert.deepStrictEqual(yield* circuit, { closed: false, retryAt: openMillis })
    })
  )

  it.effect("logs each pause once, with its reason and its latest end, and that it tries again", () => {
    const lines: Array<unknown> = []
    const logger = Logger.map(Logger.formatStructured, ({ level, message }) => void lines.push([level, message]))
    return Effect.gen(function* () {
      const pause = yield* make()
      yield* pause.pause({ reason: "retry-after", until: 1000 })
      yield* pause.pause({ reason: "retry-after", until: 1500 })
      yield* TestClock.adjust(1500)
      assert.deepStrictEqual(lines, [
        ["WARN", "subscription pauses (retry-after), at the latest until 1970-01-01T00:00:01.000Z"],
        ["INFO", "subscription tries again"]
      ])
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})
