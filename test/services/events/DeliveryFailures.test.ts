import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Queue } from "effect"
import { TestClock } from "effect/testing"
import type { Event } from "../../../src/domain/events/Event.ts"
import type { IntegrationError } from "../../../src/domain/IntegrationError.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import {
  ambiguous,
  invalid,
  rateLimited,
  rejected,
  retryAfter,
  transient,
  unauthorized
} from "../../support/events/Samples.ts"
import {
  collectLogs,
  drained,
  type LogLine,
  note,
  statusOf,
  subscribe,
  subscribeApart
} from "../../support/events/Subscriptions.ts"

const idOf = (event: Event) => event.metadata.id

/** Answers an attempt and notes when it was made. */
const timed = (answer: (event: Event, attempt: number) => Effect.Effect<void, IntegrationError>) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const recorder = yield* Recorder.make((event, attempt) =>
      Effect.andThen(
        Effect.map(Clock.currentTimeMillis, (now) => void times.push(now)),
        answer(event, attempt)
      )
    )
    return { ...recorder, times }
  })

const deadLetters = Effect.gen(function* () {
  const letters = yield* DeadLetters
  return (yield* letters.list({}, { page: 1, limit: 100 })).data
})

describeEvents("Delivery of what fails", (layer) => {
  it.effect("AC-ERR-002 after the last retry, the system being healthy otherwise: logged and dead-lettered", () => {
    const lines: Array<LogLine> = []
    return Effect.gen(function* () {
      const recorder = yield* timed((event) =>
        JSON.stringify(event.payload).includes("bad") ? Effect.fail(transient) : Effect.void
      )
      yield* subscribe(recorder, { healthCheck: Effect.succeed(true) })
      const bad = yield* note("bad")
      for (let attempt = 1; attempt <= 4; attempt++) {
        yield* recorder.attempted(attempt)
        yield* drained()
        yield* TestClock.adjust(Duration.millis(1200 * 2 ** (attempt - 1)))
      }
      yield* drained()
      assert.strictEqual(recorder.attemptsOf(idOf(bad)), 4)
      const waits = recorder.times.slice(1).map((time, index) => time - (recorder.times[index] ?? 0))
      for (const [index, wait] of waits.entries()) {
        assert.isAtLeast(wait, 800 * 2 ** index)
        assert.isAtMost(wait, 1200 * 2 ** index)
      }
      const [letter, ...others] = yield* deadLetters
      assert.deepStrictEqual(others, [])
      assert.deepInclude(letter, {
        eventId: bad.metadata.id,
        errorClass: "Transient",
        errorMessage: transient.message,
        retryCount: 3,
        status: "pending"
      })
      assert.isTrue(
        lines.some(
          ({ annotations, level, message }) =>
            level === "Error" && message.includes("dead-lettered") && annotations["eventId"] === bad.metadata.id
        )
      )
      const next = yield* note("bad2")
      yield* recorder.attempted(5)
      assert.strictEqual(recorder.attempts.at(-1)?.metadata.id, next.metadata.id)
    }).pipe(Effect.provide(layer), Effect.provide(collectLogs(lines)))
  })

  it.effect("later events of the key go on after a dead letter, in order", () =>
    Effect.gen(function* () {
      const recorder = yield* Recorder.make((event) =>
        JSON.stringify(event.payload).includes('"value":1') ? Effect.fail(rejected) : Effect.void
      )
      yield* subscribe(recorder)
      const events = yield* Effect.forEach([1, 2, 3], (value) => note("a", value))
      yield* drained()
      assert.deepStrictEqual(recorder.handled, events.slice(1))
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-ERR-006 a refusal is not retried: dead-lettered at once, with its class", () =>
    Effect.gen(function* () {
      const errors = [rejected, unauthorized, invalid]
      const recorder = yield* Recorder.make((event) =>
        Effect.fail(errors[Number(JSON.stringify(event.payload).match(/"value":(\d)/)?.[1])] ?? transient)
      )
      yield* subscribe(recorder)
      yield* Effect.forEach(errors, (error, index) => note(error._tag, index))
      yield* drained()
      assert.strictEqual(recorder.attempts.length, 3)
      const classes = (yield* deadLetters).map(({ errorClass, retryCount }) => [errorClass, retryCount])
      assert.sameDeepMembers(classes, [
        ["Rejected", 0],
        ["Unauthorized", 0],
        ["Invalid", 0]
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-ERR-006 a 429 pauses the whole subscription, for no less than it says, and uses up no retry", () =>
    Effect.gen(function* () {
      const recorder = yield* timed((_, attempt) => (attempt <= 6 ? Effect.fail(rateLimited(90_000)) : Effect.void))
      yield* subscribe(recorder)
      const first = yield* note("a")
      yield* recorder.attempted(1)
      yield* TestClock.adjust("1 second")
      const second = yield* note("b")
      for (let attempt = 2; attempt <= 7; attempt++) {
        yield* TestClock.adjust("85 seconds")
        assert.strictEqual(recorder.attempts.length, attempt - 1)
        yield* TestClock.adjust("5 seconds")
        yield* recorder.attempted(attempt)
      }
      yield* Effect.gen(function* () {
        while (recorder.handled.length < 2) {
          yield* TestClock.adjust("90 seconds")
          yield* recorder.attempted(recorder.attempts.length)
        }
      })
      assert.sameMembers(recorder.handled.map(idOf), [first, second].map(idOf))
      assert.deepStrictEqual(yield* deadLetters, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a 429 without a time pauses longer and longer, up to a minute", () =>
    Effect.gen(function* () {
      const recorder = yield* timed((_, attempt) => (attempt <= 9 ? Effect.fail(rateLimited(null)) : Effect.void))
      yield* subscribe(recorder)
      yield* note("a")
      for (let attempt = 1; attempt <= 9; attempt++) {
        yield* recorder.attempted(attempt)
        yield* TestClock.adjust("1 minute")
      }
      yield* recorder.succeeded(1)
      assert.deepStrictEqual(yield* deadLetters, [])
      const waits = recorder.times.slice(1).map((time, index) => time - (recorder.times[index] ?? 0))
      assert.isTrue(waits.every((wait) => wait <= 60_000))
    }).pipe(Effect.provide(layer))
  )

  it.effect("a Retry-After of a failure pauses the whole subscription and uses up no retry", () =>
    Effect.gen(function* () {
      const recorder = yield* timed((_, attempt) => (attempt <= 5 ? Effect.fail(retryAfter(30_000)) : Effect.void))
      yield* subscribe(recorder)
      yield* note("a")
      for (let attempt = 1; attempt <= 5; attempt++) {
        yield* recorder.attempted(attempt)
        yield* TestClock.adjust("30 seconds")
      }
      yield* recorder.succeeded(1)
      assert.deepStrictEqual(recorder.times, [0, 30_000, 60_000, 90_000, 120_000, 150_000])
      assert.strictEqual((yield* statusOf()).parked, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-ERR-008 an open breaker defers events without using up retries, and they flow on in order", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ name: "test", settings: CircuitSettings.mes })
      let isDown = true
      const called = yield* Queue.unbounded<string>()
      const recorder = yield* Recorder.make((event) =>
        breaker.protect(
          Effect.suspend(() =>
            Effect.andThen(Queue.offer(called, idOf(event)), isDown ? Effect.fail(transient) : Effect.void)
          )
        )
      )
      yield* breaker.forceOpen
      yield* subscribe(recorder, { breaker })
      const events = yield* Effect.forEach([1, 2, 3, 4], (value) => note("a", value))
      yield* recorder.attempted(1)
      for (let minute = 0; minute < 10; minute++) yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Queue.size(called), 0)
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0, lag: 4, consecutiveFailures: 0 })
      isDown = false
      yield* breaker.reset
      yield* drained()
      assert.deepStrictEqual(recorder.handled, events)
      assert.strictEqual(yield* Queue.size(called), 4)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a retry that was scheduled before a restart comes when it is due, with its attempts counted", () =>
    Effect.gen(function* () {
      const recorder = yield* timed((_, attempt) => (attempt <= 3 ? Effect.fail(ambiguous) : Effect.void))
      const unsubscribe = yield* subscribeApart(recorder)
      yield* note("a")
      yield* recorder.attempted(1)
      yield* drained()
      yield* TestClock.adjust("1200 millis")
      yield* recorder.attempted(2)
      yield* drained()
      yield* unsubscribe
      const stoppedAt = yield* Clock.currentTimeMillis
      yield* TestClock.adjust("500 millis")
      const again = yield* subscribeApart(recorder)
      yield* drained()
      assert.strictEqual(recorder.attempts.length, 2)
      yield* TestClock.adjust("1900 millis")
      yield* recorder.attempted(3)
      const second = recorder.times[1] ?? 0
      assert.isAtMost((recorder.times[2] ?? 0) - second, 2400)
      assert.isAtLeast((recorder.times[2] ?? 0) - second, 1600)
      assert.isAbove(recorder.times[2] ?? 0, stoppedAt)
      yield* drained()
      yield* again
      // Down for much longer than the delay: due at once.
      yield* TestClock.adjust("1 hour")
      yield* subscribe(recorder)
      yield* recorder.succeeded(1)
      yield* drained()
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0 })
    }).pipe(Effect.provide(layer))
  )
})
