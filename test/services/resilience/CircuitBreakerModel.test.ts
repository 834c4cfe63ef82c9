/** The breaker against `NaiveBreaker`: random settings, random commands, compared after every command. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Scheduler, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Rejected, Transient } from "../../../src/domain/IntegrationError.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import type { CircuitSettings } from "../../../src/services/resilience/CircuitSettings.ts"
import { NaiveBreaker } from "./NaiveBreaker.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** `call` picks one of the calls that are running. */
const Start = Schema.Struct({ does: Schema.Literal("start"), callers: between(1, 4) })
const End = Schema.Struct({
  does: Schema.Literal("end"),
  how: Schema.Literals(["success", "refusal", "failure", "defect", "interrupt"]),
  call: between(0, 50)
})
const Call = Schema.Struct({
  does: Schema.Literal("call"),
  how: Schema.Literals(["success", "failure"]),
  times: between(1, 5)
})
const Wait = Schema.Struct({
  does: Schema.Literal("wait"),
  millis: Schema.Literals([0, 1, 7, 20, 41, 50, 99, 100, 101, 150])
})
/** Rare: the order is given when the dice show 7. */
const Order = Schema.Struct({
  does: Schema.Literal("order"),
  what: Schema.Literals(["forceOpen", "forceClosed", "reset"]),
  dice: between(0, 9)
})
const Command = Schema.Union([Start, End, Call, Wait, Order])
type Command = typeof Command.Type
const Commands = Schema.Array(Command).check(Schema.isMinLength(30), Schema.isMaxLength(80))

const Rates = Schema.Struct({
  window: Schema.Literals(["calls", "duration"]),
  size: between(1, 12),
  minimumCalls: between(1, 12),
  failureRate: Schema.NullOr(Schema.Literals([0.01, 0.5, 0.75, 1])),
  slowRate: Schema.NullOr(Schema.Literals([0.3, 1]))
})

const Settings = Schema.Struct({
  failures: Schema.Literals([1, 2, 3, 5, 1000]),
  rates: Schema.NullOr(Rates),
  halfOpenTrials: between(1, 3),
  halfOpenLimit: Schema.Literals([50, 100, 500])
})

const toSettings = ({ failures, halfOpenLimit, halfOpenTrials, rates }: typeof Settings.Type): CircuitSettings => ({
  failures,
  ...(rates === null
    ? {}
    : {
        rates: {
          window: rates.window === "calls" ? { calls: rates.size } : { duration: Duration.millis(rates.size * 20) },
          minimumCalls: rates.window === "calls" ? Math.min(rates.minimumCalls, rates.size) : rates.minimumCalls,
          ...(rates.failureRate === null ? {} : { failureRate: rates.failureRate }),
          ...(rates.slowRate === null ? {} : { slowCalls: { rate: rates.slowRate, slowerThan: Duration.millis(40) } })
        }
      }),
  openFor: Duration.millis(100),
  halfOpenTrials,
  halfOpenLimit: Duration.millis(halfOpenLimit)
})

const down = new Transient({ adapter: "b", operation: "op", message: "down" })
const refused = new Rejected({ adapter: "b", operation: "op", message: "no" })
const exits = {
  success: Exit.void,
  refusal: Exit.fail(refused),
  failure: Exit.fail(down),
  defect: Exit.die("bug"),
  interrupt: Exit.interrupt()
} as const
const outcomes = {
  success: "success",
  refusal: "success",
  failure: "failure",
  defect: "ignored",
  interrupt: "ignored"
} as const

/** A fiber gives way after `opsBeforeYield` operations. */
const run = Effect.fnUntraced(function* (
  settings: CircuitSettings,
  commands: ReadonlyArray<Command>,
  opsBeforeYield: number
) {
  const breaker = yield* CircuitBreaker.make({ name: "b", settings })
  const model = new NaiveBreaker(settings)
  const history: Array<string> = []
  yield* breaker.transitions.pipe(
    Stream.runForEach(({ at, from, reason, to }) => Effect.sync(() => history.push(`${from} ${to} ${at} ${reason}`))),
    Effect.forkScoped({ startImmediately: true })
  )
  let nextId = 0
  let running: ReadonlyArray<{
    readonly id: number
    readonly fiber: Fiber.Fiber<void, unknown>
    readonly answer: Deferred.Deferred<void, Transient | Rejected>
  }> = []

  const start = Effect.gen(function* () {
    const id = nextId++
    const answer = yield* Deferred.make<void, Transient | Rejected>()
    const began = yield* Deferred.make<boolean>()
    const call = Effect.andThen(Deferred.succeed(began, true), Deferred.await(answer))
    const fiber = yield* Effect.forkChild(Effect.onExit(breaker.protect(call), () => Deferred.succeed(began, false)))
    const admitted = yield* Deferred.await(began)
    assert.strictEqual(admitted, model.start(id, yield* Clock.currentTimeMillis), "admitted")
    if (admitted) running = [...running, { id, fiber, answer }]
    return admitted
  })

  const end = Effect.fnUntraced(function* (how: keyof typeof exits, index: number) {
    const call = running[index]
    if (call === undefined) return
    running = running.filter((other) => other !== call)
    if (how === "interrupt") yield* Fiber.interrupt(call.fiber)
    else {
      yield* Deferred.done(call.answer, exits[how])
      yield* Fiber.await(call.fiber)
    }
    model.end(call.id, outcomes[how], yield* Clock.currentTimeMillis)
  })

  yield* Effect.gen(function* () {
    for (const command of commands) {
      switch (command.does) {
        case "start":
          yield* Effect.replicateEffect(start, command.callers)
          break
        case "end":
          yield* end(command.how, running.length === 0 ? 0 : command.call % running.length)
          break
        case "call":
          for (let time = 0; time < command.times; time++) {
            if (yield* start) yield* end(command.how, running.length - 1)
          }
          break
        case "wait":
          yield* TestClock.adjust(command.millis)
          break
        case "order":
          if (command.dice !== 7) break
          yield* breaker[command.what]
          model[command.what](yield* Clock.currentTimeMillis)
          break
      }
      const now = yield* Clock.currentTimeMillis
      model.look(now)
      assert.deepStrictEqual(yield* breaker.snapshot, {
        name: "b",
        state: model.state,
        generation: model.period,
        consecutiveFailures: model.consecutiveFailures,
        openUntil: model.openUntil,
        retryAt: model.retryAt(now),
        hold: model.hold,
        lastTransitionAt: model.changedAt
      })
      assert.strictEqual(yield* breaker.canAdmit, model.retryAt(now) === now)
    }
  }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, opsBeforeYield))
  yield* Effect.yieldNow.pipe(Effect.repeat({ times: 100, until: () => history.length >= model.history.length }))
  assert.deepStrictEqual(history, model.history)
  yield* Effect.forEach(running, ({ fiber }) => Fiber.interrupt(fiber))
})

describe("CircuitBreaker against a naive model", () => {
  it.effect.prop(
    "does what the model does, command by command",
    [Settings, Commands],
    ([settings, commands]) => run(toSettings(settings), commands, 2048),
    { timeout: 60_000, arbitrary: { runs: 1500 } }
  )

  it.effect.prop(
    "also when fibers give way in the middle of everything",
    [Settings, Commands, between(3, 9)],
    ([settings, commands, opsBeforeYield]) => run(toSettings(settings), commands, opsBeforeYield),
    { timeout: 60_000, arbitrary: { runs: 300 } }
  )
})
