import { assert, it } from "@effect/vitest"
import { Clock, type Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Event } from "../../../src/domain/events/Event.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { rejected, transient } from "../../support/events/Samples.ts"
import { drained, note, statusOf, subscribe, subscribeApart } from "../../support/events/Subscriptions.ts"

const idOf = (event: Event) => event.metadata.id

/** An outside system behind a breaker, which is down or up; counts the calls that reached it. */
const system = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({ name: "test", settings: CircuitSettings.mes })
  const state = { isUp: false, calls: 0, callTimes: new Array<number>() }
  const call = Effect.gen(function* () {
    state.calls++
    state.callTimes.push(yield* Clock.currentTimeMillis)
    if (!state.isUp) return yield* transient
  })
  const recorder = yield* Recorder.make(() => breaker.protect(call))
  return { breaker, state, recorder, healthCheck: Effect.sync(() => state.isUp) }
})

const deadCount = Effect.gen(function* () {
  const letters = yield* DeadLetters
  return yield* letters.pendingCount("test")
})

/** Lets some time pass, and then a round trip to the storage, so that what became due has had its turn. */
const step = (duration: Duration.Input) => Effect.andThen(TestClock.adjust(duration), statusOf())

const pass = (duration: Duration.Input, steps: number) =>
  Effect.forEach(Array.from({ length: steps }), () => step(duration), { discard: true })

const passUntil = (duration: Duration.Input, reached: () => boolean) =>
  Effect.gen(function* () {
    while (!reached()) yield* step(duration)
  })

