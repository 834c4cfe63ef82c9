/** The guarded connection against a real port: what undici and the operating system make of faults. */
import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { TestClock } from "effect/testing"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import * as OutboundHttp from "../../../src/services/integrations/OutboundHttp.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const Contract = HttpApi.make("plant").add(
  HttpApiGroup.make("jobs").add(
    HttpApiEndpoint.post("create", "/jobs", {
      payload: Schema.Struct({ name: Schema.String }),
      success: Schema.Struct({ id: Schema.Int })
    }),
    HttpApiEndpoint.get("find", "/jobs/:id", {
      params: { id: Schema.String },
      success: Schema.Struct({ id: Schema.Int })
    })
  )
)

const setup = Effect.gen(function* () {
  const simulator = yield* HttpSimulator.make
  const breaker = yield* CircuitBreaker.make({ name: "plant", settings: CircuitSettings.mes })
  const outbound = OutboundHttp.make({
    adapter: "plant",
    baseUrl: simulator.url,
    httpClient: yield* HttpClient.HttpClient,
    breaker
  })
  const plant = yield* outbound.api(Contract)
  return {
    outbound,
    simulator,
    create: outbound.call("POST /jobs", plant.jobs.create({ payload: { name: "완다" } })),
    find: outbound.call("GET /jobs/{id}", plant.jobs.find({ params: { id: "a/b?c" } }))
  }
})

const tagOf = (call: Effect.Effect<unknown, { readonly _tag: string }>) =>
  Effect.map(Effect.flip(call), ({ _tag }) => _tag)

it.effect("sends what the contract says and reads the answer", () =>
  Effect.gen(function* () {
    const { create, find, simulator } = yield* setup
    yield* simulator.respond((request) => Effect.succeed(HttpSimulator.json(200, { id: request.body.length })))
    assert.deepStrictEqual(yield* create, { id: JSON.stringify({ name: "완다" }).length })
    yield* find.pipe(
      Effect.provideService(EventContext, { correlationId: "trace-123", causationId: null, source: "test" })
    )
    const [first, second] = yield* simulator.requests
    assert.deepStrictEqual([first?.method, first?.path, first?.body], ["POST", "/jobs", '{"name":"완다"}'])
    assert.deepStrictEqual([second?.method, second?.path], ["GET", "/jobs/a%2Fb%3Fc"])
    assert.strictEqual(second?.headers["x-correlation-id"], "trace-123")
    assert.match(String(second?.headers["traceparent"]), /^00-/)
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)

it.effect("a refused connection is Transient for every method; when the port is back, calls pass", () =>
  Effect.gen(function* () {
    const { create, find, simulator } = yield* setup
    yield* simulator.respond(() => Effect.succeed(HttpSimulator.json(200, { id: 1 })))
    yield* create
    yield* simulator.refuse
    assert.deepStrictEqual([yield* tagOf(create), yield* tagOf(find)], ["Transient", "Transient"])
    yield* simulator.accept
    assert.deepStrictEqual(yield* create, { id: 1 })
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)

it.effect("a connection that breaks before or in the answer: the POST may have been handled, the GET is repeated", () =>
  Effect.gen(function* () {
    const { create, find, simulator } = yield* setup
    yield* simulator.respond(() => Effect.succeed({ _tag: "Reset" }))
    assert.deepStrictEqual([yield* tagOf(create), yield* tagOf(find)], ["Ambiguous", "Transient"])
    yield* simulator.respond(() => Effect.succeed({ _tag: "Broken", body: '{"id":1234567}' }))
    assert.deepStrictEqual([yield* tagOf(create), yield* tagOf(find)], ["Ambiguous", "Transient"])
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)

it.effect("a server that hangs costs the time limit, in headers and in the body", () =>
  Effect.gen(function* () {
    const { create, find, simulator } = yield* setup
    yield* simulator.respond(() => Effect.succeed({ _tag: "Hang" }))
    const first = yield* Effect.forkChild(tagOf(create))
    yield* simulator.awaitRequests(1)
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual(yield* Fiber.join(first), "Ambiguous")

    const release = yield* Deferred.make<void>()
    yield* simulator.respond(() => Effect.as(Deferred.await(release), HttpSimulator.json(200, { id: 1 })))
    const slow = yield* Effect.forkChild(find)
    yield* simulator.awaitRequests(2)
    yield* TestClock.adjust("9 seconds")
    yield* Deferred.succeed(release, undefined)
    assert.deepStrictEqual(yield* Fiber.join(slow), { id: 1 })
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)

it.effect("AC-ERR-007 429 with Retry-After, 5xx and garbage, as a server sends them", () =>
  Effect.gen(function* () {
    const { create, simulator } = yield* setup
    yield* simulator.respond(() => Effect.succeed(HttpSimulator.json(429, {}, { "retry-after": "12" })))
    const limited = yield* Effect.flip(create)
    assert.strictEqual(limited._tag === "RateLimited" && limited.retryAfterMillis, 12_000)
    yield* simulator.respond(() => Effect.succeed({ _tag: "Answer", status: 502, body: "<html>Bad Gateway</html>" }))
    assert.strictEqual(yield* tagOf(create), "Transient")
    yield* simulator.respond(() => Effect.succeed({ _tag: "Answer", status: 200, body: "<html>It works!</html>" }))
    assert.strictEqual(yield* tagOf(create), "Ambiguous")
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)

it.effect("a redirect is not followed: the credential would go along", () =>
  Effect.gen(function* () {
    const { find, outbound, simulator } = yield* setup
    yield* simulator.respond((request) =>
      Effect.succeed(
        request.path === "/elsewhere"
          ? HttpSimulator.json(200, { id: 1 })
          : { _tag: "Answer", status: 302, headers: { location: `${simulator.url}/elsewhere` } }
      )
    )
    assert.strictEqual(yield* tagOf(find), "Rejected")
    assert.strictEqual(
      yield* tagOf(outbound.call("GET /", outbound.client.execute(HttpClientRequest.get("/")))),
      "Rejected"
    )
    assert.strictEqual((yield* simulator.requests).length, 2)
  }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)
