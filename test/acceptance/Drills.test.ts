/** The short form of every drill, as `npm run drill -- --short` runs it: a process of its own that breaks real hubs. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

/** Runs it to its end; with the scope it is killed. */
const drill = (...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = spawn(process.execPath, ["drill/drill.ts", ...args], {
      cwd: root,
      // Other tests run beside it.
      env: { ...process.env, DRILL_PATIENCE: "4" },
      stdio: ["ignore", "pipe", "pipe"]
    })
    const chunks: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk))
    const ended = new Promise<void>((resolve) => {
      child.once("close", (code) => {
        resolve()
        resume(Effect.succeed({ code, output: Buffer.concat(chunks).toString("utf8") }))
      })
    })
    return Effect.promise(() => {
      child.kill("SIGKILL")
      return ended
    })
  })

/** The cells of the table's lines, without its head. */
const rowsOf = (output: string): ReadonlyArray<ReadonlyArray<string>> =>
  output
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (drill|---) /.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1))

describe("drills", () => {
  it.live(
    "AC-EVT-007 AC-EVT-009 AC-MES-009 AC-NFR-004 AC-ISOL-001 AC-ISOL-002 hubs, databases and systems are broken: nothing lost, nothing doubled, nothing out of order",
    () =>
      Effect.gen(function* () {
        const { code, output } = yield* drill("--short")
        assert.strictEqual(code, 0, output)
        const rows = rowsOf(output)
        const drills = rows.map(([name]) => name)
        for (const name of ["crash-embedded", "take-over", "webhooks-embedded", "all"]) assert.include(drills, name)
        for (const [name = "", taken, , lost, duplicated, outOfOrder, , violations, , verdict] of rows) {
          if (verdict === "NOT RUN") continue
          assert.isAbove(Number(taken), 0, name)
          assert.deepStrictEqual(
            [lost, duplicated, outOfOrder, violations, verdict],
            ["0", "0", "0", "0", "holds"],
            name
          )
        }
      }),
    600_000
  )
})
