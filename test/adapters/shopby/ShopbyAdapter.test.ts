import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Redacted, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { ShopbyAdapter } from "../../../src/adapters/shopby/ShopbyAdapter.ts"
import { ShopbySandbox } from "../../../src/adapters/shopby/ShopbySandbox.ts"
import { ShopbyTransport } from "../../../src/adapters/shopby/ShopbyTransport.ts"
import { ShopOrder } from "../../../src/domain/ShopOrder.ts"
import type { ProductId } from "../../../src/domain/Ids.ts"
import { Categories } from "../../../src/services/catalog/Categories.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { DeliverySettings } from "../../../src/services/events/DeliverySettings.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import * as Events from "../../../src/services/events/Events.ts"
import { AdapterRegistry } from "../../../src/services/integrations/AdapterRegistry.ts"
import type * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { ShopProducts } from "../../../src/services/shop/ShopProducts.ts"
import { firstPage } from "../../support/catalog/Catalogue.ts"
import { demoFiles, publishedEvents } from "../../support/catalog/Demo.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import * as ShopbyMall from "../../support/ShopbyMall.ts"
import { describeDatabases } from "../../support/Databases.ts"
import { book, Faults, OrderBook, orders, requested, Requests, settings, shop, tell } from "./ShopbyRig.ts"
import { shipped } from "./ShopbySamples.ts"

/** The core around an adapter. */
const around = <A, E, R>(adapter: Layer.Layer<A, E, R>) =>
  adapter.pipe(
    Layer.provideMerge(Layer.mergeAll(AdapterRegistry.layer, CircuitBreakers.layer, ShopProducts.layer)),
    Layer.provideMerge(orders.pipe(Layer.provideMerge(OrderBook.layer))),
    Layer.provideMerge(Layer.mergeAll(CatalogImport.layer, Categories.layer, Products.layer)),
    Layer.provideMerge(Events.layerSql),
    // Virtual time runs ahead of the database, so the lease must not run out meanwhile.
    Layer.provide(
      Layer.succeed(DeliverySettings, {
        ...DeliverySettings.defaultValue(),
        shutdownMillis: 0,
        leaseMillis: Duration.toMillis("40000 days"),
        renewMillis: Duration.toMillis("20000 days")
      })
    )
  )

const hub = (...args: Parameters<typeof settings>) =>
  around(ShopbyAdapter.layerRegistered.pipe(Layer.provideMerge(shop(...args))))

/** Lets the database answer: virtual time does not wait for it. */
const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Until everything committed so far, and what that led to, is handled, parked or dead-lettered. */
const settle = Effect.gen(function* () {
  const delivery = yield* Delivery
  yield* delivery.drained("shopby")
  yield* delivery.drained("shopby")
})

const parked = Effect.flatMap(Delivery, (delivery) => Effect.map(delivery.status("shopby"), (status) => status.parked))
const deadLetters = Effect.flatMap(DeadLetters, (letters) =>
  Effect.map(letters.list({ adapter: "shopby" }, firstPage), (page) => page.data)
)
const shelf = Effect.flatMap(ShopbySandbox, (sandbox) => sandbox.products)

/** The demo catalogue: the poster has two sizes (6000 and 9000), the card one price. Categories 10 and 20. */
const open = Effect.gen(function* () {
  const categories = yield* Categories
  yield* (yield* CatalogImport).importFiles({ files: demoFiles })
  for (const { categoryId, code } of (yield* categories.list(firstPage)).data) {
    if (code === "WALL") yield* categories.setShopbyCategoryNo(categoryId, 10)
    if (code === "PAPER") yield* categories.setShopbyCategoryNo(categoryId, 20)
  }
  const { data } = yield* (yield* Products).list({}, firstPage)
  const idOf = (huniCode: string) => data.find((product) => product.huniCode === huniCode)?.id ?? assert.fail(huniCode)
  return { poster: idOf("50001"), card: idOf("50002"), notebook: idOf("50003") }
})

const opened = Effect.gen(function* () {
  const ids = yield* open
  yield* settle
  yield* requested
  return ids
})

const stateOf = Effect.fnUntraced(function* (id: ProductId, mode: "sandbox" | "live" = "sandbox") {
  const { data } = yield* (yield* ShopProducts).list("all", mode, firstPage)
  const found = data.find(({ productId }) => productId === id) ?? assert.fail()
  return { syncStatus: found.syncStatus, shopbyId: found.shopbyId, reasons: found.reasons }
})