describeEvents("An outage", (layer) => {
  it.effect("AC-ERR-002 of any length with a single event in flight dead-letters nothing", () =>
    Effect.gen(function* () {
      const { breaker, healthCheck, recorder, state } = yield* system
      yield* subscribe(recorder, { breaker, healthCheck })
      const event = yield* note("a")
      yield* recorder.attempted(1)
      // Four attempts use the retries up; the health check then says that it is not the event's fault.
      yield* passUntil("5 seconds", () => state.calls >= 5)
      assert.strictEqual((yield* breaker.snapshot).state, "OPEN")
      yield* pass("5 minutes", 12 * 24)
      assert.strictEqual(yield* deadCount, 0)
      assert.strictEqual(recorder.handled.length, 0)
      const retriesOfADay = state.callTimes.slice(5).map((time, index, times) => time - (times[index - 1] ?? -Infinity))
      assert.isTrue(retriesOfADay.every((wait) => wait >= 60_000))
      state.isUp = true
      yield* passUntil("30 seconds", () => recorder.handled.length === 1)
      assert.deepStrictEqual(recorder.handled, [event])
      yield* drained()
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0, lag: 0 })
    }).pipe(Effect.provide(layer))
  )

  for (const [length, pause, steps] of [
    ["a minute", "5 seconds", 12],
    ["a day", "2 minutes", 720]
  ] as const) {
    it.effect(`of ${length} with fifty events dead-letters nothing, and they arrive in order`, () =>
      Effect.gen(function* () {
        const { breaker, healthCheck, recorder, state } = yield* system
        yield* subscribe(recorder, { breaker, healthCheck })
        const events = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, index) => index),
          (index) => note(`k${index % 7}`, index)
        )
        yield* recorder.attempted(1)
        yield* pass(pause, steps)
        assert.strictEqual(yield* deadCount, 0)
        assert.strictEqual(recorder.handled.length, 0)
        state.isUp = true
        yield* passUntil("5 seconds", () => recorder.handled.length >= 50)
        for (let key = 0; key < 7; key++) {
          const inOrder = events.filter((_, index) => index % 7 === key).map(idOf)
          assert.deepStrictEqual(
            recorder.handled.map(idOf).filter((id) => inOrder.includes(id)),
            inOrder
          )
        }
        yield* drained()
        assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0, lag: 0 })
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("the breaker opens after five attempts that failed, and one at a time is tried afterwards", () =>
    Effect.gen(function* () {
      const { breaker, healthCheck, recorder, state } = yield* system
      yield* subscribe(recorder, { breaker, healthCheck, concurrency: 1 })
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        (index) => note(`k${index}`, index)
      )
      yield* passUntil("100 millis", () => state.calls >= 5)
      assert.strictEqual((yield* breaker.snapshot).state, "OPEN")
      yield* pass("1 second", 58)
      assert.strictEqual(state.calls, 5)
      yield* pass("1 second", 5)
      assert.strictEqual(state.calls, 6)
      yield* pass("1 second", 50)
      assert.strictEqual(state.calls, 6)
      state.isUp = true
      yield* passUntil("1 second", () => recorder.handled.length >= 20)
      assert.strictEqual(yield* deadCount, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("survives restarts in the middle", () =>
    Effect.gen(function* () {
      const { breaker, healthCheck, recorder, state } = yield* system
      const events = yield* Effect.gen(function* () {
        const unsubscribe = yield* subscribeApart(recorder, { breaker, healthCheck })
        const events = yield* Effect.forEach([0, 1, 2], (index) => note("a", index))
        yield* recorder.attempted(1)
        yield* pass("30 seconds", 4)
        yield* unsubscribe
        return events
      })
      for (let restart = 0; restart < 3; restart++) {
        const unsubscribe = yield* subscribeApart(recorder, { breaker, healthCheck })
        yield* pass("30 seconds", 5)
        yield* unsubscribe
      }
      state.isUp = true
      yield* subscribe(recorder, { breaker, healthCheck })
      yield* passUntil("30 seconds", () => recorder.handled.length >= 3)
      assert.deepStrictEqual(recorder.handled, events)
      assert.strictEqual(yield* deadCount, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a health check that fails, hangs or breaks means sick: the event waits", () =>
    Effect.gen(function* () {
      const checks = [Effect.succeed(false), Effect.never, Effect.die("broken")]
      const recorders = yield* Effect.forEach(checks, () => Recorder.make(() => Effect.fail(transient)))
      const ends = yield* Effect.forEach(checks, (healthCheck, index) =>
        subscribeApart(recorders[index] ?? { handle: () => Effect.void }, { name: `n${index}`, healthCheck })
      )
      yield* note("a")
      for (const recorder of recorders) yield* passUntil("5 seconds", () => recorder.attempts.length >= 8)
      const letters = yield* DeadLetters
      assert.strictEqual((yield* letters.list({}, { page: 1, limit: 1 })).total, 0)
      // One may be asking its health just now, which takes some time.
      const ending = yield* Effect.forkChild(Effect.all(ends))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(ending)
    }).pipe(Effect.provide(layer))
  )

  it.effect("when the health comes back the event is tried again soon, without waiting the whole time", () =>
    Effect.gen(function* () {
      const state = { healthy: false }
      const recorder = yield* Recorder.make(() => (state.healthy ? Effect.void : Effect.fail(transient)))
      yield* subscribe(recorder, { healthCheck: Effect.sync(() => state.healthy) })
      yield* note("a")
      yield* passUntil("1 second", () => recorder.attempts.length >= 4)
      yield* pass("1 second", 15)
      state.healthy = true
      yield* pass("1 second", 11)
      yield* recorder.succeeded(1)
      assert.strictEqual(recorder.attempts.length, 5)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a refusal during trials is an answer: it is dead-lettered, and the rest flows", () =>
    Effect.gen(function* () {
      const { breaker, healthCheck, state } = yield* system
      const recorder = yield* Recorder.make((event) =>
        breaker.protect(
          Effect.gen(function* () {
            if (!state.isUp) return yield* transient
            if (JSON.stringify(event.payload).includes("bad")) return yield* rejected
          })
        )
      )
      yield* subscribe(recorder, { breaker, healthCheck })
      yield* note("bad")
      yield* Effect.forEach([1, 2, 3, 4, 5, 6], (index) => note(`k${index}`))
      yield* recorder.attempted(5)
      state.isUp = true
      yield* passUntil("10 seconds", () => recorder.handled.length >= 6)
      while ((yield* deadCount) < 1) yield* step("10 seconds")
      yield* drained()
    }).pipe(Effect.provide(layer))
  )
})
