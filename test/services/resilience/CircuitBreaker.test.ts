import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Latch, Ref, Scheduler, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Ambiguous,
  CircuitOpen,
  Invalid,
  RateLimited,
  Rejected,
  Transient,
  Unauthorized
} from "../../../src/domain/IntegrationError.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"

const base = { adapter: "mes", operation: "POST /dispatch", message: "test" }
const down = Effect.fail(new Transient(base))
const up = Effect.succeed("answer")

const make = (settings: CircuitSettings.CircuitSettings = CircuitSettings.mes) =>
  CircuitBreaker.make({ name: "mes", settings })

const fail = (breaker: CircuitBreaker.CircuitBreaker, times: number) =>
  Effect.replicateEffect(Effect.exit(breaker.protect(down)), times, { discard: true })

/** A breaker that has tripped, at the moment its open period ends. */
const atTheEndOfOpen = Effect.fnUntraced(function* (settings: CircuitSettings.CircuitSettings = CircuitSettings.mes) {
  const breaker = yield* make(settings)
  yield* fail(breaker, settings.failures ?? 0)
  yield* TestClock.adjust(settings.openFor)
  return breaker
})

const stateOf = (breaker: CircuitBreaker.CircuitBreaker) => Effect.map(breaker.snapshot, ({ state }) => state)

const isRefused = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error instanceof CircuitOpen)

/** Runs, says so, and answers when told. */
const hanging = Effect.gen(function* () {
  const began = yield* Latch.make()
  const answer = yield* Deferred.make<string, Transient>()
  return { began, answer, call: Effect.andThen(began.open, Deferred.await(answer)) }
})

/** Collects what the stream says, from now; what it gives is asked for at the end. */
const follow = Effect.fnUntraced(function* (breaker: CircuitBreaker.CircuitBreaker) {
  const seen: Array<CircuitBreaker.Transition> = []
  yield* breaker.transitions.pipe(
    Stream.runForEach((transition) => Effect.sync(() => seen.push(transition))),
    Effect.forkScoped({ startImmediately: true })
  )
  const collected = Effect.map(Effect.replicateEffect(Effect.yieldNow, 5), () => seen)
  return { collected }
})

