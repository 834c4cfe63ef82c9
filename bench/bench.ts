/**
 * The speed table: each row measured beside its peers, in one run, on one PostgreSQL (DATABASE_URL, or 127.0.0.1:5432).
 *
 *     npm run bench                          every row
 *     npm run bench -- publish handle        rows whose names begin so
 *     npm run bench -- --rounds 9            instead of each row's own number
 *     npm run bench -- --json FILE           writes the figures too
 *
 * Ratios, not absolute times, are what counts: more is better, so ours/best, or best/ours for a time.
 */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { format, measure, type Figure, type Measured } from "./harness/measure.ts"
import type { Row } from "./harness/Row.ts"
import * as get from "./rows/get.ts"
import * as start from "./rows/start.ts"
import * as webhook from "./rows/webhook.ts"
import * as breaker from "./rows/breaker.ts"
import * as handle from "./rows/handle.ts"
import * as latency from "./rows/latency.ts"
import * as publish from "./rows/publish.ts"
import * as publishBatch from "./rows/publishBatch.ts"

const all: ReadonlyArray<Row> = [
  ...publish.rows,
  ...publishBatch.rows,
  ...handle.rows,
  ...latency.rows,
  ...breaker.rows,
  ...webhook.rows,
  ...get.rows,
  ...start.rows
]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, rounds: { type: "string" } }
})
const chosen = all.filter(
  ({ name }) => positionals.length === 0 || positionals.some((wanted) => name.startsWith(wanted))
)
if (chosen.length === 0) throw new Error(`No such row. There are: ${all.map(({ name }) => name).join(", ")}`)

const measured: Array<Measured> = []
let broken = false
for (const row of chosen) {
  console.log(`\n${row.name}: ${row.work}`)
  for (const { name, settings } of [row.ours, ...row.peers]) console.log(`  ${name.padEnd(30)}${settings}`)
  try {
    measured.push(...(await measure(values.rounds === undefined ? row : { ...row, rounds: Number(values.rounds) })))
  } catch (error) {
    broken = true
    console.error(`${row.name} could not be measured`, error)
  }
}

const commit = (() => {
  try {
    const git = (...args: ReadonlyArray<string>) => execFileSync("git", args, { encoding: "utf8" }).trim()
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : " with changes"}`
  } catch {
    return "unknown"
  }
})()

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
const figureOf = (name: string, value: number, { spread }: Measured) => {
  const [least = value, most = value] = spread[name] ?? []
  return `${format(value)} (${format(least)}–${format(most)})`
}
console.log(
  `\nCommit ${commit}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}; median (least–most)\n`
)
console.log(line(["row", "unit", "hub", "peers", "ratio to the best", "to reach"]))
console.log(line(["---", "---", "---", "---", "---", "---"]))
for (const figure of measured) {
  const ours = Object.keys(figure.spread)[0] ?? "hub"
  console.log(
    line([
      figure.row,
      figure.unit,
      figureOf(ours, figure.ours, figure),
      Object.entries(figure.peers)
        .map(([name, value]) => `${name} ${figureOf(name, value, figure)}`)
        .join(", "),
      figure.ratio.toFixed(2),
      `${figure.reach}${figure.ratio >= figure.reach ? "" : "  NOT REACHED"}`
    ])
  )
}
if (values.json !== undefined) {
  const figures = measured.map(({ spread: _, ...figure }): Figure => figure)
  writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`)
}
process.exitCode = broken ? 1 : 0
