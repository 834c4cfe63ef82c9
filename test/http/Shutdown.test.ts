import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Scope } from "effect"
import * as Net from "node:net"
import type { Product } from "../../src/domain/Product.ts"
import { ProductId } from "../../src/domain/Ids.ts"
import * as Hub from "../support/TestHub.ts"

const product: Product = {
  id: ProductId.make(1),
  huniCode: null,
  edicusCode: null,
  name: "Card",
  slug: "card",
  productType: "card",
  categoryCode: null,
  pricingModel: null,
  orderMethod: "upload",
  editorEnabled: false,
  sellingPrice: null,
  minQty: null,
  maxQty: null,
  qtyStep: null,
  shopbyId: null,
  isActive: true,
  createdAt: "2026-11-01T00:00:00.000Z",
  updatedAt: "2026-11-01T00:00:00.000Z"
}

const refused = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(false))
    })
    socket.once("error", () => resume(Effect.succeed(true)))
  })

describe("Shutdown", () => {
  it.live("AC-NFR-005 intake stops, event streams end, and the request that runs is finished", () =>
    Effect.gen(function* () {
      const entered = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Hub.overMocks({
          products: {
            get: () =>
              Deferred.succeed(entered, undefined).pipe(Effect.andThen(Deferred.await(leave)), Effect.as(product))
          },
          log: {
            tail: Effect.succeed([0]),
            changes: Queue.unbounded<void>(),
            list: () => Effect.succeed({ data: [], next: [0] })
          }
        }),
        scope
      )
      const port = yield* Effect.provide(Hub.port, context)
      const headers = { "x-api-key": Hub.adminKey }
      const alive = { ...headers, connection: "keep-alive" }
      const running = yield* Effect.forkChild(Hub.send(port, "GET", "/api/v1/products/1", alive, undefined))
      const stream = yield* Effect.forkChild(Hub.send(port, "GET", "/api/v1/events/stream", headers, undefined))
      yield* Deferred.await(entered)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      // The stream ends by itself: that is where the shutdown has begun.
      assert.match((yield* Fiber.join(stream)).text, /^id: 0\nretry: 2000\n\n/)
      while (!(yield* refused(port))) yield* Effect.yieldNow
      assert.isUndefined(running.pollUnsafe())
      assert.isUndefined(closing.pollUnsafe())
      yield* Deferred.succeed(leave, undefined)
      const reply = yield* Fiber.join(running)
      assert.deepStrictEqual([reply.status, reply.body], [200, product])
      // A connection kept alive would hold up the shutdown.
      assert.strictEqual(reply.headers["connection"], "close")
      yield* Fiber.join(closing)
    })
  )

  it.live("AC-NFR-005 a request that does not end in time is cut off, and the shutdown goes on", () =>
    Effect.gen(function* () {
      const entered = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Hub.overMocks({
          gracefulShutdownTimeout: "50 millis",
          products: { get: () => Deferred.succeed(entered, undefined).pipe(Effect.andThen(Effect.never)) }
        }),
        scope
      )
      const port = yield* Effect.provide(Hub.port, context)
      const running = yield* Effect.forkChild(
        Hub.send(port, "GET", "/api/v1/products/1", { "x-api-key": Hub.adminKey }, undefined)
      )
      yield* Deferred.await(entered)
      yield* Scope.close(scope, Exit.void)
      const reply = yield* Fiber.join(running)
      assert.deepInclude(reply.body, { type: "urn:hub:problem:unavailable", status: 503 })
    })
  )
})
