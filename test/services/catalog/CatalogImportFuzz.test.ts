/** Whatever an export holds, the importer reports it: it neither stops nor loses count. */
import { assert, layer as sharedLayer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { catalogFiles } from "../../../src/services/catalog/import/CatalogFiles.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue } from "../../support/catalog/Catalogue.ts"
import { demo, type Records, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

/** What a field may hold instead: mostly small, some of it poison. */
const Odd = Schema.Union([
  Schema.Json,
  Schema.Literals([
    "",
    " ",
    "\0",
    "\ud800",
    "50001",
    "50002",
    "paper",
    "matt",
    "A2",
    "PAPER",
    "700-0001",
    "inner",
    "setting",
    "x".repeat(300),
    "'; drop table products; --",
    -1,
    0,
    1,
    2,
    1.5,
    0.001,
    1e300,
    2_147_483_647,
    2_147_483_648,
    true,
    false
  ]),
  Schema.Null
])
const Mutation = Schema.Struct({
  file: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: catalogFiles.length - 1 })),
  record: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
  field: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
  value: Odd,
  how: Schema.Literals(["replace", "add", "remove"])
})

const records: Records = {
  ...demo,
  "choice-mappings.json": [{ optionKey: "paper", choiceCode: "matt", mesCode: "M-1", itemCode: "700-0001" }]
}

/** The export with one field of one record replaced, in its place or in a copy at the end; or without the record. */
const mutate = (current: Records, { field, file, how, record, value }: typeof Mutation.Type): Records => {
  const name = catalogFiles[file]?.file ?? ""
  const rows = current[name] ?? []
  const at = record % Math.max(rows.length, 1)
  if (how === "remove") return { ...current, [name]: rows.toSpliced(at, 1) }
  const before = rows[at]
  const keys = typeof before === "object" && before !== null ? Object.keys(before) : []
  const key = keys[field % Math.max(keys.length, 1)]
  const after = key === undefined ? value : Object.assign({}, before, { [key]: value })
  return { ...current, [name]: how === "add" || rows.length === 0 ? [...rows, after] : rows.with(at, after) }
}

describeDatabases("CatalogImport", (database) => {
  sharedLayer(catalogue.pipe(Layer.provideMerge(database)))((it) => {
    it.effect.prop(
      "counts every record, whatever is in it, and has nothing left to change the second time",
      { mutations: Schema.Array(Mutation).check(Schema.isMinLength(4), Schema.isMaxLength(12)) },
      ({ mutations }) =>
        Effect.gen(function* () {
          const { sql } = yield* Database
          yield* sql`truncate categories, products, option_definitions, mes_items cascade`
          const files = textsOf(mutations.reduce(mutate, records))
          const catalog = yield* CatalogImport
          for (const run of [1, 2]) {
            for (const report of (yield* catalog.importFiles({ files })).files) {
              const { inserted, problem, rejected, superseded, unchanged, updated } = report
              assert.isNull(problem)
              assert.isAtLeast(unchanged, 0)
              assert.strictEqual(inserted + updated + unchanged + superseded + rejected.length, report.records)
              for (const { reason } of rejected) assert.notInclude(reason, "refused by the database")
              if (run === 2) assert.deepStrictEqual([report.file, inserted, updated], [report.file, 0, 0])
            }
          }
        }),
      { arbitrary: { runs: 12 }, timeout: 60_000 }
    )
  })
})
