import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as ShopbyClient from "../../../src/adapters/shopby/ShopbyClient.ts"
import { ShopbySandbox } from "../../../src/adapters/shopby/ShopbySandbox.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { Faults, Requests, shop } from "./ShopbyRig.ts"

const layer = (...args: Parameters<typeof shop>) => shop(...args).pipe(Layer.provideMerge(CircuitBreakers.layer))

const test = (
  name: string,
  body: (shopby: ShopbyClient.ShopbyClient) => Effect.Effect<void, unknown, Layer.Success<ReturnType<typeof layer>>>,
  ...args: Parameters<typeof shop>
) => it.effect(name, () => Effect.provide(Effect.flatMap(ShopbyClient.make, body), layer(...args)))

const tokenRequests = Effect.map(Effect.flatMap(Requests, Ref.get), (requests) =>
  requests.filter(({ line }) => line.includes("/auth/"))
)
const toToken = (request: { readonly url: string }) => request.url.includes("/auth/")
/** 20 calls at once, each of whose requests takes a second. */
const concurrently = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* faults.set([{ fault: { _tag: "Delay", millis: 1000 } }])
    const calls = yield* Effect.forkChild(
      Effect.forEach(Array.from({ length: 20 }), () => call, { concurrency: "unbounded" })
    )
    yield* TestClock.adjust("5 seconds")
    yield* Fiber.join(calls)
    yield* faults.clear
  })
const find = (shopby: ShopbyClient.ShopbyClient) => shopby.find("10001")

test("20 concurrent calls ask for one token, and a repeat asks for none", (shopby) =>
  Effect.gen(function* () {
    yield* concurrently(find(shopby))
    yield* find(shopby)
    assert.strictEqual((yield* tokenRequests).length, 1)
    const requests = yield* Effect.flatMap(Requests, Ref.get)
    assert.strictEqual(requests.length, 22)
    assert.strictEqual(new Set(requests.slice(1).map(({ token }) => token)).size, 1)
    assert.isUndefined(requests[0]?.token)
  }))

test("20 concurrent calls with a refused token ask for one new token, and each is repeated once", (shopby) =>
  Effect.gen(function* () {
    yield* find(shopby)
    yield* (yield* ShopbySandbox).expireTokens
    yield* Ref.set(yield* Requests, [])
    yield* concurrently(find(shopby))
    assert.strictEqual((yield* tokenRequests).length, 1)
    assert.strictEqual((yield* Effect.flatMap(Requests, Ref.get)).length, 41)
  }))

test("a token is renewed before it ends", (shopby) =>
  Effect.gen(function* () {
    yield* find(shopby)
    yield* TestClock.adjust("364 days")
    yield* find(shopby)
    assert.strictEqual((yield* tokenRequests).length, 1)
    yield* TestClock.adjust("1436 minutes")
    yield* find(shopby)
    assert.strictEqual((yield* tokenRequests).length, 2)
    const answered = yield* Effect.flatMap(Requests, Ref.get)
    assert.strictEqual(answered.length, 5)
  }))

test(
  "the configured token is used as it is, and asked for anew when the shop refuses it",
  (shopby) =>
    Effect.gen(function* () {
      yield* find(shopby)
      const lines = (yield* Effect.flatMap(Requests, Ref.get)).map(({ line, token }) => [line, token])
      assert.deepStrictEqual(lines.slice(0, 2), [
        ["GET /products", "Bearer configured"],
        ["POST /auth/token/long-lived", undefined]
      ])
      assert.strictEqual(lines.length, 3)
      yield* find(shopby)
      assert.strictEqual((yield* tokenRequests).length, 1)
    }),
  "live",
  { accessToken: Redacted.make("configured"), systemKey: Redacted.make("key") }
)

test(
  "a second 401 is final; no token to be had neither; afterwards the configured token is tried again",
  (shopby) =>
    Effect.gen(function* () {
      const faults = yield* Faults
      yield* faults.set([{ fault: { _tag: "Status", status: 401 }, when: (request) => !toToken(request) }])
      const twice = yield* Effect.flip(find(shopby))
      assert.deepInclude(twice, { _tag: "Unauthorized", status: 401 })
      assert.strictEqual((yield* Effect.flatMap(Requests, Ref.get)).length, 3)

      yield* faults.set([{ fault: { _tag: "Status", status: 401 } }])
      yield* Ref.set(yield* Requests, [])
      const refused = yield* Effect.flip(find(shopby))
      assert.strictEqual(refused._tag, "Unauthorized")
      assert.include(refused.message, "no new one")
      assert.notInclude(JSON.stringify(refused), "configured")

      yield* faults.set([{ fault: { _tag: "Garbage", body: '{"productDetailResponses":[]}' } }])
      yield* Ref.set(yield* Requests, [])
      yield* find(shopby)
      assert.deepStrictEqual(yield* Effect.flatMap(Requests, Ref.get), [
        { line: "GET /products", token: "Bearer configured" }
      ])
    }),
  "live",
  { accessToken: Redacted.make("configured"), systemKey: Redacted.make("key") }
)

test("a shop that does not give a token is down, for all who wait, and counts for the breaker once", (shopby) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* faults.set([{ fault: { _tag: "Hang" }, when: toToken }])
    const waiting = yield* Effect.forkChild(
      Effect.forEach(Array.from({ length: 20 }), () => Effect.flip(find(shopby)), { concurrency: "unbounded" })
    )
    yield* TestClock.adjust("10 seconds")
    const errors = yield* Fiber.join(waiting)
    assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(["Ambiguous"]))
    assert.strictEqual((yield* shopby.breaker.snapshot).consecutiveFailures, 1)
    assert.strictEqual((yield* tokenRequests).length, 1)
    yield* faults.clear
    yield* find(shopby)
  }))

test("403 is no question of the token", (shopby) =>
  Effect.gen(function* () {
    yield* find(shopby)
    yield* (yield* Faults).set([{ fault: { _tag: "Status", status: 403 } }])
    yield* Ref.set(yield* Requests, [])
    assert.deepInclude(yield* Effect.flip(find(shopby)), { _tag: "Unauthorized", status: 403 })
    assert.strictEqual((yield* Effect.flatMap(Requests, Ref.get)).length, 1)
  }))

test("a health check goes past the breaker, for its token too", (shopby) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* faults.set([{ fault: { _tag: "Refuse" } }])
    for (let count = 0; count < 10; count++) assert.strictEqual((yield* Effect.flip(shopby.health))._tag, "Transient")
    assert.strictEqual((yield* shopby.breaker.snapshot).consecutiveFailures, 0)
    yield* faults.clear
    assert.isTrue(yield* shopby.health)
  }))
