/**
 * Outages and recoveries with a real circuit breaker, in any order and at any pace: when the system is back, everything
 * that waited is delivered soon, in order, and nothing was given up.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Event } from "../../../src/domain/events/Event.ts"
import { makeEventId } from "../../../src/domain/Ids.ts"
import type { IntegrationError } from "../../../src/domain/IntegrationError.ts"
import * as Events from "../../../src/services/events/Events.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import { CircuitSettings, mes } from "../../../src/services/resilience/CircuitSettings.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { ambiguous, retryAfter, transient } from "../../support/events/Samples.ts"
import { note, statusOf, subscribe } from "../../support/events/Subscriptions.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/**
 * `refuses`: fails at once. `slow`: fails after some time. `hangs`: answers nothing; the caller gives up inside the
 * breaker, which counts a failure, or outside, which counts nothing and gives a trial back.
 */
const Mood = Schema.Literals(["up", "refuses", "slow", "hangs", "hangs-outside"])

const Step = Schema.Union([
  /** An event of a key, whose handler makes so many calls: none, one after the other. */
  Schema.Struct({
    do: Schema.Literal("publish"),
    events: Schema.Array(Schema.Struct({ key: between(0, 9), calls: between(0, 2) })).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(10)
    )
  }),
  Schema.Struct({ do: Schema.Literal("wait"), millis: between(0, 4000) }),
  Schema.Struct({ do: Schema.Literal("turn"), mood: Mood }),
  /** Somebody else calls the system through the same breaker, and may take the trial. */
  Schema.Struct({ do: Schema.Literal("visit") })
])

const Scenario = Schema.Struct({
  failures: between(1, 6),
  halfOpenTrials: between(1, 2),
  concurrency: between(1, 16),
  /** How long an answer takes. */
  answerMillis: Schema.Literals([0, 1, 300]),
  /** How often fibers let others run: at any point, if need be. */
  opsBeforeYield: between(3, 2048),
  /** Timers of the system's clock may end a little before their time. */
  timersAreEarly: Schema.Boolean,
  steps: Schema.Array(Step).check(Schema.isMinLength(4), Schema.isMaxLength(30))
})

const openMillis = 2000
const patienceMillis = 1000

/** The system calls itself well when it has been up for so long: no attempt of the outage is still under way then. */
const convalescenceMillis = 3000

/**
 * From the recovery to the last delivery: convalescence, the longest wait between two looks at the health (10 s), the
 * longest back-off (4.8 s). A pause that nothing ended would last longer.
 */
const soonMillis = 20_000

const run = (scenario: typeof Scenario.Type) =>
  Effect.gen(function* () {
    const breaker = yield* CircuitBreaker.make({
      name: "test",
      settings: CircuitSettings.make({
        failures: scenario.failures,
        openFor: Duration.millis(openMillis),
        halfOpenTrials: scenario.halfOpenTrials
      })
    })
    let mood: typeof Mood.Type = "up"
    let upSince = 0
    const turn = Effect.fnUntraced(function* (next: typeof Mood.Type) {
      if (mood !== "up") upSince = yield* Clock.currentTimeMillis
      mood = next
    })
    const expected = new Map<string, Array<string>>()
    const handled = new Map<string, Array<string>>()
    const about = new Map<string, { readonly key: string; readonly calls: number }>()

    const answer = Effect.suspend((): Effect.Effect<void, IntegrationError> => {
      switch (mood) {
        case "up":
          return Effect.sleep(scenario.answerMillis)
        case "refuses":
          return Effect.fail(transient)
        case "slow":
          return Effect.andThen(Effect.sleep(700), Effect.fail(transient))
        case "hangs":
          return Effect.timeoutOrElse(Effect.never, { duration: patienceMillis, orElse: () => Effect.fail(ambiguous) })
        case "hangs-outside":
          return Effect.never
      }
    })
    const call = Effect.timeoutOrElse(breaker.protect(answer), {
      duration: patienceMillis,
      orElse: () => Effect.fail(ambiguous)
    })
    const handle = (event: Event) =>
      Effect.gen(function* () {
        const { calls = 0, key = "" } = about.get(event.metadata.id) ?? {}
        for (let made = 0; made < calls; made++) yield* call
        handled.set(key, [...(handled.get(key) ?? []), event.metadata.id])
      })
    const subscribed = subscribe(
      { handle },
      {
        breaker,
        concurrency: scenario.concurrency,
        healthCheck: Effect.map(Clock.currentTimeMillis, (now) => mood === "up" && now - upSince > convalescenceMillis)
      }
    )
    yield* scenario.timersAreEarly ? withEarlyTimers(subscribed) : subscribed

    for (const step of scenario.steps) {
      switch (step.do) {
        case "publish":
          for (const { calls, key } of step.events) {
            const id = yield* makeEventId
            about.set(id, { key: `k${key}`, calls })
            expected.set(`k${key}`, [...(expected.get(`k${key}`) ?? []), id])
            yield* note(`k${key}`, calls, { id })
          }
          break
        case "wait":
          yield* TestClock.adjust(step.millis)
          break
        case "turn":
          yield* turn(step.mood)
          break
        case "visit":
          yield* Effect.forkScoped(Effect.ignore(call))
          break
      }
    }
    yield* turn("up")
    let status = yield* statusOf()
    for (let passed = 0; passed < soonMillis && !(status.owner && status.lag + status.parked === 0); passed += 100) {
      yield* TestClock.adjust(100)
      status = yield* statusOf()
    }
    assert.deepInclude(status, { owner: true, lag: 0, parked: 0, dead: 0 })
    assert.deepStrictEqual(handled, expected)
  }).pipe(
    Effect.scoped,
    Effect.provide(Events.layerMemory, { local: true }),
    Effect.provideService(Scheduler.MaxOpsBeforeYield, scenario.opsBeforeYield)
  )

