import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, Ref, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { NetAddress } from "effect/net"
import { createServer } from "node:http"
import { webhookBody } from "../../../src/adapters/shopby/SandboxMall.ts"
import { SandboxReporter, ShopbySandbox } from "../../../src/adapters/shopby/ShopbySandbox.ts"
import * as ShopbySandboxReporter from "../../../src/adapters/shopby/ShopbySandboxReporter.ts"
import { ShopOrder } from "../../../src/domain/ShopOrder.ts"
import { secretFromText, verify } from "../../../src/services/security/WebhookSignature.ts"
import { card } from "./ShopbySamples.ts"

const basket = { lines: [{ managementCode: "10001", option: "10001-100-b" }] }

/** One request to the sandbox, with a valid token. */
const ask = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
  const { httpClient } = yield* ShopbySandbox
  const token = yield* httpClient
    .execute(
      HttpClientRequest.post("http://s/auth/token/long-lived").pipe(
        HttpClientRequest.bodyJsonUnsafe({ grant_type: "refresh_token", client_id: "a", refresh_token: "b" })
      )
    )
    .pipe(
      Effect.flatMap(
        HttpClientResponse.schemaBodyJson(Schema.Struct({ access_token: Schema.String, expire_in: Schema.String }))
      )
    )
  // A year from 1970 in Korea.
  assert.match(token.expire_in, /^1971-01-01T09:0\d:\d\d$/)
  return yield* httpClient.execute(HttpClientRequest.bearerToken(request, token.access_token))
})

const list = (version: string) =>
  HttpClientRequest.get("http://s/orders").pipe(
    HttpClientRequest.setUrlParams({
      startYmdt: "1970-01-01 09:00:00",
      endYmdt: "1970-01-01 09:00:00",
      searchDateType: "STATUS_CHANGE",
      pageNumber: "1",
      pageSize: "200"
    }),
    HttpClientRequest.setHeader("version", version)
  )

it.layer(ShopbySandbox.layer)("ShopbySandbox", (it) => {
  it.effect("wants a token, and the version of the order list", () =>
    Effect.gen(function* () {
      const sandbox = yield* ShopbySandbox
      assert.strictEqual((yield* sandbox.httpClient.execute(list("1.1"))).status, 401)
      assert.strictEqual((yield* ask(list("1.1"))).status, 200)
      assert.strictEqual((yield* ask(list("1.0"))).status, 400)
    })
  )

  it.effect("gives a product the same number after it forgot everything; orders name product and option", () =>
    Effect.gen(function* () {
      const sandbox = yield* ShopbySandbox
      assert.strictEqual((yield* Effect.flip(sandbox.place(basket)))._tag, "NotInSandbox")
      const { mallProductNo } = yield* sandbox.register(card)
      yield* sandbox.forget
      assert.strictEqual((yield* sandbox.register(card)).mallProductNo, mallProductNo)
      const placed = yield* sandbox.place(basket)
      const told = yield* Schema.decodeEffect(Schema.fromJsonString(ShopOrder))(yield* webhookBody(placed))
      assert.deepInclude(told, { orderNo: placed.order.orderNo, orderAmount: 10_500 })
      assert.deepInclude(told.items[0], { productNo: mallProductNo, optionManagementCd: "10001-100-b" })
      const again = yield* sandbox.place(basket)
      assert.notStrictEqual(again.order.orderNo, placed.order.orderNo)
    })
  )

  it.effect("status changes of parcels that it forgot succeed; others do not exist", () =>
    Effect.gen(function* () {
      const sandbox = yield* ShopbySandbox
      yield* sandbox.register(card)
      const { order } = yield* sandbox.place(basket)
      yield* sandbox.forget
      const answer = yield* ask(
        HttpClientRequest.put("http://s/orders/change-status/by-shipping-no").pipe(
          HttpClientRequest.bodyJsonUnsafe({
            orderStatusType: "DELIVERY_ING",
            changeStatusList: [{ shippingNo: order.parcels[0]?.shippingNo }, { shippingNo: "1" }]
          })
        )
      )
      assert.deepInclude(yield* answer.json, { successCount: 1, failCount: 1 })
    })
  )
})

