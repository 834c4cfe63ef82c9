import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Freshness, freshness, retryPolicies } from "../../../src/services/providers/ProviderPolicy.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { makeCall, makeStub, notFound, recording, serverError, services } from "../../support/ProviderRig.ts"

const once = { ...retryPolicies.DEFAULT, retries: 0 }
const generous = { perMinute: 100_000, perHour: 1_000_000, maxWait: Duration.zero }
const emma = { title: "Emma" }

const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 }))
const Title = Schema.Literals(["Emma", "Persuasion", "Sanditon"])

const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, Logger.layer([]))

describe("GuardedCall", () => {
  it.effect.prop(
    "Property 30: an answer is fresh until its time, stale until its window, and then gone",
    [Seconds, Seconds, Seconds],
    ([fresh, more, age]) =>
      Effect.gen(function* () {
        const windows = Freshness.make({ fresh: Duration.seconds(fresh), stale: Duration.seconds(fresh + more) })
        const provider = yield* makeStub("shop", { retry: once })
        const call = yield* makeCall([provider], { freshness: windows })
        yield* call.run(emma)
        yield* provider.behave(serverError)
        yield* TestClock.adjust(age * 1000)
        const result = yield* Effect.result(call.run(emma))
        const expected = age < fresh ? "HIT" : age < fresh + more ? "STALE" : "IntegrationUnavailable"
        assert.strictEqual(result._tag === "Success" ? result.success.cache : result.failure._tag, expected)
        if (result._tag === "Success") assert.strictEqual(result.success.ageSeconds, age)
      }).pipe(Effect.scoped, Effect.provide(services), quiet),
    { arbitrary: { runs: 60 } }
  )

  it.effect.prop(
    "Property 5: within its time the same question is answered from the cache, whatever happens to the provider",
    [Schema.Array(Seconds).check(Schema.isMinLength(3), Schema.isMaxLength(8))],
    ([pauses]) =>
      Effect.gen(function* () {
        const provider = yield* makeStub("shop", { retry: once })
        const call = yield* makeCall([provider])
        yield* call.run(emma)
        yield* provider.behave(serverError)
        for (const pause of pauses) {
          yield* TestClock.adjust(pause * 1000)
          assert.strictEqual((yield* call.run({ title: " EMMA " })).cache, "HIT")
        }
        assert.strictEqual(provider.reached(), 1)
      }).pipe(Effect.scoped, Effect.provide(services), quiet),
    { arbitrary: { runs: 30 } }
  )

  it.effect.prop(
    "Property 6: Property 21: while every circuit is open, what was ever answered is answered, and the rest fails in a typed way",
    [Schema.Array(Title).check(Schema.isMinLength(1), Schema.isMaxLength(4)), Title],
    ([before, title]) =>
      Effect.gen(function* () {
        const first = yield* makeStub("shop", { retry: once })
        const second = yield* makeStub("library", { retry: once })
        const call = yield* makeCall([first, second])
        for (const known of before) yield* call.run({ title: known })
        yield* TestClock.adjust("25 hours")
        yield* first.guard.breaker.forceOpen
        yield* second.guard.breaker.forceOpen
        const reached = first.reached()
        const result = yield* Effect.result(call.run({ title }))
        if (before.includes(title)) {
          assert.isTrue(result._tag === "Success" && result.success.cache === "STALE")
        } else {
          assert.isTrue(result._tag === "Failure" && result.failure._tag === "IntegrationUnavailable")
          if (result._tag !== "Failure" || result.failure._tag !== "IntegrationUnavailable") return
          const { tried } = result.failure
          assert.deepStrictEqual(tried, [
            { provider: "shop", reason: "CircuitOpen" },
            { provider: "library", reason: "CircuitOpen" }
          ])
          // Held open by an operator: nobody knows until when.
          assert.strictEqual(result.failure.retryAfterMillis, 60_000)
        }
        assert.strictEqual(first.reached(), reached)
      }).pipe(Effect.scoped, Effect.provide(services), quiet),
    { arbitrary: { runs: 30 } }
  )

  it.effect.prop(
    "Property 33: the recorder hears of every call once, with the label that its caller saw",
    [
      Schema.Array(
        Schema.Struct({
          title: Title,
          pause: Schema.Literals([0, 3600, 90_000, 3_000_000]),
          provider: Schema.Literals(["up", "down", "refuses"])
        })
      ).check(Schema.isMinLength(5), Schema.isMaxLength(12))
    ],
    ([steps]) => {
      const { calls, layer } = recording()
      return Effect.gen(function* () {
        const provider = yield* makeStub("shop", { retry: once, limits: generous })
        const call = yield* makeCall([provider])
        const seen: Array<string> = []
        for (const { pause, provider: mood, title } of steps) {
          yield* TestClock.adjust(pause * 1000)
          yield* provider.behave({ up: Effect.succeed(["book"]), down: serverError, refuses: notFound }[mood])
          const result = yield* Effect.result(call.run({ title }))
          seen.push(result._tag === "Success" ? result.success.cache : result.failure._tag)
        }
        const words = {
          hit: "HIT",
          miss: "MISS",
          stale: "STALE",
          rejected: "Rejected",
          unavailable: "IntegrationUnavailable"
        }
        assert.deepStrictEqual(
          calls().map(({ outcome }) => new Map(Object.entries(words)).get(outcome)),
          seen
        )
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(services, layer)), quiet)
    },
    { arbitrary: { runs: 40 } }
  )

  it.effect("Property 36: the error says which integration, which operation, and what each provider did", () =>
    Effect.gen(function* () {
      const provider = yield* makeStub("shop", { retry: once })
      const call = yield* makeCall([provider])
      yield* provider.behave(serverError)
      const error = yield* Effect.flip(call.run(emma))
      assert.strictEqual(error.message, "no provider of books answered search (shop: Transient)")
    }).pipe(Effect.provide(services), quiet)
  )

  it.effect(
    "Property 37: a stale answer and a failure are logged with their context, and not with the question",
    () => {
      const lines: Array<string> = []
      const logger = Logger.map(Logger.formatStructured, (line) => void lines.push(JSON.stringify(line)))
      return Effect.gen(function* () {
        const provider = yield* makeStub("shop", { retry: once })
        const call = yield* makeCall([provider], { freshness: freshness.flightStatus })
        yield* call.run(emma)
        yield* provider.behave(serverError)
        yield* TestClock.adjust("1 hour")
        yield* call.run(emma)
        yield* Effect.flip(call.run({ title: "Sanditon" }))
        const [stale, failed] = lines.filter((line) => line.includes("WARN"))
        for (const word of ["books", "search", "stale", "shop", "3600"]) assert.include(stale, word)
        for (const word of ["books", "search", "shop", "Transient"]) assert.include(failed, word)
        assert.notMatch(lines.join("\n"), /emma|sanditon/i)
      }).pipe(Effect.provide(services), Effect.provide(Logger.layer([logger])))
    }
  )

  it.effect("Property 50: records carry the trace and the correlation they belong to", () => {
    const { attempts, calls, layer } = recording()
    return Effect.gen(function* () {
      const provider = yield* makeStub("shop")
      const call = yield* makeCall([provider])
      const traceId = yield* Effect.gen(function* () {
        yield* call.run(emma)
        return (yield* Effect.currentSpan).traceId
      }).pipe(
        Effect.withSpan("request"),
        Effect.provideService(EventContext, { correlationId: "cor_1", causationId: null, source: "api" })
      )
      for (const record of [...calls(), ...attempts()]) {
        assert.deepStrictEqual([record.traceId, record.correlationId], [traceId, "cor_1"])
      }
      assert.strictEqual(calls().length + attempts().length, 2)
    }).pipe(Effect.provide(Layer.provideMerge(services, layer)))
  })
})