/** Sleeps end a millisecond before their time, as timers may that are not driven by the clock. */
const withEarlyTimers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Clock.Clock, (clock) =>
    Effect.provideService(effect, Clock.Clock, {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep: (duration) => {
        const millis = Duration.toMillis(duration)
        return clock.sleep(Duration.millis(millis > 1 ? millis - 1 : millis))
      }
    })
  )

describe("An outage", () => {
  it.effect.prop(
    "AC-ERR-008 whatever its course, everything that waited arrives soon after the recovery, in order per key",
    [Scenario],
    ([scenario]) => run(scenario),
    { timeout: 120_000, arbitrary: { runs: 2000 } }
  )

  it.effect("AC-ERR-008 a trial that fails ends the waiting for it: the next comes after the open time", () =>
    Effect.gen(function* () {
      const settings = CircuitSettings.make({ failures: 1, openFor: Duration.seconds(2) })
      const breaker = yield* CircuitBreaker.make({ name: "test", settings })
      yield* Effect.flip(breaker.protect(Effect.fail(transient)))
      let isUp = false
      const answer = Effect.suspend(() =>
        isUp ? Effect.void : Effect.andThen(Effect.sleep("700 millis"), Effect.fail(transient))
      )
      const recorder = yield* Recorder.make(() => Effect.delay(breaker.protect(answer), "2 seconds"))
      yield* subscribe(recorder, { breaker })
      yield* Effect.forEach(["a", "b", "c"], (key) => note(key))
      yield* recorder.attempted(3)
      // One is the trial. The others are refused while it is out, and know no earlier end than that of a trial that hangs.
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* breaker.snapshot, { state: "HALF_OPEN", retryAt: 34_000 })
      yield* TestClock.adjust("700 millis")
      assert.deepInclude(yield* breaker.snapshot, { state: "OPEN", retryAt: 4700 })
      isUp = true
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(recorder.attempts.length, 4)
      yield* TestClock.adjust("10 seconds")
      yield* recorder.succeeded(3)
    }).pipe(Effect.provide(Events.layerMemory, { local: true }))
  )

  it.effect("AC-ERR-008 flows on as soon as the circuit closes, though the trial was another's", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ name: "test", settings: mes })
      let isUp = false
      const recorder = yield* Recorder.make((event) =>
        breaker.protect(
          Effect.suspend(() => {
            if (isUp) return Effect.void
            const failure = JSON.stringify(event.payload).includes("late") ? retryAfter(61_000) : transient
            return Effect.andThen(Effect.sleep("1 second"), Effect.fail(failure))
          })
        )
      )
      yield* subscribe(recorder, { breaker })
      yield* Effect.forEach(["a", "b", "c", "d", "e", "late"], (key) => note(key))
      yield* recorder.attempted(6)
      yield* TestClock.adjust("1 second")
      isUp = true
      yield* TestClock.adjust("60 seconds")
      yield* Effect.forkScoped(breaker.protect(Effect.sleep("3 seconds")), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* breaker.snapshot, { state: "HALF_OPEN" })
      assert.deepStrictEqual(recorder.handled, [])
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(recorder.handled.length, 6)
    }).pipe(Effect.provide(Events.layerMemory, { local: true }))
  )

  it.effect("AC-ERR-002 kills no event whose last attempt outlasts it", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ name: "test", settings: mes })
      let isUp = false
      const recorder = yield* Recorder.make(() =>
        breaker.protect(
          Effect.suspend(() =>
            isUp ? Effect.void : Effect.andThen(Effect.sleep("10 seconds"), Effect.fail(ambiguous))
          )
        )
      )
      yield* subscribe(recorder, { breaker, healthCheck: Effect.sync(() => isUp) })
      const event = yield* note("a")
      while (recorder.attempts.length < 4) yield* TestClock.adjust("500 millis")
      // The fourth is the last. The system is back before it has given up.
      isUp = true
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(recorder.handled, [event])
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0 })
    }).pipe(Effect.provide(Events.layerMemory, { local: true }))
  )
})
