import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Queue, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Event } from "../../../src/domain/events/Event.ts"
import { defineEvent } from "../../../src/domain/events/Event.ts"
import { Rejected, Transient } from "../../../src/domain/IntegrationError.ts"
import type { DeadLetter, DeadLetterFilter } from "../../../src/services/events/DeadLetter.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { Noted, rejected, Renamed, transient } from "../../support/events/Samples.ts"
import { drained, note, statusOf, subscribe, subscribeApart } from "../../support/events/Subscriptions.ts"

const idOf = (event: Event) => event.metadata.id
const valueOf = (event: Event) => Number(JSON.stringify(event.payload).match(/"value":(-?\d+)/)?.[1])

const pending = (filter: DeadLetterFilter = {}) =>
  Effect.gen(function* () {
    const letters = yield* DeadLetters
    return (yield* letters.list({ status: "pending", ...filter }, { page: 1, limit: 100 })).data
  })

const only = (letters: ReadonlyArray<DeadLetter>): DeadLetter => {
  const [letter] = letters
  assert(letter !== undefined && letters.length === 1)
  return letter
}

describeEvents("DeadLetters", (layer) => {
  it.effect("AC-DLQ-001 all fields are stored, with the true attempt count", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const letters = yield* DeadLetters
      const cause = new Error("the innermost \0 cause")
      const error = Object.assign(
        new Transient({ adapter: "test", operation: "POST /test", message: "outer \ud800 message" }),
        { cause }
      )
      const recorder = yield* Recorder.make(() => Effect.fail(error))
      yield* subscribe(recorder)
      const event = yield* bus.publish(Noted, { key: "a", value: 1 }, { correlationId: "trace-123" })
      for (let attempt = 1; attempt <= 4; attempt++) {
        yield* recorder.attempted(attempt)
        yield* drained()
        yield* TestClock.adjust("5 seconds")
      }
      const letter = only(yield* pending())
      assert.deepStrictEqual(letter, {
        id: letter.id,
        eventId: event.metadata.id,
        eventType: "test.noted",
        eventPayload: { ...event.metadata, type: "test.noted", key: "a", payload: { key: "a", value: 1 } },
        adapterName: "test",
        errorMessage: "outer \\ud800 message",
        errorClass: "Transient",
        errorChain: ["Transient: outer \\ud800 message", "Error: the innermost \\u0000 cause"],
        retryCount: 3,
        status: "pending",
        createdAt: letter.createdAt,
        lastReplayAt: null,
        replayedAt: null,
        replayCount: 0,
        correlationId: "trace-123"
      })
      assert.match(letter.createdAt, /^1970-01-01T00:00:/)
      assert.deepStrictEqual(yield* letters.get(letter.id), letter)
      assert.strictEqual(yield* letters.pendingCount("test"), 1)
      const missing = yield* Effect.flip(letters.get("00000000-0000-7000-8000-000000000000"))
      assert.strictEqual(missing._tag, "DeadLetterNotFound")
      assert.strictEqual((yield* Effect.flip(letters.get("nonsense")))._tag, "DeadLetterNotFound")
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-DLQ-002 a replay runs the failed adapter with the original event; replayed after success", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const state = { isBroken: true }
      const recorder = yield* Recorder.make(() => (state.isBroken ? Effect.fail(rejected) : Effect.void))
      const other = yield* Recorder.make()
      yield* subscribe(recorder)
      yield* subscribe(other, { name: "other" })
      const event = yield* note("a")
      yield* drained()
      const before = only(yield* pending())

      yield* TestClock.adjust("1 minute")
      const failed = yield* letters.replay(before.id)
      assert(Option.isSome(failed))
      assert.deepInclude(failed.value, {
        status: "pending",
        replayCount: 1,
        retryCount: 1,
        lastReplayAt: "1970-01-01T00:01:00.000Z",
        replayedAt: null
      })

      state.isBroken = false
      yield* TestClock.adjust("1 minute")
      const replayed = yield* letters.replay(before.id)
      assert(Option.isSome(replayed))
      assert.deepInclude(replayed.value, {
        status: "replayed",
        replayCount: 2,
        lastReplayAt: "1970-01-01T00:02:00.000Z",
        replayedAt: "1970-01-01T00:02:00.000Z"
      })
      assert.deepStrictEqual(recorder.attempts, [event, event, event])
      assert.deepStrictEqual(recorder.handled, [event])
      yield* drained("other")
      assert.deepStrictEqual(other.attempts, [event])
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0 })
      const again = yield* Effect.flip(letters.replay(before.id))
      assert.deepInclude(again, { _tag: "DeadLetterNotPending", status: "replayed" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-DLQ-002 a replay that fails shows the new error; a transient one is not retried", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const recorder = yield* Recorder.make((_, attempt) => Effect.fail(attempt === 1 ? rejected : transient))
      yield* subscribe(recorder)
      yield* note("a")
      yield* drained()
      const before = only(yield* pending())
      const after = yield* letters.replay(before.id)
      assert(Option.isSome(after))
      assert.deepInclude(after.value, { status: "pending", errorClass: "Transient", retryCount: 1, replayCount: 1 })
      yield* TestClock.adjust("1 hour")
      yield* drained()
      assert.strictEqual(recorder.attempts.length, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a replay comes before younger events of its key that wait, and never beside one", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const release = yield* Deferred.make<void>()
      const started = yield* Queue.unbounded<number>()
      let isBroken = true
      const recorder = yield* Recorder.make((event) =>
        Effect.gen(function* () {
          yield* Queue.offer(started, valueOf(event))
          if (valueOf(event) === 1 && isBroken) return yield* rejected
          if (valueOf(event) === 2) yield* Deferred.await(release)
        })
      )
      yield* subscribe(recorder)
      yield* note("a", 1)
      yield* drained()
      const letter = only(yield* pending())
      yield* note("a", 2)
      yield* note("a", 3)
      yield* recorder.attempted(2)
      isBroken = false
      const replay = yield* Effect.forkChild(letters.replay(letter.id))
      // Until the owner has it in its lanes; a few round trips of the storage are enough for that.
      while ((yield* statusOf()).parked === 0) yield* Effect.yieldNow
      yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.andThen(pending(), Effect.yieldNow))
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(replay)
      yield* drained()
      assert.deepStrictEqual(recorder.handled.map(valueOf), [2, 1, 3])
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-DLQ-003 only a pending one can be discarded, and then not be replayed", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const recorder = yield* Recorder.make(() => Effect.fail(rejected))
      yield* subscribe(recorder)
      yield* note("a")
      yield* drained()
      const { id } = only(yield* pending())
      assert.deepInclude(yield* letters.discard(id), { status: "discarded", replayCount: 0 })
      assert.deepInclude(yield* Effect.flip(letters.discard(id)), { _tag: "DeadLetterNotPending", status: "discarded" })
      assert.deepInclude(yield* Effect.flip(letters.replay(id)), { _tag: "DeadLetterNotPending", status: "discarded" })
      assert.strictEqual((yield* Effect.flip(letters.discard("nonsense")))._tag, "DeadLetterNotFound")
      assert.strictEqual(recorder.attempts.length, 1)
      assert.strictEqual(yield* letters.pendingCount("test"), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-DLQ-004 two replays at once run once; a discard meanwhile is refused too", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const release = yield* Deferred.make<void>()
      const recorder = yield* Recorder.make((_, attempt) =>
        attempt === 1 ? Effect.fail(rejected) : Deferred.await(release)
      )
      yield* subscribe(recorder)
      yield* note("a")
      yield* drained()
      const { id } = only(yield* pending())
      const replays = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], () => Effect.exit(letters.replay(id)), { concurrency: "unbounded" })
      )
      yield* recorder.attempted(2)
      assert.strictEqual((yield* Effect.flip(letters.discard(id)))._tag, "ReplayInProgress")
      assert.strictEqual((yield* Effect.flip(letters.replay(id)))._tag, "ReplayInProgress")
      assert.strictEqual(yield* letters.replayAll({}), 0)
      yield* Deferred.succeed(release, undefined)
      const exits = yield* Fiber.join(replays)
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual(recorder.attempts.length, 2)
      assert.strictEqual((yield* letters.get(id)).status, "replayed")
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-DLQ-005 what cannot be decoded is dead-lettered with its raw body", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const letters = yield* DeadLetters
      const state = { schema: "new" }
      // The same type as the log knows it from an older version.
      const Older = defineEvent("test.noted", { payload: Schema.Json, key: () => "a" })
      const recorder = yield* Recorder.make()
      yield* subscribe(recorder)
      const event = yield* bus.publish(Older, { key: "a", value: "no number", more: [1, { deep: "본문" }] })
      const next = yield* note("a")
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [next])
      const letter = only(yield* pending())
      assert.deepInclude(letter, { eventId: event.metadata.id, errorClass: "Undecodable", retryCount: 0 })
      assert.match(letter.errorMessage, /^payload\.value: Expected/)
      assert.deepStrictEqual(letter.eventPayload.payload, event.payload)
      const after = yield* letters.replay(letter.id)
      assert(Option.isSome(after))
      assert.deepInclude(after.value, { status: "pending", errorClass: "Undecodable", replayCount: 1 })
      assert.strictEqual(state.schema, "new")
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-DLQ-006 a replayed or repeated event never sets a later state back: handlers are level-triggered", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const letters = yield* DeadLetters
      // Our state, and what the other side knows. The handler sends the present state, whatever the event says.
      const ours = { name: "first" }
      const theirs: Array<string> = []
      let refuses = true
      const recorder = yield* Recorder.make(() =>
        Effect.gen(function* () {
          if (refuses) return yield* rejected
          if (theirs.at(-1) !== ours.name) theirs.push(ours.name)
        })
      )
      yield* subscribe(recorder, { definitions: [Renamed] })
      yield* bus.publish(Renamed, { key: "a", name: "first" })
      yield* drained()
      refuses = false
      ours.name = "second"
      yield* bus.publish(Renamed, { key: "a", name: "second" })
      yield* drained()
      const replayed = yield* letters.replay(only(yield* pending()).id)
      assert(Option.isSome(replayed) && replayed.value.status === "replayed")
      assert.deepStrictEqual(theirs, ["second"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("waits for the outcome of a replay only so long; it goes on without the operator", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const breaker = yield* CircuitBreaker.make({ name: "test", settings: CircuitSettings.mes })
      const recorder = yield* Recorder.make((_, attempt) =>
        attempt === 1 ? Effect.fail(rejected) : breaker.protect(Effect.void)
      )
      yield* subscribe(recorder, { breaker })
      yield* note("a")
      yield* drained()
      const { id } = only(yield* pending())
      yield* breaker.forceOpen
      const replay = yield* Effect.forkChild(letters.replay(id))
      yield* recorder.attempted(2)
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(yield* Fiber.join(replay), Option.none())
      // It is deferred, not running: nothing holds a claim, and another replay joins it.
      const joined = yield* Effect.retry(letters.replay(id, { waitMillis: 0 }), {
        while: (error) => error._tag === "ReplayInProgress"
      })
      assert.deepStrictEqual(joined, Option.none())
      assert.deepInclude(yield* letters.get(id), { status: "pending", replayCount: 0 })
      yield* breaker.reset
      yield* recorder.succeeded(1)
      yield* drained()
      assert.deepInclude(yield* letters.get(id), { status: "replayed", replayCount: 1 })
      assert.strictEqual(recorder.handled.length, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a replay that waits is dropped when its dead letter is discarded after the claim has run out", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const recorder = yield* Recorder.make(() => Effect.fail(rejected))
      const unsubscribe = yield* subscribeApart(recorder)
      yield* note("a")
      yield* drained()
      yield* unsubscribe
      const { id } = only(yield* pending())
      assert.deepStrictEqual(yield* letters.replay(id, { waitMillis: 0 }), Option.none())
      yield* TestClock.adjust("61 seconds")
      yield* letters.discard(id)
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0 })
      yield* subscribe(recorder)
      yield* note("a")
      yield* drained()
      assert.strictEqual(recorder.attempts.length, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a replay asked for while the subscription is down is run when it is back, once", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      const recorder = yield* Recorder.make((_, attempt) => (attempt === 1 ? Effect.fail(rejected) : Effect.void))
      const unsubscribe = yield* subscribeApart(recorder)
      const event = yield* note("a")
      yield* drained()
      yield* unsubscribe
      const { id } = only(yield* pending())
      assert.deepStrictEqual(yield* letters.replay(id, { waitMillis: 0 }), Option.none())
      yield* subscribe(recorder)
      yield* recorder.succeeded(1)
      yield* drained()
      assert.deepStrictEqual(recorder.handled.map(idOf), [idOf(event)])
      assert.strictEqual((yield* letters.get(id)).status, "replayed")
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists newest first, filters, groups, replays and discards in bulk", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const letters = yield* DeadLetters
      const state = { isBroken: true }
      const recorder = yield* Recorder.make((event) =>
        !state.isBroken
          ? Effect.void
          : event.type === "test.renamed"
            ? Effect.die("a bug")
            : Effect.fail(new Rejected({ ...rejected, message: `refused ${valueOf(event)}` }))
      )
      yield* subscribe(recorder, { definitions: [Noted, Renamed] })
      for (let value = 1; value <= 5; value++) {
        yield* note("a", value)
        yield* drained()
        yield* TestClock.adjust("1 second")
      }
      yield* bus.publish(Renamed, { key: "a", name: "b" })
      yield* drained()

      const first = yield* letters.list({}, { page: 1, limit: 4 })
      const second = yield* letters.list({}, { page: 2, limit: 4 })
      assert.strictEqual(first.total, 6)
      assert.deepStrictEqual(
        [...first.data, ...second.data].map(({ errorMessage }) => errorMessage),
        ["a bug", "refused 5", "refused 4", "refused 3", "refused 2", "refused 1"]
      )
      assert.strictEqual((yield* pending({ errorClass: "Defect" })).length, 1)
      assert.strictEqual((yield* pending({ eventType: "test.noted", adapter: "test" })).length, 5)
      assert.strictEqual((yield* pending({ adapter: "other" })).length, 0)
      assert.deepStrictEqual(yield* letters.groups({ status: "pending" }), [
        {
          adapterName: "test",
          eventType: "test.noted",
          errorClass: "Rejected",
          count: 5,
          firstAt: "1970-01-01T00:00:00.000Z",
          lastAt: "1970-01-01T00:00:04.000Z",
          sample: "refused 5"
        },
        {
          adapterName: "test",
          eventType: "test.renamed",
          errorClass: "Defect",
          count: 1,
          firstAt: "1970-01-01T00:00:05.000Z",
          lastAt: "1970-01-01T00:00:05.000Z",
          sample: "a bug"
        }
      ])

      state.isBroken = false
      assert.strictEqual(yield* letters.discardAll({ errorClass: "Defect" }), 1)
      assert.strictEqual(yield* letters.replayAll({ eventType: "test.noted" }), 5)
      yield* recorder.succeeded(5)
      yield* drained()
      // In the order of the log, not of the list.
      assert.deepStrictEqual(recorder.handled.map(valueOf), [1, 2, 3, 4, 5])
      assert.strictEqual(yield* letters.replayAll({}), 0)
      assert.strictEqual((yield* letters.list({ status: "replayed" }, { page: 1, limit: 10 })).total, 5)
      assert.strictEqual((yield* letters.list({ status: "discarded" }, { page: 1, limit: 10 })).total, 1)
    }).pipe(Effect.provide(layer))
  )
})
