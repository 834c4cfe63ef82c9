/**
 * The direction of dependencies: domain ← services ← adapters and http ← the files directly under src.
 *
 * Guarantees: every import, type-only ones included, of every file in src, test, drill, bench and scripts is seen and checked.
 * Not guaranteed: specifiers that are computed at run time cannot be seen.
 */
import { Visitor } from "@swc/core/Visitor.js"
import { cruise } from "dependency-cruiser"
import type { ICruiseResult, IFlattenedRuleSet } from "dependency-cruiser"
import { existsSync, globSync } from "node:fs"
import { join } from "node:path"

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

export interface Report {
  /** Files of the project that were read. */
  readonly modules: number
  /** Imports that were found in them. */
  readonly dependencies: number
  readonly violations: ReadonlyArray<Violation>
}

const npmPackage = (name: string) => `(^|/)node_modules/${name}/`

/** The files that put the rooms together and so may import from all of them: src/*.ts, cli, demo, the list of adapters. */
const composition = "^src/([^/]+[.]ts$|cli/|demo/|adapters/adapters[.]ts$)"

const rules: IFlattenedRuleSet = {
  forbidden: [
    {
      name: "domain-knows-only-effect",
      comment: "The domain imports nothing but itself and the package effect.",
      severity: "error",
      from: { path: "^src/domain/" },
      to: { pathNot: ["^src/domain/", npmPackage("effect")] }
    },
    {
      name: "services-know-only-domain-and-services",
      severity: "error",
      from: { path: "^src/services/" },
      to: { path: "^src/", pathNot: "^src/(domain|services)/" }
    },
    {
      name: "adapters-know-no-other-adapter-and-no-http",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/", pathNot: ["^src/(domain|services)/", "^src/adapters/$1/"] }
    },
    {
      name: "adapter-list-knows-no-http",
      severity: "error",
      from: { path: "^src/adapters/[^/]+$" },
      to: { path: "^src/", pathNot: "^src/(domain|services|adapters)/" }
    },
    {
      name: "http-knows-no-adapter",
      severity: "error",
      from: { path: "^src/http/" },
      to: { path: "^src/", pathNot: "^src/(domain|services|http)/" }
    },
    {
      name: "api-definition-knows-no-handler",
      comment: "The definition of the API can be used by a client, so it must not pull in the server.",
      severity: "error",
      from: { path: "^src/http/api/" },
      to: { path: "^src/http/handlers/" }
    },
    {
      name: "every-file-is-in-a-room",
      comment:
        "domain, services, adapters/<system> or http; the rest puts them together, and nothing there is for them.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/(domain|services|http)/", "^src/adapters/[^/]+/", composition] },
      to: {}
    },
    {
      name: "src-knows-no-test",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|drill|bench|scripts)/" }
    },
    {
      name: "src-uses-only-its-dependencies",
      comment: "What src imports must be in `dependencies`, or it is not there when the package is installed.",
      severity: "error",
      from: { path: "^src/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "npm-optional"],
        dependencyTypesNot: ["npm"]
      }
    },
    {
      name: "no-cycles",
      comment:
        "Of values, that is: a port that names its layers and an implementation that names the port's types may.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }
    },
    {
      name: "no-unresolvable-import",
      comment:
        "Not for bench, which may have packages of its own that are not installed, nor for the package's own name in " +
        "docs/examples, which the compiler resolves by tsconfig's paths.",
      severity: "error",
      from: { pathNot: "^bench/" },
      to: { couldNotResolve: true, pathNot: "^integration-hub/" }
    }
  ]
}

// The visitor that dependency-cruiser builds on stops at a `using` declaration. This reads one like any other variable.
const visitStatement = Visitor.prototype.visitStatement
Visitor.prototype.visitStatement = function (statement) {
  if (!("decls" in statement) || !Array.isArray(statement.decls)) return visitStatement.call(this, statement)
  this.visitVariableDeclarators(statement.decls)
  return statement
}

/** Reads the project in the folder `root` and tells which imports break a rule. */
export const checkArchitecture = async (root: string): Promise<Report> => {
  const folders = ["src", "test", "drill", "bench", "scripts"].filter((folder) => existsSync(join(root, folder)))
  const { output } = await cruise(
    folders,
    {
      baseDir: root,
      ruleSet: rules,
      validate: true,
      // dependency-cruiser cannot use TypeScript 7: without @swc/core it sees no TypeScript, and without this line it
      // looks at compiled code, where type-only imports are gone.
      parser: "swc",
      tsPreCompilationDeps: true,
      doNotFollow: { path: "node_modules" },
      enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] }
    },
    {}
  )
  if (typeof output === "string") throw new Error("dependency-cruiser answered with text instead of a result")
  return toReport(root, folders, output)
}

const toReport = (root: string, folders: ReadonlyArray<string>, result: ICruiseResult): Report => {
  const own = result.modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)))
  const seen = new Set(own.map(({ source }) => source))
  const unseen = globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root, exclude: ["**/node_modules/**"] }
  ).filter((file) => !seen.has(file.replaceAll("\\", "/")))
  return {
    modules: own.length,
    dependencies: own.reduce((count, module) => count + module.dependencies.length, 0),
    violations: [
      ...result.summary.violations.map(({ rule, from, to, cycle }) => ({
        rule: rule.name,
        from,
        to: cycle === undefined ? to : cycle.map(({ name }) => name).join(" → ")
      })),
      ...unseen.map((file) => ({ rule: "every-file-is-seen", from: file, to: "" }))
    ]
  }
}
