/**
 * A small made-up catalogue, as the records of an export: stationery of a shop that does not exist. A poster (plain
 * item, prices by size), a card (plain item), a notebook (inner and cover item), a diary (only a cover item, its plain
 * item being the inner part), options of each class.
 */
import { Effect, Schema } from "effect"
import type { EventRecord } from "../../../src/services/events/EventRecord.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"

export type Records = Readonly<Record<string, ReadonlyArray<unknown>>>

const size = (huniCode: string, code: string, cutWidth: number, cutHeight: number) => ({
  huniCode,
  code,
  displayName: `${cutWidth} x ${cutHeight} mm`,
  cutWidth,
  cutHeight,
  workWidth: cutWidth + 4.5,
  workHeight: cutHeight + 4.5,
  bleed: 2.25,
  impositionCount: null,
  isCustom: false,
  customMinW: null,
  customMaxW: null,
  customMinH: null,
  customMaxH: null,
  displayOrder: 0
})

const product = (huniCode: string, name: string, categoryCode: string, productType: string) => ({
  huniCode,
  name,
  slug: `${name.toLowerCase()}-${huniCode}`,
  categoryCode,
  productType,
  pricingModel: "tiered",
  orderMethod: "both",
  editorEnabled: true,
  isActive: true,
  minQty: 1,
  maxQty: 1000,
  qtyStep: 1
})

const item = (itemCode: string, name: string, itemType = "finished") => ({
  itemCode,
  groupCode: "0010010000",
  name,
  abbreviation: null,
  itemType,
  unit: "EA",
  isActive: true
})

export const demo: Records = {
  "categories.json": [
    { code: "PAPER", name: "Paper goods", parentCode: null, depth: 0, displayOrder: 1 },
    { code: "BOUND", name: "Bound goods", parentCode: "PAPER", depth: 1, displayOrder: 1 },
    { code: "WALL", name: "For the wall", parentCode: null, depth: 0, displayOrder: 2 }
  ],
  "products.json": [
    product("50001", "Poster", "WALL", "poster"),
    product("50002", "Card", "PAPER", "card"),
    product("50003", "Notebook", "BOUND", "book"),
    product("50004", "Diary", "BOUND", "book")
  ],
  "product-sizes.json": [
    size("50001", "A2", 420, 594),
    size("50001", "A3", 297, 420),
    {
      ...size("50001", "FREE", 1, 1),
      displayName: "Your own size",
      cutWidth: null,
      cutHeight: null,
      workWidth: null,
      workHeight: null,
      isCustom: true,
      customMinW: 100,
      customMaxW: 900,
      customMinH: 100,
      customMaxH: 1500.5
    },
    size("50002", "POST", 148, 105)
  ],
  "fixed-prices.json": [
    { huniCode: "50001", sizeCode: "A2", optionLabel: null, baseQty: 1, sellingPrice: 9000, vatIncluded: false },
    { huniCode: "50001", sizeCode: "A3", optionLabel: null, baseQty: 1, sellingPrice: 6000, vatIncluded: false },
    { huniCode: "50002", sizeCode: null, optionLabel: null, baseQty: 100, sellingPrice: 15000, vatIncluded: true }
  ],
  "option-definitions.json": [
    { key: "paper", name: "Paper", optionClass: "material", displayOrder: 1 },
    { key: "innerPaper", name: "Inner paper", optionClass: "material", displayOrder: 2 },
    { key: "coverCoating", name: "Cover coating", optionClass: "process", displayOrder: 3 },
    { key: "pages", name: "Pages", optionClass: "setting", displayOrder: 4 }
  ],
  "option-choices.json": [
    { optionKey: "paper", code: "matt", name: "Matt 150 g", displayOrder: 1 },
    { optionKey: "paper", code: "gloss", name: "Gloss 150 g", displayOrder: 2 },
    { optionKey: "innerPaper", code: "cream", name: "Cream 80 g", displayOrder: 1 },
    { optionKey: "coverCoating", code: "soft", name: "Soft touch", displayOrder: 1 },
    { optionKey: "pages", code: "p96", name: "96 pages", displayOrder: 1 }
  ],
  "product-option-choices.json": [
    { huniCode: "50001", optionKey: "paper", choiceCode: "matt" },
    { huniCode: "50001", optionKey: "paper", choiceCode: "gloss" },
    { huniCode: "50002", optionKey: "paper", choiceCode: "matt" },
    { huniCode: "50003", optionKey: "innerPaper", choiceCode: "cream" },
    { huniCode: "50003", optionKey: "coverCoating", choiceCode: "soft" },
    { huniCode: "50003", optionKey: "pages", choiceCode: "p96" }
  ],
  "mes-items.json": [
    item("700-0001", "Poster"),
    item("700-0002", "Card"),
    item("700-0003", "Diary block"),
    item("700-5001", "Notebook block", "semi_finished"),
    item("700-5002", "Notebook cover", "semi_finished")
  ],
  "mes-item-options.json": [{ itemCode: "700-0001", optionNumber: 1, optionValue: "Rolled" }],
  "product-mes-mapping.json": [
    { huniCode: "50001", mesItemCode: "700-0001", coverType: null, isActive: true },
    { huniCode: "50002", mesItemCode: "700-0002", coverType: null, isActive: true },
    { huniCode: "50003", mesItemCode: "700-5001", coverType: "inner", isActive: true },
    { huniCode: "50003", mesItemCode: "700-5002", coverType: "cover", isActive: true },
    { huniCode: "50004", mesItemCode: "700-0003", coverType: null, isActive: true },
    { huniCode: "50004", mesItemCode: "700-5002", coverType: "cover", isActive: true }
  ],
  "product-editor-mapping.json": [
    { huniCode: "50001", editorType: "edicus", templateId: "t-1", templateConfig: { pages: [1] }, isActive: true }
  ]
}

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))

/** Texts of files, as they lie in a directory. */
export const textsOf = (records: Records): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(records).map(([file, rows]) => [file, toJson(rows)]))

export const demoFiles = textsOf(demo)

/** Everything published so far, oldest first. */
export const publishedEvents: Effect.Effect<ReadonlyArray<EventRecord>, never, EventLog> = Effect.gen(function* () {
  const log = yield* EventLog
  const { data } = yield* log.list({ after: log.origin, limit: 10_000 })
  return data.map(({ record }) => record)
})

/** How often each type was published. */
export const publishedCounts = Effect.map(publishedEvents, (events) => {
  const counts: Record<string, number> = {}
  for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1
  return counts
})

/** Runs it and gives what it published. */
export const eventsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const seen = new Set((yield* publishedEvents).map(({ id }) => id))
    yield* effect
    return (yield* publishedEvents).filter(({ id }) => !seen.has(id)).map(({ payload, type }) => ({ type, payload }))
  })
