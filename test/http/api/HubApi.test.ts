import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Every module that importing this file runs, and every package. Types are erased and do not count. */
const importedBy = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = readFileSync(file, "utf8")
  for (const [, clause = "", specifier = ""] of text.matchAll(/^(?:import|export)\s+([^;"]*?)\s*from "([^"]+)"/gm)) {
    const names = /^\{([^}]*)\}$/
      .exec(clause.trim())?.[1]
      ?.split(",")
      .map((name) => name.trim())
    const onlyTypes = clause.startsWith("type ") || names?.every((name) => name === "" || name.startsWith("type "))
    if (onlyTypes === true) continue
    if (specifier.startsWith(".")) importedBy(join(dirname(file), specifier), seen)
    else seen.add(specifier)
  }
  return seen
}

describe("HubApi", () => {
  it("can be imported by a client without any code of the server", () => {
    const root = join(import.meta.dirname, "../../..")
    const imported = [...importedBy(join(root, "src/http/api/HubApi.ts"))].map((name) => name.replace(`${root}/`, ""))
    const packages = imported.filter((name) => !name.endsWith(".ts"))
    assert.deepStrictEqual(packages.filter((name) => name !== "effect").sort(), ["effect/crypto", "effect/http-api"])
    const services = imported.filter((name) => /^src\/(?!domain\/|http\/api\/)/.test(name))
    assert.deepStrictEqual(services.sort(), [
      "src/services/catalog/CatalogReport.ts",
      "src/services/events/DeadLetter.ts",
      "src/services/events/EventRecord.ts",
      "src/services/integrations/Adapter.ts"
    ])
  })
})
