/** What becomes of failures that are not the caller's: problem documents that tell nothing about the inside. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, References } from "effect"
import { SqlError } from "effect/sql"
import type { Products } from "../../src/services/catalog/Products.ts"
import * as Hub from "../support/TestHub.ts"

interface Line {
  readonly level: string
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
  readonly cause: string
}

/** Requests to a hub whose products behave like this; with the log. */
const run = <A>(
  products: Partial<Products["Service"]>,
  use: (request: (method: string, path: string, options?: Hub.Request) => Effect.Effect<Hub.Reply>) => Effect.Effect<A>
) => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
    lines.push({
      level: logLevel,
      message,
      annotations: fiber.getRef(References.CurrentLogAnnotations),
      cause: String(cause)
    })
  })
  return Effect.gen(function* () {
    const port = yield* Hub.port
    const result = yield* use((method, path, { body, headers = {}, key = Hub.adminKey } = {}) =>
      Hub.send(
        port,
        method,
        path,
        {
          ...(key === null ? {} : { "x-api-key": key }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        body
      )
    )
    return { result, lines }
  }).pipe(Effect.provide(Hub.overMocks({ products }).pipe(Layer.provideMerge(Logger.layer([logger])))))
}

const lost = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({
    cause: new Error("password authentication failed for hub"),
    message: "no route"
  })
})

describe("Failures", () => {
  it.live("a defect is a 500 without a word about it; the log has the cause and the correlation id", () =>
    Effect.gen(function* () {
      const { lines, result } = yield* run({ get: () => Effect.die(new Error("the secret inside")) }, (request) =>
        request("GET", "/api/v1/products/1", { headers: { "x-correlation-id": "trace-500" } })
      )
      assert.strictEqual(result.status, 500)
      assert.deepStrictEqual(result.body, {
        type: "urn:hub:problem:internal",
        title: "Something went wrong on our side",
        status: 500,
        instance: "/api/v1/products/1",
        traceId: "trace-500"
      })
      const [line] = lines.filter(({ level }) => level === "Error")
      assert.include(line?.cause, "the secret inside")
      assert.deepInclude(line?.annotations, { correlationId: "trace-500" })
    })
  )

  it.live("a lost database is a 503 with Retry-After", () =>
    Effect.gen(function* () {
      const { result } = yield* run({ get: () => Effect.die(lost) }, (request) => request("GET", "/api/v1/products/1"))
      assert.deepStrictEqual([result.status, result.headers["retry-after"]], [503, "2"])
      assert.deepInclude(result.body, { type: "urn:hub:problem:unavailable", retryAfter: 2 })
      assert.notInclude(result.text, "password")
    })
  )

  it.live("an answer that does not fit its own schema is a 500, not a broken answer", () =>
    Effect.gen(function* () {
      const { result } = yield* run({ list: () => Effect.succeed({ data: [], total: -1 }) }, (request) =>
        request("GET", "/api/v1/products")
      )
      assert.strictEqual(result.status, 500)
      assert.deepInclude(result.body, { type: "urn:hub:problem:internal" })
    })
  )

  it.live("AC-NFR-002 every request is one line with its correlation id; no key, signature or body is in the log", () =>
    Effect.gen(function* () {
      const { lines } = yield* run({ list: () => Effect.succeed({ data: [], total: 0 }) }, (request) =>
        Effect.all([
          request("GET", "/api/v1/products"),
          request("GET", "/api/v1/products?q=private", { headers: { "x-correlation-id": "trace-log" } }),
          request("GET", "/api/v1/products", { key: "hub_wrong_secret_key" }),
          request("POST", "/api/v1/products", { body: `{"name":"private"` }),
          request("PUT", "/api/v1/integration/mes/orders/ord_1/status", {
            key: null,
            body: { private: true },
            headers: { "webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,c2lnbmF0dXJl" }
          })
        ])
      )
      const all = JSON.stringify(lines)
      for (const secret of [Hub.adminKey, "hub_wrong_secret_key", "c2lnbmF0dXJl", "private"]) {
        assert.notInclude(all, secret)
      }
      const access = lines.filter(({ message }) => String(message) === "HTTP request")
      // Successful reads are logged at debug level, which is off.
      assert.deepStrictEqual(
        access.map(({ annotations: { caller, method, path, status } }) => [method, path, status, caller]),
        [
          ["GET", "/api/v1/products", 401, undefined],
          ["POST", "/api/v1/products", 400, "admin"],
          ["PUT", "/api/v1/integration/mes/orders/ord_1/status", 401, undefined]
        ]
      )
      for (const { annotations } of access) {
        assert.match(String(annotations["correlationId"]), /^[0-9a-f-]{36}$/)
        assert.isNumber(annotations["milliseconds"])
      }
    })
  )
})
