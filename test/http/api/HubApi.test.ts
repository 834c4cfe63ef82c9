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

const root = join(import.meta.dirname, "../../..")

/** What a program gets with this module, apart from the domain and the API's own definitions. */
const brought = (module: string) => {
  const imported = [...importedBy(join(root, "src/http/api", module))].map((name) => name.replace(`${root}/`, ""))
  return {
    packages: imported.filter((name) => !name.endsWith(".ts")).sort(),
    services: imported.filter((name) => /^src\/(?!domain\/|http\/api\/)/.test(name)).sort()
  }
}

describe("HubApi", () => {
  it("can be imported by a client without any code of the server, and so can the client", () => {
    const { packages, services } = brought("HubApi.ts")
    assert.deepStrictEqual(packages, ["effect", "effect/crypto", "effect/http-api"])
    assert.deepStrictEqual(services, [
      "src/services/catalog/CatalogReport.ts",
      "src/services/events/DeadLetter.ts",
      "src/services/events/EventRecord.ts",
      "src/services/integrations/Adapter.ts",
      "src/services/observability/IntegrationStatus.ts",
      "src/services/providers/ProviderPolicy.ts",
      "src/services/providers/RuntimeSettings.ts",
      "src/services/resilience/CircuitSettings.ts"
    ])
    for (const module of ["HubClient.ts", "EventFeed.ts"]) {
      const client = brought(module)
      assert.includeMembers(["effect/encoding", "effect/http", ...packages], client.packages)
      assert.deepStrictEqual(client.services, services)
    }
  })
})