describe("opening", () => {
  it.effect("AC-ERR-003 five failures in a row open; then calls fail at once and touch nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const calls = yield* Ref.make(0)
      const call = breaker.protect(
        Effect.andThen(
          Ref.update(calls, (n) => n + 1),
          down
        )
      )
      for (let attempt = 1; attempt <= 5; attempt++) {
        assert.strictEqual(yield* stateOf(breaker), "CLOSED")
        assert.strictEqual((yield* Effect.flip(call))._tag, "Transient")
      }
      assert.strictEqual(yield* stateOf(breaker), "OPEN")

      const refusal = yield* Effect.flip(call)
      assert.strictEqual(yield* Ref.get(calls), 5)
      assert.deepStrictEqual(refusal._tag === "CircuitOpen" && [refusal.adapter, refusal.until, refusal.message], [
        "mes",
        60_000,
        "the circuit of mes is open"
      ])
    })
  )

  it.effect("AC-ERR-003 four failures and a success start the count anew", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      for (let round = 0; round < 3; round++) {
        yield* fail(breaker, 4)
        yield* breaker.protect(up)
      }
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )

  it.effect("AC-ERR-005 Edicus opens after three failures, for 30 seconds", () =>
    Effect.gen(function* () {
      const breaker = yield* make(CircuitSettings.edicus)
      yield* fail(breaker, 2)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* fail(breaker, 1)
      assert.strictEqual((yield* breaker.snapshot).openUntil, 30_000)
      yield* TestClock.adjust("29999 millis")
      assert.isTrue(isRefused(yield* Effect.exit(breaker.protect(up))))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* breaker.protect(up), "answer")
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )

  it.effect(
    "AC-ERR-003 fifty concurrent callers at the trip: it opens once, and their later answers change nothing",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const { collected } = yield* follow(breaker)
        const calls = yield* Effect.replicateEffect(hanging, 50)
        const fibers = yield* Effect.forEach(calls, ({ call }) => Effect.forkChild(breaker.protect(call)))
        yield* Effect.forEach(calls, ({ began }) => began.await)

        yield* Effect.forEach(calls.slice(0, 25), ({ answer }) => Deferred.fail(answer, new Transient(base)))
        yield* Effect.forEach(fibers.slice(0, 25), Fiber.await)
        const opened = yield* breaker.snapshot
        assert.deepInclude(opened, { state: "OPEN", generation: 1, consecutiveFailures: 5, openUntil: 60_000 })

        yield* Effect.forEach(calls.slice(25, 40), ({ answer }) => Deferred.succeed(answer, "late"))
        yield* Effect.forEach(calls.slice(40), ({ answer }) => Deferred.fail(answer, new Transient(base)))
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 15)
        assert.deepStrictEqual(yield* breaker.snapshot, opened)
        assert.deepStrictEqual(
          (yield* collected).map(({ reason }) => reason),
          ["consecutive-failures"]
        )
      })
  )

  it.effect("opens by failure rate over the last calls, once there are enough", () =>
    Effect.gen(function* () {
      const breaker = yield* make(
        CircuitSettings.CircuitSettings.make({
          rates: { window: { calls: 10 }, minimumCalls: 6, failureRate: 0.5 },
          openFor: Duration.seconds(10)
        })
      )
      for (let pair = 0; pair < 2; pair++) {
        yield* breaker.protect(up)
        yield* fail(breaker, 1)
      }
      yield* breaker.protect(up)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* fail(breaker, 1)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
    })
  )

  it.effect("forgets calls that have left the window of calls", () =>
    Effect.gen(function* () {
      const breaker = yield* make(
        CircuitSettings.CircuitSettings.make({
          rates: { window: { calls: 4 }, minimumCalls: 4, failureRate: 0.75 },
          openFor: Duration.seconds(10)
        })
      )
      for (let round = 0; round < 5; round++) {
        yield* fail(breaker, 2)
        yield* Effect.replicateEffect(breaker.protect(up), 2)
      }
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* fail(breaker, 3)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
    })
  )

  it.effect("opens by failure rate over the last while, and forgets what is older", () =>
    Effect.gen(function* () {
      const breaker = yield* make(
        CircuitSettings.CircuitSettings.make({
          rates: { window: { duration: Duration.seconds(10) }, minimumCalls: 4, failureRate: 0.5 },
          openFor: Duration.seconds(10)
        })
      )
      yield* fail(breaker, 3)
      yield* TestClock.adjust("10 seconds")
      yield* fail(breaker, 3)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* TestClock.adjust("9 seconds")
      yield* fail(breaker, 1)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
    })
  )

  it.effect("opens by slow calls, also when they succeed; a slow trial does not close it", () =>
    Effect.gen(function* () {
      const breaker = yield* make(
        CircuitSettings.CircuitSettings.make({
          rates: {
            window: { calls: 10 },
            minimumCalls: 2,
            slowCalls: { rate: 1, slowerThan: Duration.seconds(1) }
          },
          openFor: Duration.seconds(10)
        })
      )
      const take = Effect.fnUntraced(function* (millis: number) {
        const fiber = yield* Effect.forkChild(breaker.protect(Effect.delay(up, Duration.millis(millis))))
        yield* TestClock.adjust(millis)
        yield* Fiber.join(fiber)
      })
      yield* take(1001)
      yield* take(1000)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* breaker.reset
      yield* take(1001)
      yield* take(1001)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
      yield* TestClock.adjust("10 seconds")
      yield* take(1001)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
      yield* TestClock.adjust("10 seconds")
      yield* take(1000)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )
})

