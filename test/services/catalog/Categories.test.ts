import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CategoryId } from "../../../src/domain/Ids.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { Categories } from "../../../src/services/catalog/Categories.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demoFiles, eventsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

describeDatabases("Categories", (database) => {
  const layer = catalogue.pipe(Layer.provideMerge(database))

  it.effect("lists parents first, and maps to the shop for all products of the category", () =>
    Effect.gen(function* () {
      const categories = yield* Categories
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      const { data, total } = yield* categories.list(firstPage)
      assert.strictEqual(total, 3)
      const ids = new Map(data.map(({ categoryId, code }) => [code, categoryId]))
      assert.deepStrictEqual(
        data.map(({ code, parentId, shopbyCategoryNo }) => [code, parentId, shopbyCategoryNo]),
        [
          ["PAPER", null, null],
          ["WALL", null, null],
          ["BOUND", ids.get("PAPER") ?? 0, null]
        ]
      )
      assert.deepStrictEqual(
        (yield* categories.list({ page: 2, limit: 2 })).data.map(({ code }) => code),
        ["BOUND"]
      )

      const bound = ids.get("BOUND") ?? CategoryId.make(1)
      const events = yield* eventsOf(
        Effect.gen(function* () {
          assert.strictEqual((yield* categories.setShopbyCategoryNo(bound, 77)).shopbyCategoryNo, 77)
          yield* categories.setShopbyCategoryNo(bound, 77)
          assert.isNull((yield* categories.setShopbyCategoryNo(bound, null)).shopbyCategoryNo)
          assert.deepInclude(yield* Effect.flip(categories.setShopbyCategoryNo(CategoryId.make(999), 1)), {
            _tag: "CatalogNotFound"
          })
        })
      )
      const products = (yield* (yield* Products).list({}, firstPage)).data.filter(
        ({ categoryCode }) => categoryCode === "BOUND"
      )
      assert.strictEqual(products.length, 2)
      assert.sameDeepMembers(
        [...events],
        [77, null].flatMap((shopbyCategoryNo) =>
          products.map(({ id }) => ({
            type: "product.updated",
            payload: { productId: id, changes: { shopbyCategoryNo } }
          }))
        )
      )
    }).pipe(Effect.provide(layer))
  )
})
