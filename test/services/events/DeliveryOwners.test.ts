/** Several hubs on one database. Times are real where processes are: each hub has connections of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { DeliveryStore } from "../../../src/services/events/DeliveryStore.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import { hasServer, serverIn } from "../../support/Databases.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { Noted, rejected } from "../../support/events/Samples.ts"
import { subscriptionOf } from "../../support/events/Subscriptions.ts"

/** A schema for the test, dropped afterwards. */
const schema = Effect.gen(function* () {
  const name = `hub_test_${randomUUID().replaceAll("-", "")}`
  const context = yield* Layer.build(Layer.fresh(serverIn(name)))
  const sql = Context.get(context, SqlClient.SqlClient)
  yield* Effect.addFinalizer(() => Effect.orDie(sql`drop schema ${sql(name)} cascade`))
  return name
})

/** A process of the hub: layers and connections of its own. `freeze` lets no write through any more, as if it slept. */
const hub = Effect.fnUntraced(function* (name: string) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const frozen = yield* Deferred.make<void>()
  const thaw = yield* Deferred.make<void>()
  const held = <A>(effect: Effect.Effect<A>) =>
    Effect.flatMap(Deferred.isDone(frozen), (isFrozen) =>
      isFrozen ? Effect.andThen(Deferred.await(thaw), effect) : effect
    )
  const sleepy = Layer.effect(
    DeliveryStore,
    Effect.map(DeliveryStore, (store) =>
      DeliveryStore.of({
        ...store,
        renew: (...args) => held(store.renew(...args)),
        moveCursors: (...args) => held(store.moveCursors(...args)),
        park: (...args) => held(store.park(...args)),
        unpark: (...args) => held(store.unpark(...args)),
        bury: (...args) => held(store.bury(...args)),
        release: (...args) => held(store.release(...args))
      })
    )
  ).pipe(Layer.provide(DeliveryStore.layerSql))
  const services = Layer.mergeAll(EventBus.layer, Delivery.layer, DeadLetters.layer).pipe(
    Layer.provideMerge(Layer.mergeAll(EventLog.layerSql, sleepy)),
    Layer.provide(serverIn(name))
  )
  const context = yield* Scope.provide(Effect.orDie(Layer.build(Layer.fresh(services))), scope)
  return {
    bus: Context.get(context, EventBus),
    delivery: Context.get(context, Delivery),
    letters: Context.get(context, DeadLetters),
    subscribe: (...args: Parameters<typeof subscriptionOf>) =>
      Scope.provide(Effect.orDie(Context.get(context, Delivery).subscribe(subscriptionOf(...args))), scope),
    close: Scope.close(scope, Exit.void),
    freeze: Deferred.succeed(frozen, undefined),
    thaw: Deferred.succeed(thaw, undefined)
  }
})

/**
 * Moves the clock on in steps of a second until it is so. Gives the seconds it took. Taking over is a chain of some ten
 * statements; a second is not over before more round trips than that were made, so that virtual time cannot outrun it.
 */
const secondsUntil = (delivery: Delivery["Service"], reached: () => boolean) =>
  Effect.gen(function* () {
    for (let seconds = 0; ; seconds++) {
      for (let roundTrip = 0; roundTrip < 30; roundTrip++) {
        yield* delivery.status("test")
        if (reached()) return seconds
      }
      yield* TestClock.adjust("1 second")
    }
  })

const isOwner = (delivery: Delivery["Service"]) => Effect.map(delivery.status("test"), ({ owner }) => owner)