describe("what counts", () => {
  it.effect("AC-ERR-006 transient and ambiguous failures count; refusals are answers; a pause counts as nothing", () =>
    Effect.gen(function* () {
      const cases = [
        [new Transient(base), 3],
        [new Ambiguous(base), 3],
        [new Rejected(base), 0],
        [new Unauthorized(base), 0],
        [new Invalid({ ...base, issues: [] }), 0],
        [new RateLimited({ ...base, retryAfterMillis: 1000 }), 2],
        [new CircuitOpen({ ...base, until: null }), 2]
      ] as const
      for (const [error, failures] of cases) {
        const breaker = yield* make()
        yield* fail(breaker, 2)
        yield* Effect.exit(breaker.protect(Effect.fail(error)))
        assert.strictEqual((yield* breaker.snapshot).consecutiveFailures, failures, error._tag)
      }
    })
  )

  it.effect("any other typed failure counts; a defect counts as nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* Effect.exit(breaker.protect(Effect.fail("anything")))
      assert.strictEqual((yield* breaker.snapshot).consecutiveFailures, 1)
      const exit = yield* Effect.exit(breaker.protect(Effect.die("bug")))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual((yield* breaker.snapshot).consecutiveFailures, 1)
    })
  )

  it.effect("a classification of one's own decides; one that throws is a defect and gives the trial slot back", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        name: "own",
        settings: CircuitSettings.CircuitSettings.make({ failures: 1, openFor: Duration.seconds(1) }),
        classify: (error) => {
          if (error === "bad") throw new Error("bug in classify")
          return error === "calm" ? "success" : "failure"
        }
      })
      yield* Effect.exit(breaker.protect(Effect.fail("calm")))
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* Effect.exit(breaker.protect(Effect.fail("storm")))
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
      yield* TestClock.adjust("1 seconds")
      const exit = yield* Effect.exit(breaker.protect(Effect.fail("bad")))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.isTrue(yield* breaker.canAdmit)
      assert.strictEqual(yield* breaker.protect(up), "answer")
    })
  )

  it.effect("interruption counts as nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make(CircuitSettings.CircuitSettings.make({ failures: 1, openFor: Duration.seconds(1) }))
      const { began, call } = yield* hanging
      const fiber = yield* Effect.forkChild(breaker.protect(call))
      yield* began.await
      yield* Fiber.interrupt(fiber)
      assert.deepInclude(yield* breaker.snapshot, { state: "CLOSED", generation: 0, consecutiveFailures: 0 })
    })
  )
})

