/** Health over time, circuits and alerts, for operators (provider integrations, section 3). */
import { assert, layer } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Circuit, HealthRecord, IntegrationStatus } from "../../src/services/observability/IntegrationStatus.ts"
import { AlertWithDeliveries } from "../../src/domain/Alert.ts"
import { list } from "../../src/http/api/Queries.ts"
import { AlertLog } from "../../src/services/observability/AlertLog.ts"
import { Alerts } from "../../src/services/observability/Alerts.ts"
import { CircuitBreakers } from "../../src/services/resilience/CircuitBreakers.ts"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const api = "/api/v1"

const call = Effect.fnUntraced(function* (method: string, path: string, status: number, options: Hub.Request = {}) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, `${api}${path}`, options)
  assert.strictEqual(reply.status, status, `${method} ${path}: ${reply.text}`)
  if (status >= 400) Hub.assertProblem(reply, path)
  return reply.body
})

const read = <S extends Schema.Codec<unknown, unknown>>(schema: S, body: Effect.Effect<unknown, never, Hub.TestHub>) =>
  Effect.flatMap(body, Schema.decodeUnknownEffect(schema))

const Circuits = Schema.Struct({ data: Schema.Array(Circuit) })
const Statuses = Schema.Struct({ data: Schema.Array(IntegrationStatus) })
const WithHistory = Schema.Struct({ ...IntegrationStatus.fields, history: list(HealthRecord) })

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Monitoring", (it) => {
  it.effect("Property 41: GET /health/integrations shows adapters and data services, with and without the prefix", () =>
    Effect.gen(function* () {
      yield* call("POST", "/integrations/mes/health-check", 200)
      const { data } = yield* read(Statuses, call("GET", "/health/integrations", 200))
      assert.deepStrictEqual(
        data.map(({ kind, name }) => `${kind} ${name}`),
        ["adapter mes", "service address", "service companies", "service flights", "service fx"]
      )
      assert.deepInclude(data[0], { status: "healthy", healthy: true, circuit: "CLOSED", mode: "sandbox" })
      assert.deepInclude(data[4], { status: "unknown", healthy: false, mode: "sandbox" })
      const { request } = yield* Hub.TestHub
      assert.deepStrictEqual((yield* request("GET", "/health/integrations")).body, { data })
    })
  )

  it.effect("GET /integrations/:name/health tells how an adapter or a data service is, with its history", () =>
    Effect.gen(function* () {
      yield* call("GET", "/providers/fx/rate?from=USD&to=KRW", 200)
      const fx = yield* read(WithHistory, call("GET", "/integrations/fx/health?limit=5", 200))
      assert.deepInclude(fx, { name: "fx", kind: "service", status: "healthy" })
      assert.strictEqual(fx.calls.asked, 1)
      assert.deepStrictEqual(fx.history, { data: [], meta: { page: 1, limit: 5, total: 0, totalPages: 0 } })
      assert.deepInclude(yield* call("GET", "/integrations/mes/health", 200), { kind: "adapter", status: "healthy" })
      yield* call("GET", "/integrations/nobody/health", 404)
      yield* call("GET", "/integrations/fx/health?limit=0", 400)
      yield* call("GET", "/integrations/fx/health", 401, { key: null })
    })
  )

  it.effect("POST /health/integrations/circuits/:provider/reset closes a circuit; 404 unknown; the name is kept", () =>
    Effect.gen(function* () {
      const breaker = Option.getOrThrow(yield* (yield* CircuitBreakers).get("fx_primary"))
      yield* breaker.forceOpen
      const { data } = yield* read(Circuits, call("GET", "/health/integrations/circuits", 200))
      assert.deepInclude(
        data.find(({ name }) => name === "fx_primary"),
        { integration: "fx", state: "OPEN", hold: "open", retryAt: null, lastReset: null }
      )
      const path = "/health/integrations/circuits/fx_primary/reset"
      const reset = yield* read(Circuit, call("POST", path, 200))
      assert.deepInclude(reset, { name: "fx_primary", state: "CLOSED", hold: "automatic" })
      assert.deepInclude(reset.lastReset ?? {}, { from: "OPEN", actor: "admin" })
      yield* call("POST", "/health/integrations/circuits/nobody/reset", 404)
      yield* call("POST", path, 401, { key: null })
      const created = Object(yield* call("POST", "/api-keys", 201, { body: { name: "core", scopes: ["core"] } }))
      for (const [method, path] of [
        ["GET", "/health/integrations/circuits"],
        ["POST", "/health/integrations/circuits/fx_primary/reset"],
        ["GET", "/integrations/fx/health"],
        ["GET", "/alerts"]
      ] as const) {
        yield* call(method, path, 403, { key: created.key })
      }
    })
  )

  it.effect(
    "GET /alerts lists alerts with their end and their deliveries, newest first, by kind, subject and whether it holds",
    () =>
      Effect.gen(function* () {
        const log = yield* AlertLog
        const target = "https://hooks.example.com (0a1b2c3d)"
        const about = { kind: "rate-limit", subject: "kac", message: "so it is" } as const
        yield* log.write({ ...about, notice: "raised", level: 1, targets: [target] })
        yield* log.write({ ...about, notice: "recovered", level: 0, targets: [target] })
        yield* log.write({ ...about, notice: "raised", level: 1, targets: [] })
        const alerts = (query: string) => read(list(AlertWithDeliveries), call("GET", `/alerts?${query}`, 200))
        const { data, meta } = yield* alerts("kind=rate-limit&limit=1&page=2")
        assert.deepStrictEqual(meta, { page: 2, limit: 1, total: 2, totalPages: 2 })
        const [ended] = data
        assert.deepInclude(ended ?? {}, { subject: "kac", severity: "warning", recovery: "so it is" })
        assert.deepStrictEqual(
          ended?.deliveries.map((delivery) => [delivery.target, delivery.status, delivery.attempts]),
          [
            [target, "pending", 0],
            [target, "pending", 0]
          ]
        )
        assert.strictEqual((yield* alerts("subject=kac&open=true")).meta.total, 1)
        assert.strictEqual((yield* alerts("subject=kac&open=false")).meta.total, 1)
        assert.strictEqual((yield* alerts("subject=nobody")).meta.total, 0)
        for (const query of ["kind=weather", "open=yes", "limit=101"]) yield* call("GET", `/alerts?${query}`, 400)
        yield* call("GET", "/alerts", 401, { key: null })
      })
  )

  it.effect("a circuit that is forced open raises an alert in the whole hub, its reset ends it", () =>
    Effect.gen(function* () {
      const breaker = Option.getOrThrow(yield* (yield* CircuitBreakers).get("kac"))
      yield* breaker.forceOpen
      yield* Alerts.use(({ look }) => look)
      const path = "/alerts?kind=circuit-open&subject=kac"
      const before = yield* read(list(AlertWithDeliveries), call("GET", path, 200))
      assert.deepInclude(before.data[0] ?? {}, { severity: "critical", recoveredAt: null })
      yield* call("POST", "/health/integrations/circuits/kac/reset", 200)
      yield* Alerts.use(({ look }) => look)
      const after = yield* read(list(AlertWithDeliveries), call("GET", path, 200))
      assert.deepInclude(after.data[0] ?? {}, { recovery: "circuit of kac is CLOSED" })
      assert.strictEqual(after.meta.total, 1)
    })
  )
})
