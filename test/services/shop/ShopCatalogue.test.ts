/**
 * The listings of a whole catalogue, and that the events of a changing catalogue lead the sync to every product whose
 * listing they change.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { existsSync } from "node:fs"
import { ProductId } from "../../../src/domain/Ids.ts"
import type { PricedCombination } from "../../../src/domain/OptionMatrix.ts"
import { readCatalogDirectory } from "../../../src/services/catalog/CatalogDirectory.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { Categories } from "../../../src/services/catalog/Categories.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { type ShopPlan, ShopProducts } from "../../../src/services/shop/ShopProducts.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demo, demoFiles, eventsOf, type Records, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"
import { assertMatrix } from "../../support/PriceTable.ts"

const directory = "../shared/data/catalog"

/** What the shop's adapter follows for products. */
const leading = new Set(["product.created", "product.updated", "product.deactivated", "price.changed"])

const productOf = Schema.decodeUnknownSync(Schema.Struct({ productId: ProductId }))

const everyProduct = Effect.gen(function* () {
  const { sql } = yield* Database
  const rows = yield* sql<{ readonly id: number }>`select id from products order by id`
  return rows.map(({ id }) => ProductId.make(id))
})

const plans = Effect.gen(function* () {
  const shop = yield* ShopProducts
  const found = new Map<ProductId, ShopPlan>()
  for (const id of yield* everyProduct) found.set(id, yield* shop.plan(id, "live"))
  return found
})

