import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Logger, Metric, Redacted, Ref, Schema } from "effect"
import { HttpClient, type HttpClientRequest, HttpClientResponse } from "effect/http"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { TestClock } from "effect/testing"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"
import * as OutboundHttp from "../../../src/services/integrations/OutboundHttp.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitMonitor from "../../../src/services/resilience/CircuitMonitor.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"

const JobTaken = Schema.Struct({ _tag: Schema.tag("JobTaken"), by: Schema.String }).pipe(HttpApiSchema.status(409))

const Contract = HttpApi.make("plant").add(
  HttpApiGroup.make("jobs").add(
    HttpApiEndpoint.post("create", "/jobs", {
      payload: Schema.Struct({ name: Schema.String.check(Schema.isMinLength(1)) }),
      success: Schema.Struct({ id: Schema.Int }),
      error: JobTaken
    }),
    HttpApiEndpoint.get("find", "/jobs/:id", {
      params: { id: Schema.String },
      success: Schema.Struct({ id: Schema.Int })
    })
  )
)

type Respond = (request: HttpClientRequest.HttpClientRequest) => Response

/** A system whose answer can be set, with faults in front of it, behind the guarded connection of `plant`. */
const setup = Effect.fnUntraced(function* (options: Partial<OutboundHttp.OutboundOptions> = {}) {
  const requests = yield* Ref.make<ReadonlyArray<HttpClientRequest.HttpClientRequest>>([])
  const responder = yield* Ref.make<Respond>(() => Response.json({ id: 1 }))
  const faults = yield* FaultInjection.make()
  const breaker = yield* CircuitBreaker.make({ name: "plant", settings: CircuitSettings.mes })
  const httpClient = HttpClient.make((request) =>
    Effect.gen(function* () {
      yield* Ref.update(requests, (all) => [...all, request])
      const respond = yield* Ref.get(responder)
      return HttpClientResponse.fromWeb(request, respond(request))
    })
  )
  const outbound = OutboundHttp.make({
    adapter: "plant",
    baseUrl: "http://plant.test/v1/",
    httpClient: faults.wrap(httpClient),
    breaker,
    ...options
  })
  const plant = yield* outbound.api(Contract)
  return {
    breaker,
    faults,
    outbound,
    plant,
    requests: Ref.get(requests),
    respond: (respond: Respond) => Ref.set(responder, respond),
    create: outbound.call("POST /jobs", plant.jobs.create({ payload: { name: "wanda" } })),
    find: outbound.call("GET /jobs/{id}", plant.jobs.find({ params: { id: "7" } }))
  }
})

/** Fails `times` calls by the fault in force. */
const failures = (call: Effect.Effect<unknown, unknown>, times: number) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.flip(call), { discard: true })

/** Runs a call whose answer never comes up to the time limit. */
const toTheLimit = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.flip(call))
    yield* TestClock.adjust("10 seconds")
    return yield* Fiber.join(fiber)
  })

