/**
 * Whatever handlers answer, whenever the process restarts or crashes and the storage fails: every event is handled or
 * dead-lettered, none is lost, and no event of a key is attempted before those that precede it are settled.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scheduler, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Event } from "../../../src/domain/events/Event.ts"
import { makeEventId } from "../../../src/domain/Ids.ts"
import type { IntegrationError } from "../../../src/domain/IntegrationError.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { DeliverySettings } from "../../../src/services/events/DeliverySettings.ts"
import { DeliveryStore } from "../../../src/services/events/DeliveryStore.ts"
import * as Events from "../../../src/services/events/Events.ts"
import type { EventBus } from "../../../src/services/events/EventBus.ts"
import type { EventLog } from "../../../src/services/events/EventLog.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { embedded, hasServer, server } from "../../support/Databases.ts"
import * as FaultyStorage from "../../support/events/FaultyStorage.ts"
import { ambiguous, circuitOpen, rateLimited, rejected, retryAfter, transient } from "../../support/events/Samples.ts"
import { note, subscriptionOf } from "../../support/events/Subscriptions.ts"

const Answer = Schema.Literals([
  "ok",
  "slow",
  "transient",
  "ambiguous",
  "rejected",
  "rate-limited",
  "retry-after",
  "circuit-open",
  "defect",
  "interrupt"
])

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** What happens, one after the other. */
const Step = Schema.Union([
  /** Publishes events of some keys; their first attempts are answered as listed, later ones with success. */
  Schema.Struct({
    do: Schema.Literal("publish"),
    events: Schema.Array(
      Schema.Struct({
        key: between(0, 3),
        answers: Schema.Array(Answer).check(Schema.isMinLength(1), Schema.isMaxLength(5))
      })
    ).check(Schema.isMinLength(1), Schema.isMaxLength(8))
  }),
  Schema.Struct({ do: Schema.Literal("wait"), millis: between(0, 5000) }),
  Schema.Struct({ do: Schema.Literal("restart") }),
  Schema.Struct({ do: Schema.Literal("crash") }),
  /** The storage fails every so many operations, with or without doing them, for the next steps. */
  Schema.Struct({ do: Schema.Literal("fail"), every: between(2, 6), answerLost: Schema.Boolean }),
  Schema.Struct({ do: Schema.Literal("mend") }),
  Schema.Struct({ do: Schema.Literal("replay") })
])
type Step = typeof Step.Type
const Steps = Schema.Array(Step).check(Schema.isMinLength(5), Schema.isMaxLength(40))

const answerOf = (answer: typeof Answer.Type): Effect.Effect<void, IntegrationError> => {
  switch (answer) {
    case "ok":
      return Effect.void
    case "slow":
      return Effect.sleep(700)
    case "transient":
      return Effect.fail(transient)
    case "ambiguous":
      return Effect.fail(ambiguous)
    case "rejected":
      return Effect.fail(rejected)
    case "rate-limited":
      return Effect.fail(rateLimited(null))
    case "retry-after":
      return Effect.fail(retryAfter(1500))
    case "circuit-open":
      return Effect.fail(circuitOpen(null))
    case "defect":
      return Effect.die("a bug")
    case "interrupt":
      return Effect.interrupt
  }
}

