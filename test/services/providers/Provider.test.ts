import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Redacted, Schema, type Scope } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { Verdict } from "../../../src/services/integrations/HttpFailure.ts"
import * as Provider from "../../../src/services/providers/Provider.ts"
import { ProviderPolicy, retryPolicies } from "../../../src/services/providers/ProviderPolicy.ts"
import { recording, services } from "../../support/ProviderRig.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

type Reply = Response | "reset" | "hang"

const books = ["Emma"]
const there = () => Response.json(books)
const status =
  (code: number, headers: Record<string, string> = {}, body: unknown = {}) =>
  () =>
    Response.json(body, { status: code, headers })

/** A provider over a client that answers as told; the last answer stays. */
const setup = Effect.fnUntraced(function* (
  replies: ReadonlyArray<() => Reply>,
  options: Partial<Provider.Options> = {}
) {
  const sent: Array<string> = []
  const httpClient = HttpClient.make((request) => {
    sent.push(request.method)
    const reply = (replies[sent.length - 1] ?? replies.at(-1) ?? there)()
    if (reply === "hang") return Effect.never
    if (reply === "reset") {
      const reason = new HttpClientError.TransportError({ request, cause: { code: "ECONNRESET" } })
      return Effect.fail(new HttpClientError.HttpClientError({ reason }))
    }
    return Effect.succeed(HttpClientResponse.fromWeb(request, reply))
  })
  const provider = yield* Provider.make({
    integration: "books",
    name: "shop",
    baseUrl: "http://shop.test",
    httpClient,
    ...options
  })
  const decode = HttpClientResponse.schemaBodyJson(Schema.Array(Schema.String))
  const find = provider.attempt("GET /books", Effect.flatMap(provider.client.get("/books"), decode))
  const order = provider.attempt(
    "POST /books",
    Effect.flatMap(provider.client.execute(HttpClientRequest.post("/books")), decode)
  )
  return { provider, find, order, sent }
})

/** Runs it to its end in virtual time. */
const finish = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.result(effect))
    yield* TestClock.adjust("10 minutes")
    return yield* Fiber.join(fiber)
  })

const run = <A, E>(test: Effect.Effect<A, E, Layer.Success<typeof services> | Scope.Scope>) =>
  test.pipe(Effect.provide(services), Effect.provide(Logger.layer([])), Effect.scoped)

