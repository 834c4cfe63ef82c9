import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { OptionId } from "../../../src/domain/Ids.ts"
import { partOf } from "../../../src/domain/Option.ts"
import { Options } from "../../../src/services/catalog/Options.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { describeDatabases } from "../../support/Databases.ts"

describeDatabases("Options", (database) => {
  const layer = catalogue.pipe(Layer.provideMerge(database))

  it.effect("creates options whose part follows from the key", () =>
    Effect.gen(function* () {
      const options = yield* Options
      for (const key of ["innerPaper", "coverPaper", "paper", "transparentCover", "Inner", "inner", "cover"]) {
        const option = yield* options.create({ key, name: key, optionClass: "material" })
        assert.deepStrictEqual(option, {
          id: option.id,
          key,
          name: key,
          optionClass: "material",
          part: partOf(key),
          choices: []
        })
      }
      const taken = yield* Effect.flip(options.create({ key: "paper", name: "Other", optionClass: "setting" }))
      assert.deepInclude(taken, { _tag: "CatalogConflict", path: "key" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("adds choices, each with a pending mapping where the class needs one", () =>
    Effect.gen(function* () {
      const options = yield* Options
      const paper = yield* options.create({ key: "paper", name: "Paper", optionClass: "material" })
      const pages = yield* options.create({ key: "pages", name: "Pages", optionClass: "setting" })
      const matt = yield* options.addChoice(paper.id, { code: "matt", name: "Matt" })
      const pending = { status: "pending", type: "material", mesCode: null } as const
      assert.deepStrictEqual(matt, { id: matt.id, optionId: paper.id, code: "matt", name: "Matt", mapping: pending })
      yield* options.addChoice(paper.id, { code: "gloss", name: "Gloss" })
      const few = yield* options.addChoice(pages.id, { code: "matt", name: "The same code in another option" })
      assert.isNull(few.mapping)
      const taken = yield* Effect.flip(options.addChoice(paper.id, { code: "matt", name: "Again" }))
      assert.deepInclude(taken, { _tag: "CatalogConflict", path: "code" })
      const unknown = yield* Effect.flip(options.addChoice(OptionId.make(999_999), { code: "x", name: "X" }))
      assert.deepInclude(unknown, { _tag: "CatalogNotFound", resource: "option" })

      const { data, total } = yield* options.list(firstPage)
      assert.strictEqual(total, 2)
      assert.deepStrictEqual(
        data.map(({ choices, key }) => [key, ...choices.map(({ code }) => code)]),
        [
          ["paper", "matt", "gloss"],
          ["pages", "matt"]
        ]
      )
      assert.deepStrictEqual(
        (yield* options.list({ page: 2, limit: 1 })).data.map(({ key }) => key),
        ["pages"]
      )
    }).pipe(Effect.provide(layer))
  )
})