describe.skipIf(!hasServer)("Delivery of several hubs on one database", () => {
  it.effect("one handles, the other stands by and takes over when it ends", () =>
    Effect.gen(function* () {
      const name = yield* schema
      const [first, second] = [yield* hub(name), yield* hub(name)]
      const [ofFirst, ofSecond] = [yield* Recorder.make(), yield* Recorder.make()]
      yield* first.subscribe(ofFirst)
      while (!(yield* isOwner(first.delivery)));
      yield* second.subscribe(ofSecond)
      const events = yield* Effect.forEach([1, 2, 3], (value) => second.bus.publish(Noted, { key: "a", value }))
      yield* ofFirst.succeeded(3)
      yield* first.delivery.drained("test")
      yield* first.close
      const next = yield* first.bus.publish(Noted, { key: "a", value: 4 }).pipe(Effect.exit)
      assert.isTrue(Exit.isFailure(next))
      const last = yield* second.bus.publish(Noted, { key: "a", value: 5 })
      const seconds = yield* secondsUntil(second.delivery, () => ofSecond.handled.length === 1)
      assert.isAtMost(seconds, 4)
      assert.deepStrictEqual(ofFirst.handled, events)
      assert.deepStrictEqual(ofSecond.handled, [last])
    }).pipe(Effect.scoped)
  )

  it.effect("AC-EVT-009 one falls asleep: the other takes over within 15 s, and the sleeper changes nothing", () =>
    Effect.gen(function* () {
      const name = yield* schema
      const [first, second] = [yield* hub(name), yield* hub(name)]
      const release = yield* Deferred.make<void>()
      const ofFirst = yield* Recorder.make((event) =>
        JSON.stringify(event.payload).includes("stuck")
          ? Effect.andThen(Deferred.await(release), Effect.fail(rejected))
          : Effect.void
      )
      const ofSecond = yield* Recorder.make()
      yield* first.subscribe(ofFirst)
      while (!(yield* isOwner(first.delivery)));
      yield* second.subscribe(ofSecond)
      yield* first.bus.publish(Noted, { key: "a", value: 1 })
      yield* ofFirst.succeeded(1)
      yield* first.delivery.drained("test")
      yield* TestClock.adjust("1 second")
      const stuck = yield* first.bus.publish(Noted, { key: "stuck", value: 2 })
      yield* ofFirst.attempted(2)
      yield* first.freeze
      const seconds = yield* secondsUntil(second.delivery, () => ofSecond.handled.length > 0)
      assert.isAtMost(seconds, 15)
      // It wakes up: its handler ends and would bury the event, its cursors would move.
      yield* first.thaw
      yield* Deferred.succeed(release, undefined)
      yield* second.delivery.drained("test")
      while (yield* isOwner(first.delivery)) yield* TestClock.adjust("1 second")
      assert.isTrue(yield* isOwner(second.delivery))
      assert.deepStrictEqual(ofSecond.handled.at(-1), stuck)
      assert.strictEqual((yield* second.letters.list({}, { page: 1, limit: 1 })).total, 0)
      const after = yield* second.bus.publish(Noted, { key: "b", value: 3 })
      yield* second.delivery.drained("test")
      assert.deepStrictEqual(ofSecond.handled.at(-1), after)
    }).pipe(Effect.scoped)
  )

  it.effect("an owner that can show no sign of life gives up and stops its handlers before another takes over", () =>
    Effect.gen(function* () {
      const name = yield* schema
      const first = yield* hub(name)
      const interrupted = yield* Deferred.make<void>()
      const recorder = yield* Recorder.make(() =>
        Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      )
      yield* first.subscribe(recorder)
      yield* first.bus.publish(Noted, { key: "a", value: 1 })
      yield* recorder.attempted(1)
      const sql = yield* Effect.map(Layer.build(Layer.fresh(serverIn(name))), Context.get(SqlClient.SqlClient))
      // The sign of life fails as it does when the database is gone.
      yield* sql`alter table event_subscriptions rename column beat to away`
      for (let second = 0; second < 12; second++) {
        yield* TestClock.adjust("1 second")
        yield* sql`select 1`
      }
      yield* Deferred.await(interrupted)
      yield* sql`alter table event_subscriptions rename column away to beat`
    }).pipe(Effect.scoped)
  )

  it.effect("a replay asked for at one hub is run by the other, which owns the subscription", () =>
    Effect.gen(function* () {
      const name = yield* schema
      const [first, second] = [yield* hub(name), yield* hub(name)]
      const recorder = yield* Recorder.make((_, attempt) => (attempt === 1 ? Effect.fail(rejected) : Effect.void))
      yield* first.subscribe(recorder)
      yield* first.bus.publish(Noted, { key: "a", value: 1 })
      yield* first.delivery.drained("test")
      const { data } = yield* second.letters.list({}, { page: 1, limit: 1 })
      const replay = yield* Effect.forkChild(second.letters.replay(data[0]?.id ?? ""))
      // The notification crosses over by itself; the outcome is seen when the asking hub looks again.
      yield* recorder.succeeded(1)
      yield* first.delivery.drained("test")
      while (replay.pollUnsafe() === undefined) {
        yield* TestClock.adjust("1 second")
        yield* first.delivery.status("test")
      }
      const outcome = yield* Fiber.join(replay)
      assert(outcome._tag === "Some")
      assert.strictEqual(outcome.value.status, "replayed")
    }).pipe(Effect.scoped)
  )

  it.effect("an event published at one hub reaches the other by notification, not by polling", () =>
    Effect.gen(function* () {
      const name = yield* schema
      const [first, second] = [yield* hub(name), yield* hub(name)]
      const recorder = yield* Recorder.make()
      yield* first.subscribe(recorder)
      while (!(yield* isOwner(first.delivery)));
      const event = yield* second.bus.publish(Noted, { key: "a", value: 1 })
      yield* recorder.succeeded(1)
      assert.deepStrictEqual(recorder.handled, [event])
    }).pipe(Effect.scoped)
  )
})
