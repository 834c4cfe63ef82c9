import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { RateLimited, Unauthorized } from "../../../src/domain/IntegrationError.ts"
import { ProviderPolicies } from "../../../src/services/providers/ProviderPolicies.ts"
import { freshness, retryPolicies } from "../../../src/services/providers/ProviderPolicy.ts"
import { make, ResponseCache } from "../../../src/services/providers/ResponseCache.ts"
import {
  type Behaviour,
  makeCall,
  makeStub,
  notFound,
  recording,
  serverError,
  services
} from "../../support/ProviderRig.ts"

const emma = { title: "Emma" }
const once = { ...retryPolicies.DEFAULT, retries: 0 }

const setup = Effect.fnUntraced(function* (policy: Parameters<typeof makeStub>[1] = { retry: once }) {
  const first = yield* makeStub("shop", policy)
  const second = yield* makeStub("library", policy)
  const call = yield* makeCall([first, second])
  return { first, second, call }
})

/** Drives the clock until the effect is done. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("5 minutes")
    return yield* Fiber.join(fiber)
  })

describe("GuardedCall", () => {
  it.effect(
    "fresh cache, first provider, second provider, stale, typed failure: seen in label, source and recorder",
    () => {
      const { attempts, calls, layer } = recording()
      return Effect.gen(function* () {
        const { call, first, second } = yield* setup()

        const miss = yield* call.run(emma)
        assert.deepStrictEqual([miss.cache, miss.source, miss.data], ["MISS", "shop", ["from shop"]])
        assert.strictEqual(miss.fetchedAt, "1970-01-01T00:00:00.000Z")

        yield* TestClock.adjust("23 hours")
        const hit = yield* call.run(emma)
        assert.deepStrictEqual([hit.cache, hit.source, hit.ageSeconds], ["HIT", "shop", 23 * 3600])
        assert.isUndefined(hit.warning)

        yield* TestClock.adjust("1 hours")
        yield* first.behave(serverError)
        const fallback = yield* call.run(emma)
        assert.deepStrictEqual([fallback.cache, fallback.source, fallback.ageSeconds], ["MISS", "library", 0])

        yield* TestClock.adjust("2 days")
        yield* second.behave(serverError)
        const stale = yield* call.run(emma)
        assert.deepStrictEqual([stale.cache, stale.source, stale.ageSeconds], ["STALE", "library", 2 * 86_400])
        assert.strictEqual(stale.fetchedAt, "1970-01-02T00:00:00.000Z")
        assert.include(stale.warning, "2d")

        const nothing = yield* Effect.flip(call.run({ title: "Persuasion" }))
        assert.isTrue(nothing._tag === "IntegrationUnavailable")
        if (nothing._tag !== "IntegrationUnavailable") return
        assert.deepStrictEqual(nothing.tried, [
          { provider: "shop", reason: "Transient" },
          { provider: "library", reason: "Transient" }
        ])
        assert.isAtLeast(nothing.retryAfterMillis, 1000)

        assert.deepStrictEqual(
          calls().map((record) => [record.outcome, record.provider, record.tried.length, record.attempts]),
          [
            ["miss", "shop", 0, 1],
            ["hit", "shop", 0, 0],
            ["miss", "library", 1, 2],
            ["stale", "library", 2, 2],
            ["unavailable", null, 2, 2]
          ]
        )
        assert.deepStrictEqual(
          attempts().map((record) => [record.provider, record.outcome, record.status]),
          [
            ["shop", "success", null],
            ["shop", "failed", 503],
            ["library", "success", null],
            ["shop", "failed", 503],
            ["library", "failed", 503],
            ["shop", "failed", 503],
            ["library", "failed", 503]
          ]
        )
      }).pipe(Effect.provide(Layer.provideMerge(services, layer)))
    }
  )

  it.effect("a client error goes to the caller, to no second provider, and counts as an answer", () =>
    Effect.gen(function* () {
      const { call, first, second } = yield* setup()
      yield* first.behave(serverError, serverError, serverError, serverError, notFound)
      for (let n = 0; n < 4; n++) yield* call.run({ title: `${n}` })
      const reached = second.reached()
      const error = yield* Effect.flip(call.run(emma))
      assert.strictEqual(error._tag, "Rejected")
      assert.strictEqual(second.reached(), reached)
      const circuit = yield* first.guard.breaker.snapshot
      assert.deepStrictEqual([circuit.state, circuit.consecutiveFailures], ["CLOSED", 0])
    }).pipe(Effect.provide(services))
  )

  it.effect("a client error is not covered up by something stale", () =>
    Effect.gen(function* () {
      const { call, first } = yield* setup()
      yield* call.run(emma)
      yield* TestClock.adjust("25 hours")
      yield* first.behave(notFound)
      assert.strictEqual((yield* Effect.flip(call.run(emma)))._tag, "Rejected")
    }).pipe(Effect.provide(services))
  )

  it.effect("refused credentials and used-up quotas go on to the next provider, and never open the circuit", () =>
    Effect.gen(function* () {
      const { call, first } = yield* setup({})
      const fields = { adapter: "shop", operation: "GET /books", message: "no" }
      const refusals: ReadonlyArray<Behaviour> = [
        Effect.fail(new Unauthorized({ ...fields, status: 401 })),
        Effect.fail(new RateLimited({ ...fields, retryAfterMillis: null, reason: "Quota" }))
      ]
      for (const [index, refusal] of refusals.entries()) {
        yield* first.behave(refusal)
        for (let n = 0; n < 20; n++) {
          const answer = yield* call.run({ title: `${index}-${n}` })
          assert.strictEqual(answer.source, "library")
        }
        assert.strictEqual(first.reached(), (index + 1) * 20)
        assert.strictEqual((yield* first.guard.breaker.snapshot).state, "CLOSED")
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("a circuit that opens midway ends the retries and moves on; each attempt counts once", () => {
    const { attempts, layer } = recording()
    return Effect.gen(function* () {
      const { call, first } = yield* setup({ circuit: "FAST" })
      yield* first.behave(serverError)
      const answer = yield* inTime(call.run(emma))
      assert.strictEqual(answer.source, "library")
      // Four attempts would be made; the third failure opens the circuit.
      assert.strictEqual(first.reached(), 3)
      assert.deepStrictEqual(
        attempts().map(({ attempt, circuit, provider }) => [provider, attempt, circuit]),
        [
          ["shop", 1, "CLOSED"],
          ["shop", 2, "CLOSED"],
          ["shop", 3, "OPEN"],
          ["library", 1, "CLOSED"]
        ]
      )
    }).pipe(Effect.provide(Layer.provideMerge(services, layer)))
  })

  it.effect("an open circuit still serves stale, and says when to come back", () =>
    Effect.gen(function* () {
      const { call, first, second } = yield* setup()
      yield* call.run(emma)
      yield* TestClock.adjust("25 hours")
      yield* first.guard.breaker.forceOpen
      yield* second.behave(serverError)
      for (let n = 0; n < 5; n++) yield* call.run(emma)
      const reached = [first.reached(), second.reached()]
      const stale = yield* call.run(emma)
      assert.deepStrictEqual([stale.cache, stale.source], ["STALE", "shop"])
      assert.deepStrictEqual([first.reached(), second.reached()], reached)
      const error = yield* Effect.flip(call.run({ title: "Persuasion" }))
      assert.isTrue(error._tag === "IntegrationUnavailable" && error.retryAfterMillis === 60_000)
    }).pipe(Effect.provide(services))
  )

  it.effect("fresh until the second, stale until the second, then nothing", () =>
    Effect.gen(function* () {
      const provider = yield* makeStub("shop", { retry: once })
      const call = yield* makeCall([provider], { freshness: freshness.flightStatus })
      yield* call.run(emma)
      yield* provider.behave(serverError)
      yield* TestClock.adjust("299 seconds")
      assert.strictEqual((yield* call.run(emma)).cache, "HIT")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* call.run(emma)).cache, "STALE")
      yield* TestClock.setTime(7_199_000)
      const last = yield* call.run(emma)
      assert.deepStrictEqual([last.cache, last.ageSeconds], ["STALE", 7199])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(call.run(emma)))._tag, "IntegrationUnavailable")
    }).pipe(Effect.provide(services))
  )

  it.effect("a stale answer is not stamped fresh: the next call asks again and gets the new one", () =>
    Effect.gen(function* () {
      const { call, first, second } = yield* setup()
      yield* call.run(emma)
      yield* TestClock.adjust("25 hours")
      yield* first.behave(serverError, Effect.succeed(["new"]))
      yield* second.behave(serverError)
      assert.strictEqual((yield* call.run(emma)).cache, "STALE")
      const answer = yield* call.run(emma)
      assert.deepStrictEqual([answer.cache, answer.data, answer.ageSeconds], ["MISS", ["new"], 0])
    }).pipe(Effect.provide(services))
  )

  it.effect("failures are never cached; a genuine empty answer is, for a minute", () =>
    Effect.gen(function* () {
      const provider = yield* makeStub("shop", { retry: once })
      const call = yield* makeCall([provider])
      yield* provider.behave(serverError, Effect.succeed([]), serverError)
      assert.strictEqual((yield* Effect.flip(call.run(emma)))._tag, "IntegrationUnavailable")
      assert.deepStrictEqual([(yield* call.run(emma)).cache, provider.reached()], ["MISS", 2])
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* call.run(emma)).cache, "HIT")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(call.run(emma)))._tag, "IntegrationUnavailable")
    }).pipe(Effect.provide(services))
  )

  it.effect("ten concurrent misses of one key make one call; the first caller may leave", () => {
    const { calls, layer } = recording()
    return Effect.gen(function* () {
      const { call, first } = yield* setup()
      yield* first.behave(Effect.delay(Effect.succeed(["slow"]), "1 second"))
      const leader = yield* Effect.forkChild(call.run(emma))
      const others = yield* Effect.forEach(Array.from({ length: 9 }), () => Effect.forkChild(call.run(emma)))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(leader)
      yield* TestClock.adjust("500 millis")
      const answers = yield* Effect.forEach(others, Fiber.join)
      assert.deepStrictEqual(
        answers.map(({ cache, data }) => [cache, ...data]),
        Array.from({ length: 9 }, () => ["MISS", "slow"])
      )
      assert.strictEqual(first.reached(), 1)
      assert.deepStrictEqual(calls().map(({ outcome, shared }) => [outcome, shared])[0], ["interrupted", false])
      assert.strictEqual(calls().filter(({ shared }) => shared).length, 9)
    }).pipe(Effect.provide(Layer.provideMerge(services, layer)))
  })

  it.effect("who looked into the cache before the answer came, and found nothing, does not ask again", () =>
    Effect.gen(function* () {
      const slow = make({
        store: {
          get: () => Effect.delay(Effect.succeed(null), "100 millis"),
          put: () => Effect.void,
          remove: () => Effect.void,
          removeMatching: () => Effect.succeed(0),
          list: () => Effect.succeed([])
        }
      })
      const provider = yield* makeStub("shop")
      const call = yield* Effect.provideService(makeCall([provider]), ResponseCache, slow)
      const first = yield* Effect.forkChild(call.run(emma))
      yield* TestClock.adjust("50 millis")
      const second = yield* Effect.forkChild(call.run(emma))
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual([(yield* Fiber.join(first)).cache, (yield* Fiber.join(second)).cache], ["MISS", "HIT"])
      assert.strictEqual(provider.reached(), 1)
    }).pipe(Effect.provide(services))
  )

  it.effect("when the last caller leaves, the call is interrupted and its trial slot is free", () =>
    Effect.gen(function* () {
      const { call, first } = yield* setup({ retry: once, circuit: "FAST" })
      yield* first.behave(serverError)
      for (let n = 0; n < 3; n++) yield* call.run({ title: `${n}` })
      yield* TestClock.adjust("30 seconds")
      let interrupted = 0
      yield* first.behave(Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++)))
      const callers = yield* Effect.forEach(Array.from({ length: 2 }), () => Effect.forkChild(call.run(emma)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* first.guard.breaker.snapshot).state, "HALF_OPEN")
      yield* Fiber.interruptAll(callers)
      assert.strictEqual(interrupted, 1)
      // All five trial slots are there.
      yield* first.behave(Effect.succeed(["back"]))
      for (let n = 0; n < 5; n++) assert.strictEqual((yield* call.run({ title: `trial ${n}` })).source, "shop")
      assert.strictEqual((yield* first.guard.breaker.snapshot).state, "CLOSED")
    }).pipe(Effect.provide(services))
  )

  it.effect("a switched-off provider is not asked", () =>
    Effect.gen(function* () {
      const { call, first } = yield* setup({ retry: once })
      const policies = yield* ProviderPolicies
      yield* policies.setProvider("shop", { ...first.guard.policy(), enabled: false })
      assert.strictEqual((yield* call.run(emma)).source, "library")
      assert.strictEqual(first.reached(), 0)
      yield* policies.setProvider("library", { ...first.guard.policy(), enabled: false })
      const error = yield* Effect.flip(call.run({ title: "Persuasion" }))
      assert.isTrue(error._tag === "IntegrationUnavailable" && error.tried.length === 0)
    }).pipe(Effect.provide(services))
  )

  it.effect(
    "Property 35: a change of policy takes effect at the next call, and circuit and cache keep their state",
    () =>
      Effect.gen(function* () {
        const { call, first } = yield* setup()
        const policies = yield* ProviderPolicies
        yield* call.run(emma)
        yield* first.behave(serverError)
        yield* call.run({ title: "a" })
        yield* call.run({ title: "b" })
        assert.strictEqual((yield* first.guard.breaker.snapshot).consecutiveFailures, 2)
        // Three in a row open it now: one more, with the two that were counted before.
        yield* policies.setProvider("shop", { ...first.guard.policy(), circuit: "FAST" })
        yield* call.run({ title: "c" })
        assert.strictEqual((yield* first.guard.breaker.snapshot).state, "OPEN")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* call.run(emma)).cache, "HIT")
        yield* policies.setOperation("books.search", {
          ...freshness.companyRecord,
          fresh: freshness.flightStatus.fresh
        })
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual((yield* call.run(emma)).cache, "MISS")
      }).pipe(Effect.provide(services))
  )

  it.effect("an entry that no longer decodes counts as a miss", () =>
    Effect.gen(function* () {
      const { call } = yield* setup()
      const cache = yield* ResponseCache
      const entry = { data: { not: "a list" }, source: "shop", fetchedAt: 0, empty: false }
      yield* cache.put(call.key(emma), entry, { keepFor: freshness.companyRecord.stale, generation: 0 })
      assert.strictEqual((yield* call.run(emma)).cache, "MISS")
    }).pipe(Effect.provide(services))
  )

  it.effect("what a simulator answered is never served as the real thing", () =>
    Effect.gen(function* () {
      const simulated = yield* Effect.scoped(
        Effect.gen(function* () {
          const toy = yield* makeCall([yield* makeStub("toy", {}, { mode: "sandbox" })])
          yield* toy.run(emma)
          return toy
        })
      )
      const { call } = yield* setup()
      assert.strictEqual((yield* call.run(emma)).cache, "MISS")
      assert.notStrictEqual(simulated.key(emma), call.key(emma))
    }).pipe(Effect.provide(services))
  )

  it.effect("a recorder that throws changes nothing", () =>
    Effect.gen(function* () {
      const { call } = yield* setup()
      assert.strictEqual((yield* call.run(emma)).cache, "MISS")
    }).pipe(Effect.provide(Layer.provideMerge(services, recording().throwing)), Effect.provide(Logger.layer([])))
  )
})