describe("half-open", () => {
  it.effect("AC-ERR-004 after 60 s one trial is let through, the others are refused; its success closes", () =>
    Effect.gen(function* () {
      const breaker = yield* atTheEndOfOpen()
      const { answer, began, call } = yield* hanging
      const trial = yield* Effect.forkChild(breaker.protect(call))
      yield* began.await
      assert.strictEqual(yield* stateOf(breaker), "HALF_OPEN")
      const others = yield* Effect.replicateEffect(Effect.exit(breaker.protect(up)), 49)
      assert.isTrue(others.every(isRefused))
      yield* Deferred.succeed(answer, "recovered")
      assert.strictEqual(yield* Fiber.join(trial), "recovered")
      assert.deepInclude(yield* breaker.snapshot, { state: "CLOSED", consecutiveFailures: 0, openUntil: null })
      assert.strictEqual(yield* breaker.protect(up), "answer")
    })
  )

  it.effect("AC-ERR-004 not a millisecond earlier", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* fail(breaker, 5)
      yield* TestClock.adjust("59999 millis")
      assert.isTrue(isRefused(yield* Effect.exit(breaker.protect(up))))
    })
  )

  it.effect("AC-ERR-004 a failed trial reopens for a full period", () =>
    Effect.gen(function* () {
      const breaker = yield* atTheEndOfOpen()
      yield* TestClock.adjust("7 seconds")
      yield* fail(breaker, 1)
      assert.deepInclude(yield* breaker.snapshot, { state: "OPEN", openUntil: 127_000, consecutiveFailures: 6 })
    })
  )

  it.effect("AC-ERR-004 several trials: all must succeed, one failure reopens", () =>
    Effect.gen(function* () {
      const settings = CircuitSettings.CircuitSettings.make({ ...CircuitSettings.mes, halfOpenTrials: 3 })
      const breaker = yield* atTheEndOfOpen(settings)
      yield* Effect.replicateEffect(breaker.protect(up), 2)
      assert.strictEqual(yield* stateOf(breaker), "HALF_OPEN")
      yield* breaker.protect(up)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")

      yield* fail(breaker, 5)
      yield* TestClock.adjust("60 seconds")
      const calls = yield* Effect.replicateEffect(hanging, 3)
      const fibers = yield* Effect.forEach(calls, ({ call }) => Effect.forkChild(breaker.protect(call)))
      yield* Effect.forEach(calls, ({ began }) => began.await)
      assert.isTrue(isRefused(yield* Effect.exit(breaker.protect(up))))
      const [first, second, third] = calls
      assert.isDefined(first)
      assert.isDefined(second)
      assert.isDefined(third)
      yield* Deferred.succeed(first.answer, "ok")
      yield* Deferred.fail(second.answer, new Transient(base))
      yield* Effect.forEach(fibers.slice(0, 2), Fiber.await)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
      yield* Deferred.succeed(third.answer, "late")
      yield* Effect.forEach(fibers, Fiber.await)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
    })
  )

  it.effect(
    "AC-ERR-004 a trial that hangs reopens for a full period after the limit, and its late answer changes nothing",
    () =>
      Effect.gen(function* () {
        const breaker = yield* atTheEndOfOpen()
        const { collected } = yield* follow(breaker)
        const { answer, began, call } = yield* hanging
        const trial = yield* Effect.forkChild(breaker.protect(call))
        yield* began.await
        yield* TestClock.adjust("29999 millis")
        assert.strictEqual(yield* stateOf(breaker), "HALF_OPEN")
        assert.strictEqual(yield* breaker.retryAt, 150_000)
        yield* TestClock.adjust("1 millis")
        assert.deepInclude(yield* breaker.snapshot, { state: "OPEN", openUntil: 150_000, lastTransitionAt: 90_000 })

        yield* Deferred.succeed(answer, "late")
        yield* Fiber.join(trial)
        assert.strictEqual(yield* stateOf(breaker), "OPEN")
        yield* TestClock.adjust("60 seconds")
        assert.strictEqual(yield* breaker.protect(up), "answer")
        assert.deepStrictEqual(
          (yield* collected).map(({ at, reason }) => [reason, at]),
          [
            ["open-elapsed", 60_000],
            ["half-open-limit", 90_000],
            ["open-elapsed", 150_000],
            ["trials-succeeded", 150_000]
          ]
        )
      })
  )

  it.effect("a hung trial is dated to when it was due, however late anybody looks", () =>
    Effect.gen(function* () {
      const breaker = yield* atTheEndOfOpen()
      const { began, call } = yield* hanging
      yield* Effect.forkChild(breaker.protect(call))
      yield* began.await
      yield* TestClock.adjust("1 hours")
      assert.strictEqual(yield* breaker.protect(up), "answer")
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )

  it.effect("AC-ERR-004 a late answer to a call that began before the trip does not decide the trial", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const early = yield* Effect.replicateEffect(hanging, 2)
      const fibers = yield* Effect.forEach(early, ({ call }) => Effect.forkChild(breaker.protect(call)))
      yield* Effect.forEach(early, ({ began }) => began.await)
      yield* fail(breaker, 5)
      yield* TestClock.adjust("60 seconds")
      const trial = yield* hanging
      const trying = yield* Effect.forkChild(breaker.protect(trial.call))
      yield* trial.began.await

      yield* Effect.forEach(early, ({ answer }, index) =>
        index === 0 ? Deferred.succeed(answer, "late") : Deferred.fail(answer, new Transient(base))
      )
      yield* Effect.forEach(fibers, Fiber.await)
      assert.strictEqual(yield* stateOf(breaker), "HALF_OPEN")
      yield* Deferred.succeed(trial.answer, "recovered")
      yield* Fiber.join(trying)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )

  it.effect("a trial that is interrupted gives its slot back and wakes who waits", () =>
    Effect.gen(function* () {
      const breaker = yield* atTheEndOfOpen()
      const { began, call } = yield* hanging
      const trial = yield* Effect.forkChild(breaker.protect(call))
      yield* began.await
      const { generation } = yield* breaker.snapshot
      const waiter = yield* Effect.forkChild(breaker.awaitChange(generation), { startImmediately: true })
      assert.isFalse(yield* breaker.canAdmit)
      yield* Fiber.interrupt(trial)
      yield* Fiber.join(waiter)
      assert.deepInclude(yield* breaker.snapshot, { state: "HALF_OPEN", generation, retryAt: 60_000 })
      assert.strictEqual(yield* breaker.protect(up), "answer")
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )

  it.effect("a trial interrupted at any moment at all leaves its slot free", () =>
    Effect.gen(function* () {
      const breaker = yield* atTheEndOfOpen()
      let interrupted = 0
      for (let moment = 0; moment < 60; moment++) {
        const fiber = yield* breaker
          .protect(Effect.never)
          .pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, 3), Effect.forkChild({ startImmediately: true }))
        for (let turn = 0; turn < moment; turn++) yield* Effect.yieldNow
        if (!(yield* breaker.canAdmit)) interrupted++
        yield* Fiber.interrupt(fiber)
        assert.isTrue(yield* breaker.canAdmit, `after ${moment} turns`)
      }
      assert.isAbove(interrupted, 20)
      assert.isBelow(interrupted, 60)
    })
  )

  it.effect("no traffic is no reason to reopen: trials that answered leave no limit running", () =>
    Effect.gen(function* () {
      const settings = CircuitSettings.CircuitSettings.make({ ...CircuitSettings.mes, halfOpenTrials: 2 })
      const breaker = yield* atTheEndOfOpen(settings)
      yield* breaker.protect(up)
      yield* TestClock.adjust("1 hours")
      assert.strictEqual(yield* stateOf(breaker), "HALF_OPEN")
      yield* breaker.protect(up)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )
})

describe("operators and observers", () => {
  it.effect("held open it refuses for ever; reset closes it and counts from nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* fail(breaker, 4)
      yield* breaker.forceOpen
      yield* TestClock.adjust("365 days")
      const refusal = yield* Effect.flip(breaker.protect(up))
      assert.strictEqual(refusal.until, null)
      assert.isFalse(yield* breaker.canAdmit)
      assert.deepInclude(yield* breaker.snapshot, { state: "OPEN", hold: "open", openUntil: null, retryAt: null })
      yield* breaker.reset
      assert.deepInclude(yield* breaker.snapshot, { state: "CLOSED", hold: "automatic", consecutiveFailures: 0 })
      yield* fail(breaker, 4)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
    })
  )

  it.effect("held closed it admits and counts nothing; reset makes it count again", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* fail(breaker, 5)
      yield* breaker.forceClosed
      yield* fail(breaker, 50)
      assert.deepInclude(yield* breaker.snapshot, { state: "CLOSED", hold: "closed", consecutiveFailures: 0 })
      yield* breaker.reset
      yield* fail(breaker, 5)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
    })
  )

  it.effect("asking takes no trial", () =>
    Effect.gen(function* () {
      const breaker = yield* atTheEndOfOpen()
      for (let time = 0; time < 5; time++) {
        assert.isTrue(yield* breaker.canAdmit)
        assert.strictEqual(yield* breaker.retryAt, 60_000)
        assert.strictEqual(yield* stateOf(breaker), "OPEN")
      }
      assert.strictEqual(yield* breaker.protect(up), "answer")
    })
  )

  it.effect("tells when to come again: now, at the end of the open period, or never while held", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* breaker.retryAt, 5_000)
      yield* fail(breaker, 5)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* breaker.retryAt, 65_000)
      yield* breaker.forceOpen
      assert.strictEqual(yield* breaker.retryAt, null)
    })
  )

  it.effect("awaitChange returns at the next transition, and at once for one that was missed", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const before = yield* breaker.snapshot
      const waiter = yield* Effect.forkChild(breaker.awaitChange(before.generation), { startImmediately: true })
      yield* fail(breaker, 4)
      assert.isUndefined(waiter.pollUnsafe())
      yield* fail(breaker, 1)
      yield* Fiber.join(waiter)
      yield* breaker.awaitChange(before.generation)
    })
  )

  it.effect("publishes every transition with its reason", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const { collected } = yield* follow(breaker)
      yield* fail(breaker, 5)
      yield* TestClock.adjust("60 seconds")
      yield* fail(breaker, 1)
      yield* breaker.forceOpen
      yield* breaker.forceOpen
      yield* breaker.forceClosed
      yield* breaker.reset
      assert.deepStrictEqual(yield* collected, [
        { name: "mes", from: "CLOSED", to: "OPEN", at: 0, reason: "consecutive-failures", generation: 1 },
        { name: "mes", from: "OPEN", to: "HALF_OPEN", at: 60_000, reason: "open-elapsed", generation: 2 },
        { name: "mes", from: "HALF_OPEN", to: "OPEN", at: 60_000, reason: "trial-failed", generation: 3 },
        { name: "mes", from: "OPEN", to: "OPEN", at: 60_000, reason: "forced-open", generation: 4 },
        { name: "mes", from: "OPEN", to: "CLOSED", at: 60_000, reason: "forced-closed", generation: 5 },
        { name: "mes", from: "CLOSED", to: "CLOSED", at: 60_000, reason: "reset", generation: 6 }
      ])
    })
  )

  it.effect("refuses with one value for a whole open period, and with another in the next", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* fail(breaker, 5)
      const first = yield* Effect.flip(breaker.protect(up))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Effect.flip(breaker.protect(up)), first)
      yield* TestClock.adjust("30 seconds")
      yield* fail(breaker, 1)
      const second = yield* Effect.flip(breaker.protect(up))
      assert.strictEqual(second._tag === "CircuitOpen" && second.until, 120_000)
    })
  )

  it.effect("keeps the answer and the failure of the call as they are", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const failure = Exit.fail(new Transient(base))
      assert.strictEqual(yield* breaker.protect(up), "answer")
      assert.deepStrictEqual(yield* Effect.exit(breaker.protect(failure)), failure)
    })
  )
})

