import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Ref } from "effect"
import { HttpClient, type HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"

/** A system that answers 200 "ok" and counts what it handled. */
const system = Effect.gen(function* () {
  const handled = yield* Ref.make(0)
  const client = HttpClient.make((request) =>
    Effect.as(
      Ref.update(handled, (n) => n + 1),
      HttpClientResponse.fromWeb(request, new Response("ok"))
    )
  )
  return { client, handled: Ref.get(handled) }
})

const codeOf = (error: HttpClientError.HttpClientError) =>
  error.reason._tag === "TransportError" ? error.reason.cause : error.reason._tag

it.effect("without rules requests pass untouched", () =>
  Effect.gen(function* () {
    const { client, handled } = yield* system
    const faults = yield* FaultInjection.make()
    const response = yield* faults.wrap(client).get("http://system/")
    assert.strictEqual(yield* response.text, "ok")
    assert.strictEqual(yield* handled, 1)
  })
)

it.effect("refuse and reset break the connection before the request is handled, a lost answer after", () =>
  Effect.gen(function* () {
    const { client, handled } = yield* system
    const faults = yield* FaultInjection.make()
    const faulty = faults.wrap(client)

    yield* faults.set([{ fault: { _tag: "Refuse" } }])
    assert.deepStrictEqual(codeOf(yield* Effect.flip(faulty.get("http://system/"))), { code: "ECONNREFUSED" })
    yield* faults.set([{ fault: { _tag: "Reset" } }])
    assert.deepStrictEqual(codeOf(yield* Effect.flip(faulty.get("http://system/"))), { code: "ECONNRESET" })
    assert.strictEqual(yield* handled, 0)

    yield* faults.set([{ fault: { _tag: "LostAnswer" } }])
    assert.deepStrictEqual(codeOf(yield* Effect.flip(faulty.get("http://system/"))), { code: "ECONNRESET" })
    assert.strictEqual(yield* handled, 1)
  })
)

it.effect("a status with Retry-After, garbage, and garbage after the request was handled", () =>
  Effect.gen(function* () {
    const { client, handled } = yield* system
    const faults = yield* FaultInjection.make()
    const faulty = faults.wrap(client)

    yield* faults.set([{ fault: { _tag: "Status", status: 429, retryAfter: "7", body: "slow down" } }])
    const limited = yield* faulty.get("http://system/")
    assert.deepStrictEqual(
      [limited.status, limited.headers["retry-after"], yield* limited.text],
      [429, "7", "slow down"]
    )

    yield* faults.set([{ fault: { _tag: "Garbage" } }])
    const garbage = yield* faulty.get("http://system/")
    assert.strictEqual(garbage.status, 200)
    assert.isTrue(Exit.isFailure(yield* Effect.exit(garbage.json)))
    assert.strictEqual(yield* handled, 0)

    yield* faults.set([{ fault: { _tag: "Garbage", body: "{}", handled: true } }])
    assert.strictEqual(yield* (yield* faulty.get("http://system/")).text, "{}")
    assert.strictEqual(yield* handled, 1)
  })
)

it.effect("a delay takes the Clock's time, a hang never ends and may have been handled", () =>
  Effect.gen(function* () {
    const { client, handled } = yield* system
    const faults = yield* FaultInjection.make()
    const faulty = faults.wrap(client)

    yield* faults.set([{ fault: { _tag: "Delay", millis: 3000 } }])
    const delayed = yield* Effect.forkChild(faulty.get("http://system/"))
    yield* TestClock.adjust("2999 millis")
    assert.strictEqual(yield* handled, 0)
    yield* TestClock.adjust("1 millis")
    yield* Fiber.join(delayed)
    assert.strictEqual(yield* handled, 1)

    yield* faults.set([{ fault: { _tag: "Hang", handled: true } }])
    const hanging = yield* Effect.forkChild(Effect.timeoutOption(faulty.get("http://system/"), "1 day"))
    yield* TestClock.adjust("1 day")
    assert.strictEqual((yield* Fiber.join(hanging))._tag, "None")
    assert.strictEqual(yield* handled, 2)

    yield* faults.clear
    yield* faulty.get("http://system/")
  })
)

it.effect("the first rule that strikes wins; times use a rule up, when chooses the requests", () =>
  Effect.gen(function* () {
    const { client } = yield* system
    const faults = yield* FaultInjection.make()
    const faulty = faults.wrap(client)
    yield* faults.set([
      { fault: { _tag: "Status", status: 500 }, times: 2, when: (request) => request.method === "POST" },
      { fault: { _tag: "Status", status: 503 }, when: (request) => request.method === "POST" }
    ])
    const statuses = yield* Effect.forEach([1, 2, 3], () => Effect.map(faulty.post("http://system/"), (_) => _.status))
    assert.deepStrictEqual(statuses, [500, 500, 503])
    assert.strictEqual((yield* faulty.get("http://system/")).status, 200)
  })
)

it.effect("with a seed, a rate makes the same faults again, about as many as asked for", () =>
  Effect.gen(function* () {
    const run = (seed: number) =>
      Effect.gen(function* () {
        const { client } = yield* system
        const faults = yield* FaultInjection.make({ seed })
        const faulty = faults.wrap(client)
        yield* faults.set([{ fault: { _tag: "Status", status: 500 }, rate: 0.3 }])
        return yield* Effect.forEach(Array.from({ length: 200 }), () =>
          Effect.map(faulty.get("http://system/"), (_) => _.status)
        )
      })
    const first = yield* run(1)
    assert.deepStrictEqual(yield* run(1), first)
    assert.notDeepEqual(yield* run(2), first)
    const failed = first.filter((status) => status === 500).length
    assert.isTrue(failed > 30 && failed < 90, `${failed} of 200`)
  })
)