const run = (steps: ReadonlyArray<Step>, opsBeforeYield: number) =>
  Effect.gen(function* () {
    const store = yield* DeliveryStore
    const faults = FaultyStorage.make()
    const answers = new Map<string, Array<typeof Answer.Type>>()
    const published: Array<{ readonly id: string; readonly key: string }> = []
    const settled = new Set<string>()
    const attempted = new Set<string>()
    const running = new Set<string>()
    const wrong: Array<string> = []

    const handle = ({ metadata: { id } }: Event) => {
      const place = published.findIndex((entry) => entry.id === id)
      const key = published[place]?.key ?? ""
      const begin = Effect.sync(() => {
        if (running.has(key)) wrong.push(`${id} runs beside another of its key`)
        const earlier = published.slice(0, place).filter((entry) => entry.key === key && !settled.has(entry.id))
        for (const entry of earlier) wrong.push(`${id} comes before ${entry.id}`)
        running.add(key)
        attempted.add(id)
        return answers.get(id)?.shift() ?? "ok"
      })
      return Effect.acquireUseRelease(begin, answerOf, (_, exit) =>
        Effect.sync(() => {
          running.delete(key)
          if (Exit.isSuccess(exit)) settled.add(id)
        })
      )
    }

    /** A dead letter settles its event too, also when whoever wrote it does not live to hear so. */
    const witness = Layer.succeed(
      DeliveryStore,
      DeliveryStore.of({
        ...store,
        bury: (name, epoch, dead) =>
          Effect.uninterruptible(
            Effect.map(store.bury(name, epoch, dead), (written) => {
              if (written) settled.add(dead.record.id)
              return written
            })
          )
      })
    )
    const breaker = yield* CircuitBreaker.make({ name: "test", settings: CircuitSettings.mes })
    const process = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(
        Layer.build(Layer.fresh(FaultyStorage.processOver(faults).pipe(Layer.provide(witness)))),
        scope
      )
      const use = Effect.provideContext(context)
      yield* Scope.provide(
        use(
          Effect.flatMap(Delivery, (delivery) =>
            delivery.subscribe(subscriptionOf({ handle }, { breaker, concurrency: 3 }))
          )
        ),
        scope
      )
      return { scope, use }
    })
    const end = ({ scope }: { readonly scope: Scope.Closeable }) =>
      Effect.gen(function* () {
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        while (closing.pollUnsafe() === undefined) {
          yield* TestClock.adjust("1 second")
          yield* store.counts("test")
        }
        yield* Fiber.join(closing)
      })

    let hub = yield* process
    for (const step of steps) {
      switch (step.do) {
        case "publish":
          for (const { answers: given, key } of step.events) {
            const id = yield* makeEventId
            published.push({ id, key: `k${key}` })
            answers.set(id, [...given])
            yield* note(`k${key}`, 0, { id })
          }
          break
        case "wait":
          yield* TestClock.adjust(step.millis)
          yield* store.counts("test")
          break
        case "restart":
          faults.before = faults.after = () => false
          yield* end(hub)
          hub = yield* process
          break
        case "crash":
          // From now on nothing that the process does is stored; what it had in hand is gone.
          faults.before = () => true
          yield* end(hub)
          faults.before = faults.after = () => false
          hub = yield* process
          break
        case "fail": {
          let operations = 0
          const failing = () => ++operations % step.every === 0
          faults.before = step.answerLost ? () => false : failing
          faults.after = step.answerLost ? failing : () => false
          break
        }
        case "mend":
          faults.before = faults.after = () => false
          break
        case "replay":
          yield* hub.use(Effect.flatMap(DeadLetters, (letters) => letters.replayAll({})))
          break
      }
    }
    faults.before = faults.after = () => false
    const letters = Effect.flatMap(DeadLetters, ({ list }) => list({}, { page: 1, limit: 100 })).pipe(hub.use)
    const status = Effect.flatMap(Delivery, (delivery) => delivery.status("test")).pipe(hub.use)
    for (let minute = 0; minute < 400; minute++) {
      const { lag, owner, parked } = yield* status
      if (owner && lag === 0 && parked === 0) break
      yield* TestClock.adjust("30 seconds")
    }
    yield* end(hub)

    assert.deepStrictEqual(wrong, [])
    const dead = (yield* letters).data
    for (const { id } of published) {
      assert.isTrue(attempted.has(id), `${id} was never attempted`)
      assert.isTrue(settled.has(id), `${id} was not settled`)
    }
    const pendingIds = dead.filter(({ status }) => status === "pending").map(({ eventId }) => eventId)
    assert.strictEqual(new Set(pendingIds).size, pendingIds.length)
    assert.deepInclude(yield* store.counts("test"), { parked: 0, dead: pendingIds.length })
  }).pipe(
    Effect.scoped,
    Effect.provideService(DeliverySettings, {
      leaseMillis: 10_000,
      renewMillis: 3000,
      standbyMillis: 500,
      cursorMillis: 200,
      pollMillis: 5000,
      shutdownMillis: 2000,
      healthMillis: 1000
    }),
    Effect.provideService(Scheduler.MaxOpsBeforeYield, opsBeforeYield)
  )

const storageOf = (events: Layer.Layer<EventBus | EventLog | DeliveryStore>) => Layer.fresh(events)

describe("Delivery", () => {
  it.effect.prop(
    "AC-EVT-007 loses no event and keeps the order per key, whatever fails or crashes (memory)",
    [Steps, between(3, 2048)],
    ([steps, ops]) => run(steps, ops).pipe(Effect.provide(storageOf(FaultyStorage.storage))),
    { timeout: 120_000, arbitrary: { runs: 600 } }
  )

  it.effect.prop(
    "AC-EVT-007 loses no event and keeps the order per key, whatever fails or crashes (embedded PostgreSQL)",
    [Steps],
    ([steps]) =>
      run(steps, 2048).pipe(Effect.provide(Layer.orDie(Events.layerSql).pipe(Layer.provide(embedded), storageOf))),
    { timeout: 120_000, arbitrary: { runs: 10 } }
  )

  if (hasServer) {
    it.effect.prop(
      "AC-EVT-007 loses no event and keeps the order per key, whatever fails or crashes (PostgreSQL server)",
      [Steps],
      ([steps]) =>
        run(steps, 2048).pipe(Effect.provide(Layer.orDie(Events.layerSql).pipe(Layer.provide(server), storageOf))),
      { timeout: 120_000, arbitrary: { runs: 15 } }
    )
  }
})
