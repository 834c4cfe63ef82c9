import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ProductId } from "../../../src/domain/Ids.ts"
import type { ShopListing, ShopProductState } from "../../../src/domain/ShopListing.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { Categories } from "../../../src/services/catalog/Categories.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { ShopProducts } from "../../../src/services/shop/ShopProducts.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demo, demoFiles, eventsOf, publishedEvents, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

const unknown = ProductId.make(2_147_483_647)

/** The demo catalogue, with the categories of poster and card mapped to 10 and 20. */
const open = Effect.gen(function* () {
  const categories = yield* Categories
  yield* (yield* CatalogImport).importFiles({ files: demoFiles })
  for (const { categoryId, code } of (yield* categories.list(firstPage)).data) {
    if (code === "WALL") yield* categories.setShopbyCategoryNo(categoryId, 10)
    if (code === "PAPER") yield* categories.setShopbyCategoryNo(categoryId, 20)
  }
  const { data } = yield* (yield* Products).list({}, firstPage)
  const idOf = (huniCode: string) => data.find((product) => product.huniCode === huniCode)?.id ?? unknown
  return { poster: idOf("50001"), card: idOf("50002"), notebook: idOf("50003") }
})

const card: ShopListing = {
  managementCode: "50002",
  name: "Card",
  categoryNo: 20,
  salePrice: 15_000,
  onSale: true,
  options: null
}

const listingOf = Effect.fnUntraced(function* (id: ProductId) {
  const plan = yield* (yield* ShopProducts).plan(id, "sandbox")
  return plan._tag === "Ready" ? plan.listing : assert.fail(plan._tag)
})

const stateOf = Effect.fnUntraced(function* (id: ProductId, mode: "sandbox" | "live" | null = "sandbox") {
  const { data } = yield* (yield* ShopProducts).list("all", mode, firstPage)
  const { error, lastSyncedAt, shopbyId, syncStatus } = data.find(({ productId }) => productId === id) ?? assert.fail()
  return { syncStatus, shopbyId, lastSyncedAt, error }
})

type State = Pick<ShopProductState, "syncStatus" | "shopbyId" | "lastSyncedAt" | "error">
const never: State = { syncStatus: "never", shopbyId: null, lastSyncedAt: null, error: null }

