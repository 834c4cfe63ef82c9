import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch, Layer, Queue, Redacted, Ref, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import type { ProductId } from "../../../src/domain/Ids.ts"
import { follow } from "../../../src/http/api/EventFeed.ts"
import { HubClient } from "../../../src/http/api/HubClient.ts"
import { embedded } from "../../support/Databases.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"
import * as Hub from "../../support/TestHub.ts"

const clientOf = (port: number, transformClient?: (client: HttpClient.HttpClient) => HttpClient.HttpClient) =>
  HubClient.layer({
    baseUrl: `http://127.0.0.1:${port}`,
    apiKey: Redacted.make(Hub.adminKey),
    ...(transformClient === undefined ? {} : { transformClient })
  }).pipe(Layer.provide(FetchHttpClient.layer))

const own = Layer.unwrap(Effect.map(Hub.TestHub, ({ port }) => clientOf(port)))

const create = Effect.map(
  HubClient.use((hub) => hub.products.create({ payload: { name: "Card", productType: "card" } })),
  ({ id }) => id
)
const deactivate = (id: ProductId) => HubClient.use((hub) => hub.products.deactivate({ params: { id } }))

const eventStream = (request: HttpClientRequest.HttpClientRequest, body: Stream.Stream<string>) =>
  HttpClientResponse.fromWeb(request, new Response(Stream.toReadableStream(Stream.encodeText(body))))

/** Connections that end after their first event, however many there are to come, and are soon opened again. */
const impatient = (client: HttpClient.HttpClient) =>
  HttpClient.make((request) =>
    Effect.map(client.execute(request), (response) =>
      response.status === 200
        ? eventStream(
            request,
            response.stream.pipe(
              Stream.orDie,
              Stream.decodeText,
              Stream.map((chunk) => chunk.replace("retry: 2000", "retry: 20")),
              Stream.takeUntil((chunk) => chunk.includes("data:"))
            )
          )
        : response
    )
  )

layer(own.pipe(Layer.provideMerge(Hub.layer(embedded))), { excludeTestServices: true, timeout: "60 seconds" })(
  "EventFeed",
  (it) => {
    it.effect("gives the events of a type after a place, and then each new one", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const before = yield* create
        yield* deactivate(before)
        const { meta } = yield* hub.events.list({ query: { limit: 100 } })
        const after = yield* create
        yield* deactivate(after)
        const seen = yield* Queue.unbounded<unknown>()
        yield* follow({ type: "product.deactivated", after: meta.next }).pipe(
          Stream.runForEach(({ event }) => Queue.offer(seen, event.data)),
          Effect.forkScoped
        )
        assert.deepStrictEqual(yield* Queue.take(seen), { productId: after })
        const later = yield* create
        yield* deactivate(later)
        assert.deepStrictEqual(yield* Queue.take(seen), { productId: later })
      }).pipe(Effect.scoped)
    )

    it.effect("a place that was kept goes on where the program stopped", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const { meta } = yield* hub.events.list({ query: { limit: 100 } })
        const ids = yield* Effect.replicateEffect(create, 3)
        const take = (after: string, count: number) =>
          Stream.runCollect(Stream.take(follow({ type: "product.created", after }), count))
        const [first] = yield* take(meta.next, 1)
        const rest = yield* take(first?.position ?? "", 2)
        const all = [first, ...rest].map((seen) => seen?.event.data)
        assert.sameDeepMembers(
          all,
          ids.map((productId) => ({ productId, huniCode: null }))
        )
      })
    )

    it.effect(
      "a connection that ends, or fails, is opened again: nothing is missed and nothing comes twice",
      () =>
        Effect.gen(function* () {
          const hub = yield* HubClient
          const { port } = yield* Hub.TestHub
          const { meta } = yield* hub.events.list({ query: { limit: 100 } })
          const connections = yield* Ref.make(0)
          const flaky = (client: HttpClient.HttpClient) =>
            HttpClient.transformResponse(impatient(client), (response) =>
              Effect.flatMap(
                Ref.updateAndGet(connections, (count) => count + 1),
                // Every second one is refused by something in between.
                (count) =>
                  count % 2 === 0
                    ? Effect.map(response, ({ request }) =>
                        HttpClientResponse.fromWeb(request, new Response("<html>", { status: 502 }))
                      )
                    : response
              )
            )
          const seen = yield* Queue.unbounded<unknown>()
          yield* follow({ type: "product.created", after: meta.next }).pipe(
            Stream.runForEach(({ event }) => Queue.offer(seen, event.data)),
            Effect.provide(clientOf(port, flaky), { local: true }),
            Effect.forkScoped
          )
          for (let round = 0; round < 3; round++) {
            const productId = yield* create
            assert.deepStrictEqual(yield* Queue.take(seen), { productId, huniCode: null })
          }
          assert.strictEqual(yield* Queue.size(seen), 0)
          assert.isAtLeast(yield* Ref.get(connections), 5)
        }).pipe(Effect.scoped),
      30_000
    )

    it.effect("what happens before the first event, while there is no connection, is not missed", () =>
      Effect.gen(function* () {
        const { port } = yield* Hub.TestHub
        const opened = yield* Deferred.make<void>()
        const again = yield* Latch.make(false)
        const first = yield* Ref.make(true)
        // The first connection ends at once after its first frame; the second has to wait.
        const ending = (client: HttpClient.HttpClient) =>
          HttpClient.make((request) =>
            Effect.gen(function* () {
              if (!(yield* Ref.getAndSet(first, false))) {
                yield* again.await
                return yield* client.execute(request)
              }
              const response = yield* client.execute(request)
              const frame = response.stream.pipe(Stream.orDie, Stream.decodeText, Stream.take(1))
              return eventStream(request, Stream.onEnd(frame, Deferred.succeed(opened, undefined)))
            })
          )
        const feed = yield* follow({ type: "product.created" }).pipe(
          Stream.take(1),
          Stream.runCollect,
          Effect.provide(clientOf(port, ending), { local: true }),
          Effect.forkScoped
        )
        yield* Deferred.await(opened)
        const productId = yield* create
        yield* again.open
        const [seen] = yield* Fiber.join(feed)
        assert.deepStrictEqual(seen?.event.data, { productId, huniCode: null })
      }).pipe(Effect.scoped)
    )

    it.effect("ends with the problem when another connection cannot help", () =>
      Effect.gen(function* () {
        const { port } = yield* Hub.TestHub
        const unauthorized = yield* follow().pipe(
          Stream.runDrain,
          Effect.flip,
          Effect.provide(
            clientOf(port, (client) => HttpClient.mapRequest(client, HttpClientRequest.bearerToken("wrong"))),
            { local: true }
          )
        )
        assert.strictEqual(unauthorized._tag, "UnauthorizedProblem")
        const nowhere = yield* Effect.flip(Stream.runDrain(follow({ after: "nowhere" })))
        assert.strictEqual(nowhere._tag, "ValidationProblem")
        const other = yield* HttpSimulator.make
        yield* other.respond(() => Effect.succeed(HttpSimulator.json(404, {})))
        const notHub = yield* follow().pipe(
          Stream.runDrain,
          Effect.flip,
          Effect.provide(clientOf(Number(new URL(other.url).port)), { local: true })
        )
        assert.strictEqual(notHub._tag, "HttpClientError")
      }).pipe(Effect.scoped)
    )
  }
)
