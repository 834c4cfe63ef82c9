import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { ProductId } from "../../../src/domain/Ids.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import type { CatalogProgress, CatalogReport } from "../../../src/services/catalog/CatalogReport.ts"
import { Categories } from "../../../src/services/catalog/Categories.ts"
import { catalogFiles } from "../../../src/services/catalog/import/CatalogFiles.ts"
import { MesItems } from "../../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demo, demoFiles, eventsOf, publishedCounts, type Records, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases, hasServer, server } from "../../support/Databases.ts"

const importRecords = (records: Records) =>
  Effect.gen(function* () {
    return yield* (yield* CatalogImport).importFiles({ files: textsOf(records) })
  })

/** file → [inserted, updated, unchanged, rejected] */
const countsOf = (report: CatalogReport) =>
  Object.fromEntries(
    report.files.map(({ file, inserted, rejected, unchanged, updated }) => [
      file,
      [inserted, updated, unchanged, rejected.length]
    ])
  )

const rejectionsOf = (report: CatalogReport, file: string) =>
  report.files.find((one) => one.file === file)?.rejected.map(({ index, key, reason }) => [index, key, reason])

/** The demo's records of a file, the one at `index` changed. */
const changed = (file: string, index: number, change: object): Records => ({
  [file]: (demo[file] ?? []).map((record, at) => (at === index ? Object.assign({}, record, change) : record))
})

/** Ids of the products by name. */
const productIds = Effect.gen(function* () {
  const { data } = yield* (yield* Products).list({}, firstPage)
  const ids: Record<string, ProductId> = {}
  for (const { id, name } of data) ids[name] = id
  return {
    Poster: ids["Poster"] ?? 0,
    Card: ids["Card"] ?? 0,
    Notebook: ids["Notebook"] ?? 0,
    Diary: ids["Diary"] ?? 0
  }
})

/** Id of the demo's card. */
const cardId = Effect.gen(function* () {
  const { data } = yield* (yield* Products).list({ huniCode: "50002" }, firstPage)
  const [card] = data
  return card === undefined ? yield* Effect.die("no card") : card.id
})