describeDatabases("ShopProducts", (database) => {
  const layer = ShopProducts.layer.pipe(Layer.provideMerge(catalogue), Layer.provideMerge(database))

  it.effect("AC-SHOPBY-005 plans a product by its huniCode, name, mapped category and price", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const ids = yield* open
      assert.deepStrictEqual(yield* shop.plan(ids.card, "sandbox"), {
        _tag: "Ready",
        listing: card,
        shopbyId: null,
        confirmed: null
      })
      const poster = yield* listingOf(ids.poster)
      assert.deepInclude(poster, { managementCode: "50001", categoryNo: 10, salePrice: 6000 })
      assert.deepStrictEqual(
        poster.options?.rows.map(({ addPrice, value }) => [value, addPrice]),
        [
          ["297 x 420 mm", 0],
          ["420 x 594 mm", 3000]
        ]
      )
      assert.deepStrictEqual(yield* shop.plan(unknown, "sandbox"), { _tag: "Unknown" })
      assert.deepStrictEqual(yield* shop.plan(ids.notebook, "live"), {
        _tag: "NotReady",
        reasons: ["unpriced", "category-not-mapped"],
        shopbyId: null,
        confirmed: null
      })
      const bare = yield* (yield* Products).create({ name: "Bare", productType: "card" })
      yield* (yield* Products).deactivate(bare.id)
      assert.deepInclude(yield* shop.plan(bare.id, "live"), {
        reasons: ["inactive", "unpriced", "category-not-mapped", "no-huni-code"]
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("does not sell a size that is no longer made", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const { poster } = yield* open
      const sizes = (isActive: ReadonlyArray<string>) =>
        Effect.flatMap(CatalogImport, (catalog) =>
          catalog.importFiles({
            files: textsOf({
              "product-sizes.json": (demo["product-sizes.json"] ?? []).map((size) =>
                Object.assign({}, size, { isActive: isActive.includes(String(Object(size).code)) })
              )
            })
          })
        )
      yield* TestClock.adjust("1 minute")
      const events = yield* eventsOf(sizes(["A2"]))
      assert.include(
        events.map(({ type }) => type),
        "product.updated"
      )
      assert.deepInclude(yield* listingOf(poster), { salePrice: 9000, options: null })
      yield* sizes([])
      assert.deepInclude(yield* shop.plan(poster, "sandbox"), { _tag: "NotReady", reasons: ["unpriced"] })
      const ready = yield* shop.list("ready", "sandbox", firstPage)
      assert.notInclude(
        ready.data.map(({ productId }) => productId),
        poster
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-SHOPBY-001 keeps what the shop confirmed, and tells once", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const ids = yield* open
      const confirm = (listing: ShopListing, shopbyId = 501) =>
        shop.confirmed(ids.card, "sandbox", { shopbyId, listing })
      const context = { correlationId: "trace-123", causationId: null, source: "shopby" }
      yield* TestClock.setTime(1000)
      const first = yield* eventsOf(confirm(card).pipe(Effect.provideService(EventContext, context)))
      assert.deepStrictEqual(first, [
        { type: "sync.shopby.completed", payload: { productId: ids.card, shopbyId: 501 } }
      ])
      assert.deepInclude((yield* publishedEvents).at(-1), { correlationId: "trace-123", source: "shopby" })
      assert.deepInclude(yield* shop.plan(ids.card, "sandbox"), { listing: card, shopbyId: 501, confirmed: card })
      const synced: State = {
        syncStatus: "synced",
        shopbyId: 501,
        lastSyncedAt: "1970-01-01T00:00:01.000Z",
        error: null
      }
      assert.deepStrictEqual(yield* stateOf(ids.card), synced)
      assert.strictEqual((yield* (yield* Products).get(ids.card)).shopbyId, 501)

      // The same again, also in other order of fields, is no news.
      yield* TestClock.setTime(2000)
      const { name, ...rest } = card
      assert.deepStrictEqual(yield* eventsOf(confirm({ ...rest, name })), [])
      assert.deepStrictEqual(yield* stateOf(ids.card), synced)

      const changed = yield* eventsOf(confirm({ ...card, name: "Other card" }))
      assert.strictEqual(changed.length, 1)
      assert.deepInclude(yield* stateOf(ids.card), { lastSyncedAt: "1970-01-01T00:00:02.000Z" })

      // The shop has made it anew.
      assert.strictEqual((yield* eventsOf(confirm(card, 502))).length, 1)
      assert.deepInclude(yield* shop.plan(ids.card, "sandbox"), { shopbyId: 502 })
      assert.deepStrictEqual(yield* eventsOf(shop.confirmed(unknown, "live", { shopbyId: 1, listing: card })), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps the ids of the sandbox and of the shop apart", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const ids = yield* open
      yield* shop.confirmed(ids.card, "live", { shopbyId: 7, listing: card })
      assert.deepInclude(yield* shop.plan(ids.card, "sandbox"), { shopbyId: null, confirmed: null })
      assert.deepStrictEqual(yield* stateOf(ids.card, "sandbox"), never)
      yield* TestClock.adjust("1 second")
      yield* shop.confirmed(ids.card, "sandbox", { shopbyId: 8, listing: { ...card, name: "Try" } })
      assert.deepInclude(yield* shop.plan(ids.card, "live"), { shopbyId: 7, confirmed: card })
      assert.deepInclude(yield* stateOf(ids.card, "live"), { shopbyId: 7 })
      assert.deepInclude(yield* stateOf(ids.card, null), { shopbyId: 8 })
      // A number stands for one product of its mode.
      yield* shop.confirmed(ids.poster, "live", { shopbyId: 8, listing: card })
      const taken = yield* Effect.flip(shop.confirmed(ids.poster, "live", { shopbyId: 7, listing: card }))
      assert.deepInclude(taken, { _tag: "ShopbyIdTaken", productId: ids.poster, shopbyId: 7 })
      assert.deepInclude(yield* stateOf(ids.poster, "live"), { shopbyId: 8 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("is pending when asked for, failed with the reason, and back to what the shop has", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const ids = yield* open
      const ask = shop.requestSync(ids.card, { force: true, mode: "sandbox" })
      const events = yield* eventsOf(ask)
      assert.deepStrictEqual(events, [
        { type: "command.shopby.sync-product", payload: { productId: ids.card, force: true } }
      ])
      assert.deepStrictEqual(yield* stateOf(ids.card), { ...never, syncStatus: "pending" })
      yield* shop.failed(ids.card, "sandbox", "no \0 answer")
      assert.deepStrictEqual(yield* stateOf(ids.card), { ...never, syncStatus: "failed", error: "no \\u0000 answer" })
      yield* shop.skipped(ids.card, "sandbox")
      assert.deepStrictEqual(yield* stateOf(ids.card), never)

      yield* shop.confirmed(ids.card, "sandbox", { shopbyId: 9, listing: card })
      const synced = yield* stateOf(ids.card)
      // Asked for again: the end of it is told, though nothing else has changed.
      yield* ask
      assert.deepStrictEqual(yield* stateOf(ids.card), { ...synced, syncStatus: "pending" })
      const again = yield* eventsOf(shop.confirmed(ids.card, "sandbox", { shopbyId: 9, listing: card }))
      assert.deepStrictEqual(
        again.map(({ type }) => type),
        ["sync.shopby.completed"]
      )
      yield* shop.failed(ids.card, "sandbox", " ")
      assert.deepStrictEqual(yield* stateOf(ids.card), {
        ...synced,
        syncStatus: "failed",
        error: "failed without saying why"
      })
      assert.deepInclude(yield* shop.plan(ids.card, "sandbox"), { shopbyId: 9, confirmed: card })
      yield* shop.skipped(ids.card, "sandbox")
      assert.deepStrictEqual(yield* stateOf(ids.card), synced)
      yield* shop.failed(ids.card, "sandbox", "\ud83c".repeat(9000))
      assert.strictEqual((yield* stateOf(ids.card)).error?.length, 24_000)

      // Switched off, the command waits for the return, and nothing is said of the state.
      const before = yield* stateOf(ids.poster)
      yield* shop.requestSync(ids.poster, { force: false, mode: null })
      assert.deepStrictEqual(yield* stateOf(ids.poster), before)
      const missing = yield* Effect.flip(shop.requestSync(unknown, { force: false, mode: "live" }))
      assert.deepInclude(missing, { _tag: "CatalogNotFound", resource: "product", id: unknown })
      yield* shop.failed(unknown, "live", "x")
      yield* shop.skipped(unknown, "live")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a confirmation that cannot be published is not kept", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const { transaction } = yield* Database
      const ids = yield* open
      const events = yield* eventsOf(
        transaction(
          Effect.andThen(shop.confirmed(ids.card, "sandbox", { shopbyId: 9, listing: card }), Effect.fail("crash"))
        ).pipe(Effect.flip)
      )
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(yield* stateOf(ids.card), never)
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists by state, in the order of ids, a page at a time, with what each lacks", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const products = yield* Products
      const ids = yield* open
      const codes = Effect.fnUntraced(function* (status: "ready" | "synced" | "failed" | "all") {
        const { data, total } = yield* shop.list(status, "live", firstPage)
        assert.strictEqual(total, data.length)
        return data.map(({ huniCode }) => huniCode)
      })
      assert.deepStrictEqual(yield* codes("ready"), ["50001", "50002"])
      assert.deepStrictEqual(yield* codes("synced"), [])
      assert.deepStrictEqual(yield* codes("all"), ["50001", "50002", "50003", "50004"])
      yield* shop.confirmed(ids.card, "live", { shopbyId: 9, listing: card })
      yield* shop.failed(ids.poster, "live", "refused")
      assert.deepStrictEqual(yield* codes("synced"), ["50002"])
      assert.deepStrictEqual(yield* codes("failed"), ["50001"])
      yield* products.deactivate(ids.card)
      assert.deepStrictEqual(yield* codes("ready"), ["50001"])
      assert.deepStrictEqual(yield* codes("synced"), ["50002"])
      yield* products.setPrice(ids.notebook, 0)
      const second = yield* shop.list("all", "live", { page: 2, limit: 2 })
      assert.strictEqual(second.total, 4)
      assert.deepStrictEqual(
        second.data.map(({ huniCode, reasons }) => [huniCode, reasons]),
        [
          ["50003", ["category-not-mapped"]],
          ["50004", ["unpriced", "category-not-mapped"]]
        ]
      )
      assert.deepStrictEqual((yield* shop.list("all", "live", { page: 9, limit: 2 })).data, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-SHOPBY-010 notes what has no room in the shop", () =>
    Effect.gen(function* () {
      const shop = yield* ShopProducts
      const ids = yield* open
      const prices = (rows: number) =>
        Effect.flatMap(CatalogImport, (catalog) =>
          catalog.importFiles({
            files: textsOf({
              "fixed-prices.json": Array.from({ length: rows }, (_, n) => ({
                huniCode: "50002",
                sizeCode: n % 2 === 0 ? "POST" : null,
                optionLabel: `Paper ${Math.floor(n / 2)}`,
                baseQty: 100,
                sellingPrice: 20_000 + n
              }))
            })
          })
        )
      yield* prices(560)
      // The demo's own row, 100 pieces for 15 000, is the cheapest.
      const listing = yield* listingOf(ids.card)
      assert.strictEqual(listing.options?.rows.length, 500)
      assert.strictEqual(listing.salePrice, 15_000)
      const confirm = shop.confirmed(ids.card, "sandbox", { shopbyId: 9, listing })
      const noted = shop.widgetOnly(ids.card, "sandbox", { page: 1, limit: 2 })
      assert.deepStrictEqual(yield* noted, { data: [], total: 0 })
      yield* confirm
      const { data, total } = yield* noted
      assert.strictEqual(total, 61)
      assert.isTrue(data.every(({ optionLabel }) => optionLabel?.startsWith("Paper") === true))
      assert.isBelow(data[0]?.sellingPrice ?? 0, data[1]?.sellingPrice ?? 0)
      const listed = new Set(listing.options?.rows.map(({ managementCode }) => managementCode))
      const all = (yield* shop.widgetOnly(ids.card, null, firstPage)).data
      assert.isTrue(all.every(({ managementCode }) => !listed.has(managementCode)))
      assert.deepInclude((yield* shop.list("synced", "sandbox", firstPage)).data[0], { widgetOnly: 61 })
      assert.deepStrictEqual(yield* shop.widgetOnly(ids.card, "live", firstPage), { data: [], total: 0 })

      // More prices that do not fit: the listing is the same, the note is not.
      yield* (yield* CatalogImport).importFiles({
        files: textsOf({
          "fixed-prices.json": [
            { huniCode: "50002", sizeCode: "POST", optionLabel: "Paper 0", baseQty: 100, sellingPrice: 20_000 },
            { huniCode: "50002", sizeCode: null, optionLabel: "Paper 279", baseQty: 100, sellingPrice: 90_000 }
          ]
        })
      })
      yield* confirm
      assert.strictEqual((yield* noted).total, 61)
      assert.isTrue(
        (yield* shop.widgetOnly(ids.card, null, firstPage)).data.some(({ sellingPrice }) => sellingPrice === 90_000)
      )
      const missing = yield* Effect.flip(shop.widgetOnly(unknown, "sandbox", firstPage))
      assert.strictEqual(missing._tag, "CatalogNotFound")
    }).pipe(Effect.provide(layer))
  )
})
