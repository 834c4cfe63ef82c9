/**
 * Drills: hubs, databases and outside systems are broken while work goes on, and a ledger decides whether anything was
 * lost, done twice or done out of order. Each works on databases of its own; a PostgreSQL server is that of
 * DATABASE_URL, else 127.0.0.1:5432.
 *
 *     npm run drill                          every drill in its long form
 *     npm run drill -- crash take-over       drills whose names begin so
 *     npm run drill -- --short               the form that belongs to the tests
 *     npm run drill -- --seed 7              breaks at the same random moments as the run that printed this seed
 *     npm run drill -- --json FILE           writes the ledgers too
 *
 * DRILL_PATIENCE=3 makes the time limits three times as long, on a machine that does something else meanwhile.
 * Ends with 1 when anything is lost, duplicated, out of order, violated or over its time. A drill that cannot be run
 * here is named and does not count.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { randomInt } from "node:crypto"
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as crash from "./drills/crash.ts"
import * as database from "./drills/database.ts"
import * as outage from "./drills/outage.ts"
import * as takeover from "./drills/takeover.ts"
import * as webhooks from "./drills/webhooks.ts"
import type { Drill } from "./harness/Drill.ts"
import * as Machine from "./harness/Machine.ts"
import * as Runner from "./harness/Runner.ts"
import { isFailed, type Result, table } from "./harness/Table.ts"

const all: ReadonlyArray<Drill> = [
  ...crash.drills,
  ...database.drills,
  ...outage.drills,
  ...takeover.drills,
  ...webhooks.drills
]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { short: { type: "boolean", default: false }, seed: { type: "string" }, json: { type: "string" } }
})
const form = values.short ? "short" : "long"
const chosen = all.filter(({ longOnly, name }) =>
  positionals.length === 0
    ? form === "long" || longOnly !== true
    : positionals.some((wanted) => name.startsWith(wanted))
)
if (chosen.length === 0) throw new Error(`No such drill. There are: ${all.map(({ name }) => name).join(", ")}`)
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)
if (!Number.isSafeInteger(seed)) throw new Error(`--seed ${values.seed}: a whole number is needed`)

const program = Effect.gen(function* () {
  const machine = yield* Effect.promise(Machine.describe)
  console.log(`seed ${seed}, ${form} form, ${machine}`)
  const results: Array<Result> = []
  for (const drill of chosen) {
    console.log(`\n${drill.name}: ${drill.what}`)
    results.push(yield* Runner.run(drill, { form, seed }))
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ seed, form, machine, results }, null, 2)}\n`)
  }
  console.log(`\n${table(results)}\n\nseed ${seed}, ${form} form, ${machine}`)
  // Not by itself: once something was left that kept the process busy after all was done.
  // oxlint-disable-next-line no-process-exit
  process.exit(results.some(isFailed) ? 1 : 0)
})

NodeRuntime.runMain(program)
