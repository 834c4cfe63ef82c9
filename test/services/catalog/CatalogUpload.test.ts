import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { readCatalogDirectory, withProblems } from "../../../src/services/catalog/CatalogDirectory.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { mergeReports } from "../../../src/services/catalog/CatalogReport.ts"
import { splitUpload } from "../../../src/services/catalog/CatalogUpload.ts"
import { catalogFiles } from "../../../src/services/catalog/import/CatalogFiles.ts"
import { catalogue } from "../../support/catalog/Catalogue.ts"
import { demo, demoFiles, publishedCounts, textsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases } from "../../support/Databases.ts"

const bytesOf = (value: object) => new TextEncoder().encode(JSON.stringify(value)).byteLength

const items = Array.from({ length: 300 }, (_, n) => ({
  itemCode: `${String(Math.floor(n / 100)).padStart(3, "0")}-${String(n % 100).padStart(4, "0")}`,
  name: `Item "${n}" 가나다`,
  itemType: "finished",
  unit: "EA"
}))

describe("splitUpload", () => {
  it("keeps small files together, and every request within the limit", () => {
    assert.deepStrictEqual(splitUpload(demoFiles, 1_000_000), {
      requests: [{ files: demoFiles }],
      refused: []
    })
    for (const limit of [1500, 3000, 6000]) {
      const { refused, requests } = splitUpload({ ...demoFiles, ...textsOf({ "mes-items.json": items }) }, limit)
      assert.deepStrictEqual(refused, [])
      for (const request of requests) assert.isAtMost(bytesOf(request), limit)
      const order = requests.flatMap(({ files }) => Object.keys(files))
      const places = order.map((file) => catalogFiles.findIndex((known) => known.file === file))
      assert.deepStrictEqual(
        places,
        places.toSorted((a, b) => a - b)
      )
      assert.deepStrictEqual(
        requests.flatMap(({ positions }) => positions?.["mes-items.json"] ?? []),
        items.map((_, index) => index)
      )
    }
  })

  it("refuses what fits into no request", () => {
    const { refused, requests } = splitUpload(
      {
        "mes-items.json": JSON.stringify([...items, { itemCode: "999-0001", name: "x".repeat(5000) }]),
        "products.json": `{${" ".repeat(5000)}`
      },
      3000
    )
    assert.deepStrictEqual(
      refused.map(({ file, problem, rejected }) => [file, problem, rejected.map(({ index }) => index)]),
      [
        ["products.json", "not well-formed JSON", []],
        ["mes-items.json", null, [300]]
      ]
    )
    assert.deepStrictEqual(requests.flatMap(({ positions }) => positions?.["mes-items.json"] ?? []).length, 300)
  })
})

describeDatabases("CatalogImport by requests", (database) => {
  it.effect("is the same import as in one piece, duplicates and all", () =>
    Effect.gen(function* () {
      const catalog = yield* CatalogImport
      const files = textsOf({
        ...demo,
        "mes-items.json": [...(demo["mes-items.json"] ?? []), ...items, items[0], { ...items[1], name: "Other" }, null]
      })
      const { requests } = splitUpload(files, 4000)
      assert.isAbove(requests.length, 10)
      const [first, ...others] = requests
      const answer = yield* catalog.importFiles(first ?? { files: {} })
      const answers = yield* Effect.forEach(others, (request) =>
        catalog.importFiles({ ...request, startedAt: answer.startedAt })
      )
      const report = mergeReports(answer, ...answers)
      assert.deepStrictEqual(
        report.files.map(({ file }) => file),
        catalogFiles.slice(0, 11).map(({ file }) => file)
      )
      const mesItems = report.files.find(({ file }) => file === "mes-items.json")
      assert.deepInclude(mesItems, { records: 308, inserted: 305, problem: null })
      assert.deepStrictEqual(
        mesItems?.rejected.map(({ index }) => index),
        [305, 306, 307]
      )
      assert.deepStrictEqual(
        mesItems?.rejected.slice(0, 2).map(({ reason }) => reason),
        ["duplicate key: record 5 has it already", "duplicate key: record 6 has it already"]
      )
      assert.deepStrictEqual(yield* publishedCounts, {
        "product.created": 4,
        "price.changed": 2,
        "command.mes.release-orders": 4
      })
    }).pipe(Effect.provide(catalogue.pipe(Layer.provideMerge(database))))
  )
})

describe("readCatalogDirectory", () => {
  it.effect("reads what is there and says what is not", () =>
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* fileSystem.makeTempDirectoryScoped()
      yield* fileSystem.writeFileString(path.join(directory, "products.json"), "[]")
      yield* fileSystem.writeFile(path.join(directory, "categories.json"), new Uint8Array([0x5b, 0xff, 0x5d]))
      yield* fileSystem.makeDirectory(path.join(directory, "mes-items.json"))
      const { files, problems } = yield* readCatalogDirectory(directory)
      assert.deepStrictEqual(files, { "products.json": "[]" })
      const report = withProblems({ startedAt: "", files: [] }, problems)
      assert.deepStrictEqual(
        report.files.map(({ file }) => file),
        ["categories.json", ...catalogFiles.slice(2, 11).map(({ file }) => file)]
      )
      assert.deepStrictEqual(report.files[0]?.problem, "not well-formed UTF-8")
      assert.match(report.files.find(({ file }) => file === "mes-items.json")?.problem ?? "", /^cannot be read: /)
      assert.deepStrictEqual(report.files[1]?.problem, "missing")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
