import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Metric, Queue } from "effect"
import { TestClock } from "effect/testing"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { Noted, rejected, Renamed, transient } from "../../support/events/Samples.ts"
import {
  collectLogs,
  drained,
  type LogLine,
  note,
  statusOf,
  subscribe,
  subscribeApart
} from "../../support/events/Subscriptions.ts"

const idOf = (event: { readonly metadata: { readonly id: string } }) => event.metadata.id

describeEvents("Delivery", (layer) => {
  it.effect("AC-EVT-001 a handler gets the event as it was published", () =>
    Effect.gen(function* () {
      const recorder = yield* Recorder.make()
      yield* subscribe(recorder)
      const event = yield* note("a", 7)
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [event])
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "AC-EVT-003 a handler that fails does not stop another, nor reach the publisher; its error is logged",
    () => {
      const lines: Array<LogLine> = []
      return Effect.gen(function* () {
        const [sound, failing] = [yield* Recorder.make(), yield* Recorder.make(() => Effect.fail(transient))]
        yield* subscribe(failing, { name: "failing" })
        yield* subscribe(sound, { name: "sound" })
        const event = yield* note("a")
        yield* drained("sound")
        yield* drained("failing")
        assert.deepStrictEqual(sound.handled, [event])
        const line = lines.find(({ message }) => message.includes(transient.message))
        assert.strictEqual(line?.level, "Warn")
        assert.include(line?.annotations, {
          correlationId: event.metadata.correlationId,
          adapter: "failing",
          eventType: "test.noted",
          eventId: event.metadata.id,
          errorClass: "Transient",
          attempts: 1
        })
      }).pipe(Effect.provide(layer), Effect.provide(collectLogs(lines)))
    }
  )

  it.effect("AC-EVT-004 publishing returns before a handler has run, slow or synchronous", () =>
    Effect.gen(function* () {
      const release = yield* Deferred.make<void>()
      const slow = yield* Recorder.make(() => Deferred.await(release))
      const handlers = new Set<number>()
      const synchronous = yield* Recorder.make(() => Effect.map(Effect.fiber, ({ id }) => void handlers.add(id)))
      yield* subscribe(slow, { name: "slow" })
      yield* subscribe(synchronous, { name: "synchronous" })
      yield* note("a")
      yield* slow.attempted(1)
      yield* note("a")
      yield* drained("synchronous")
      assert.strictEqual(slow.handled.length, 0)
      assert.isFalse(handlers.has((yield* Effect.fiber).id))
      yield* Deferred.succeed(release, undefined)
      yield* drained("slow")
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-EVT-006 events of one key arrive in commit order; other keys do not wait for them", () =>
    Effect.gen(function* () {
      const release = yield* Deferred.make<void>()
      const recorder = yield* Recorder.make((event) =>
        event.payload !== null &&
        typeof event.payload === "object" &&
        "key" in event.payload &&
        event.payload.key === "slow"
          ? Deferred.await(release)
          : Effect.void
      )
      yield* subscribe(recorder)
      const slow = [yield* note("slow", 1), yield* note("slow", 2), yield* note("slow", 3)]
      const others = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => index),
        (index) => note(`k${index % 20}`, index)
      )
      yield* recorder.succeeded(40)
      assert.deepStrictEqual(new Set(recorder.handled.map(idOf)), new Set(others.map(idOf)))
      assert.strictEqual(recorder.attempts.length, 41)
      yield* Deferred.succeed(release, undefined)
      yield* drained()
      assert.deepStrictEqual(recorder.handled.slice(40), slow)
      for (let key = 0; key < 20; key++) {
        const ofKey = recorder.handled
          .filter((event) => others.some((other) => idOf(other) === idOf(event)))
          .filter((event) => event.type === "test.noted" && JSON.stringify(event.payload).includes(`"k${key}"`))
        assert.deepStrictEqual(ofKey.map(idOf), others.filter((_, index) => index % 20 === key).map(idOf))
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-SUB-001 three adapters with different types get only their own", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const [noted, renamed, both] = [yield* Recorder.make(), yield* Recorder.make(), yield* Recorder.make()]
      yield* subscribe(noted, { name: "noted", definitions: [Noted] })
      yield* subscribe(renamed, { name: "renamed", definitions: [Renamed] })
      yield* subscribe(both, { name: "both", definitions: [Noted, Renamed] })
      const first = yield* note("a")
      const second = yield* bus.publish(Renamed, { key: "a", name: "b" })
      yield* Effect.forEach(["noted", "renamed", "both"], drained)
      assert.deepStrictEqual(noted.handled, [first])
      assert.deepStrictEqual(renamed.handled, [second])
      assert.deepStrictEqual(both.handled, [first, second])
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-SUB-002 after unsubscribe nothing more arrives; a later subscription goes on where it stopped", () =>
    Effect.gen(function* () {
      const recorder = yield* Recorder.make()
      const unsubscribe = yield* subscribeApart(recorder)
      const first = yield* note("a", 1)
      yield* drained()
      yield* unsubscribe
      const other = yield* Recorder.make()
      yield* subscribe(other, { name: "other" })
      const second = yield* note("a", 2)
      yield* drained("other")
      assert.deepStrictEqual(recorder.handled, [first])
      yield* subscribe(recorder)
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [first, second])
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-SUB-003 a follow-up event carries the correlation id, and the first event's id as causation id", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const renamed = yield* Recorder.make()
      yield* subscribe(
        { handle: () => Effect.orDie(Effect.asVoid(bus.publish(Renamed, { key: "a", name: "b" }))) },
        {
          name: "first"
        }
      )
      yield* subscribe(renamed, { name: "second", definitions: [Renamed] })
      const event = yield* bus.publish(Noted, { key: "a", value: 1 }, { correlationId: "trace-123" })
      yield* renamed.succeeded(1)
      const metadata = renamed.handled[0]?.metadata
      assert.strictEqual(metadata?.correlationId, "trace-123")
      assert.strictEqual(metadata?.causationId, event.metadata.id)
      assert.strictEqual(metadata?.source, "first")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a handler runs as part of the event's process: context, log annotations, span", () => {
    const lines: Array<LogLine> = []
    return Effect.gen(function* () {
      const seen = yield* Queue.unbounded<unknown>()
      yield* subscribe({
        handle: () =>
          Effect.gen(function* () {
            yield* Effect.log("inside")
            const span = yield* Effect.orDie(Effect.currentSpan)
            yield* Queue.offer(seen, { context: yield* EventContext, span: span.name, parent: span.parent._tag })
          })
      })
      const { metadata } = yield* note("a")
      assert.deepStrictEqual(yield* Queue.take(seen), {
        context: { correlationId: metadata.correlationId, causationId: metadata.id, source: "test" },
        span: "Delivery.handle",
        parent: "None"
      })
      const line = lines.find(({ message }) => message === "inside")
      assert.deepStrictEqual(line?.annotations, {
        correlationId: metadata.correlationId,
        adapter: "test",
        eventType: "test.noted",
        eventId: metadata.id
      })
    }).pipe(Effect.provide(layer), Effect.provide(collectLogs(lines)))
  })

  it.effect("a new subscription begins at the end of the log, or at its start when told", () =>
    Effect.gen(function* () {
      const first = yield* note("a", 1)
      const [atEnd, atStart] = [yield* Recorder.make(), yield* Recorder.make()]
      yield* subscribe(atEnd, { name: "at-end" })
      yield* subscribe(atStart, { name: "at-start", from: "start" })
      const second = yield* note("b", 2)
      yield* drained("at-end")
      yield* drained("at-start")
      assert.deepStrictEqual(atEnd.handled, [second])
      assert.deepStrictEqual(new Set(atStart.handled.map(idOf)), new Set([first, second].map(idOf)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses a second subscription of the same name until the first has ended", () =>
    Effect.gen(function* () {
      const recorder = yield* Recorder.make()
      const unsubscribe = yield* subscribeApart(recorder)
      const error = yield* Effect.flip(subscribe(recorder))
      assert.strictEqual(error._tag, "DuplicateSubscription")
      yield* unsubscribe
      yield* subscribe(recorder)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a defect is dead-lettered at once, and other subscriptions and events go on", () =>
    Effect.gen(function* () {
      const letters = yield* DeadLetters
      let attempts = 0
      yield* subscribe({
        handle: () =>
          Effect.sync(() => {
            if (++attempts === 1) throw new TypeError("a bug")
          })
      })
      const sound = yield* Recorder.make()
      yield* subscribe(sound, { name: "sound" })
      const bad = yield* note("a", 1)
      yield* note("a", 2)
      yield* drained()
      yield* drained("sound")
      assert.strictEqual(attempts, 2)
      assert.strictEqual(sound.handled.length, 2)
      const { data } = yield* letters.list({}, { page: 1, limit: 10 })
      assert.deepStrictEqual(
        data.map(({ adapterName, errorClass, errorMessage, eventId, retryCount }) => ({
          adapterName,
          errorClass,
          errorMessage,
          eventId,
          retryCount
        })),
        [{ adapterName: "test", errorClass: "Defect", errorMessage: "a bug", eventId: bad.metadata.id, retryCount: 0 }]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a handler that is interrupted has failed for the moment, and is tried again", () =>
    Effect.gen(function* () {
      const recorder = yield* Recorder.make((_, attempt) => (attempt === 1 ? Effect.interrupt : Effect.void))
      yield* subscribe(recorder)
      const event = yield* note("a")
      yield* drained()
      yield* TestClock.adjust("2 seconds")
      yield* recorder.succeeded(1)
      assert.deepStrictEqual(recorder.handled, [event])
    }).pipe(Effect.provide(layer))
  )

  it.effect("the end of a subscription waits for running handlers and stores the cursors", () =>
    Effect.gen(function* () {
      const delivery = yield* Delivery
      const log = yield* EventLog
      const release = yield* Deferred.make<void>()
      const recorder = yield* Recorder.make(() => Deferred.await(release))
      const unsubscribe = yield* subscribeApart(recorder, { concurrency: 1 })
      yield* note("a")
      yield* note("b")
      yield* recorder.attempted(1)
      const ending = yield* Effect.forkChild(unsubscribe)
      yield* Effect.yieldNow
      assert.isUndefined(ending.pollUnsafe())
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(ending)
      assert.strictEqual(recorder.handled.length, 1)
      assert.strictEqual(recorder.attempts.length, 1)
      const floor = yield* delivery.floor
      const left = yield* log.read({ after: floor, limit: 10 })
      assert.strictEqual(left.records.length, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a handler that does not end within the limit is interrupted, and its event comes again", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const hanging = yield* Recorder.make(() =>
        Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      )
      const unsubscribe = yield* subscribeApart(hanging)
      const event = yield* note("a")
      yield* hanging.attempted(1)
      const ending = yield* Effect.forkChild(unsubscribe)
      yield* TestClock.adjust("21 seconds")
      yield* Fiber.join(ending)
      assert.isTrue(yield* Deferred.isDone(interrupted))
      const recorder = yield* Recorder.make()
      yield* subscribe(recorder)
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [event])
    }).pipe(Effect.provide(layer))
  )

  it.effect("what was written while it was switched off and is too old is skipped; what waited otherwise is not", () =>
    Effect.gen(function* () {
      const delivery = yield* Delivery
      const recorder = yield* Recorder.make()
      const unsubscribe = yield* subscribeApart(recorder, { maxAgeMillis: 60_000 })
      yield* unsubscribe
      const waited = yield* note("a", 1)
      yield* delivery.suspend("test")
      yield* note("a", 2)
      yield* TestClock.adjust("2 minutes")
      const young = yield* note("a", 3)
      yield* TestClock.adjust("30 seconds")
      yield* subscribe(recorder, { maxAgeMillis: 60_000 })
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [waited, young])
      const status = yield* statusOf()
      assert.strictEqual(status.lag, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells its status", () =>
    Effect.gen(function* () {
      const recorder = yield* Recorder.make((event) =>
        JSON.stringify(event.payload).includes("bad") ? Effect.fail(rejected) : Effect.void
      )
      const unsubscribe = yield* subscribeApart(recorder)
      yield* note("good")
      yield* note("bad")
      yield* drained()
      const status = yield* statusOf()
      assert.deepStrictEqual(
        { ...status, consecutiveFailures: 0 },
        {
          name: "test",
          owner: true,
          lag: 0,
          parked: 0,
          dead: 1,
          lastSuccessAt: "1970-01-01T00:00:00.000Z",
          lastFailureAt: "1970-01-01T00:00:00.000Z",
          consecutiveFailures: 0
        }
      )
      yield* unsubscribe
      assert.deepInclude(yield* statusOf(), { owner: false, dead: 1, lastSuccessAt: null })
      assert.deepInclude(yield* statusOf("unknown"), { owner: false, lag: 0, parked: 0, dead: 0 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts what becomes of events", () =>
    Effect.gen(function* () {
      const counted = Effect.map(Metric.snapshot, (metrics) => {
        const ours = metrics.filter(
          ({ attributes, id }) => id === "event_deliveries_total" && attributes?.["adapter"] === "metered"
        )
        return ["delivered", "retry", "dead-lettered"].map((outcome) => {
          const state = ours.find(({ attributes }) => attributes?.["outcome"] === outcome)?.state
          return state !== undefined && "count" in state ? Number(state.count) : 0
        })
      })
      const before = yield* counted
      const recorder = yield* Recorder.make((event, attempt) =>
        JSON.stringify(event.payload).includes("bad")
          ? Effect.fail(rejected)
          : JSON.stringify(event.payload).includes("slow") && attempt === 1
            ? Effect.fail(transient)
            : Effect.void
      )
      const unsubscribe = yield* subscribeApart(recorder, { name: "metered" })
      yield* Effect.forEach(["good", "better", "bad", "slow"], (key) => note(key))
      yield* drained("metered")
      yield* TestClock.adjust("2 seconds")
      yield* recorder.succeeded(3)
      yield* drained("metered")
      yield* unsubscribe
      const after = yield* counted
      assert.deepStrictEqual(
        after.map((count, index) => count - (before[index] ?? 0)),
        [3, 1, 1]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a key that fails stops neither its cursor nor another key: what follows is parked behind it", () =>
    Effect.gen(function* () {
      const delivery = yield* Delivery
      const log = yield* EventLog
      const recorder = yield* Recorder.make((event, attempt) =>
        JSON.stringify(event.payload).includes("hot") && attempt < 3 ? Effect.fail(transient) : Effect.void
      )
      const unsubscribe = yield* subscribeApart(recorder)
      const hot = [yield* note("hot", 1), yield* note("hot", 2)]
      yield* drained()
      hot.push(yield* note("hot", 3))
      const other = yield* note("other")
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [other])
      assert.strictEqual((yield* statusOf()).parked, 3)
      yield* unsubscribe
      assert.deepStrictEqual(yield* delivery.floor, yield* log.tail)
      // They are found again, in order, with their attempts counted and their time kept.
      const after = yield* Recorder.make((event, attempt) =>
        idOf(event) === hot[0]?.metadata.id && attempt === 1 ? Effect.fail(transient) : Effect.void
      )
      yield* subscribe(after)
      yield* drained()
      assert.strictEqual(after.attempts.length, 0)
      yield* TestClock.adjust("1300 millis")
      yield* after.attempted(1)
      yield* drained()
      // The second attempt was the one that failed (after 0.8 to 1.2 s): the third comes 1.6 to 2.4 s later.
      yield* TestClock.adjust("1 second")
      assert.strictEqual(after.attempts.length, 1)
      yield* TestClock.adjust("1500 millis")
      yield* after.succeeded(3)
      assert.deepStrictEqual(after.handled, hot)
      yield* drained()
      assert.strictEqual((yield* statusOf()).parked, 0)
    }).pipe(Effect.provide(layer))
  )
})
