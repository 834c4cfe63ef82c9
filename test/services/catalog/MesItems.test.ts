import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { MesItemId } from "../../../src/domain/Ids.ts"
import type { MesItemCreate } from "../../../src/domain/MesItem.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { MesItems } from "../../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demoFiles, eventsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

const poster: MesItemCreate = { itemCode: "800-0001", name: "Poster", itemType: "finished", unit: "EA" }

describeDatabases("MesItems", (database) => {
  const layer = catalogue.pipe(Layer.provideMerge(database))

  it.effect("creates items; a taken code and a type that does not fit the code are refused", () =>
    Effect.gen(function* () {
      const items = yield* MesItems
      const item = yield* items.create(poster)
      assert.deepStrictEqual(item, { id: item.id, ...poster, groupCode: null, abbreviation: null, isActive: true })
      assert.deepInclude(yield* Effect.flip(items.create(poster)), { _tag: "CatalogConflict", path: "itemCode" })
      const misfits: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        items.create({ ...poster, itemCode: "800-5001" }),
        items.create({ ...poster, itemCode: "800-0002", itemType: "semi_finished" }),
        items.patch(item.id, { itemType: "semi_finished" })
      ]
      for (const misfit of misfits) assert.strictEqual((yield* Effect.flip(misfit))._tag, "CatalogInvalid")
      assert.strictEqual((yield* items.list({}, firstPage)).total, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("patches what is given; activation releases the orders that waited", () =>
    Effect.gen(function* () {
      const items = yield* MesItems
      const { id } = yield* (yield* Products).create({ name: "Poster", productType: "poster" })
      const item = yield* items.create(poster)
      yield* (yield* MesMappings).setProduct(id, { itemCode: "800-0001" })
      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* items.patch(item.id, { isActive: true, name: "Poster" })
          yield* items.patch(item.id, { isActive: false, groupCode: "0010010000" })
          assert.deepStrictEqual(yield* items.patch(item.id, { isActive: true }), { ...item, groupCode: "0010010000" })
          assert.deepInclude(yield* Effect.flip(items.patch(MesItemId.make(99), { unit: "m" })), {
            _tag: "CatalogNotFound"
          })
        })
      )
      assert.deepStrictEqual(events, [{ type: "command.mes.release-orders", payload: { productId: id } }])
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists by filter, and the options of an item", () =>
    Effect.gen(function* () {
      const items = yield* MesItems
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      const off = yield* items.create({ ...poster, abbreviation: "pst" })
      yield* items.patch(off.id, { isActive: false })
      const codes = (filter: Parameters<typeof items.list>[0], page = firstPage) =>
        Effect.map(items.list(filter, page), ({ data, total }) => [total, ...data.map(({ itemCode }) => itemCode)])
      assert.deepStrictEqual(yield* codes({}, { page: 3, limit: 2 }), [6, "700-5002", "800-0001"])
      assert.deepStrictEqual(yield* codes({ group: "0010010000", type: "semi_finished" }), [2, "700-5001", "700-5002"])
      assert.deepStrictEqual(yield* codes({ q: "POSTER", active: true }), [1, "700-0001"])
      assert.deepStrictEqual(yield* codes({ q: "PST" }), [1, "800-0001"])
      assert.deepStrictEqual(yield* codes({ q: "-0002" }), [1, "700-0002"])

      const {
        data: [first]
      } = yield* items.list({ q: "700-0001" }, firstPage)
      assert.deepStrictEqual(yield* items.options(first?.id ?? off.id), [{ optionNumber: 1, optionValue: "Rolled" }])
      assert.deepStrictEqual(yield* items.options(off.id), [])
      assert.deepInclude(yield* Effect.flip(items.options(MesItemId.make(99_999))), { _tag: "CatalogNotFound" })
    }).pipe(Effect.provide(layer))
  )
})
