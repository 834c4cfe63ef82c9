import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { TestClock } from "effect/testing"
import { describeEvents } from "../../support/events/EventSystems.ts"
import * as Recorder from "../../support/events/Recorder.ts"
import { drained, note, statusOf, subscribe } from "../../support/events/Subscriptions.ts"

const lost = new SqlError({ reason: new ConnectionError({ cause: new Error("gone"), message: "gone" }) })

describeEvents("A handler that loses the database", (system) => {
  it.effect("is run again until it has one: no retry is used up, nothing is dead", () =>
    Effect.gen(function* () {
      let attempts = 0
      const recorder = yield* Recorder.make(() => (++attempts <= 20 ? Effect.die(lost) : Effect.void))
      yield* subscribe(recorder)
      const event = yield* note("a", 1)
      while (attempts <= 20) yield* TestClock.adjust("5 seconds")
      yield* drained()
      assert.deepStrictEqual(recorder.handled, [event])
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 0, lag: 0, consecutiveFailures: 0 })
    }).pipe(Effect.provide(system))
  )

  it.effect("and has a bug of its own is dead-lettered all the same", () =>
    Effect.gen(function* () {
      let attempts = 0
      const recorder = yield* Recorder.make(() => Effect.die(++attempts === 1 ? lost : new Error("bug")))
      yield* subscribe(recorder)
      yield* note("a", 1)
      while (attempts < 2) yield* TestClock.adjust("5 seconds")
      yield* drained()
      assert.deepInclude(yield* statusOf(), { parked: 0, dead: 1 })
    }).pipe(Effect.provide(system))
  )
})