describeDatabases("The catalogue in the shop", (database) => {
  const layer = ShopProducts.layer.pipe(
    Layer.provideMerge(catalogue),
    Layer.provideMerge(database),
    Layer.provideMerge(NodeServices.layer)
  )

  it.effect("every change of a listing is announced by an event that the sync follows", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const categories = yield* Categories
      const catalog = yield* CatalogImport

      /** Runs a change and gives the products whose plan it changed; each of them must have been announced. */
      const changed = Effect.fnUntraced(function* <A, E, R>(change: Effect.Effect<A, E, R>) {
        yield* TestClock.adjust("1 minute")
        const before = yield* plans
        const events = yield* eventsOf(change)
        const announced = new Set(
          events.flatMap(({ payload, type }) => (leading.has(type) ? [productOf(payload).productId] : []))
        )
        const after = yield* plans
        const differing = [...after].flatMap(([id, plan]) =>
          JSON.stringify(before.get(id) ?? null) === JSON.stringify(plan) ? [] : [id]
        )
        for (const id of differing) assert.isTrue(announced.has(id), `product ${id} was not announced`)
        return differing
      })
      const importing = (records: Records) => changed(catalog.importFiles({ files: textsOf(records) }))
      const record = (file: string, index: number, fields: object): Records => ({
        [file]: [Object.assign({}, demo[file]?.[index], fields)]
      })

      assert.strictEqual((yield* changed(catalog.importFiles({ files: demoFiles }))).length, 4)
      for (const { categoryId } of (yield* categories.list(firstPage)).data) {
        assert.isNotEmpty(yield* changed(categories.setShopbyCategoryNo(categoryId, 100 + categoryId)))
      }
      const { data } = yield* products.list({}, firstPage)
      const idOf = (huniCode: string) => data.find((each) => each.huniCode === huniCode)?.id ?? assert.fail(huniCode)
      const [poster, card] = [idOf("50001"), idOf("50002")]
      const steps = [
        { name: "import: a price", step: importing(record("fixed-prices.json", 0, { sellingPrice: 9100 })) },
        { name: "import: a new price", step: importing(record("fixed-prices.json", 0, { sizeCode: "FREE" })) },
        {
          name: "import: what a size is called",
          step: importing(record("product-sizes.json", 0, { displayName: "A2 (big)" }))
        },
        {
          name: "import: a size is made no more",
          step: importing(record("product-sizes.json", 0, { isActive: false }))
        },
        { name: "import: a name", step: importing(record("products.json", 0, { name: "Wall poster" })) },
        { name: "import: a category", step: importing(record("products.json", 0, { categoryCode: "PAPER" })) },
        { name: "import: inactive", step: importing(record("products.json", 0, { isActive: false })) },
        { name: "import: active", step: importing(record("products.json", 0, { isActive: true })) },
        { name: "name", step: changed(products.patch(poster, { name: "Large poster" })) },
        { name: "huniCode", step: changed(products.patch(poster, { huniCode: "50009" })) },
        { name: "no category", step: changed(products.patch(poster, { categoryCode: null })) },
        { name: "category", step: changed(products.patch(poster, { categoryCode: "WALL" })) },
        { name: "inactive", step: changed(products.deactivate(poster)) },
        { name: "active", step: changed(products.activate(poster)) }
      ]
      for (const { name, step } of steps) assert.deepStrictEqual(yield* step, [poster], name)
      // Only where there is no price table.
      assert.deepStrictEqual(yield* changed(products.setPrice(card, 1)), [])
      const diary = idOf("50004")
      assert.deepStrictEqual(yield* changed(products.setPrice(diary, 20_000)), [diary])
      assert.deepStrictEqual(yield* importing(record("products.json", 3, { sellingPrice: 21_000 })), [diary])
      assert.deepStrictEqual(yield* changed(products.setPrice(diary, null)), [diary])
      assert.deepStrictEqual(
        yield* changed(products.create({ name: "New", productType: "card", huniCode: "50010", sellingPrice: 5 })),
        [Math.max(...(yield* everyProduct))]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a category that is mapped while a product joins it leaves no product behind", () =>
    Effect.gen(function* () {
      const { kind, transaction } = yield* Database
      // The embedded database has one session: nothing is ever at the same time.
      if (kind === "embedded") return
      const products = yield* Products
      const categories = yield* Categories
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      const wall = (yield* categories.list(firstPage)).data.find(({ code }) => code === "WALL") ?? assert.fail()
      const { data } = yield* products.list({ huniCode: "50002" }, firstPage)
      const card = data[0]?.id ?? assert.fail()
      const { sql } = yield* Database
      const events = yield* eventsOf(
        Effect.gen(function* () {
          const joining = transaction(
            Effect.andThen(products.patch(card, { categoryCode: "WALL" }), sql`select pg_sleep(0.3)`)
          )
          const mapping = Effect.andThen(sql`select pg_sleep(0.1)`, categories.setShopbyCategoryNo(wall.categoryId, 5))
          yield* Effect.all([joining, mapping], { concurrency: 2 })
        })
      )
      const updates = events.filter(({ payload }) => productOf(payload).productId === card)
      assert.strictEqual(updates.length, 2)
    }).pipe(Effect.provide(layer))
  )

  describe.skipIf(!existsSync(directory))(`the export in ${directory}`, () => {
    it.effect("AC-SHOPBY-010 every product with prices has a matrix of its priced combinations, cheapest first", () =>
      Effect.gen(function* () {
        const { sql } = yield* Database
        const shop = yield* ShopProducts
        const categories = yield* Categories
        const { files } = yield* readCatalogDirectory(directory)
        yield* (yield* CatalogImport).importFiles({ files })
        for (const { categoryId } of (yield* categories.list(firstPage)).data) {
          yield* categories.setShopbyCategoryNo(categoryId, 1000 + categoryId)
        }
        const priced = yield* sql<
          PricedCombination & { readonly id: number; readonly huniCode: string; readonly name: string }
        >`
          select p.id, p.huni_code as "huniCode", p.name, f.size_code as "sizeCode", s.display_name as "sizeName",
            f.option_label as label, f.base_qty as "baseQty", f.selling_price as price
          from fixed_prices f join products p on p.id = f.product_id
            left join product_sizes s on s.product_id = p.id and s.code = f.size_code`
        const tables = Map.groupBy(priced, ({ id }) => id)
        assert.isAtLeast(tables.size, 100)
        for (const [id, rows] of tables) {
          const { huniCode = "", name = "" } = rows[0] ?? {}
          const { axes, basePrice, rows: matrix, widgetOnly } = assertMatrix(huniCode, rows)
          assert.isEmpty(widgetOnly)
          assert.strictEqual(matrix.length, rows.length)
          const plan = yield* shop.plan(ProductId.make(id), "live")
          if (plan._tag !== "Ready") {
            assert.strictEqual(plan._tag, "NotReady")
            if (plan._tag === "NotReady") assert.notInclude(plan.reasons, "unpriced")
            continue
          }
          assert.deepInclude(plan.listing, { managementCode: huniCode, name, salePrice: basePrice, onSale: true })
          assert.strictEqual(plan.listing.options?.rows.length ?? 0, axes.length === 0 ? 0 : rows.length)
          assert.strictEqual(plan.listing.options?.rows[0]?.addPrice ?? 0, 0)
        }
        const ready = yield* shop.list("ready", "live", firstPage)
        assert.isAtLeast(ready.total, 100)
        const all = yield* plans
        assert.strictEqual([...all.values()].filter(({ _tag }) => _tag === "Ready").length, ready.total)
      }).pipe(Effect.provide(layer))
    )
  })
})
