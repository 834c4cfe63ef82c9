/** Prints each import that breaks the direction of dependencies, and exits with 1 if there is one. */
import { dirname } from "node:path"
import { checkArchitecture } from "./architecture.ts"

const { modules, dependencies, violations } = await checkArchitecture(dirname(import.meta.dirname))
for (const { rule, from, to } of violations) console.log(`${rule}: ${from} → ${to}`)
console.log(`${modules} files, ${dependencies} imports, ${violations.length} broken rules`)
if (modules === 0 || violations.length > 0) process.exitCode = 1