const patches = (lines: ReadonlyArray<string>) => lines.filter((line) => !line.startsWith("GET"))

const creating = (request: { readonly method: string; readonly url: string }) =>
  request.method === "POST" && request.url.endsWith("/products/")

describeDatabases("ShopbyAdapter", (database) => {
  const layer = hub().pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-SHOPBY-001 a product is created, mapped, entered, its number stored, sync.shopby.completed published",
    Effect.gen(function* () {
      const ids = yield* open
      yield* settle
      const products = yield* shelf
      assert.deepStrictEqual(products.map(({ listing }) => listing.managementCode).toSorted(), ["50001", "50002"])
      const poster = products.find(({ listing }) => listing.managementCode === "50001")
      assert.deepInclude(poster?.listing, { name: "Poster", categoryNo: 10, salePrice: 6000, onSale: true })
      assert.deepStrictEqual(
        poster?.listing.options?.rows.map(({ addPrice, value }) => [value, addPrice]),
        [
          ["297 x 420 mm", 0],
          ["420 x 594 mm", 3000]
        ]
      )
      assert.deepStrictEqual(yield* stateOf(ids.poster), { syncStatus: "synced", shopbyId: 100_050_001, reasons: [] })
      assert.deepInclude(yield* stateOf(ids.notebook), { syncStatus: "never", shopbyId: null })
      const completed = (yield* publishedEvents).filter(({ type }) => type === "sync.shopby.completed")
      assert.sameDeepMembers(
        completed.map(({ payload }) => payload),
        [
          { productId: ids.poster, shopbyId: 100_050_001 },
          { productId: ids.card, shopbyId: 100_050_002 }
        ]
      )
      assert.deepStrictEqual(yield* deadLetters, [])
    })
  )

  test(
    "AC-SHOPBY-001 the correlation id of the change goes on to what follows",
    Effect.gen(function* () {
      const { card } = yield* opened
      yield* Products.use((products) => products.patch(card, { name: "Visiting card" })).pipe(
        Effect.provideService(EventContext, { correlationId: "trace-456", causationId: null, source: "api" })
      )
      yield* settle
      const [changed, completed] = (yield* publishedEvents).filter(({ correlationId }) => correlationId === "trace-456")
      assert.strictEqual(completed?.type, "sync.shopby.completed")
      assert.strictEqual(completed?.causationId, changed?.id ?? "")
    })
  )

  test(
    "AC-SHOPBY-002 only what changed is sent, and nothing when nothing did; force sends everything",
    Effect.gen(function* () {
      const { card } = yield* opened
      const sync = (force: boolean) =>
        ShopProducts.use((products) => products.requestSync(card, { force, mode: "sandbox" })).pipe(
          Effect.andThen(settle),
          Effect.andThen(requested)
        )
      yield* Products.use((products) => products.patch(card, { name: "Visiting card" }))
      yield* settle
      assert.deepStrictEqual(yield* requested, ["PATCH /products/100050002"])
      assert.strictEqual(
        (yield* shelf).find(({ mallProductNo }) => mallProductNo === 100_050_002)?.listing.name,
        "Visiting card"
      )
      yield* Products.use((products) => products.patch(card, { editorEnabled: false }))
      yield* settle
      assert.deepStrictEqual(yield* requested, [])
      assert.deepStrictEqual(yield* sync(false), [])
      assert.deepInclude(yield* stateOf(card), { syncStatus: "synced" })
      assert.deepStrictEqual(yield* sync(true), ["PATCH /products/100050002", "PUT /products/100050002/status"])
    })
  )

  test(
    "deactivated: the sale is stopped; activated: on sale again; unpriced: stopped too; a repeat sends nothing",
    Effect.gen(function* () {
      const { card, notebook } = yield* opened
      const products = yield* Products
      const onSale = Effect.map(
        shelf,
        (all) => all.find(({ mallProductNo }) => mallProductNo === 100_050_002)?.listing.onSale
      )
      yield* products.deactivate(card)
      yield* settle
      assert.deepStrictEqual(yield* requested, ["PUT /products/100050002/status"])
      assert.isFalse(yield* onSale)
      yield* ShopProducts.use((all) => all.requestSync(card, { force: false, mode: "sandbox" }))
      yield* settle
      assert.deepStrictEqual(yield* requested, [])
      yield* products.patch(card, { name: "While away" })
      yield* products.activate(card)
      yield* settle
      assert.deepStrictEqual(yield* requested, ["PATCH /products/100050002", "PUT /products/100050002/status"])
      assert.isTrue(yield* onSale)
      // No price any more.
      const database = yield* Database
      yield* database.sql`delete from fixed_prices where product_id = ${card}`
      yield* ShopProducts.use((all) => all.requestSync(card, { force: false, mode: "sandbox" }))
      yield* settle
      assert.isFalse(yield* onSale)
      assert.deepStrictEqual(yield* requested, ["PUT /products/100050002/status"])
      // Never was in the shop.
      yield* products.deactivate(notebook)
      yield* settle
      assert.deepStrictEqual(patches(yield* requested), [])
      assert.deepInclude(yield* stateOf(notebook), { syncStatus: "never" })
    })
  )

  for (const fault of [
    { _tag: "LostAnswer" },
    { _tag: "Garbage", handled: true },
    { _tag: "Hang", handled: true }
  ] satisfies ReadonlyArray<FaultInjection.Fault>) {
    test(
      `AC-SHOPBY-007 a create whose answer is lost (${fault._tag}) makes no second product`,
      Effect.gen(function* () {
        const faults = yield* Faults
        yield* faults.set([{ fault, times: 1, when: creating }])
        const ids = yield* open
        if (fault._tag === "Hang") {
          yield* Effect.repeat(nextTurn, { until: () => Effect.map(shelf, (all) => all.length === 2) })
          yield* TestClock.adjust("10 seconds")
        }
        yield* settle
        assert.strictEqual((yield* shelf).length, 2)
        assert.isAtLeast(yield* parked, 1)
        yield* TestClock.adjust("2 seconds")
        yield* settle
        const lines = yield* requested
        assert.strictEqual(lines.filter((line) => line === "POST /products/").length, 2)
        for (const id of [ids.poster, ids.card]) assert.deepInclude(yield* stateOf(id), { syncStatus: "synced" })
        assert.deepStrictEqual(yield* deadLetters, [])
      })
    )
  }

  test(
    "AC-SHOPBY-007 a create whose answer is lost, deactivated before it is repeated: the stray is stopped",
    Effect.gen(function* () {
      const faults = yield* Faults
      yield* faults.set([{ fault: { _tag: "LostAnswer" }, when: creating }])
      const { card } = yield* open
      yield* settle
      yield* Products.use((products) => products.deactivate(card))
      yield* faults.clear
      yield* TestClock.adjust("2 seconds")
      yield* settle
      const found = (yield* shelf).find(({ listing }) => listing.managementCode === "50002")
      assert.isFalse(found?.listing.onSale)
    })
  )

  test(
    "a product that is in the shop already is taken over and made what it should be; a lost one is entered again",
    Effect.gen(function* () {
      const sandbox = yield* ShopbySandbox
      yield* sandbox.register({
        managementCode: "50002",
        name: "By hand",
        categoryNo: 1,
        salePrice: 1,
        onSale: false,
        options: null
      })
      const { card } = yield* opened
      const listingOf = Effect.map(
        shelf,
        (all) => all.find(({ listing }) => listing.managementCode === "50002")?.listing
      )
      assert.deepInclude(yield* listingOf, { name: "Card", categoryNo: 20, salePrice: 15_000, onSale: true })
      yield* sandbox.forget
      yield* Products.use((products) => products.patch(card, { name: "Card again" }))
      yield* settle
      assert.deepInclude(yield* listingOf, { name: "Card again", salePrice: 15_000 })
      assert.deepInclude(yield* stateOf(card), { syncStatus: "synced", shopbyId: 100_050_002 })
      yield* sandbox.forget
      yield* Products.use((products) => products.deactivate(card))
      yield* settle
      assert.deepStrictEqual(yield* deadLetters, [])
    })
  )

  test(
    "a refusal is dead-lettered at once, shown as failed with the reason, and done after a replay",
    Effect.gen(function* () {
      const { card } = yield* opened
      const faults = yield* Faults
      const body = JSON.stringify({ code: "PD0001", message: "no such category" })
      yield* faults.set([{ fault: { _tag: "Status", status: 400, body }, when: ({ method }) => method === "PATCH" }])
      yield* Products.use((products) => products.patch(card, { name: "Refused" }))
      yield* settle
      const [letter] = yield* deadLetters
      assert.deepInclude(letter, { eventType: "product.updated", errorClass: "Rejected", retryCount: 0 })
      assert.include(letter?.errorMessage, "PD0001")
      const { data } = yield* (yield* ShopProducts).list("failed", "sandbox", firstPage)
      assert.include(data[0]?.error, "no such category")
      yield* faults.clear
      const replayed = yield* (yield* DeadLetters).replay(letter?.id ?? "")
      assert.strictEqual(Option.getOrThrow(replayed).status, "replayed")
      assert.deepInclude(yield* stateOf(card), { syncStatus: "synced" })
    })
  )

  test(
    "AC-ERR-006 429 pauses the whole adapter as long as it says, and uses up no retry",
    Effect.gen(function* () {
      const { card, poster } = yield* opened
      const faults = yield* Faults
      yield* faults.set([{ fault: { _tag: "Status", status: 429, retryAfter: "600" }, times: 1 }])
      const products = yield* Products
      yield* products.patch(card, { name: "One" })
      yield* Effect.repeat(nextTurn, {
        until: () => Effect.map(Effect.flatMap(Requests, Ref.get), (requests) => requests.length === 1)
      })
      yield* products.patch(poster, { name: "Two" })
      yield* TestClock.adjust("599 seconds")
      assert.strictEqual(patches(yield* requested).length, 1)
      yield* TestClock.adjust("2 seconds")
      yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), nextTurn), {
        until: () => Effect.map(parked, (count) => count === 0)
      })
      yield* settle
      assert.sameMembers(
        (yield* shelf).map(({ listing }) => listing.name),
        ["One", "Two"]
      )
      assert.deepStrictEqual(yield* deadLetters, [])
    })
  )

  test(
    "AC-ERR-002 an outage of an hour dead-letters nothing, and what is now goes out once afterwards",
    Effect.gen(function* () {
      const { card } = yield* opened
      const faults = yield* Faults
      const { breaker } = (yield* ShopbyAdapter).adapter
      const products = yield* Products
      yield* faults.set([{ fault: { _tag: "Refuse" } }])
      yield* products.patch(card, { name: "First" })
      yield* products.patch(card, { name: "Last" })
      for (let minute = 0; minute < 60; minute++) {
        yield* TestClock.adjust("1 minute")
        yield* Effect.forEach(Array.from({ length: 5 }), () => nextTurn)
      }
      assert.deepStrictEqual(yield* deadLetters, [])
      assert.strictEqual((yield* breaker.snapshot).state, "OPEN")
      yield* faults.clear
      yield* requested
      yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), nextTurn), {
        until: () => Effect.map(parked, (count) => count === 0)
      })
      yield* settle
      assert.deepStrictEqual(patches(yield* requested), ["PATCH /products/100050002"])
      assert.strictEqual((yield* shelf).find(({ listing }) => listing.managementCode === "50002")?.listing.name, "Last")
    })
  )

  test(
    "AC-SHOPBY-004 an order's news go to the shop, with the retries of a status callback",
    Effect.gen(function* () {
      const sandbox = yield* ShopbySandbox
      const { adapter } = yield* ShopbyAdapter
      yield* opened
      const { order } = yield* sandbox.place({ lines: [{ managementCode: "50002" }], webhook: false })
      const orderId = yield* tell(shipped({ externalOrderId: order.orderNo }))
      const metadata = (yield* publishedEvents)[0] ?? assert.fail()
      for (const to of ["SHIPPED", "SHIPPED"] as const) {
        yield* adapter.handle({
          type: "order.status.changed",
          payload: { orderId, from: "PRODUCING", to },
          metadata
        })
      }
      const [shown] = yield* sandbox.orders
      assert.strictEqual(shown?.order.parcels[0]?.lines[0]?.status, "DELIVERY_ING")
      const retries = (type: string) =>
        adapter.events.filter(({ definition }) => definition.type === type).map(({ retry }) => retry)
      assert.deepInclude(retries("order.status.changed")[0], { retries: 2, jitter: 0.1 })
      assert.deepInclude(retries("command.shopby.sync-order")[0], { retries: 2 })
      assert.deepInclude(retries("product.created")[0], { retries: 3, jitter: 0.2 })
      assert.deepInclude(retries("command.shopby.sync-product")[0], { retries: 3 })
    })
  )

  test(
    "its health is the shop's",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const faults = yield* Faults
      assert.isTrue((yield* registry.checkHealth("shopby")).healthy)
      yield* faults.set([{ fault: { _tag: "Status", status: 503 } }])
      assert.isFalse((yield* registry.checkHealth("shopby")).healthy)
    })
  )
})

