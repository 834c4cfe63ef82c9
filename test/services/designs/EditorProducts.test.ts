import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { existsSync } from "node:fs"
import { ProductId } from "../../../src/domain/Ids.ts"
import { readCatalogDirectory } from "../../../src/services/catalog/CatalogDirectory.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { EditorProducts } from "../../../src/services/designs/EditorProducts.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demoFiles } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

const imported = CatalogImport.use((catalog) => catalog.importFiles({ files: demoFiles }))

const productOf = (huniCode: string) =>
  Effect.map(
    Products.use((products) => products.list({ huniCode }, firstPage)),
    ({ data: [product] }) => product?.id ?? ProductId.make(1)
  )

const list = (page = firstPage) => EditorProducts.use((products) => products.list(page))
const config = (id: ProductId) => EditorProducts.use((products) => products.config(id))

describeDatabases("EditorProducts", (database) => {
  const layer = EditorProducts.layer.pipe(Layer.provideMerge(catalogue), Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-EDICUS-001 AC-EDICUS-007 the config has the HU_ code, the template and all active sizes",
    Effect.gen(function* () {
      yield* imported
      const id = yield* productOf("50001")
      const expected = {
        productId: id,
        edicusCode: "HU_50001",
        editorType: "edicus",
        templateId: "t-1",
        templateConfig: { pages: [1] },
        sizes: [
          {
            code: "A2",
            displayName: "420 x 594 mm",
            cutWidth: 420,
            cutHeight: 594,
            workWidth: 424.5,
            workHeight: 598.5,
            bleed: 2.25,
            custom: null
          },
          {
            code: "A3",
            displayName: "297 x 420 mm",
            cutWidth: 297,
            cutHeight: 420,
            workWidth: 301.5,
            workHeight: 424.5,
            bleed: 2.25,
            custom: null
          },
          {
            code: "FREE",
            displayName: "Your own size",
            cutWidth: null,
            cutHeight: null,
            workWidth: null,
            workHeight: null,
            bleed: 2.25,
            custom: { minWidth: 100, maxWidth: 900, minHeight: 100, maxHeight: 1500.5 }
          }
        ]
      }
      assert.deepStrictEqual(yield* config(id), expected)
      const { sql } = yield* Database
      yield* sql`update product_sizes set is_active = false where code = 'A3'`
      assert.deepStrictEqual(
        (yield* config(id)).sizes,
        expected.sizes.filter((size) => size.code !== "A3")
      )
      // The code follows the huniCode.
      yield* Products.use((products) => products.patch(id, { huniCode: "60001" }))
      assert.strictEqual((yield* config(id)).edicusCode, "HU_60001")
    })
  )

  test(
    "AC-EDICUS-001 there is no config of a product that is unknown, not editor-enabled, or not mapped to the editor",
    Effect.gen(function* () {
      yield* imported
      const { sql } = yield* Database
      const id = yield* productOf("50001")
      const missing = (productId: ProductId) =>
        Effect.map(Effect.flip(config(productId)), (error) =>
          assert.deepInclude(error, { _tag: "EditorProductNotFound", productId })
        )
      yield* missing(ProductId.make(2_000_000_000))
      yield* missing(yield* productOf("50002"))
      yield* sql`update product_editor_mapping set is_active = false`
      yield* missing(id)
      yield* sql`update product_editor_mapping set is_active = true`
      yield* Products.use((products) => products.patch(id, { editorEnabled: false }))
      yield* missing(id)
    })
  )

  test(
    "AC-EDICUS-002 lists every product with an editor mapping, page by page",
    Effect.gen(function* () {
      yield* imported
      const { sql } = yield* Database
      yield* sql`
        insert into product_editor_mapping (product_id, editor_type, is_active)
        select id, 'edicus', huni_code <> '50003' from products where huni_code in ('50002', '50003')`
      yield* sql`update products set huni_code = null where huni_code = '50002'`
      const { data, total } = yield* list()
      assert.strictEqual(total, 3)
      assert.deepStrictEqual(
        data.map(({ productId, ...product }) => product),
        [
          {
            huniCode: "50001",
            name: "Poster",
            edicusCode: "HU_50001",
            editorType: "edicus",
            templateId: "t-1",
            isActive: true
          },
          { huniCode: null, name: "Card", edicusCode: null, editorType: "edicus", templateId: null, isActive: true },
          {
            huniCode: "50003",
            name: "Notebook",
            edicusCode: "HU_50003",
            editorType: "edicus",
            templateId: null,
            isActive: false
          }
        ]
      )
      const pages = yield* Effect.forEach([1, 2, 3], (page) => list({ page, limit: 2 }))
      assert.deepStrictEqual(
        pages.flatMap((page) => page.data),
        data
      )
      assert.deepStrictEqual(
        pages.map((page) => page.total),
        [3, 3, 3]
      )
    })
  )

  const directory = "../shared/data/catalog"
  describe.skipIf(!existsSync(directory))(`with the export in ${directory}`, () => {
    it.effect("AC-EDICUS-001 AC-EDICUS-002 every editor product has a config", () =>
      Effect.gen(function* () {
        const { files } = yield* readCatalogDirectory(directory)
        yield* CatalogImport.use((catalog) => catalog.importFiles({ files }))
        const first = yield* list()
        const rest = yield* list({ page: 2, limit: 100 })
        const all = [...first.data, ...rest.data]
        assert.strictEqual(all.length, first.total)
        let sizes = 0
        for (const product of all) {
          const found = yield* config(product.productId)
          assert.strictEqual(found.edicusCode, `HU_${product.huniCode}`)
          sizes += found.sizes.length
        }
        assert.isAbove(sizes, 0)
      }).pipe(Effect.provide(layer.pipe(Layer.provideMerge(NodeServices.layer))))
    )
  })
})
