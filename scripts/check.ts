/**
 * Everything that can be checked without running the hub, one line and one time per step. The steps run side by side;
 * the first that fails stops the others and shows what it said.
 *
 *     node scripts/check.ts
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"

const root = dirname(import.meta.dirname)

/**
 * TypeScript's own compiler with the Effect diagnostics built in; their severities are in tsconfig.json. It is started
 * where it lies, so node_modules needs no patch. (`@effect/tsgo/lib/getExePath` of 0.45.0 rejects its own package.)
 */
const tscOfEffect = () => {
  const require = createRequire(import.meta.filename)
  const { version } = require("typescript/package.json")
  const name = `@effect/tsgo-${process.platform}-${process.arch}`
  const folder = dirname(createRequire(require.resolve("@effect/tsgo/package.json")).resolve(`${name}/package.json`))
  const file = join(folder, "artifacts/typescript", version, process.platform === "win32" ? "tsc.exe" : "tsc")
  if (!existsSync(file)) throw new Error(`${name} has no compiler for TypeScript ${version}: pin versions that fit`)
  return file
}

const installed = (...path: ReadonlyArray<string>) => join(root, "node_modules", ...path)

const steps: ReadonlyArray<readonly [name: string, command: string, ...args: ReadonlyArray<string>]> = [
  [
    "types and Effect rules",
    tscOfEffect(),
    "--noEmit",
    "--pretty",
    "--checkers", // more of them cost more in all, and one core is for the other steps
    String(Math.max(1, availableParallelism() - 1)),
    "--incremental", // what did not change is not checked again
    "--tsBuildInfoFile",
    installed(".cache/check.tsbuildinfo")
  ],
  // The benchmarks' peers are installed by `npm run bench` only.
  ...(existsSync(join(root, "bench/node_modules"))
    ? [["types of the benchmarks", tscOfEffect(), "--project", "bench/tsconfig.json"] as const]
    : []),
  ["lint", process.execPath, installed("oxlint/bin/oxlint"), "--deny-warnings"],
  ["format", process.execPath, installed("oxfmt/bin/oxfmt"), "--check"],
  ["dependency direction", process.execPath, join(import.meta.dirname, "check-architecture.ts")],
  ["dead code", process.execPath, installed("knip/bin/knip.js"), "--no-config-hints"]
]

const running = new Set<ReturnType<typeof spawn>>()
let failed = false

const run = ([name, command, ...args]: (typeof steps)[number]) =>
  new Promise<void>((resolve) => {
    const started = performance.now()
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    const chunks: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk))
    running.add(child)
    const end = (error: string | undefined) => {
      running.delete(child)
      if (!failed) {
        const seconds = ((performance.now() - started) / 1000).toFixed(1)
        console.log(`${error === undefined ? "✓" : "✗"} ${name.padEnd(24)}${seconds.padStart(5)} s`)
        if (error !== undefined) {
          failed = true
          console.log(`\n${Buffer.concat(chunks).toString().trim()}\n${error}`)
          for (const other of running) other.kill()
        }
      }
      resolve()
    }
    child.on("error", (error) => end(error.message))
    child.on("close", (code) => end(code === 0 ? undefined : `${name} ended with ${code}`))
  })

await Promise.all(steps.map(run))
if (failed) process.exitCode = 1
