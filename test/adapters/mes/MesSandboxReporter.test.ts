import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Redacted, Result } from "effect"
import { HttpClient, type HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { SandboxJob } from "../../../src/adapters/mes/MesSandbox.ts"
import * as MesSandboxReporter from "../../../src/adapters/mes/MesSandboxReporter.ts"
import { verify } from "../../../src/services/security/WebhookSignature.ts"

const job: SandboxJob = {
  mesJobId: "MJ-1",
  idempotencyKey: "a-1",
  correlationId: null,
  orderId: "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  itemCode: "001-0001",
  part: null,
  materialCodes: [],
  processCodes: [],
  quantity: 1,
  memo: null,
  status: "PRODUCING"
}
const secret = Redacted.make(new Uint8Array(32).fill(7))

/** A hub that answers with these statuses in turn, the last one for ever, and keeps what it got. */
const hub = Effect.fnUntraced(function* (statuses: ReadonlyArray<number>) {
  const requests = yield* Queue.unbounded<HttpClientRequest.HttpClientRequest>()
  let count = 0
  const httpClient = HttpClient.make((request) =>
    Effect.as(
      Queue.offer(requests, request),
      HttpClientResponse.fromWeb(request, new Response(null, { status: statuses[count++] ?? statuses.at(-1) ?? 200 }))
    )
  )
  const report = MesSandboxReporter.make({ hubUrl: "http://hub", secret, httpClient })
  return { requests, report }
})

const bodyOf = (request: HttpClientRequest.HttpClientRequest): Uint8Array => {
  assert(request.body._tag === "Uint8Array")
  return request.body.body
}

it.effect("reports a status as section 8.1 says, signed so that the hub accepts it", () =>
  Effect.gen(function* () {
    const { report, requests } = yield* hub([200])
    yield* TestClock.setTime(1_790_000_000_000)
    yield* report(job)
    const request = yield* Queue.take(requests)
    assert.strictEqual(request.method, "PUT")
    assert.strictEqual(request.url, `http://hub/api/v1/integration/mes/orders/${job.orderId}/status`)
    const body = bodyOf(request)
    assert.deepStrictEqual(JSON.parse(new TextDecoder().decode(body)), {
      mesJobId: "MJ-1",
      status: "제작중",
      occurredAt: "2026-09-21T14:13:20.000Z"
    })
    const accepted = verify({ headers: request.headers, body, secrets: [secret], now: 1_790_000_000_000 })
    assert.deepStrictEqual(accepted, Result.succeed("MJ-1.PRODUCING"))
  })
)

it.effect("comes again with the same id while the hub is not ready, signed anew, and gives up in the end", () =>
  Effect.gen(function* () {
    const { report, requests } = yield* hub([503])
    yield* TestClock.setTime(1_790_000_000_000)
    const fiber = yield* Effect.forkChild(report(job))
    const times: Array<number> = []
    for (const wait of [0, 1, 2, 4, 8, 16]) {
      yield* TestClock.adjust(`${wait} seconds`)
      const request = yield* Queue.take(requests)
      assert.strictEqual(request.headers["webhook-id"], "MJ-1.PRODUCING")
      times.push(Number(request.headers["webhook-timestamp"]) - 1_790_000_000)
    }
    assert.deepStrictEqual(times, [0, 1, 3, 7, 15, 31])
    yield* Fiber.join(fiber)
  })
)