describeDatabases("ShopbyAdapter in other modes", (database) => {
  it.effect("off: makes no call", () =>
    Effect.gen(function* () {
      const { card } = yield* open
      yield* Effect.flatMap(ShopbyAdapter, ({ sweep }) => sweep)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* requested, [])
      assert.deepInclude(yield* stateOf(card), { syncStatus: "never" })
    }).pipe(Effect.provide(hub("off").pipe(Layer.provideMerge(database))))
  )

  it.effect("live: what is entered there is live only", () =>
    Effect.gen(function* () {
      const { card } = yield* opened
      assert.deepInclude(yield* stateOf(card, "live"), { syncStatus: "synced", shopbyId: 100_050_002 })
      assert.deepInclude(yield* stateOf(card), { syncStatus: "never", shopbyId: null })
    }).pipe(Effect.provide(hub("live").pipe(Layer.provideMerge(database))))
  )

  it.effect("AC-SHOPBY-001 AC-SHOPBY-009 live: over HTTP to a shop that is strict about the contract", () =>
    Effect.gen(function* () {
      const mall = yield* ShopbyMall.make
      // The shop lives in real time.
      yield* TestClock.setTime(new Date().getTime())
      const live = settings("live", {
        baseUrl: mall.url,
        systemKey: Redacted.make(mall.systemKey),
        accessToken: Redacted.make(mall.accessToken)
      })
      const layer = around(
        ShopbyAdapter.layerRegistered.pipe(
          Layer.provideMerge(ShopbyTransport.layer),
          Layer.provideMerge(Layer.mergeAll(live, ShopbySandbox.layer)),
          Layer.provide(NodeHttpClient.layerUndici)
        )
      ).pipe(Layer.provideMerge(database))
      yield* Effect.gen(function* () {
        const { adapter, sweep } = yield* ShopbyAdapter
        const { card, poster } = yield* open
        yield* settle
        const onShelf = Effect.map(mall.products, (all) => all.find((one) => one.managementCode === "50001"))
        const number = (yield* onShelf)?.mallProductNo ?? assert.fail("not in the shop")
        assert.deepInclude(yield* stateOf(poster, "live"), { syncStatus: "synced", shopbyId: number })
        assert.strictEqual(yield* mall.creations, 2)

        const products = yield* Products
        yield* products.patch(card, { name: "Visiting card" })
        yield* products.deactivate(card)
        yield* mall.expireTokens
        yield* products.patch(poster, { name: "Large poster" })
        yield* settle
        assert.deepInclude(yield* onShelf, { productName: "Large poster", salePrice: 6000, saleStatusType: "ONSALE" })
        assert.strictEqual((yield* mall.tokens).length, 1)
        assert.deepInclude((yield* mall.saleChanges)[0], { saleStatusType: "STOP", display: false })

        const option = (yield* onShelf)?.options[1]
        const listed = yield* mall.place([
          { mallProductNo: number, optionManagementCd: option?.managementCode ?? "", count: 3 }
        ])
        yield* mall.missed(listed)
        yield* TestClock.setTime(new Date().getTime() + 2000)
        yield* sweep
        const known = (yield* book).orders.get(listed.orderNo)
        assert.deepStrictEqual(
          known?.order,
          yield* Schema.decodeEffect(Schema.fromJsonString(ShopOrder))(ShopbyMall.webhookOf(listed))
        )
        const orderId = yield* tell(shipped({ externalOrderId: listed.orderNo }))
        const metadata = (yield* publishedEvents)[0] ?? assert.fail()
        yield* adapter.handle({ type: "command.shopby.sync-order", payload: { orderId }, metadata })
        assert.deepStrictEqual(yield* mall.statusChanges, [
          {
            shippingNo: listed.shippingNo,
            orderStatusType: "DELIVERY_ING",
            deliveryCompanyType: "CJ",
            invoiceNo: "T-1",
            correlationId: "trace-123"
          }
        ])
        assert.isTrue(yield* adapter.healthCheck)
        assert.deepStrictEqual(
          (yield* mall.refusals).filter((refusal) => !refusal.includes("401 token")),
          []
        )
      }).pipe(Effect.provide(layer))
    })
  )
})