describe("Provider", () => {
  it.effect("repeats what the policy lists, over HTTP: 5xx, 429, resets, timeouts; not 408, other 4xx, garbage", () =>
    Effect.forEach(
      [
        [status(500), 4],
        [status(503), 4],
        [status(429), 4],
        [() => "reset" as const, 4],
        [() => "hang" as const, 4],
        [status(408), 1],
        [status(425), 1],
        [status(400), 1],
        [status(404), 1],
        [status(401), 1],
        [() => new Response("<html>"), 1]
      ] satisfies ReadonlyArray<readonly [() => Reply, number]>,
      ([reply, attempts]) =>
        run(
          Effect.gen(function* () {
            const { find, sent } = yield* setup([reply])
            const result = yield* finish(find)
            assert.strictEqual(result._tag, "Failure")
            assert.strictEqual(sent.length, attempts, JSON.stringify(result))
          })
        )
    )
  )

  it.effect("408 is repeated by the AGGRESSIVE policy alone", () =>
    run(
      Effect.gen(function* () {
        const policy = ProviderPolicy.make({ retry: "AGGRESSIVE", circuit: "CRITICAL" })
        const { find, sent } = yield* setup([status(408)], { policy })
        yield* finish(find)
        assert.strictEqual(sent.length, 6)
      })
    )
  )

  it.effect("a POST is not repeated after an unknown outcome, unless the provider's POSTs only ask", () =>
    Effect.forEach(
      [
        [() => "hang" as const, false, 1],
        [() => "reset" as const, false, 1],
        [status(500), false, 4],
        [() => "hang" as const, true, 4],
        [() => "reset" as const, true, 4]
      ] satisfies ReadonlyArray<readonly [() => Reply, boolean, number]>,
      ([reply, repeatable, attempts]) =>
        run(
          Effect.gen(function* () {
            const { order, sent } = yield* setup([reply], { repeatable })
            yield* finish(order)
            assert.strictEqual(sent.length, attempts)
          })
        )
    )
  )

  it.effect("Retry-After of a 429 is honoured, in seconds", () => {
    const { attempts, layer } = recording()
    return Effect.gen(function* () {
      const { find } = yield* setup([status(429, { "retry-after": "7" }), there])
      const result = yield* finish(find)
      assert.isTrue(result._tag === "Success")
      assert.deepStrictEqual(
        attempts().map(({ at, outcome, status: code }) => [outcome, code, at]),
        [
          ["rate-limited", null, 0],
          ["success", null, 7000]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(services, layer)), Effect.provide(Logger.layer([])))
  })

  it.effect("an error inside a 200 is a failure: counted and repeated; a used-up quota is neither", () =>
    run(
      Effect.gen(function* () {
        const verdicts: ReadonlyArray<readonly [Verdict, number, number]> = [
          [{ _tag: "Transient", message: "out of order" }, 4, 4],
          [{ _tag: "RateLimited", message: "monthly quota", retryAfterMillis: null, quota: true }, 1, 0],
          [{ _tag: "Unauthorized", message: "bad key" }, 1, 0]
        ]
        for (const [index, [verdict, attempts, counted]] of verdicts.entries()) {
          const { find, provider, sent } = yield* setup([there], { name: `shop${index}`, checkAnswer: () => verdict })
          const result = yield* finish(find)
          assert.isTrue(result._tag === "Failure" && result.failure._tag === verdict._tag)
          assert.strictEqual(sent.length, attempts)
          assert.strictEqual((yield* provider.breaker.snapshot).consecutiveFailures, counted)
        }
      })
    )
  )

  it.effect("a decisive verdict speaks against the status, any other does not", () =>
    run(
      Effect.gen(function* () {
        const verdict = { _tag: "RateLimited", message: "limit", retryAfterMillis: null, quota: true } as const
        const plain = yield* setup([status(403)], { name: "plain", checkAnswer: () => verdict })
        const decisive = yield* setup([status(403)], {
          name: "decisive",
          checkAnswer: () => ({ ...verdict, decisive: true })
        })
        const expired = yield* setup([status(503)], {
          name: "expired",
          checkAnswer: () => ({ _tag: "Unauthorized", message: "the token has expired", decisive: true })
        })
        const tags = yield* Effect.forEach([plain, decisive, expired], ({ find }) =>
          Effect.map(finish(find), (result) => (result._tag === "Failure" ? result.failure._tag : "Success"))
        )
        assert.deepStrictEqual(tags, ["Unauthorized", "RateLimited", "Unauthorized"])
        assert.strictEqual(expired.sent.length, 1)
        assert.strictEqual((yield* expired.provider.breaker.snapshot).consecutiveFailures, 0)
      })
    )
  )

  it.effect("once makes one attempt, and a probe passes circuit and limits by", () =>
    run(
      Effect.gen(function* () {
        const { provider, sent } = yield* setup([status(500), there])
        const get = provider.client.get("/books")
        yield* finish(provider.once("GET /books", get))
        assert.strictEqual(sent.length, 1)
        yield* provider.breaker.forceOpen
        const before = yield* provider.limiter.state
        assert.strictEqual((yield* finish(provider.probe("GET /books", get)))._tag, "Success")
        assert.strictEqual((yield* provider.limiter.state).hour.remaining, before.hour.remaining)
      })
    )
  )

  it.effect("the wait for a token is no part of the time limit", () =>
    run(
      Effect.gen(function* () {
        const policy = ProviderPolicy.make({ timeout: retryPolicies.DEFAULT.cap })
        const { find, provider, sent } = yield* setup([there], { policy })
        yield* provider.limiter.pause(9000)
        const fiber = yield* Effect.forkChild(find)
        yield* TestClock.adjust("8999 millis")
        assert.strictEqual(sent.length, 0)
        yield* TestClock.adjust("1 milli")
        assert.deepStrictEqual(yield* Fiber.join(fiber), books)
      })
    )
  )

  it.live("Property 38: an error names status and provider, never the credential", () =>
    Effect.gen(function* () {
      const simulator = yield* HttpSimulator.make
      yield* simulator.respond(() =>
        Effect.succeed(HttpSimulator.json(401, { message: "key s3cret-canary is not known" }))
      )
      const { find } = yield* setup([], {
        baseUrl: simulator.url,
        httpClient: yield* HttpClient.HttpClient,
        headers: { authorization: Redacted.make("KakaoAK s3cret-canary") }
      })
      const error = yield* Effect.flip(find)
      assert.strictEqual(error._tag, "Unauthorized")
      assert.include(error.message, "401")
      assert.notInclude(JSON.stringify(error), "canary")
      const [request] = yield* simulator.requests
      assert.strictEqual(request?.headers["authorization"], "KakaoAK s3cret-canary")
    }).pipe(
      Effect.scoped,
      Effect.provide(services),
      Effect.provide(NodeHttpClient.layerUndici),
      Effect.provide(Logger.layer([]))
    )
  )
})
