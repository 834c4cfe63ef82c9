import { assert, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { MesContract } from "../../../src/adapters/mes/MesContract.ts"
import { MesSandbox, type SandboxJob, SandboxReporter } from "../../../src/adapters/mes/MesSandbox.ts"

const request = {
  orderId: "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  itemCode: "001-0001",
  part: null,
  materialCodes: ["M-100"],
  processCodes: [],
  quantity: 10
} as const

const client = Effect.flatMap(MesSandbox, ({ httpClient }) =>
  HttpApiClient.makeWith(MesContract, { httpClient, baseUrl: "http://mes.sandbox" })
)

const dispatch = (key: string, payload: typeof request & { readonly memo?: string } = request) =>
  Effect.flatMap(client, (mes) => mes.jobs.dispatch({ headers: { "idempotency-key": key }, payload }))

const status = Effect.fnUntraced(function* (key: string) {
  const { httpClient } = yield* MesSandbox
  const response = yield* httpClient.execute(
    HttpClientRequest.post("http://mes.sandbox/dispatch").pipe(
      HttpClientRequest.setHeader("idempotency-key", key),
      HttpClientRequest.bodyJsonUnsafe(request)
    )
  )
  return response.status
})

it.effect("AC-MES-009 makes one job per key: 201, then 200 with the first answer", () =>
  Effect.gen(function* () {
    const sandbox = yield* MesSandbox
    const first = yield* dispatch("a-1", { ...request, memo: "rush" })
    assert.deepInclude(first, { status: "accepted", itemCode: "001-0001" })
    assert.deepStrictEqual(yield* dispatch("a-1", request), first)
    assert.strictEqual(yield* status("a-1"), 200)
    assert.strictEqual(yield* status("a-2"), 201)
    const jobs = yield* sandbox.jobs
    assert.deepStrictEqual(
      jobs.map((job) => [job.idempotencyKey, job.memo, job.status]),
      [
        ["a-1", "rush", "PRODUCTION_WAITING"],
        ["a-2", null, "PRODUCTION_WAITING"]
      ]
    )
  }).pipe(Effect.provide(MesSandbox.layer))
)

it.effect("AC-MES-009 gives the same id for the same key even after it forgot everything", () =>
  Effect.gen(function* () {
    const id = Effect.provide(
      Effect.map(dispatch("a-1"), (answer) => answer.mesJobId),
      Layer.fresh(MesSandbox.layer)
    )
    assert.strictEqual(yield* id, yield* id)
  })
)

it.effect("AC-MES-010 refuses when told to, and keeps nothing under the key", () =>
  Effect.gen(function* () {
    const sandbox = yield* MesSandbox
    yield* sandbox.refuse("out of paper")
    assert.deepInclude(yield* dispatch("a-1"), { status: "rejected", errorMessage: "out of paper" })
    assert.deepStrictEqual(yield* sandbox.jobs, [])
    yield* sandbox.refuse(null)
    assert.strictEqual((yield* dispatch("a-1")).status, "accepted")
  }).pipe(Effect.provide(MesSandbox.layer))
)

it.effect("AC-MES-003 moves a job through the four statuses, tells of each, and stays at the last", () =>
  Effect.gen(function* () {
    const told = yield* Ref.make<ReadonlyArray<string>>([])
    const report = (job: SandboxJob) => Ref.update(told, (before) => [...before, job.status])
    yield* Effect.gen(function* () {
      const sandbox = yield* MesSandbox
      const mes = yield* client
      const { mesJobId } = yield* dispatch("a-1")
      assert(typeof mesJobId === "string")
      const get = Effect.map(mes.jobs.get({ params: { mesJobId } }), (state) => state.status)
      assert.strictEqual(yield* get, "제작대기")
      const seen: Array<string> = []
      for (let step = 0; step < 4; step++) {
        yield* sandbox.advance(mesJobId)
        seen.push(yield* get)
      }
      assert.deepStrictEqual(seen, ["제작중", "제작완료", "출고완료", "출고완료"])
      assert.deepStrictEqual(yield* Ref.get(told), ["PRODUCING", "PRODUCTION_DONE", "SHIPPED", "SHIPPED"])
      assert.strictEqual((yield* Effect.flip(sandbox.advance("MJ-none")))._tag, "UnknownSandboxJob")
    }).pipe(Effect.provide(MesSandbox.layer.pipe(Layer.provide(Layer.succeed(SandboxReporter, report)))))
  })
)

it.effect("answers health, refuses a dispatch without a key and an unknown job", () =>
  Effect.gen(function* () {
    const { httpClient } = yield* MesSandbox
    assert.strictEqual((yield* httpClient.get("http://mes.sandbox/health")).status, 200)
    assert.strictEqual((yield* httpClient.get("http://mes.sandbox/jobs/MJ-none")).status, 404)
    const keyless = HttpClientRequest.post("http://mes.sandbox/dispatch").pipe(
      HttpClientRequest.bodyJsonUnsafe(request)
    )
    assert.strictEqual((yield* httpClient.execute(keyless)).status, 400)
  }).pipe(Effect.provide(MesSandbox.layer))
)
