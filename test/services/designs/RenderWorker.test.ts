/** How the worker ends: what runs is finished, in the time that it is given. */
import { assert, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Layer, Ref, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as RenderWorker from "../../../src/services/designs/RenderWorker.ts"
import { DeliverySettings } from "../../../src/services/events/DeliverySettings.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { designRender } from "../../../src/services/resilience/RetryPolicy.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as DesignDesk from "../../support/DesignDesk.ts"

/** A running worker whose attempts are these. `stop` ends it. */
const start = Effect.fnUntraced(function* (attempt: RenderWorker.RenderWorkerOptions["attempt"]) {
  const worker = yield* RenderWorker.make({
    adapter: "edicus",
    mode: "sandbox",
    breaker: yield* CircuitBreaker.make({ name: "edicus", settings: CircuitSettings.edicus }),
    attempt,
    healthCheck: Effect.succeed(true),
    retry: designRender,
    deadline: Duration.minutes(30),
    leaseMillis: 20_000
  })
  const scope = yield* Scope.make()
  yield* Scope.provide(worker.start, scope)
  return { worker, stop: Scope.close(scope, Exit.void) }
})

describeDatabases("RenderWorker", (database) => {
  const layer = DesignDesk.core.pipe(
    Layer.provideMerge(EventBus.layer),
    Layer.provideMerge(EventLog.layerSql),
    Layer.provideMerge(database)
  )
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  const ask = (edicusProjectId: string) =>
    Effect.flatMap(DesignDesk.design({ edicusProjectId }), (designId) => DesignDesk.render({ designId }))

  test(
    "AC-NFR-005 its end waits for the attempts that run, and begins no more",
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const made = yield* Ref.make(0)
      const { stop, worker } = yield* start(() =>
        Ref.update(made, (n) => n + 1).pipe(
          Effect.andThen(Deferred.succeed(arrived, undefined)),
          Effect.andThen(Effect.sleep("10 seconds")),
          Effect.as({ _tag: "Rendered", url: "https://files.example.com/1.pdf" } as const)
        )
      )
      const first = yield* ask("p-1")
      yield* Deferred.await(arrived)
      const stopping = yield* Effect.forkChild(stop)
      yield* DesignDesk.turn
      const second = yield* ask("p-2")
      yield* DesignDesk.turn
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(stopping)
      assert.strictEqual((yield* DesignDesk.get(first)).status, "completed")
      assert.strictEqual((yield* DesignDesk.get(second)).status, "queued")
      assert.strictEqual(yield* Ref.get(made), 1)
      assert.deepStrictEqual(yield* worker.activity, {
        lastSuccessAt: "1970-01-01T00:00:10.000Z",
        lastFailureAt: null,
        consecutiveFailures: 0
      })
    })
  )

  test(
    "AC-NFR-005 an attempt that outlasts the shutdown limit is interrupted, and its job is free at once",
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const { stop } = yield* start(() => Effect.andThen(Deferred.succeed(arrived, undefined), Effect.never))
      const id = yield* ask("p-1")
      yield* Deferred.await(arrived)
      const stopping = yield* Effect.forkChild(stop)
      yield* DesignDesk.turn
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(stopping)
      assert.strictEqual((yield* DesignDesk.state).leased, 0)
      const next = yield* start(() => Effect.succeed({ _tag: "Failed", reason: "no" }))
      yield* DesignDesk.until(Effect.map(DesignDesk.get(id), (job) => job.status === "failed"))
      assert.strictEqual(yield* Clock.currentTimeMillis, 5000)
      yield* next.stop
    }).pipe(Effect.provideService(DeliverySettings, { ...DeliverySettings.defaultValue(), shutdownMillis: 5000 }))
  )

  test(
    "a bug in an attempt ends its job and no other",
    Effect.gen(function* () {
      const { stop } = yield* start((job) =>
        job.projectId === "p-1" ? Effect.die(new Error("bug")) : Effect.succeed({ _tag: "Rendered", url: "https://x" })
      )
      const [bad, good] = [yield* ask("p-1"), yield* ask("p-2")]
      yield* DesignDesk.quiet
      assert.deepInclude(yield* DesignDesk.get(bad), { status: "failed", error: "a defect on the hub's side" })
      assert.strictEqual((yield* DesignDesk.get(good)).status, "completed")
      yield* stop
    })
  )

  test(
    "attempts run side by side, eight at most",
    Effect.gen(function* () {
      const most = yield* Ref.make({ now: 0, most: 0 })
      const { stop } = yield* start(() =>
        Effect.acquireUseRelease(
          Ref.update(most, ({ now, most }) => ({ now: now + 1, most: Math.max(most, now + 1) })),
          () => Effect.sleep("1 second"),
          () => Ref.update(most, ({ most, now }) => ({ now: now - 1, most }))
        ).pipe(Effect.as({ _tag: "Rendered", url: "https://x" } as const))
      )
      const ids = yield* Effect.forEach(Array.from({ length: 20 }), (_, index) => ask(`p-${index}`))
      yield* DesignDesk.pass(
        Effect.map(Effect.forEach(ids, DesignDesk.get), (jobs) => jobs.every((job) => job.status === "completed"))
      )
      assert.strictEqual((yield* Ref.get(most)).most, 8)
      yield* stop
    })
  )
})