describeDatabases("CatalogImport", (database) => {
  const layer = catalogue.pipe(Layer.provideMerge(database))

  it.effect("takes in everything; the second run changes nothing and publishes nothing", () =>
    Effect.gen(function* () {
      const catalog = yield* CatalogImport
      // In whatever order the files come.
      const files = Object.fromEntries(Object.entries(demoFiles).toReversed())
      const expected = (place: 0 | 2) =>
        Object.fromEntries(
          Object.entries(demo).map(([file, records]) => [
            file,
            [0, 1, 2, 3].map((at) => (at === place ? records.length : 0))
          ])
        )
      const first = yield* catalog.importFiles({ files })
      assert.deepStrictEqual(countsOf(first), expected(0))
      assert.deepStrictEqual(
        first.files.map(({ file }) => file),
        catalogFiles.slice(0, 11).map(({ file }) => file)
      )
      const events = { "product.created": 4, "price.changed": 2, "command.mes.release-orders": 4 }
      assert.deepStrictEqual(yield* publishedCounts, events)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(countsOf(yield* catalog.importFiles({ files })), expected(2))
      assert.deepStrictEqual(yield* publishedCounts, events)

      const {
        data: [poster]
      } = yield* (yield* Products).list({ huniCode: "50001" }, firstPage)
      assert.deepInclude(poster, {
        slug: "poster-50001",
        categoryCode: "WALL",
        createdAt: "1970-01-01T00:00:00.000Z",
        updatedAt: "1970-01-01T00:00:00.000Z"
      })
      const { data: mappings } = yield* (yield* MesMappings).listChoices({ status: "pending" }, firstPage)
      assert.deepStrictEqual(
        mappings.map(({ choiceCode }) => choiceCode),
        ["matt", "gloss", "cream", "soft"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("announces what changed, once for each product", () =>
    Effect.gen(function* () {
      const items = yield* MesItems
      yield* importRecords(demo)
      yield* TestClock.adjust("1 hour")
      const { Card, Diary, Poster } = yield* productIds
      const {
        data: [posterItem]
      } = yield* items.list({ q: "700-0001" }, firstPage)
      if (posterItem !== undefined) yield* items.patch(posterItem.id, { isActive: false })
      const announced = (records: Records) => eventsOf(importRecords(records))
      const updated = (productId: number, changes: object) => ({
        type: "product.updated",
        payload: { productId, changes: { ...changes } }
      })

      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        yield* announced(changed("products.json", 0, { name: "Big poster", isActive: false, sellingPrice: 5000 })),
        [
          updated(Poster, { name: "Big poster" }),
          { type: "product.deactivated", payload: { productId: Poster } },
          { type: "price.changed", payload: { productId: Poster, priceTableId: 2 } }
        ]
      )
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        yield* announced(changed("products.json", 0, { name: "Big poster", categoryCode: null })),
        [updated(Poster, { categoryCode: null, isActive: true })]
      )
      const bigger = { cutWidth: 421.5, workWidth: 426, displayName: "Bigger" }
      const { huniCode: _, ...size } = Object.assign({ huniCode: "" }, demo["product-sizes.json"]?.[0], bigger)
      assert.deepStrictEqual<ReadonlyArray<unknown>>(yield* announced(changed("product-sizes.json", 0, bigger)), [
        updated(Poster, { sizes: [size] })
      ])
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        yield* announced({
          "fixed-prices.json": [
            { huniCode: "50001", sizeCode: "A2", optionLabel: null, baseQty: 1, sellingPrice: 9500 },
            { huniCode: "50001", sizeCode: "A3", optionLabel: null, baseQty: 10, sellingPrice: 50_000 },
            { huniCode: "50002", sizeCode: null, optionLabel: null, baseQty: 100, sellingPrice: 15_000 }
          ]
        }),
        [{ type: "price.changed", payload: { productId: Poster, priceTableId: 3 } }]
      )
      const offers = yield* announced({
        "product-option-choices.json": [{ huniCode: "50002", optionKey: "paper", choiceCode: "gloss" }]
      })
      const offered = yield* (yield* Products).options(yield* cardId)
      const choiceIds = offered.flatMap(({ choices }) => choices.map(({ choiceId }) => choiceId))
      assert.deepStrictEqual<ReadonlyArray<unknown>>(offers, [
        updated(Card, { choiceIds: choiceIds.toSorted((a, b) => a - b) })
      ])
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        yield* announced(changed("product-editor-mapping.json", 0, { templateId: "t-2" })),
        [
          updated(Poster, {
            editor: { editorType: "edicus", templateId: "t-2", templateConfig: { pages: [1] }, isActive: true }
          })
        ]
      )
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        yield* announced({ "mes-items.json": demo["mes-items.json"] ?? [] }),
        [{ type: "command.mes.release-orders", payload: { productId: Poster } }]
      )
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        yield* announced(changed("product-mes-mapping.json", 4, { mesItemCode: "700-0002" })),
        [{ type: "command.mes.release-orders", payload: { productId: Diary } }]
      )
      // Names of options and items concern nobody else.
      assert.deepStrictEqual(
        yield* announced({
          ...changed("option-definitions.json", 0, { name: "Sheet" }),
          ...changed("option-choices.json", 0, { name: "Matt 170 g" }),
          ...changed("mes-items.json", 0, { name: "Poster, new" })
        }),
        []
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves alone what the files do not say", () =>
    Effect.gen(function* () {
      const products = yield* Products
      yield* importRecords(demo)
      yield* TestClock.adjust("1 hour")
      const card = yield* cardId
      yield* products.setPrice(card, 12_345)
      yield* products.deactivate(card)
      const {
        isActive: _active,
        slug: _slug,
        ...record
      } = Object.assign({ isActive: true, slug: "" }, demo["products.json"]?.[1])
      const before = yield* products.get(card)
      const report = yield* importRecords({ "products.json": [record] })
      assert.deepStrictEqual(countsOf(report), { "products.json": [0, 0, 1, 0] })
      assert.deepStrictEqual(yield* products.get(card), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("choice-mappings.json maps in bulk, and a verified code stays verified until it differs", () =>
    Effect.gen(function* () {
      const catalog = yield* CatalogImport
      const mappings = yield* MesMappings
      yield* importRecords(demo)
      const rows = [
        { optionKey: "paper", choiceCode: "matt", mesCode: "M-1", itemCode: "700-0001" },
        { optionKey: "coverCoating", choiceCode: "soft", mesCode: "P-1" },
        { optionKey: "pages", choiceCode: "p96", mesCode: "S-1" },
        { optionKey: "paper", choiceCode: "rough", mesCode: "M-2" },
        { optionKey: "paper", choiceCode: "gloss", mesCode: "M-2", itemCode: "999-9999" }
      ]
      const files = textsOf({ "choice-mappings.json": rows })
      const events = yield* eventsOf(
        Effect.gen(function* () {
          const report = yield* catalog.importFiles({ files }, { actor: "bulk" })
          assert.deepStrictEqual(countsOf(report), { "choice-mappings.json": [0, 2, 0, 3] })
          assert.deepStrictEqual(rejectionsOf(report, "choice-mappings.json"), [
            [2, "pages/p96", "choices of class setting have no mapping"],
            [3, "paper/rough", "choiceCode: no such choice: paper/rough"],
            [4, "paper/gloss", "itemCode: no such item: 999-9999"]
          ])
        })
      )
      assert.deepStrictEqual(events, [])
      const {
        data: [matt, soft]
      } = yield* mappings.listChoices({ status: "mapped" }, firstPage)
      assert.deepInclude(matt, { mesCode: "M-1", itemCode: "700-0001", mappedBy: "bulk" })
      assert.deepInclude(soft, { mesCode: "P-1", itemCode: null })
      if (matt !== undefined) yield* mappings.verify(matt.choiceId, "vera")
      assert.deepStrictEqual(countsOf(yield* catalog.importFiles({ files })), { "choice-mappings.json": [0, 0, 2, 3] })
      assert.strictEqual((yield* mappings.listChoices({ status: "verified" }, firstPage)).total, 1)

      yield* importRecords({ "choice-mappings.json": [{ optionKey: "paper", choiceCode: "matt", mesCode: "M-9" }] })
      assert.strictEqual((yield* mappings.listChoices({ status: "verified" }, firstPage)).total, 0)
      const {
        data: [again]
      } = yield* mappings.listChoices({ status: "mapped" }, firstPage)
      assert.deepInclude(again, { mesCode: "M-9", itemCode: "700-0001", mappedBy: "import", verifiedBy: null })
    }).pipe(Effect.provide(layer))
  )

  it.effect("reports each record it cannot take, and the rest is in", () =>
    Effect.gen(function* () {
      const broken: Records = {
        ...demo,
        "categories.json": [
          ...(demo["categories.json"] ?? []),
          { code: "PAPER", name: "Again", parentCode: null, depth: 0 },
          { code: "LOST", name: "Lost", parentCode: "NOWHERE", depth: 1 },
          { code: "DEEP", name: "Deep", parentCode: "PAPER", depth: 2 },
          { code: "CHILD", name: "Child of a lost one", parentCode: "LOST", depth: 2 }
        ],
        "products.json": [
          ...(demo["products.json"] ?? []),
          { huniCode: "50001", name: "Second poster", productType: "poster" },
          { huniCode: "50005", name: "   ", productType: "poster" },
          { huniCode: "50006", name: "x".repeat(201), productType: "poster" },
          { huniCode: "5000", name: "Short code", productType: "poster" },
          { huniCode: 50007, name: "Number as code", productType: "poster" },
          { huniCode: "50008", name: "Unknown category", productType: "poster", categoryCode: "NOWHERE" },
          { huniCode: "50009", name: "NUL \0 in it", productType: "poster" },
          { huniCode: "50010", name: "Huge", productType: "poster", minQty: 1e300 },
          { huniCode: "50011", name: "Turned", productType: "poster", minQty: 9, maxQty: 1 },
          { huniCode: "50012", name: "Same slug", slug: "card-50002", productType: "poster" },
          null,
          "text",
          ["array"],
          { huniCode: "50013", name: "🙂".repeat(200), productType: "poster", extra: "is ignored" }
        ],
        "product-sizes.json": [
          { huniCode: "50099", code: "A4", displayName: "Of nobody" },
          { huniCode: "50002", code: "HALF", displayName: "Half", cutWidth: 10, cutHeight: null },
          { huniCode: "50002", code: "FINE", displayName: "Too fine", cutWidth: 10.001, cutHeight: 10 },
          { huniCode: "50002", code: "FREE", displayName: "No limits", isCustom: true },
          ...(demo["product-sizes.json"] ?? [])
        ],
        "fixed-prices.json": [
          ...(demo["fixed-prices.json"] ?? []),
          { huniCode: "50001", sizeCode: "A9", baseQty: 1, sellingPrice: 1 },
          { huniCode: "50001", sizeCode: "A2", baseQty: 1, sellingPrice: 9100 },
          { huniCode: "50001", sizeCode: "A3", baseQty: 1, sellingPrice: 6000.5 },
          { huniCode: "50001", sizeCode: "A2", baseQty: 1, sellingPrice: 9200 }
        ],
        "option-definitions.json": [
          { key: "colour", name: "Colour", optionClass: "paint" },
          ...(demo["option-definitions.json"] ?? [])
        ],
        "option-choices.json": [
          { optionKey: "colour", code: "red", name: "Red" },
          ...(demo["option-choices.json"] ?? [])
        ],
        "product-option-choices.json": [
          { huniCode: "50099", optionKey: "colour", choiceCode: "red" },
          ...(demo["product-option-choices.json"] ?? [])
        ],
        "mes-items.json": [
          ...(demo["mes-items.json"] ?? []),
          { itemCode: "700-5009", name: "Part", itemType: "finished", unit: "EA" }
        ],
        "mes-item-options.json": [
          { itemCode: "700-9999", optionNumber: 1, optionValue: "x" },
          { itemCode: "700-0001", optionNumber: 11, optionValue: "x" },
          ...(demo["mes-item-options.json"] ?? [])
        ],
        "product-mes-mapping.json": [
          { huniCode: "50002", mesItemCode: "700-0001", coverType: "spine" },
          { huniCode: "50013", mesItemCode: "700-9999", coverType: null },
          ...(demo["product-mes-mapping.json"] ?? [])
        ],
        "product-editor-mapping.json": [
          { huniCode: "50002", editorType: "edicus", templateConfig: { "a\0": 1 }, isActive: true },
          { huniCode: "50003", editorType: "edicus", templateConfig: nested(70), isActive: true },
          ...(demo["product-editor-mapping.json"] ?? [])
        ]
      }
      const report = yield* importRecords(broken)
      assert.deepStrictEqual(countsOf(report), {
        "categories.json": [3, 0, 0, 4],
        "products.json": [5, 0, 0, 13],
        "product-sizes.json": [4, 0, 0, 4],
        "fixed-prices.json": [3, 0, 0, 2],
        "option-definitions.json": [4, 0, 0, 1],
        "option-choices.json": [5, 0, 0, 1],
        "product-option-choices.json": [6, 0, 0, 1],
        "mes-items.json": [5, 0, 0, 1],
        "mes-item-options.json": [1, 0, 0, 2],
        "product-mes-mapping.json": [6, 0, 0, 2],
        "product-editor-mapping.json": [1, 0, 0, 2]
      })
      for (const { inserted, records, rejected, superseded, unchanged, updated } of report.files) {
        assert.strictEqual(inserted + updated + unchanged + superseded + rejected.length, records)
      }
      const depth = "depth: must be 0 without a parent, else one more than the parent's"
      assert.deepStrictEqual(rejectionsOf(report, "categories.json"), [
        [3, "PAPER", "duplicate key: record 0 has it already"],
        [4, "LOST", "parentCode: no such category: NOWHERE"],
        [5, "DEEP", depth],
        [6, "CHILD", "parentCode: no such category: LOST"]
      ])
      const productReasons = rejectionsOf(report, "products.json") ?? []
      assert.deepStrictEqual(
        productReasons.map(([index, key]) => [index, key]),
        [
          [4, "50001"],
          [5, "50005"],
          [6, "50006"],
          [7, "5000"],
          [8, "50007"],
          [9, "50008"],
          [10, "50009"],
          [11, "50010"],
          [12, "50011"],
          [13, "50012"],
          [14, "?"],
          [15, "?"],
          [16, "?"]
        ]
      )
      const reasons = productReasons.map(([, , reason]) => String(reason))
      const expected = [
        /^duplicate key: record 0/,
        /^name: must not be empty$/,
        /^name: must have at most 200 characters$/,
        /^huniCode: /,
        /^huniCode: .*50007/,
        /^categoryCode: no such category: NOWHERE$/,
        /^name: must not contain NUL$/,
        /^minQty: /,
        /^maxQty: must not be less than minQty$/,
        /^the slug is taken by another product$/,
        /null/,
        /text/,
        /./
      ]
      expected.forEach((pattern, at) => assert.match(reasons[at] ?? "", pattern))
      assert.match(String(rejectionsOf(report, "option-definitions.json")?.[0]?.[2]), /^optionClass: .*"paint"/)
      assert.deepStrictEqual(rejectionsOf(report, "option-definitions.json")?.[0]?.[1], "colour")
      assert.deepStrictEqual(rejectionsOf(report, "option-choices.json"), [
        [0, "colour/red", "optionKey: no such option: colour"]
      ])
      assert.deepStrictEqual(rejectionsOf(report, "product-option-choices.json"), [
        [0, "50099/colour/red", "huniCode: no such product: 50099; choiceCode: no such choice: colour/red"]
      ])
      assert.deepStrictEqual(rejectionsOf(report, "product-editor-mapping.json"), [
        [0, "50002", "templateConfig: must not contain NUL or a lone surrogate"],
        [1, "50003", "nested deeper than 64 levels"]
      ])
      // Of two price rows with the same key the last wins.
      const prices = report.files.find(({ file }) => file === "fixed-prices.json")
      assert.strictEqual(prices?.superseded, 2)
      assert.deepStrictEqual(
        prices?.notes,
        ["50001/A2/?/1: record 4 is replaced by record 6, the last wins"].flatMap((note) => [
          "50001/A2/?/1: record 0 is replaced by record 4, the last wins",
          note
        ])
      )
      const { sql } = yield* Database
      assert.deepStrictEqual(yield* sql`select selling_price as price from fixed_prices where size_code = 'A2'`, [
        { price: 9200 }
      ])
      // Nothing of it is taken for a change later.
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(
        yield* eventsOf(
          Effect.gen(function* () {
            for (const { inserted, updated } of (yield* importRecords(broken)).files) {
              assert.deepStrictEqual([inserted, updated], [0, 0])
            }
          })
        ),
        []
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("says what is wrong with a file as a whole, and takes the others", () =>
    Effect.gen(function* () {
      const catalog = yield* CatalogImport
      const report = yield* catalog.importFiles({
        files: {
          ...demoFiles,
          "categories.json": `\uFEFF${demoFiles["categories.json"]}`,
          "mes-items.json": `${demoFiles["mes-items.json"]}]`,
          "mes-item-options.json": "{}",
          "option-choices.json": "[".repeat(100_000),
          "option-definitions.json": "",
          "notes.txt": "hello"
        }
      })
      const problems = report.files.flatMap(({ file, problem }) => (problem === null ? [] : [[file, problem]]))
      assert.deepStrictEqual(problems, [
        ["option-definitions.json", "not well-formed JSON"],
        ["option-choices.json", "not well-formed JSON"],
        ["mes-items.json", "not well-formed JSON"],
        ["mes-item-options.json", "not a JSON array"],
        ["notes.txt", "not a file of a catalogue"]
      ])
      assert.deepStrictEqual(countsOf(report)["products.json"], [4, 0, 0, 0])
      assert.strictEqual(rejectionsOf(report, "product-mes-mapping.json")?.length, 6)
    }).pipe(Effect.provide(layer))
  )

  it.effect("works in transactions of bounded size, and tells how far it is", () =>
    Effect.gen(function* () {
      const catalog = yield* CatalogImport
      const progress: Array<CatalogProgress> = []
      const items = Array.from({ length: 1200 }, (_, n) => ({
        itemCode: `${100 + Math.floor(n / 5000)}-${String(n % 5000).padStart(4, "0")}`,
        name: `Item ${n}`,
        itemType: "standard",
        unit: "EA"
      }))
      const file = "mes-items.json"
      const { sql } = yield* Database
      const report = yield* catalog.importFiles(
        { files: textsOf({ [file]: [...items, null] }) },
        {
          onProgress: (step) =>
            Effect.gen(function* () {
              const [row] = yield* sql<{ readonly count: number }>`select count(*)::int as count from mes_items`
              // What is reported as done is committed.
              assert.strictEqual(step.done, (row?.count ?? 0) + 1)
              progress.push(step)
            }).pipe(Effect.orDie)
        }
      )
      assert.deepStrictEqual(countsOf(report), { [file]: [1200, 0, 0, 1] })
      assert.deepStrictEqual(
        progress,
        [501, 1001, 1201].map((done) => ({ file, done, total: 1201 }))
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("narrows down what only the database sees, in a large batch too", () =>
    Effect.gen(function* () {
      const products = Array.from({ length: 400 }, (_, n) => ({
        huniCode: String(70_000 + n),
        name: `Product ${n}`,
        slug: n % 100 === 99 ? "the-same" : `product-${n}`,
        productType: "x"
      }))
      const report = yield* importRecords({ "products.json": products })
      assert.deepStrictEqual(rejectionsOf(report, "products.json"), [
        [199, "70199", "the slug is taken by another product"],
        [299, "70299", "the slug is taken by another product"],
        [399, "70399", "the slug is taken by another product"]
      ])
      assert.deepStrictEqual(countsOf(report), { "products.json": [397, 0, 0, 3] })
      assert.deepStrictEqual(yield* publishedCounts, { "product.created": 397 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("an option with choices keeps its class; a branch of categories may move", () =>
    Effect.gen(function* () {
      yield* importRecords(demo)
      const report = yield* importRecords({
        ...changed("option-definitions.json", 0, { optionClass: "process" }),
        "categories.json": [
          { code: "WALL", name: "For the wall", parentCode: null, depth: 0 },
          { code: "PAPER", name: "Paper goods", parentCode: "WALL", depth: 1 },
          { code: "BOUND", name: "Bound goods", parentCode: "PAPER", depth: 2 }
        ]
      })
      assert.deepStrictEqual(rejectionsOf(report, "option-definitions.json"), [
        [0, "paper", "the optionClass cannot change: its choices are mapped by class"]
      ])
      assert.deepStrictEqual(countsOf(report)["categories.json"], [0, 2, 1, 0])
      const alone = yield* importRecords({
        "categories.json": [{ code: "PAPER", name: "Paper goods", parentCode: null, depth: 0 }]
      })
      assert.deepStrictEqual(rejectionsOf(alone, "categories.json"), [
        [0, "PAPER", "the depth of its subcategories would be wrong"]
      ])
      const { data } = yield* (yield* Categories).list(firstPage)
      assert.deepStrictEqual(
        data.map(({ code }) => code),
        ["WALL", "PAPER", "BOUND"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("two imports at once double nothing", () =>
    Effect.gen(function* () {
      const catalog = yield* CatalogImport
      const reports = yield* Effect.all(
        [1, 2].map(() => catalog.importFiles({ files: demoFiles })),
        {
          concurrency: "unbounded"
        }
      )
      const sums = Object.keys(demo).map((file) =>
        reports
          .map((report) => countsOf(report)[file] ?? [])
          .reduce((a, b) => a.map((count, at) => count + (b[at] ?? 0)))
      )
      assert.deepStrictEqual(
        sums.map(([inserted, , , rejected]) => [inserted, rejected]),
        Object.values(demo).map((records) => [records.length, 0])
      )
      assert.strictEqual((yield* publishedCounts)["product.created"], 4)
    }).pipe(Effect.provide(layer))
  )
})

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])

describe.skipIf(!hasServer)("CatalogImport with two connections (PostgreSQL server)", () => {
  it.live("a record that somebody else makes at the same moment is no rejection", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      const record = { itemCode: "800-0001", name: "Poster", itemType: "finished", unit: "EA" }
      const made = yield* Deferred.make<void>()
      const importing = yield* Effect.forkChild(
        Effect.andThen(Deferred.await(made), importRecords({ "mes-items.json": [record] }))
      )
      yield* transaction(
        Effect.gen(function* () {
          yield* (yield* MesItems).create({ ...record, itemType: "finished", unit: "m" })
          yield* Deferred.succeed(made, undefined)
          // Until the import stands in line for the row that is not committed yet.
          while (true) {
            const waiting = yield* sql`
              select 1 from pg_locks where not granted and pg_blocking_pids(pid) @> array[pg_backend_pid()]`
            if (waiting.length > 0) return
            yield* Effect.yieldNow
          }
        })
      )
      assert.deepStrictEqual(countsOf(yield* Fiber.join(importing)), { "mes-items.json": [0, 1, 0, 0] })
    }).pipe(Effect.provide(catalogue.pipe(Layer.provideMerge(server))))
  )
})
