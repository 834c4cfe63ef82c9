import { assert, it, layer as sharedLayer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { DesignId, ProductId } from "../../../src/domain/Ids.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { Designs } from "../../../src/services/designs/Designs.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as DesignDesk from "../../support/DesignDesk.ts"

/** JSON that PostgreSQL can hold: its texts have no NUL and no half surrogate pairs, as HTTP lets no others in. */
const isStorable = (value: unknown): boolean => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value))

describeDatabases("Designs", (database) => {
  const layer = DesignDesk.core.pipe(
    Layer.provideMerge(EventBus.layer),
    Layer.provideMerge(EventLog.layerSql),
    Layer.provideMerge(database)
  )
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  const product = Effect.map(
    Products.use((products) => products.create({ name: "Card", productType: "card" })),
    ({ id }) => id
  )

  test(
    "AC-EDICUS-003 AC-EDICUS-004 a design is saved and read back whole",
    Effect.gen(function* () {
      const designs = yield* Designs
      const productId = yield* product
      const designData = {
        pages: [
          { objects: [{ type: "text", text: '가나다 🎨 "quoted" \\ ', x: 1.25, y: -0.5, big: 1e21, none: null }] }
        ],
        "": { "a.b": [[], {}, true] },
        version: 3
      }
      const created = yield* designs.create({
        productId,
        designData,
        editorSessionId: "세션-1",
        edicusProjectId: "-Nx_7"
      })
      assert.match(created.designId, /^des_[0-9A-Z]{26}$/)
      assert.deepStrictEqual(yield* designs.get(created.designId), {
        ...created,
        productId,
        designData,
        editorSessionId: "세션-1",
        edicusProjectId: "-Nx_7",
        renderedFileUrl: null,
        updatedAt: created.createdAt
      })
      const { designData: stored } = yield* designs.get(created.designId)
      assert.strictEqual(JSON.stringify(stored), JSON.stringify(designData))
    })
  )

  test(
    "AC-EDICUS-003 a design without a project is saved; one for a product that does not exist is not",
    Effect.gen(function* () {
      const designs = yield* Designs
      const design = { designData: {}, editorSessionId: "s" }
      const { designId } = yield* designs.create({ ...design, productId: yield* product })
      assert.isNull((yield* designs.get(designId)).edicusProjectId)
      const missing = yield* Effect.flip(designs.create({ ...design, productId: ProductId.make(2_000_000_000) }))
      assert.deepInclude(missing, { _tag: "CatalogNotFound", resource: "product", id: 2_000_000_000 })
      const unknown = DesignId.make("des_00000000000000000000000000")
      assert.deepInclude(yield* Effect.flip(designs.get(unknown)), { _tag: "DesignNotFound", designId: unknown })
    })
  )

  test(
    "a design outlives its product's days on offer",
    Effect.gen(function* () {
      const designs = yield* Designs
      const products = yield* Products
      const productId = yield* product
      yield* products.deactivate(productId)
      const { designId } = yield* designs.create({ productId, designData: {}, editorSessionId: "s" })
      assert.strictEqual((yield* designs.get(designId)).productId, productId)
    })
  )

  sharedLayer(layer)((it) => {
    it.effect.prop(
      "AC-EDICUS-004 any JSON object comes back as it was",
      [Schema.JsonObject],
      ([data]) =>
        Effect.gen(function* () {
          // As HTTP lets it in.
          if (!isStorable(data)) return
          const designs = yield* Designs
          const designData = yield* Schema.decodeUnknownEffect(Schema.JsonObject)(JSON.parse(JSON.stringify(data)))
          const { designId } = yield* designs.create({ productId: yield* product, designData, editorSessionId: "s" })
          assert.deepStrictEqual((yield* designs.get(designId)).designData, designData)
        }),
      { arbitrary: { runs: 40 }, timeout: 60_000 }
    )
  })
})
