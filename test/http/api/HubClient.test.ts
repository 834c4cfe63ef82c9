import { assert, layer } from "@effect/vitest"
import { Effect, Formatter, Layer, Redacted, Ref, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError } from "effect/http"
import { OrderId, ProductId } from "../../../src/domain/Ids.ts"
import { HubClient, items, withCorrelationId, withIdempotencyKey } from "../../../src/http/api/HubClient.ts"
import { embedded } from "../../support/Databases.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"
import * as Hub from "../../support/TestHub.ts"

const clientAt = (
  baseUrl: string,
  apiKey: string = Hub.adminKey,
  transformClient?: (client: HttpClient.HttpClient) => HttpClient.HttpClient
) =>
  HubClient.layer({
    baseUrl,
    apiKey: Redacted.make(apiKey),
    ...(transformClient === undefined ? {} : { transformClient })
  }).pipe(Layer.provide(FetchHttpClient.layer))

const own = Layer.unwrap(Effect.map(Hub.TestHub, ({ port }) => clientAt(`http://127.0.0.1:${port}`)))

const card = { name: "Card", productType: "card" }

layer(own.pipe(Layer.provideMerge(Hub.layer(embedded))), { excludeTestServices: true, timeout: "60 seconds" })(
  "HubClient",
  (it) => {
    it.effect("creates, reads, changes and lists", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const made = yield* hub.products.create({ payload: { ...card, huniCode: "70001" } })
        assert.deepInclude(made, { name: "Card", huniCode: "70001", edicusCode: "HU_70001", isActive: true })
        yield* hub.products.setPrice({ params: { id: made.id }, payload: { sellingPrice: 12_000 } })
        assert.deepInclude(yield* hub.products.get({ params: { id: made.id } }), { sellingPrice: 12_000 })
        const { data, meta } = yield* hub.products.list({ query: { page: 1, limit: 20, huniCode: "70001" } })
        assert.deepStrictEqual([data.map(({ id }) => id), meta.total], [[made.id], 1])
        assert.deepStrictEqual(yield* hub.health.alive(), { status: "ok" })
      })
    )

    it.effect("an endpoint without a body takes null for it", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const product = yield* hub.products.create({ payload: card })
        const accepted = yield* hub.shopby.syncProduct({ params: { id: product.id }, payload: null })
        assert.deepInclude(accepted, { productId: product.id, status: "accepted" })
      })
    )

    it.effect("a problem is the typed error of its endpoint", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const missing = yield* Effect.flip(hub.products.get({ params: { id: ProductId.make(2_000_000_000) } }))
        assert(missing._tag === "NotFoundProblem")
        assert.deepInclude(missing, { status: 404, instance: "/api/v1/products/2000000000" })
        assert.isNotEmpty(missing.traceId)

        // What the schemas of the API cannot know is found by the hub, and comes back with its path.
        const invalid = yield* Effect.flip(
          hub.orders.create({
            payload: {
              source: "widget",
              customer: { name: "Kim" },
              items: [{ productId: ProductId.make(2_000_000_000), quantity: 1, choiceIds: [] }],
              totalPrice: 1
            }
          })
        )
        assert(invalid._tag === "ValidationProblem")
        assert.deepStrictEqual(
          invalid.errors.map(({ path }) => path),
          ["items[0].productId"]
        )

        yield* hub.products.create({ payload: { ...card, huniCode: "70002" } })
        const conflict = yield* Effect.flip(hub.products.create({ payload: { ...card, huniCode: "70002" } }))
        assert.strictEqual(conflict._tag, "ConflictProblem")
      })
    )

    it.effect("what the API does not allow is not sent", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const error = yield* Effect.flip(hub.products.create({ payload: { ...card, name: "" } }))
        assert.strictEqual(error._tag, "SchemaError")
      })
    )

    it.effect("one of several problems of the same status is told by its type", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const product = yield* hub.products.create({ payload: { ...card, sellingPrice: 1 } })
        const order = yield* hub.orders.create({
          payload: {
            source: "admin",
            customer: { name: "Kim" },
            items: [{ productId: product.id, quantity: 1, choiceIds: [] }],
            totalPrice: 1
          }
        })
        const blocked = yield* Effect.flip(hub.mes.dispatch({ params: { id: order.id }, payload: { memo: "now" } }))
        assert(blocked._tag === "MappingUnverifiedProblem")
        assert.deepStrictEqual(blocked.productIds, [product.id])
        yield* hub.orders.changeStatus({ params: { id: order.id }, payload: { status: "CANCELLED" } })
        const cancelled = yield* Effect.flip(hub.mes.dispatch({ params: { id: order.id }, payload: null }))
        assert.strictEqual(cancelled._tag, "ConflictProblem")
        const back = yield* Effect.flip(
          hub.orders.changeStatus({ params: { id: order.id }, payload: { status: "CONFIRMED" } })
        )
        assert(back._tag === "InvalidStateTransitionProblem")
        assert.deepInclude(back, { status: 409, from: "CANCELLED", to: "CONFIRMED" })
      })
    )

    it.effect("a wrong key is a 401, a key without the scope a 403; neither shows the key", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const { port } = yield* Hub.TestHub
        const { key } = yield* hub.apiKeys.create({ payload: { name: "reader", scopes: ["edicus"] } })
        const list = HubClient.use((client) => client.products.list({ query: { page: 1, limit: 20 } }))
        const as = (apiKey: string) =>
          Effect.flip(list).pipe(Effect.provide(clientAt(`http://127.0.0.1:${port}`, apiKey), { local: true }))
        const unknown = yield* as("not-a-key-of-this-hub")
        assert.strictEqual(unknown._tag, "UnauthorizedProblem")
        const forbidden = yield* as(key)
        assert.strictEqual(forbidden._tag, "ForbiddenProblem")
        for (const [error, secret] of [
          [unknown, "not-a-key-of-this-hub"],
          [forbidden, key]
        ] as const) {
          assert.notInclude(`${String(error)} ${Formatter.format(error)}`, secret)
        }
      })
    )

    it.effect("withIdempotencyKey: the first answer again, and a refusal for another request", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const create = (name: string) =>
          hub.products.create({ payload: { ...card, name } }).pipe(withIdempotencyKey("a-key-of-the-caller"))
        const first = yield* create("One")
        assert.strictEqual((yield* create("One")).id, first.id)
        assert.strictEqual((yield* Effect.flip(create("Two")))._tag, "IdempotencyMismatchProblem")
        // Outside, no key is sent.
        assert.notStrictEqual((yield* hub.products.create({ payload: { ...card, name: "One" } })).id, first.id)
      })
    )

    it.effect("withCorrelationId names what follows", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const product = yield* hub.products.create({ payload: card }).pipe(withCorrelationId("trace-client"))
        const { data } = yield* hub.events.list({ query: { limit: 20, correlationId: "trace-client" } })
        assert.deepStrictEqual(
          data.map(({ type }) => type),
          ["product.created"]
        )
        assert.deepStrictEqual(data[0]?.data, { productId: product.id, huniCode: null })
      })
    )

    it.effect("items reads every page of a list, and only as far as it is read", () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const asked = yield* Ref.make<ReadonlyArray<number>>([])
        const names = Array.from({ length: 205 }, (_, index) => `option-${index}`)
        yield* Effect.forEach(names, (key) =>
          hub.options.create({ payload: { key, name: key, optionClass: "setting" } })
        )
        const all = items((query) =>
          Effect.andThen(
            Ref.update(asked, (pages) => [...pages, query.page]),
            hub.options.list({ query })
          )
        )
        const keys = yield* Stream.runCollect(Stream.map(all, ({ key }) => key))
        assert.includeMembers([...keys], names)
        assert.deepStrictEqual(yield* Ref.get(asked), [1, 2, 3])
        yield* Ref.set(asked, [])
        yield* Stream.runDrain(Stream.take(all, 150))
        assert.deepStrictEqual(yield* Ref.get(asked), [1, 2])
      })
    )

    it.effect("a hub that is not there, or not a hub, is an HttpClientError or a SchemaError", () =>
      Effect.gen(function* () {
        const other = yield* HttpSimulator.make
        const get = Effect.flip(
          HubClient.use((client) => client.orders.get({ params: { id: OrderId.make(`ord_${"0".repeat(26)}`) } }))
        ).pipe(Effect.provide(clientAt(other.url), { local: true }))
        yield* other.respond(() => Effect.succeed(HttpSimulator.json(200, { hello: "world" })))
        assert.strictEqual((yield* get)._tag, "SchemaError")
        yield* other.respond(() => Effect.succeed({ _tag: "Answer", status: 502, body: "<html>" }))
        assert.isTrue(HttpClientError.isHttpClientError(yield* get))
        yield* other.refuse
        const refused = yield* get
        assert.isTrue(HttpClientError.isHttpClientError(refused))
        assert.notInclude(`${String(refused)} ${Formatter.format(refused)}`, Hub.adminKey)
      })
    )

    it.effect("transformClient goes around every request: retries keep the Idempotency-Key", () =>
      Effect.gen(function* () {
        const flaky = yield* HttpSimulator.make
        const { port } = yield* Hub.TestHub
        const down = HttpSimulator.json(503, { type: "urn:hub:problem:unavailable", title: "no", status: 503 })
        yield* flaky.respond(() =>
          Effect.map(flaky.requests, ({ length }) =>
            length < 3
              ? down
              : { _tag: "Answer", status: 307, headers: { location: `http://127.0.0.1:${port}/health` } }
          )
        )
        const alive = HubClient.use((client) => client.health.alive()).pipe(
          withIdempotencyKey("once"),
          Effect.provide(
            clientAt(flaky.url, Hub.adminKey, (client) => HttpClient.retryTransient(client, { times: 3 })),
            { local: true }
          )
        )
        assert.deepStrictEqual(yield* alive, { status: "ok" })
        const requests = yield* flaky.requests
        assert.strictEqual(requests.length, 3)
        for (const { headers } of requests) {
          assert.deepInclude(headers, { "idempotency-key": "once", authorization: `Bearer ${Hub.adminKey}` })
        }
      })
    )
  }
)
