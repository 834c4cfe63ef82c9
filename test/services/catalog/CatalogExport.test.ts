/** A real export, where the project's shared folder lies beside the repository; it is never copied into it. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { existsSync } from "node:fs"
import { readCatalogDirectory } from "../../../src/services/catalog/CatalogDirectory.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { publishedCounts, type Records, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

const directory = "../shared/data/catalog"

const parse = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Schema.Record(Schema.String, Schema.Json))))

const tables = {
  categories: 40,
  products: 213,
  product_sizes: 495,
  // 260 rows, 19 of them replaced by a later one of the same key.
  fixed_prices: 241,
  option_definitions: 30,
  option_choices: 702,
  product_option_choices: 1564,
  mes_items: 205,
  mes_item_options: 9,
  product_mes_mapping: 131,
  product_editor_mapping: 107
}

const rowCounts = Effect.gen(function* () {
  const { sql } = yield* Database
  const counts: Record<string, number> = {}
  for (const table of Object.keys(tables)) {
    const [row] = yield* sql<{ readonly count: number }>`select count(*)::int as count from ${sql(table)}`
    counts[table] = row?.count ?? 0
  }
  return counts
})

describe.skipIf(!existsSync(directory))(`the export in ${directory}`, () => {
  describeDatabases("CatalogImport", (database) => {
    const layer = catalogue.pipe(Layer.provideMerge(database), Layer.provideMerge(NodeServices.layer))

    it.effect("is taken in whole, and changes nothing the second time", () =>
      Effect.gen(function* () {
        const catalog = yield* CatalogImport
        const { files, problems } = yield* readCatalogDirectory(directory)
        assert.deepStrictEqual(problems, [])
        const first = yield* catalog.importFiles({ files })
        assert.deepStrictEqual(
          first.files.map(({ inserted }) => inserted),
          Object.values(tables)
        )
        assert.deepStrictEqual(
          first.files.flatMap(({ rejected }) => rejected),
          []
        )
        assert.deepStrictEqual(
          first.files.flatMap(({ file, superseded }) => (superseded > 0 ? [[file, superseded]] : [])),
          [["fixed-prices.json", 19]]
        )
        assert.deepStrictEqual(yield* rowCounts, tables)
        const events = { "product.created": 213, "price.changed": 113, "command.mes.release-orders": 124 }
        assert.deepStrictEqual(yield* publishedCounts, events)

        yield* TestClock.adjust("1 day")
        const second = yield* catalog.importFiles({ files })
        assert.deepStrictEqual(
          second.files.map(({ unchanged }) => unchanged),
          Object.values(tables)
        )
        assert.deepStrictEqual(yield* publishedCounts, events)

        // The book that has only a cover row: its plain item is made as the inner part.
        const {
          data: [book]
        } = yield* (yield* Products).list({ huniCode: "90007" }, firstPage)
        const { parts } = yield* (yield* MesMappings).requirements({
          productIds: book === undefined ? [] : [book.id],
          choiceIds: [],
          lock: false
        })
        const itemOf = (coverType: string | null) =>
          parse(files["product-mes-mapping.json"] ?? "").find(
            (row) => row["huniCode"] === "90007" && row["coverType"] === coverType
          )?.["mesItemCode"]
        assert.deepStrictEqual(
          [...parts.values()].map((jobs) => jobs.map(({ item, part }) => [part, item?.itemCode])),
          [
            [
              ["inner", String(itemOf(null))],
              ["cover", String(itemOf("cover"))]
            ]
          ]
        )
      }).pipe(Effect.provide(layer))
    )

    it.effect("broken in every way it says so, record by record, and takes the rest", () =>
      Effect.gen(function* () {
        const { files } = yield* readCatalogDirectory(directory)
        const records: Record<string, ReadonlyArray<{ readonly [field: string]: Schema.Json }>> = {}
        for (const [file, text] of Object.entries(files)) records[file] = parse(text)
        const at = (file: string, index: number) => records[file]?.[index] ?? {}
        const broken: Records = {
          ...records,
          "products.json": [
            ...(records["products.json"] ?? []).with(7, { ...at("products.json", 7), name: "" }),
            at("products.json", 0)
          ],
          "option-definitions.json": (records["option-definitions.json"] ?? []).with(1, {
            ...at("option-definitions.json", 1),
            optionClass: "paint"
          }),
          "mes-items.json": [...(records["mes-items.json"] ?? []), at("mes-items.json", 3)],
          "product-mes-mapping.json": (records["product-mes-mapping.json"] ?? []).with(0, {
            ...at("product-mes-mapping.json", 0),
            mesItemCode: "999-0000"
          })
        }
        const { "categories.json": _missing, ...rest } = textsOf(broken)
        const catalog = yield* CatalogImport
        const withoutCategories = yield* catalog.importFiles({ files: rest })
        assert.strictEqual(withoutCategories.files.find(({ file }) => file === "products.json")?.rejected.length, 214)
        const report = yield* catalog.importFiles({ files: textsOf(broken) })
        const lost = records["products.json"]?.[7]?.["huniCode"]
        const ofLost = (file: string) => (records[file] ?? []).filter(({ huniCode }) => huniCode === lost).length
        const ofPaper = (file: string) => (records[file] ?? []).filter(({ optionKey }) => optionKey === "paper").length
        const offers = (records["product-option-choices.json"] ?? []).filter(
          ({ huniCode, optionKey }) => huniCode === lost || optionKey === "paper"
        ).length
        assert.deepStrictEqual(Object.fromEntries(report.files.map(({ file, rejected }) => [file, rejected.length])), {
          "categories.json": 0,
          "products.json": 2,
          "product-sizes.json": ofLost("product-sizes.json"),
          "fixed-prices.json": ofLost("fixed-prices.json"),
          "option-definitions.json": 1,
          "option-choices.json": ofPaper("option-choices.json"),
          "product-option-choices.json": offers,
          "mes-items.json": 1,
          "mes-item-options.json": 0,
          "product-mes-mapping.json": 1 + ofLost("product-mes-mapping.json"),
          "product-editor-mapping.json": ofLost("product-editor-mapping.json")
        })
        const counts = yield* rowCounts
        assert.deepInclude(counts, {
          products: 212,
          option_definitions: 29,
          option_choices: 702 - ofPaper("option-choices.json"),
          product_option_choices: 1564 - offers,
          mes_items: 205
        })
      }).pipe(Effect.provide(layer))
    )
  })
})
