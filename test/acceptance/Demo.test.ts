/** `npm run demo` as a newcomer runs it: a process without any settings. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

const demo = Effect.callback<{ readonly code: number | string; readonly output: string }>((resume) => {
  const child = execFile(
    process.execPath,
    ["src/demo.ts"],
    { cwd: root, env: { PATH: process.env["PATH"], HOME: process.env["HOME"] } },
    (error, stdout, stderr) =>
      resume(Effect.succeed({ code: error?.code ?? (error === null ? 0 : "killed"), output: stdout + stderr }))
  )
  return Effect.sync(() => child.kill("SIGKILL"))
})

/** What the summary says under this name. */
const summaryOf = (output: string, name: string): string => {
  const line = output
    .slice(output.lastIndexOf("\nSummary"))
    .split("\n")
    .find((one) => one.trim().startsWith(name))
  return (line ?? "").trim().slice(name.length).trim()
}

describe("npm run demo", () => {
  it.live(
    "tells the way of an order, an outage and a replay, loses nothing and ends with code 0",
    () =>
      Effect.gen(function* () {
        const { code, output } = yield* demo
        assert.strictEqual(code, 0, output)
        // The way of one order, under one correlation id, through all three.
        const [, correlationId = ""] = /webhook: order \S+, 3 posters\s+(\S+)$/m.exec(output) ?? []
        assert.match(correlationId, /^[0-9a-f-]{32,36}$/)
        const way = output.split("\n").filter((line) => line.endsWith(correlationId))
        for (const step of [
          /order\.created  ord_\w+ from shopby/,
          /order\.dispatched\.mes  MJ-/,
          /order\.status\.changed  CONFIRMED → PRODUCTION_WAITING/,
          /shows PRODUCT_PREPARE/,
          /order\.status\.changed  PRODUCING → PRODUCTION_DONE/,
          /order\.status\.changed  PRODUCTION_DONE → SHIPPED/,
          /shows DELIVERY_ING/
        ]) {
          assert.strictEqual(way.filter((line) => step.test(line)).length, 1, `${step}\n${way.join("\n")}`)
        }
        for (const line of way) assert.match(line, /^ {2}\d\d:\d\d:\d\d\.\d{3} {2}/)
        assert.match(output, /circuit to the plant: CLOSED → OPEN/)
        assert.match(output, /circuit to the plant: \S+ → CLOSED/)
        assert.match(output, /dead letter: .*no such paper in stock/)
        assert.match(output, /dead letter \S+: replayed/)
        assert.match(output, /edicus {2}completed: \S+/)
        assert.strictEqual(summaryOf(output, "orders"), "10: SHIPPED 10")
        assert.match(summaryOf(output, "jobs at the plant"), /^12: SHIPPED 12$/)
        assert.strictEqual(summaryOf(output, "dead letters"), "1: replayed 1")
        assert.strictEqual(summaryOf(output, "lost"), "0")
        assert.match(summaryOf(output, "deliveries"), /delivered \d+/)
      }),
    120_000
  )
})
