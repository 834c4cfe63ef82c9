import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ChoiceId, ProductId } from "../../../src/domain/Ids.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { Options } from "../../../src/services/catalog/Options.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demo, eventsOf, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

const unknown = ProductId.make(2_147_483_647)

describeDatabases("Products", (database) => {
  const layer = catalogue.pipe(Layer.provideMerge(database))
  const poster = { name: "Poster", huniCode: "60001", productType: "poster" }

  it.effect("creates a product with its defaults and announces it", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const events = yield* eventsOf(products.create(poster))
      const {
        data: [product],
        total
      } = yield* products.list({}, firstPage)
      assert.strictEqual(total, 1)
      assert.deepStrictEqual(product, {
        id: product?.id ?? unknown,
        huniCode: "60001",
        edicusCode: "HU_60001",
        name: "Poster",
        slug: "poster-60001",
        productType: "poster",
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
        createdAt: "1970-01-01T00:00:00.000Z",
        updatedAt: "1970-01-01T00:00:00.000Z"
      })
      assert.deepStrictEqual(events, [
        { type: "product.created", payload: { productId: product?.id ?? 0, huniCode: "60001" } }
      ])
      assert.deepStrictEqual(yield* products.get(product?.id ?? unknown), product)
    }).pipe(Effect.provide(layer))
  )

  it.effect("makes a slug of its own for each product of the same name", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const made = yield* Effect.forEach([1, 2, 3], () => products.create({ name: "Card!", productType: "card" }))
      assert.strictEqual(made[0]?.slug, "card")
      assert.strictEqual(new Set(made.map(({ slug }) => slug)).size, 3)
      assert.isTrue(made.every(({ edicusCode }) => edicusCode === null))
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses what is taken, unknown or does not fit, and publishes nothing", () =>
    Effect.gen(function* () {
      const products = yield* Products
      yield* products.create(poster)
      const other = yield* products.create({ name: "Other", productType: "poster", minQty: 10 })
      const events = yield* eventsOf(
        Effect.gen(function* () {
          const taken = yield* Effect.flip(products.create({ ...poster, name: "Again" }))
          assert.deepInclude(taken, { _tag: "CatalogConflict", path: "huniCode" })
          const category = yield* Effect.flip(products.create({ name: "X", productType: "x", categoryCode: "NONE" }))
          assert.deepInclude(category, { _tag: "CatalogInvalid" })
          const range = yield* Effect.flip(products.create({ name: "X", productType: "x", minQty: 5, maxQty: 4 }))
          assert.deepInclude(range, { issues: [{ path: "maxQty", message: "must not be less than minQty" }] })
          const later = yield* Effect.flip(products.patch(other.id, { maxQty: 9 }))
          assert.deepInclude(later, { _tag: "CatalogInvalid" })
          const patched = yield* Effect.flip(products.patch(other.id, { huniCode: "60001", name: "New name" }))
          assert.deepInclude(patched, { _tag: "CatalogConflict", path: "huniCode" })
        })
      )
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(yield* products.get(other.id), other)
    }).pipe(Effect.provide(layer))
  )

  it.effect("patches only what is given and tells the changed fields", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const catalog = yield* CatalogImport
      yield* catalog.importFiles({ files: textsOf({ "categories.json": demo["categories.json"] ?? [] }) })
      const { id } = yield* products.create({ ...poster, minQty: 1 })
      yield* TestClock.adjust("1 second")
      const events = yield* eventsOf(
        products.patch(id, { name: "Big poster", categoryCode: "WALL", minQty: null, orderMethod: "upload" })
      )
      assert.deepStrictEqual(events, [
        {
          type: "product.updated",
          payload: { productId: id, changes: { name: "Big poster", categoryCode: "WALL", minQty: null } }
        }
      ])
      const after = yield* products.get(id)
      assert.deepInclude(after, { name: "Big poster", slug: "poster-60001", categoryCode: "WALL", minQty: null })
      assert.strictEqual(after.updatedAt, "1970-01-01T00:00:01.000Z")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* eventsOf(products.patch(id, { name: "Big poster" })), [])
      assert.deepStrictEqual(yield* products.get(id), after)
    }).pipe(Effect.provide(layer))
  )

  it.effect("activates and deactivates, once", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { id } = yield* products.create(poster)
      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* products.activate(id)
          assert.isFalse((yield* products.deactivate(id)).isActive)
          yield* products.deactivate(id)
          assert.isTrue((yield* products.activate(id)).isActive)
        })
      )
      assert.deepStrictEqual(events, [
        { type: "product.deactivated", payload: { productId: id } },
        { type: "product.updated", payload: { productId: id, changes: { isActive: true } } }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts the versions of a price", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { id } = yield* products.create(poster)
      const events = yield* eventsOf(
        Effect.gen(function* () {
          assert.strictEqual((yield* products.setPrice(id, 9000)).sellingPrice, 9000)
          yield* products.setPrice(id, 9000)
          assert.isNull((yield* products.setPrice(id, null)).sellingPrice)
        })
      )
      assert.deepStrictEqual(events, [
        { type: "price.changed", payload: { productId: id, priceTableId: 1 } },
        { type: "price.changed", payload: { productId: id, priceTableId: 2 } }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("offers what it is told to, and names unknown choices", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const options = yield* Options
      const { id } = yield* products.create(poster)
      const paper = yield* options.create({ key: "paper", name: "Paper", optionClass: "material" })
      const pages = yield* options.create({ key: "pages", name: "Pages", optionClass: "setting" })
      const matt = yield* options.addChoice(paper.id, { code: "matt", name: "Matt" })
      const gloss = yield* options.addChoice(paper.id, { code: "gloss", name: "Gloss" })
      const few = yield* options.addChoice(pages.id, { code: "few", name: "Few" })

      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* products.setOptions(id, [few.id, matt.id, gloss.id, matt.id])
          assert.deepStrictEqual(yield* products.setOptions(id, [gloss.id, few.id]), [
            {
              optionId: paper.id,
              key: "paper",
              name: "Paper",
              optionClass: "material",
              choices: [
                {
                  choiceId: gloss.id,
                  code: "gloss",
                  name: "Gloss",
                  mapping: { status: "pending", type: "material", mesCode: null }
                }
              ]
            },
            {
              optionId: pages.id,
              key: "pages",
              name: "Pages",
              optionClass: "setting",
              choices: [{ choiceId: few.id, code: "few", name: "Few", mapping: null }]
            }
          ])
          yield* products.setOptions(id, [few.id, gloss.id])
          const error = yield* Effect.flip(products.setOptions(id, [few.id, ChoiceId.make(999_999)]))
          assert.deepInclude(error, { issues: [{ path: "choiceIds.1", message: "no such choice" }] })
        })
      )
      assert.deepStrictEqual(events, [
        { type: "product.updated", payload: { productId: id, changes: { choiceIds: [matt.id, gloss.id, few.id] } } },
        { type: "product.updated", payload: { productId: id, changes: { choiceIds: [gloss.id, few.id] } } }
      ])
      const offered = yield* products.offered([id, unknown])
      assert.deepStrictEqual([...offered.keys()], [id])
      assert.deepStrictEqual(offered.get(id)?.choiceIds, new Set([gloss.id, few.id]))
      yield* products.setOptions(id, [])
      assert.deepStrictEqual(yield* products.options(id), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists by page and filter in a stable order", () =>
    Effect.gen(function* () {
      const products = yield* Products
      for (const n of [1, 2, 3]) yield* products.create({ ...poster, name: `Poster ${n}`, huniCode: `6000${n}` })
      const odd = yield* products.create({ name: "100%_\\ Cotton", productType: "shirt" })
      yield* products.deactivate(odd.id)
      const codes = (filter: Parameters<typeof products.list>[0], page = firstPage) =>
        Effect.map(products.list(filter, page), ({ data, total }) => [total, ...data.map(({ huniCode }) => huniCode)])

      assert.deepStrictEqual(yield* codes({}, { page: 2, limit: 3 }), [4, null])
      assert.deepStrictEqual(yield* codes({}, { page: 3, limit: 3 }), [4])
      assert.deepStrictEqual(yield* codes({ huniCode: "60002" }), [1, "60002"])
      assert.deepStrictEqual(yield* codes({ q: "pOSTER" }), [3, "60001", "60002", "60003"])
      assert.deepStrictEqual(yield* codes({ q: "6000", active: true }), [3, "60001", "60002", "60003"])
      assert.deepStrictEqual(yield* codes({ active: false }), [1, null])
      assert.deepStrictEqual(yield* codes({ q: "%_\\" }), [1, null])
      assert.deepStrictEqual(yield* codes({ q: "_" }), [1, null])
    }).pipe(Effect.provide(layer))
  )

  it.effect("knows no product that does not exist", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const requests: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        products.get(unknown),
        products.patch(unknown, { name: "X" }),
        products.activate(unknown),
        products.deactivate(unknown),
        products.setPrice(unknown, 1),
        products.options(unknown),
        products.setOptions(unknown, [])
      ]
      for (const request of requests) {
        assert.strictEqual((yield* Effect.flip(request))._tag, "CatalogNotFound")
      }
    }).pipe(Effect.provide(layer))
  )
})
