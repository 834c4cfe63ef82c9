// The hub's HTTP API from another program in TypeScript: typed requests, answers and problems.
//
//     HUB_URL=http://127.0.0.1:3000 HUB_API_KEY=… node docs/examples/client.ts
import { Config, Effect, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { OrderId } from "integration-hub/domain/Ids"
import { HubClient, items, withCorrelationId, withIdempotencyKey } from "integration-hub/http/api/HubClient"

export const program = Effect.gen(function* () {
  const hub = yield* HubClient

  const product = yield* hub.products.create({
    payload: { name: "Card", productType: "card", sellingPrice: 12_000 }
  })
  const order = yield* hub.orders
    .create({
      payload: {
        source: "widget",
        customer: { name: "Kim" },
        items: [{ productId: product.id, quantity: 100, choiceIds: [] }],
        totalPrice: 12_000
      }
    })
    // Sent again after a lost answer, it is still one order.
    .pipe(withIdempotencyKey(`basket-${product.id}`), withCorrelationId("trace-123"))
  yield* Effect.log(`order: ${order.status}`)

  // Every page of a list, as a stream.
  const open = yield* items((query) => hub.orders.list({ query: { ...query, status: "CONFIRMED" } })).pipe(
    Stream.runCount
  )
  yield* Effect.log(`confirmed orders: ${open}`)

  // What can go wrong is in the type of the effect.
  yield* hub.orders
    .get({ params: { id: OrderId.make("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV") } })
    .pipe(Effect.catchTag("NotFoundProblem", (problem) => Effect.log(`no such order: ${problem.status}`)))
})

export const layer = Layer.unwrap(
  Effect.map(Config.all({ baseUrl: Config.String("HUB_URL"), apiKey: Config.Redacted("HUB_API_KEY") }), HubClient.layer)
).pipe(Layer.provide(FetchHttpClient.layer))

if (import.meta.main) Effect.runFork(Effect.provide(program, layer))