describe("other settings", () => {
  it.effect("what was counted stays counted, and the new threshold applies from the next failure on", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* fail(breaker, 4)
      yield* breaker.configure(CircuitSettings.edicus)
      assert.deepStrictEqual(breaker.settings, CircuitSettings.edicus)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* fail(breaker, 1)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* breaker.canAdmit, true)
    })
  )

  it.effect("an open period ends when it was going to", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* fail(breaker, 5)
      yield* breaker.configure(CircuitSettings.edicus)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* breaker.canAdmit, false)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* breaker.canAdmit, true)
    })
  )

  it.effect("a window of another kind begins empty", () =>
    Effect.gen(function* () {
      const rates = { minimumCalls: 4, failureRate: 0.5 }
      const openFor = Duration.minutes(1)
      const breaker = yield* make(
        CircuitSettings.CircuitSettings.make({
          openFor,
          rates: { ...rates, window: { duration: Duration.minutes(1) } }
        })
      )
      yield* fail(breaker, 3)
      yield* breaker.configure(
        CircuitSettings.CircuitSettings.make({ openFor, rates: { ...rates, window: { calls: 10 } } })
      )
      yield* fail(breaker, 3)
      assert.strictEqual(yield* stateOf(breaker), "CLOSED")
      yield* fail(breaker, 1)
      assert.strictEqual(yield* stateOf(breaker), "OPEN")
    })
  )
})
