/** Proves that the check of the dependency direction can fail, rule by rule, and that the real tree passes it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { checkArchitecture } from "../scripts/architecture.ts"

const packages = {
  "package.json": `{ "name": "fixture", "dependencies": { "effect": "1" }, "devDependencies": { "tool": "1" } }`,
  "node_modules/effect/package.json": `{ "name": "effect", "version": "1.0.0", "exports": { "./*": "./*.js" } }`,
  "node_modules/effect/sql.js": "export const sql = 1",
  "node_modules/tool/package.json": `{ "name": "tool", "version": "1.0.0", "exports": { ".": "./tool.js" } }`,
  "node_modules/tool/tool.js": "export const tool = 1"
}

const allowed = {
  "src/main.ts": `import { api } from "./http/api/Api.ts"\nimport { mes } from "./adapters/mes/Adapter.ts"\nexport { api, mes }`,
  "src/domain/Order.ts": `import { sql } from "effect/sql"\nexport interface Order { readonly id: typeof sql }`,
  "src/services/Orders.ts": `import type { Order } from "../domain/Order.ts"\nimport "node:fs"\nexport const orders: Array<Order> = []`,
  "src/adapters/mes/Adapter.ts": `import { orders } from "../../services/Orders.ts"\nimport { map } from "./Mapper.ts"\nexport const mes = map(orders)`,
  "src/adapters/mes/Mapper.ts": `export const map = <A>(a: A): A => a`,
  "src/services/Port.ts": `import { layer } from "./PortMemory.ts"\nexport class Port { static layer = layer }`,
  "src/services/PortMemory.ts": `import type { Port } from "./Port.ts"\nexport const layer = (port: Port) => port`,
  "src/cli/Orders.ts": `import { mes } from "../adapters/mes/Adapter.ts"\nexport const command = mes`,
  "src/adapters/adapters.ts": `import { mes } from "./mes/Adapter.ts"\nexport const adapters = [mes]`,
  "src/adapters/shopby/Adapter.ts": `export const shopby = 1`,
  "src/http/api/Api.ts": `import { orders } from "../../services/Orders.ts"\nexport const api = orders`,
  "src/http/handlers/Orders.ts": `import { api } from "../api/Api.ts"\nexport const handler = api`,
  "test/support.ts": `import { mes } from "../src/adapters/mes/Adapter.ts"\nexport const support = mes`
}

const forbidden: ReadonlyArray<readonly [rule: string, file: string, content: string]> = [
  [
    "domain-knows-only-effect",
    "src/domain/Bad.ts",
    `import { orders } from "../services/Orders.ts"\nexport const a = orders`
  ],
  [
    "domain-knows-only-effect",
    "src/domain/BadNode.ts",
    `import { readFileSync } from "node:fs"\nexport const a = readFileSync`
  ],
  ["services-know-only-domain-and-services", "src/services/Bad.ts", `export { mes } from "../adapters/mes/Adapter.ts"`],
  [
    "services-know-only-domain-and-services",
    "src/services/BadType.ts",
    `import type { api } from "../http/api/Api.ts"\nexport type A = typeof api`
  ],
  [
    "services-know-only-domain-and-services",
    "src/services/BadMain.ts",
    `import { type api } from "../main.ts"\nexport type A = typeof api`
  ],
  [
    "adapters-know-no-other-adapter-and-no-http",
    "src/adapters/mes/Bad.ts",
    `import { shopby } from "../shopby/Adapter.ts"\nexport const a = shopby`
  ],
  [
    "adapters-know-no-other-adapter-and-no-http",
    "src/adapters/mes/BadHttp.ts",
    `import { handler } from "../../http/handlers/Orders.ts"\nexport const a = handler`
  ],
  ["adapter-list-knows-no-http", "src/adapters/adapters.ts", `export { handler } from "../http/handlers/Orders.ts"`],
  [
    "http-knows-no-adapter",
    "src/http/handlers/Bad.ts",
    `export const a = () => import("../../adapters/mes/Adapter.ts")`
  ],
  ["api-definition-knows-no-handler", "src/http/api/Bad.ts", `export * from "../handlers/Orders.ts"`],
  ["http-knows-no-adapter", "src/http/BadList.ts", `export { handler } from "../adapters/adapters.ts"`],
  ["http-knows-no-adapter", "src/http/BadCli.ts", `export { command } from "../cli/Orders.ts"`],
  [
    "every-file-is-in-a-room",
    "src/utils/Bad.ts",
    `import { orders } from "../services/Orders.ts"\nexport const a = orders`
  ],
  ["every-file-is-in-a-room", "src/adapters/Bad.ts", `import { mes } from "./mes/Adapter.ts"\nexport const a = mes`],
  [
    "src-knows-no-test",
    "src/services/BadTest.ts",
    `import { support } from "../../test/support.ts"\nexport const a = support`
  ],
  [
    "services-know-only-domain-and-services",
    "src/services/BadUsing.ts",
    `export const a = async () => {\n  await using b = await import("../adapters/mes/Adapter.ts")\n}`
  ],
  ["src-uses-only-its-dependencies", "src/services/BadTool.ts", `import { tool } from "tool"\nexport const a = tool`],
  ["no-cycles", "src/services/Cycle.ts", `import { b } from "./CyclePartner.ts"\nexport const a = () => b`],
  ["no-unresolvable-import", "src/services/BadPath.ts", `export { gone } from "./Gone.ts"`]
]

/** A cycle is reported once, at its first file by name. */
const partner = { "src/services/CyclePartner.ts": `import { a } from "./Cycle.ts"\nexport const b = () => a` }

/** Writes the files into a folder of their own, which goes when the test ends. */
const makeTree = (files: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const root = mkdtempSync(join(tmpdir(), "architecture test-"))
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root, file)), { recursive: true })
        writeFileSync(join(root, file), content)
      }
      return root
    }),
    (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
  )

describe("dependency direction", () => {
  it.effect("the hub itself keeps to it, and its files are really read", () =>
    Effect.gen(function* () {
      const report = yield* Effect.promise(() => checkArchitecture(process.cwd()))
      assert.deepStrictEqual(report.violations, [])
      assert.isAbove(report.modules, 10)
      assert.isAbove(report.dependencies, report.modules)
    })
  )

  it.effect("allowed imports pass", () =>
    Effect.gen(function* () {
      const root = yield* makeTree({ ...packages, ...allowed })
      const report = yield* Effect.promise(() => checkArchitecture(root))
      assert.deepStrictEqual(report.violations, [])
      assert.strictEqual(report.modules, Object.keys(allowed).length)
    })
  )

  it.effect("each forbidden import is reported, type-only and dynamic ones too", () =>
    Effect.gen(function* () {
      const bad = Object.fromEntries(forbidden.map(([, file, content]) => [file, content]))
      const root = yield* makeTree({ ...packages, ...allowed, ...partner, ...bad })
      const report = yield* Effect.promise(() => checkArchitecture(root))
      assert.deepStrictEqual(
        report.violations.map(({ rule, from }) => `${rule}: ${from}`).sort(),
        forbidden.map(([rule, file]) => `${rule}: ${file}`).sort()
      )
    })
  )
})
