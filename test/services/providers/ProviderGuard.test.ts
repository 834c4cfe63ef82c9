import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Ambiguous, RateLimited, Transient } from "../../../src/domain/IntegrationError.ts"
import { ProviderPolicies } from "../../../src/services/providers/ProviderPolicies.ts"
import { circuitProfiles, defaultLimits, retryPolicies } from "../../../src/services/providers/ProviderPolicy.ts"
import { type Behaviour, makeStub, recording, serverError, services, type Stub } from "../../support/ProviderRig.ts"

const fields = { adapter: "shop", operation: "GET /books", message: "no" }
const ask = (stub: Stub) => stub.source.call()

/** Runs it to its end in virtual time; gives its result, and the seconds that it took. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(
      Effect.flatMap(Effect.exit(effect), (exit) =>
        Effect.map(Clock.currentTimeMillis, (end) => ({ exit, millis: end - start }))
      )
    )
    yield* TestClock.adjust("10 minutes")
    return yield* Fiber.join(fiber)
  })

describe("ProviderGuard", () => {
  it.effect("makes 3, 4 and 6 attempts, and waits in between as tabled", () =>
    Effect.gen(function* () {
      const table = [
        ["CONSERVATIVE", 3, 3000, 200],
        ["DEFAULT", 4, 2800, 300],
        ["AGGRESSIVE", 6, 6200, 500]
      ] as const
      for (const [retry, attempts, nominal, jitter] of table) {
        const stub = yield* makeStub(retry, { retry, circuit: "CRITICAL" })
        yield* stub.behave(serverError)
        const { exit, millis } = yield* timed(ask(stub))
        assert.strictEqual(exit._tag, "Failure")
        assert.strictEqual(stub.reached(), attempts, retry)
        assert.isAtLeast(millis, nominal)
        assert.isAtMost(millis, nominal + jitter)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect.prop(
    "Property 19: a call that fails is repeated until it succeeds, at most three times",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })), Schema.Int],
    ([failures, seed]) =>
      Effect.gen(function* () {
        const stub = yield* makeStub("shop", { circuit: "CRITICAL" })
        yield* stub.behave(...Array.from({ length: failures }, () => serverError), Effect.succeed(["there"]))
        const { exit } = yield* timed(ask(stub))
        assert.strictEqual(exit._tag, failures <= 3 ? "Success" : "Failure")
        assert.strictEqual(stub.reached(), Math.min(failures, 3) + 1)
      }).pipe(Effect.provide(services), Random.withSeed(seed), Effect.scoped),
    { arbitrary: { runs: 40 } }
  )

  it.effect("profiles open after 8, 5 and 3 failures, for 120, 60 and 30 s, and close after 2, 3 and 5 trials", () =>
    Effect.gen(function* () {
      for (const circuit of ["CRITICAL", "STANDARD", "FAST"] as const) {
        const { failures = 0, halfOpenTrials } = circuitProfiles[circuit]
        const stub = yield* makeStub(circuit, { circuit, retry: { ...retryPolicies.DEFAULT, retries: 0 } })
        const state = Effect.map(stub.guard.breaker.snapshot, (snapshot) => snapshot.state)
        yield* stub.behave(serverError)
        for (let n = 1; n <= failures; n++) {
          assert.strictEqual(yield* state, "CLOSED")
          yield* Effect.flip(ask(stub))
        }
        assert.strictEqual(yield* state, "OPEN")
        assert.strictEqual((yield* Effect.flip(ask(stub)))._tag, "CircuitOpen")
        assert.strictEqual(stub.reached(), failures)
        yield* stub.behave(Effect.succeed([]))
        yield* TestClock.adjust(circuitProfiles[circuit].openFor)
        for (let n = 1; n <= halfOpenTrials; n++) {
          yield* ask(stub)
          assert.strictEqual(yield* state, n < halfOpenTrials ? "HALF_OPEN" : "CLOSED")
        }
      }
    }).pipe(Effect.provide(services))
  )

  it.effect.prop(
    "Property 20: five failures in a row open the circuit, fewer do not",
    [Schema.Array(Schema.Literals([true, false, false, false])).check(Schema.isMinLength(15), Schema.isMaxLength(30))],
    ([outcomes]) =>
      Effect.gen(function* () {
        const stub = yield* makeStub("shop", {
          retry: { ...retryPolicies.DEFAULT, retries: 0 },
          limits: { ...defaultLimits, perMinute: 1000 }
        })
        let inARow = 0
        for (const succeeds of outcomes) {
          yield* stub.behave(succeeds ? Effect.succeed([]) : serverError)
          const open = inARow >= 5
          const exit = yield* Effect.result(ask(stub))
          const refused = exit._tag === "Failure" && exit.failure._tag === "CircuitOpen"
          assert.strictEqual(refused, open)
          if (!open) inARow = succeeds ? 0 : inARow + 1
        }
      }).pipe(Effect.provide(services), Effect.scoped),
    { arbitrary: { runs: 60 } }
  )

  it.effect("Property 22: an open circuit tries again by itself after 60 seconds, not before", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("shop", { retry: { ...retryPolicies.DEFAULT, retries: 0 } })
      yield* stub.behave(serverError)
      for (let n = 0; n < 5; n++) yield* Effect.flip(ask(stub))
      yield* stub.behave(Effect.succeed(["back"]))
      yield* TestClock.adjust("59999 millis")
      assert.strictEqual((yield* Effect.flip(ask(stub)))._tag, "CircuitOpen")
      yield* TestClock.adjust("1 milli")
      for (let n = 0; n < 3; n++) assert.deepStrictEqual(yield* ask(stub), ["back"])
      assert.strictEqual((yield* stub.guard.breaker.snapshot).state, "CLOSED")
    }).pipe(Effect.provide(services))
  )

  it.effect(
    "an attempt that does not answer in time is a timeout, counted and repeated; the limit can be changed",
    () => {
      const { attempts, layer } = recording()
      return Effect.gen(function* () {
        const stub = yield* makeStub("shop")
        yield* stub.behave(Effect.never, Effect.succeed(["late"]))
        const { millis } = yield* timed(ask(stub))
        assert.isAtLeast(millis, 10_400)
        assert.isAtMost(millis, 10_500)
        const policies = yield* ProviderPolicies
        yield* policies.setProvider("shop", { ...stub.guard.policy(), timeout: retryPolicies.DEFAULT.cap })
        yield* stub.behave(Effect.never, Effect.succeed(["late"]))
        assert.isAtMost((yield* timed(ask(stub))).millis, 2500)
        assert.deepStrictEqual(
          attempts().map(({ durationMillis, outcome }) => [outcome, durationMillis]),
          [
            ["timeout", 10_000],
            ["success", 0],
            ["timeout", 2000],
            ["success", 0]
          ]
        )
      }).pipe(Effect.provide(Layer.provideMerge(services, layer)))
    }
  )

  it.effect("a request that must not be repeated is not, after an unknown outcome", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("shop", {}, { repeatable: false })
      yield* stub.behave(Effect.never)
      const { exit } = yield* timed(ask(stub))
      assert.strictEqual(stub.reached(), 1)
      assert.isTrue(exit._tag === "Failure")
      yield* stub.behave(Effect.fail(new Ambiguous({ ...fields, reason: "Connection" })))
      yield* timed(ask(stub))
      assert.strictEqual(stub.reached(), 2)
      // A known outcome is another matter.
      yield* stub.behave(serverError, Effect.succeed([]))
      yield* timed(ask(stub))
      assert.strictEqual(stub.reached(), 4)
    }).pipe(Effect.provide(services))
  )

  it.effect("Retry-After makes everybody wait: the caller, and who comes after", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("shop")
      const limited: Behaviour = Effect.fail(new RateLimited({ ...fields, retryAfterMillis: 5000 }))
      yield* stub.behave(limited, Effect.succeed(["there"]))
      const first = yield* Effect.forkChild(ask(stub))
      yield* TestClock.adjust("1 second")
      const second = yield* Effect.forkChild(ask(stub))
      yield* TestClock.adjust("3999 millis")
      assert.strictEqual(stub.reached(), 1)
      yield* TestClock.adjust("1 milli")
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [["there"], ["there"]])
    }).pipe(Effect.provide(services))
  )

  it.effect("a Retry-After past the maximum wait ends the call, and the provider is left alone until then", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("shop")
      const error = new Transient({ ...fields, status: 503, retryAfterMillis: 30_000 })
      yield* stub.behave(Effect.fail(error), Effect.succeed(["there"]))
      assert.strictEqual((yield* Effect.flip(ask(stub)))._tag, "Transient")
      const refused = yield* Effect.flip(ask(stub))
      assert.isTrue(refused._tag === "RateLimited" && refused.reason === "Local")
      assert.isTrue(refused._tag === "RateLimited" && refused.retryAfterMillis === 30_000)
      assert.strictEqual(stub.reached(), 1)
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* ask(stub), ["there"])
    }).pipe(Effect.provide(services))
  )

  it.effect("each attempt takes one token; one that the circuit refuses takes none", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("shop")
      yield* stub.behave(serverError)
      const before = yield* stub.guard.limiter.state
      const fiber = yield* Effect.forkChild(Effect.flip(ask(stub)))
      yield* TestClock.adjust("3100 millis")
      yield* Fiber.join(fiber)
      const after = yield* stub.guard.limiter.state
      assert.strictEqual(before.hour.remaining - after.hour.remaining, 4)
      yield* stub.guard.breaker.forceOpen
      yield* Effect.flip(ask(stub))
      assert.strictEqual((yield* stub.guard.limiter.state).hour.remaining, after.hour.remaining)
    }).pipe(Effect.provide(services))
  )

  it.effect("a refusal by our own limit counts for nothing", () =>
    Effect.gen(function* () {
      const stub = yield* makeStub("shop", {
        retry: { ...retryPolicies.DEFAULT, retries: 0 },
        limits: { perMinute: 3, perHour: 1000, maxWait: retryPolicies.DEFAULT.cap }
      })
      yield* stub.behave(serverError)
      for (let n = 0; n < 3; n++) yield* Effect.flip(ask(stub))
      for (let n = 0; n < 9; n++) assert.strictEqual((yield* Effect.flip(ask(stub)))._tag, "RateLimited")
      assert.strictEqual((yield* stub.guard.breaker.snapshot).consecutiveFailures, 3)
    }).pipe(Effect.provide(services))
  )

  it.effect("a trial that waits for a token and leaves gives its trial slot back", () =>
    Effect.gen(function* () {
      const circuit = { ...circuitProfiles.FAST, halfOpenTrials: 1 }
      const stub = yield* makeStub("shop", { circuit, retry: { ...retryPolicies.DEFAULT, retries: 0 } })
      yield* stub.behave(serverError)
      for (let n = 0; n < 3; n++) yield* Effect.flip(ask(stub))
      yield* TestClock.adjust("30 seconds")
      yield* stub.guard.limiter.pause(5000)
      const trial = yield* Effect.forkChild(ask(stub))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(ask(stub)))._tag, "CircuitOpen")
      yield* Fiber.interrupt(trial)
      yield* TestClock.adjust("4 seconds")
      yield* stub.behave(Effect.succeed(["back"]))
      assert.deepStrictEqual(yield* ask(stub), ["back"])
      assert.strictEqual((yield* stub.guard.breaker.snapshot).state, "CLOSED")
    }).pipe(Effect.provide(services))
  )
})
