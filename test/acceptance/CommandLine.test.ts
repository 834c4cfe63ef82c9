/** The operator's command line, alone and beside a running hub on the same embedded database. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { existsSync } from "node:fs"
import { CatalogReport } from "../../src/services/catalog/CatalogReport.ts"
import { embeddedDirectory } from "../support/Databases.ts"
import * as HubProcess from "../support/HubProcess.ts"
import { at, expectStatus } from "../support/Shop.ts"

const example = "docs/examples/catalog"
const real = "../shared/data/catalog"

const importJson = Effect.fnUntraced(function* (directory: string, env: Readonly<Record<string, string>>) {
  const { code, output } = yield* HubProcess.command(["import", directory, "--json"], env)
  assert.strictEqual(code, 0, output)
  return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(CatalogReport))(output)
})

const sum = (report: CatalogReport, count: "inserted" | "updated" | "unchanged") =>
  report.files.reduce((total, file) => total + file[count], 0)

describe("npm run hub", () => {
  it.live(
    "import opens the database itself, and a second run changes nothing",
    () =>
      Effect.gen(function* () {
        const env = { HUB_DATA_DIR: yield* embeddedDirectory }
        const first = yield* importJson(example, env)
        assert.isAbove(sum(first, "inserted"), 0)
        const second = yield* importJson(example, env)
        assert.strictEqual(sum(second, "inserted") + sum(second, "updated"), 0)
        assert.strictEqual(sum(second, "unchanged"), sum(first, "inserted") + 4) // the mappings were made by the choices
      }),
    60_000
  )

  it.live(
    "import goes through the hub that has the database open, with the operator's key",
    () =>
      Effect.gen(function* () {
        const env = { HUB_DATA_DIR: yield* embeddedDirectory }
        const hub = yield* HubProcess.start(env)
        const refused = yield* HubProcess.command(["import", example], {
          ...env,
          HUB_ADMIN_KEY: "not-the-admin-key-000"
        })
        assert.strictEqual(refused.code, 1)
        assert.include(refused.output, "401")
        assert.isAbove(sum(yield* importJson(example, env), "inserted"), 0)
        const products = expectStatus(200)(yield* hub.request("GET", "/api/v1/products"))
        assert.strictEqual(at(products.body, "meta", "total"), 4)
      }),
    60_000
  )

  it.live.skipIf(!existsSync(real))(
    "import takes in all of the real catalogue, through a running hub as well",
    () =>
      Effect.gen(function* () {
        const alone = yield* importJson(real, { HUB_DATA_DIR: yield* embeddedDirectory })
        const env = { HUB_DATA_DIR: yield* embeddedDirectory }
        yield* HubProcess.start(env)
        const through = yield* importJson(real, env)
        for (const report of [alone, through]) {
          const counts = new Map(report.files.map(({ file, inserted }) => [file, inserted]))
          assert.strictEqual(counts.get("products.json"), 213)
          assert.strictEqual(counts.get("mes-items.json"), 205)
          assert.strictEqual(counts.get("option-choices.json"), 702)
          assert.deepStrictEqual(
            report.files.flatMap(({ problem, rejected }) => [problem, ...rejected]).filter(Boolean),
            []
          )
        }
        const again = yield* importJson(real, env)
        assert.strictEqual(sum(again, "inserted") + sum(again, "updated"), 0)
      }),
    120_000
  )

  it.live(
    "keys create and events prune work beside a running hub",
    () =>
      Effect.gen(function* () {
        const env = { HUB_DATA_DIR: yield* embeddedDirectory }
        const hub = yield* HubProcess.start(env)
        const made = yield* HubProcess.command(["keys", "create", "--name", "shop", "--scopes", "core"], env)
        assert.strictEqual(made.code, 0, made.output)
        const [key = ""] = made.output.split("\n")
        const orders = yield* hub.request("GET", "/api/v1/orders", { headers: { "x-api-key": key } })
        assert.strictEqual(orders.status, 200)
        const letters = yield* hub.request("GET", "/api/v1/dead-letters", { headers: { "x-api-key": key } })
        assert.strictEqual(letters.status, 403)
        const pruned = yield* HubProcess.command(["events", "prune", "--older-than", "30d"], env)
        assert.strictEqual(pruned.output.trim(), "0 events removed from the log")
        const malformed = yield* HubProcess.command(["events", "prune", "--older-than", "soon"], env)
        assert.strictEqual(malformed.code, 1)
      }),
    60_000
  )
})