const key = Option.getOrThrow(secretFromText(Redacted.make(`whsec_${Buffer.alloc(32, 3).toString("base64")}`)))

it.effect("tells the hub of an order, signed; what is not taken is found under the failed webhooks", () =>
  Effect.gen(function* () {
    const answers = yield* Ref.make([503, 201])
    const seen = yield* Ref.make<ReadonlyArray<{ readonly id: string; readonly body: string }>>([])
    const hub = HttpClient.make(
      Effect.fnUntraced(function* (request) {
        assert.strictEqual(request.url, "http://hub/api/v1/integration/shopby/orders")
        assert(request.body._tag === "Uint8Array")
        const body = request.body.body
        const verified = verify({ headers: request.headers, body, secrets: [key], now: 10_000 })
        assert(verified._tag === "Success")
        yield* Ref.update(seen, (all) => [...all, { id: verified.success, body: Buffer.from(body).toString() }])
        const status = yield* Ref.modify(answers, (left) => [left[0] ?? 401, left.slice(1)])
        return HttpClientResponse.fromWeb(request, new Response(null, { status }))
      })
    )
    const layer = ShopbySandbox.layer.pipe(
      Layer.provide(
        Layer.succeed(
          SandboxReporter,
          ShopbySandboxReporter.make({ hubUrl: "http://hub", secret: key, httpClient: hub })
        )
      )
    )
    yield* Effect.gen(function* () {
      const sandbox = yield* ShopbySandbox
      yield* TestClock.setTime(10_000)
      yield* sandbox.register(card)
      const placing = yield* Effect.forkChild(sandbox.place(basket))
      yield* TestClock.adjust("1 second")
      const { order } = yield* Fiber.join(placing)
      const [first, second] = yield* Ref.get(seen)
      assert.deepStrictEqual(second, first)
      assert.isDefined(first)
      assert.strictEqual(first?.id, `order.${order.orderNo}`)
      const refused = yield* Effect.forkChild(sandbox.place(basket))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(refused)
      assert.strictEqual((yield* Ref.get(seen)).length, 8)
      const failed = yield* ask(
        HttpClientRequest.get("http://s/webhooks/failed").pipe(
          HttpClientRequest.setUrlParams({
            startDateTime: "1970-01-01 09:00:00",
            endDateTime: "1970-01-02 09:00:00",
            page: "1",
            pageSize: "10"
          })
        )
      )
      assert.deepInclude(yield* failed.json, { totalCount: 1 })
    }).pipe(Effect.provide(layer))
  })
)

it.live("is served on a port, with its handles", () =>
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    const port = NetAddress.isUnixPathAddress(address) ? 0 : address.port
    const client = yield* HttpClient.HttpClient
    const sandbox = yield* ShopbySandbox
    yield* sandbox.register(card)
    const placed = yield* client.execute(
      HttpClientRequest.post(`http://127.0.0.1:${port}/sandbox/orders`).pipe(HttpClientRequest.bodyJsonUnsafe(basket))
    )
    assert.strictEqual(placed.status, 201)
    const orders = yield* client.get(`http://127.0.0.1:${port}/sandbox/orders`)
    assert.deepStrictEqual(yield* orders.json, { data: [yield* placed.json] })
    const unknown = yield* client.execute(
      HttpClientRequest.post(`http://127.0.0.1:${port}/sandbox/orders`).pipe(
        HttpClientRequest.bodyJsonUnsafe({ lines: [{ managementCode: "none" }] })
      )
    )
    assert.strictEqual(unknown.status, 404)
  }).pipe(
    Effect.provide(
      ShopbySandbox.layerServed.pipe(
        Layer.provideMerge(ShopbySandbox.layer),
        Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
        Layer.provideMerge(NodeHttpClient.layerUndici)
      )
    )
  )
)