/** Log lines, with their annotations, as text. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.map(Logger.formatStructured, (line) => {
    lines.push(JSON.stringify(line))
  })
  return Effect.map(Effect.provide(effect, Logger.layer([logger])), (result): [A, ReadonlyArray<string>] => [
    result,
    lines
  ])
}

describe("answers", () => {
  it.effect("a success decodes by the contract", () =>
    Effect.gen(function* () {
      const { create, find } = yield* setup()
      assert.deepStrictEqual([yield* create, yield* find], [{ id: 1 }, { id: 1 }])
    })
  )

  it.effect(
    "AC-ERR-006 4xx and refusals are Rejected, 401 and 403 Unauthorized; as answers they close the count of failures",
    () =>
      Effect.gen(function* () {
        const { create, faults, respond } = yield* setup()
        for (const status of [301, 400, 402, 404, 410, 422, 451]) {
          // Four failures, then an answer: were the answer a failure, the circuit would be open.
          yield* faults.set([{ fault: { _tag: "Reset" }, times: 4 }])
          yield* failures(create, 4)
          yield* respond(() => new Response("{}", { status }))
          const error = yield* Effect.flip(create)
          assert.deepStrictEqual([error._tag, "status" in error && error.status], ["Rejected", status])
        }
        for (const status of [401, 403]) {
          yield* faults.set([{ fault: { _tag: "Reset" }, times: 4 }])
          yield* failures(create, 4)
          yield* respond(() => new Response("{}", { status }))
          assert.strictEqual((yield* Effect.flip(create))._tag, "Unauthorized")
        }
      })
  )

  it.effect("AC-ERR-006 408, 425 and 5xx are Transient and open the circuit after five", () =>
    Effect.forEach([408, 425, 500, 502, 503, 504, 599], (status) =>
      Effect.gen(function* () {
        const { create, requests, respond } = yield* setup()
        yield* respond(() => new Response(null, { status }))
        for (let count = 0; count < 5; count++) {
          const error = yield* Effect.flip(create)
          assert.deepStrictEqual([error._tag, "status" in error && error.status], ["Transient", status])
        }
        assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
        assert.strictEqual((yield* requests).length, 5)
      })
    )
  )

  it.effect("AC-ERR-006 429 is RateLimited and counts neither as failure nor as success", () =>
    Effect.gen(function* () {
      const { create, faults, respond } = yield* setup()
      yield* faults.set([{ fault: { _tag: "Reset" }, times: 4 }])
      yield* failures(create, 4)
      yield* respond(() => new Response(null, { status: 429 }))
      for (let count = 0; count < 10; count++) {
        assert.strictEqual((yield* Effect.flip(create))._tag, "RateLimited")
      }
      yield* faults.set([{ fault: { _tag: "Reset" }, times: 1 }])
      yield* failures(create, 1)
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
    })
  )

  it.effect("AC-ERR-007 Retry-After in seconds and as a date, at most an hour", () =>
    Effect.gen(function* () {
      const { create, respond } = yield* setup()
      yield* TestClock.setTime(Date.UTC(2026, 9, 21, 7, 28, 0))
      const after = Effect.fnUntraced(function* (status: number, value: string) {
        yield* respond(() => new Response(null, { status, headers: { "retry-after": value } }))
        const error = yield* Effect.flip(create)
        return "retryAfterMillis" in error ? error.retryAfterMillis : undefined
      })
      assert.strictEqual(yield* after(429, "7"), 7000)
      assert.strictEqual(yield* after(429, "Wed, 21 Oct 2026 07:28:30 GMT"), 30_000)
      assert.strictEqual(yield* after(429, "86400"), 3_600_000)
      assert.strictEqual(yield* after(429, "soon"), null)
      assert.strictEqual(yield* after(503, "120"), 120_000)
      assert.strictEqual(yield* after(503, "soon"), undefined)
    })
  )

  it.effect(
    "a 4xx that the contract declares comes out typed and is an answer; another 4xx is Rejected with its code",
    () =>
      Effect.gen(function* () {
        const { create, faults, respond } = yield* setup({
          checkAnswer: ({ body, status }) =>
            status === 422 && Schema.is(Schema.Struct({ code: Schema.String }))(body)
              ? { _tag: "Rejected", message: "no such item", code: body.code }
              : undefined
        })
        yield* faults.set([{ fault: { _tag: "Reset" }, times: 4 }])
        yield* failures(create, 4)
        yield* respond(() => Response.json({ _tag: "JobTaken", by: "night shift" }, { status: 409 }))
        const taken = yield* Effect.flip(create)
        assert.deepStrictEqual(taken, { _tag: "JobTaken", by: "night shift" })

        yield* faults.set([{ fault: { _tag: "Reset" }, times: 4 }])
        yield* failures(create, 4)
        yield* respond(() => Response.json({ unexpected: true }, { status: 409 }))
        assert.strictEqual((yield* Effect.flip(create))._tag, "Rejected")
        yield* respond(() => Response.json({ code: "E42" }, { status: 422 }))
        const rejected = yield* Effect.flip(create)
        assert.deepStrictEqual(rejected._tag === "Rejected" && [rejected.code, rejected.message, rejected.status], [
          "E42",
          "no such item",
          422
        ])
      })
  )

  it.effect("an error inside a 200 is what checkAnswer says", () =>
    Effect.gen(function* () {
      const { create, respond } = yield* setup({
        checkAnswer: ({ body }) =>
          Schema.is(Schema.Struct({ err: Schema.Struct({ code: Schema.String }) }))(body)
            ? body.err.code === "busy"
              ? { _tag: "Transient", message: "busy" }
              : { _tag: "Rejected", message: "refused", code: body.err.code }
            : undefined
      })
      yield* respond(() => Response.json({ err: { code: "no_project" } }))
      const rejected = yield* Effect.flip(create)
      assert.deepStrictEqual(rejected._tag === "Rejected" && rejected.code, "no_project")
      yield* respond(() => Response.json({ err: { code: "busy" } }))
      yield* failures(create, 5)
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
    })
  )

  it.effect("garbage is a failure to be repeated: Transient where repeating is harmless, Ambiguous where not", () =>
    Effect.gen(function* () {
      const { create, find, respond } = yield* setup()
      for (const garbage of [
        () => new Response("<html>It works!</html>", { headers: { "content-type": "application/json" } }),
        () => new Response("<html>It works!</html>", { headers: { "content-type": "text/html" } }),
        () => new Response(""),
        () => Response.json({ id: "seven" }),
        () => new Response(null, { status: 204 })
      ]) {
        yield* respond(garbage)
        assert.strictEqual((yield* Effect.flip(create))._tag, "Ambiguous")
        yield* respond(() => Response.json({ id: 1 }))
        yield* create
        yield* respond(garbage)
        assert.strictEqual((yield* Effect.flip(find))._tag, "Transient")
        yield* respond(() => Response.json({ id: 1 }))
        yield* create
      }
      yield* respond(() => Response.json({ id: "seven" }))
      const error = yield* Effect.flip(find)
      assert.include(error._tag === "Transient" ? error.message : "", "id: Expected")
      yield* failures(create, 4)
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
    })
  )

  it.effect("an answer larger than the limit is garbage", () =>
    Effect.gen(function* () {
      const { find, respond } = yield* setup({ maxBodyBytes: 1000 })
      yield* respond(() => Response.json({ id: 1, padding: "x".repeat(900) }))
      yield* find
      yield* respond(() => Response.json({ id: 1, padding: "x".repeat(1000) }))
      const error = yield* Effect.flip(find)
      assert.deepStrictEqual(
        [error._tag, error._tag === "Transient" && error.message],
        ["Transient", "answered more than 1000 bytes"]
      )
    })
  )

  it.effect("raw requests: every status but 2xx fails, paths come after the base URL", () =>
    Effect.gen(function* () {
      const { outbound, requests, respond } = yield* setup()
      const get = outbound.call(
        "GET /ping",
        Effect.flatMap(outbound.client.get("/ping"), (response) => response.text)
      )
      yield* respond(() => new Response("pong"))
      assert.strictEqual(yield* get, "pong")
      assert.deepStrictEqual(
        (yield* requests).map(({ url }) => url),
        ["http://plant.test/v1/ping"]
      )
      yield* respond(() => new Response("gone", { status: 410 }))
      assert.strictEqual((yield* Effect.flip(get))._tag, "Rejected")
    })
  )
})

describe("no answer", () => {
  it.effect(
    "AC-ERR-003 five failures in a row open the circuit; then calls fail at once without touching the network, which is logged",
    () =>
      Effect.gen(function* () {
        const { breaker, create, requests, respond } = yield* setup()
        yield* respond(() => new Response(null, { status: 500 }))
        const [, lines] = yield* logged(
          Effect.gen(function* () {
            yield* CircuitMonitor.follow(breaker.transitions)
            yield* failures(create, 5)
            const error = yield* Effect.flip(create)
            assert.deepStrictEqual(error._tag === "CircuitOpen" && [error.adapter, error.until], ["plant", 60_000])
          })
        )
        assert.strictEqual((yield* requests).length, 5)
        assert.strictEqual(lines.filter((line) => line.includes("POST /jobs: answered 500")).length, 5)
        assert.strictEqual(lines.filter((line) => line.includes("CLOSED to OPEN")).length, 1)
      })
  )

  it.effect(
    "a refused connection is Transient for every method, a lost one Ambiguous where repeating may do harm",
    () =>
      Effect.gen(function* () {
        const { create, faults, find } = yield* setup()
        yield* faults.set([{ fault: { _tag: "Refuse" } }])
        assert.strictEqual((yield* Effect.flip(create))._tag, "Transient")
        assert.strictEqual((yield* Effect.flip(find))._tag, "Transient")
        yield* faults.set([{ fault: { _tag: "LostAnswer" } }])
        assert.strictEqual((yield* Effect.flip(create))._tag, "Ambiguous")
        assert.strictEqual((yield* Effect.flip(find))._tag, "Transient")
      })
  )

  it.effect("a hanging system costs 10 s and a failure", () =>
    Effect.gen(function* () {
      const { create, faults, find } = yield* setup()
      yield* faults.set([{ fault: { _tag: "Hang" } }])
      const error = yield* toTheLimit(create)
      assert.deepStrictEqual(
        [error._tag, error._tag === "Ambiguous" && error.message],
        ["Ambiguous", "no answer within 10s"]
      )
      assert.strictEqual((yield* toTheLimit(find))._tag, "Transient")
      for (let count = 0; count < 3; count++) yield* toTheLimit(create)
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
    })
  )

  it.effect("AC-ERR-004 after 60 s one trial; a garbled one reopens for a full period, a good one closes", () =>
    Effect.gen(function* () {
      const { create, faults, requests } = yield* setup()
      yield* faults.set([
        { fault: { _tag: "Reset" }, times: 5 },
        { fault: { _tag: "Garbage" }, times: 1 }
      ])
      yield* failures(create, 5)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* Effect.flip(create))._tag, "Ambiguous")
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
      yield* TestClock.adjust("1 second")
      yield* create
      yield* create
      assert.strictEqual((yield* requests).length, 2)
    })
  )

  it.effect("a payload that does not fit the contract is Invalid, sends nothing and counts for nothing", () =>
    Effect.gen(function* () {
      const { create, faults, outbound, plant, requests } = yield* setup()
      yield* faults.set([{ fault: { _tag: "Reset" } }])
      yield* failures(create, 4)
      const error = yield* Effect.flip(outbound.call("POST /jobs", plant.jobs.create({ payload: { name: "" } })))
      assert.strictEqual(error._tag, "Invalid")
      assert.deepStrictEqual(yield* requests, [])
      yield* failures(create, 1)
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
    })
  )

  it.effect("interruption counts for nothing and frees the trial", () =>
    Effect.gen(function* () {
      const { create, faults } = yield* setup()
      yield* faults.set([
        { fault: { _tag: "Reset" }, times: 5 },
        { fault: { _tag: "Hang" }, times: 1 }
      ])
      yield* failures(create, 5)
      yield* TestClock.adjust("60 seconds")
      const trial = yield* Effect.forkChild(create)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
      yield* Fiber.interrupt(trial)
      yield* create
    })
  )
})

describe("the guard", () => {
  it.effect("a probe passes an open circuit and is not counted", () =>
    Effect.gen(function* () {
      const { create, faults, outbound, plant } = yield* setup()
      const probe = outbound.probe("GET /jobs/{id}", plant.jobs.find({ params: { id: "0" } }))
      yield* faults.set([{ fault: { _tag: "Reset" } }])
      const [, lines] = yield* logged(failures(probe, 20))
      assert.deepStrictEqual(lines, [])
      assert.strictEqual((yield* Effect.flip(create))._tag, "Ambiguous")
      yield* failures(create, 4)
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
      yield* faults.clear
      yield* probe
      assert.strictEqual((yield* Effect.flip(create))._tag, "CircuitOpen")
    })
  )

  it.effect("a request outside a call, or a second one in a call, is a defect and is not sent", () =>
    Effect.gen(function* () {
      const { outbound, requests } = yield* setup()
      const outside = yield* Effect.exit(outbound.client.get("/ping"))
      assert.isTrue(Exit.isFailure(outside) && Cause.hasDies(outside.cause))
      assert.strictEqual((yield* requests).length, 0)
      const twice = yield* Effect.exit(
        outbound.call("GET /ping", Effect.andThen(outbound.client.get("/ping"), outbound.client.get("/ping")))
      )
      assert.isTrue(Exit.isFailure(twice) && Cause.hasDies(twice.cause))
      assert.strictEqual((yield* requests).length, 1)
    })
  )

  it.effect("sends the correlation id, the trace context and the credential; the request's own headers win", () =>
    Effect.gen(function* () {
      const { outbound, plant, requests } = yield* setup({
        headers: { "X-API-Key": Redacted.make("key-of-the-plant"), version: "1.0" }
      })
      yield* outbound
        .call("POST /jobs", plant.jobs.create({ payload: { name: "wanda" } }))
        .pipe(
          Effect.provideService(EventContext, { correlationId: "trace-123", causationId: null, source: "test" }),
          Effect.withSpan("handler")
        )
      yield* outbound.call("GET /ping", outbound.client.get("/ping", { headers: { version: "1.1" } }))
      const [first, second] = yield* requests
      assert.strictEqual(first?.headers["x-correlation-id"], "trace-123")
      assert.strictEqual(first?.headers["x-api-key"], "key-of-the-plant")
      assert.match(first?.headers["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
      assert.deepStrictEqual([first?.headers["version"], second?.headers["version"]], ["1.0", "1.1"])
      assert.isUndefined(second?.headers["x-correlation-id"])
    })
  )

  it.effect(
    "AC-NFR-002 a failure is logged with adapter, operation, status and correlation id; secrets, headers and bodies are neither in logs nor in errors",
    () =>
      Effect.gen(function* () {
        const { create, respond } = yield* setup({ headers: { "x-api-key": Redacted.make("key-of-the-plant") } })
        yield* respond(() =>
          Response.json({ id: "body-of-the-answer" }, { headers: { "x-answer": "header-of-the-answer" } })
        )
        const [errors, lines] = yield* logged(
          Effect.gen(function* () {
            const undecodable = yield* Effect.flip(create)
            yield* respond(() => Response.json({ detail: "body-of-the-answer" }, { status: 500 }))
            return [undecodable, yield* Effect.flip(create)]
          }).pipe(
            Effect.provideService(EventContext, { correlationId: "trace-123", causationId: null, source: "test" })
          )
        )
        assert.strictEqual(lines.length, 2)
        for (const line of lines) {
          for (const part of ["plant", "POST /jobs", "trace-123", "WARN"]) assert.include(line, part)
        }
        assert.include(lines[1] ?? "", "500")
        const everything = JSON.stringify([lines, errors]) + String(errors)
        for (const secret of ["key-of-the-plant", "of-the-answer"]) assert.notInclude(everything, secret)
      })
  )

  it.effect("counts and times calls by adapter, operation and outcome", () =>
    Effect.gen(function* () {
      const { create, faults } = yield* setup()
      yield* create
      yield* faults.set([{ fault: { _tag: "Delay", millis: 2000 }, times: 1 }, { fault: { _tag: "Reset" } }])
      const slow = yield* Effect.forkChild(create)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(slow)
      yield* failures(create, 6)
      const snapshot = yield* Metric.snapshot
      const find = (id: string, outcome?: string) =>
        snapshot.find(
          (metric) =>
            metric.id === id &&
            metric.attributes?.["adapter"] === "plant" &&
            metric.attributes["operation"] === "POST /jobs" &&
            (outcome === undefined || metric.attributes["outcome"] === outcome)
        )
      assert.deepInclude(find("external_request_success_total")?.state, { count: 2 })
      assert.deepInclude(find("external_request_errors_total", "Ambiguous")?.state, { count: 5 })
      assert.deepInclude(find("external_request_errors_total", "CircuitOpen")?.state, { count: 1 })
      assert.deepInclude(find("external_request_duration_seconds", "success")?.state, { count: 2, min: 0, max: 2 })
      assert.isUndefined(find("external_request_duration_seconds", "CircuitOpen"))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
