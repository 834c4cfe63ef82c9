// Installs the dependencies when, and only when, something is missing. Runs before every npm script.
//
// Plain JavaScript without dependencies: on a fresh clone it runs on whatever Node the machine has (16 or newer); the
// npm package `node` then puts the right runtime first in the PATH of the script that follows.
//
// Guarantees: nothing is written and no network is used when everything is in place; two runs at once install once.
// It does not look inside packages: a file edited by hand in node_modules stays as it is.
//
//   node scripts/bootstrap.mjs             everything, development tools included
//   node scripts/bootstrap.mjs --runtime   only what running the hub needs has to be there
//   node scripts/bootstrap.mjs --in=bench  the package in that folder, which uses the hub's own Node

import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const minimumNode = [22, 19]
const heartbeatMillis = 2_000
const staleMillis = 15_000
// Our own Node comes with the packages, so an old one must not stop the install (engine-strict).
const npmOptions = [
  "--include=dev",
  "--engine-strict=false",
  "--prefer-offline",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=10000",
  "--no-audit",
  "--no-fund",
  "--loglevel=error"
]
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"]
const offlineCodes =
  /\b(EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTCACHED|ENOTFOUND|ERR_SOCKET_TIMEOUT|ETIMEDOUT)\b/

const folder = process.argv.find((argument) => argument.startsWith("--in="))?.slice("--in=".length)
const root = join(dirname(dirname(fileURLToPath(import.meta.url))), folder ?? "")
const lockFile = join(root, ".install.lock")
const runtimeOnly = process.argv.includes("--runtime")

/** @param {string} message */
const say = (message) => process.stderr.write(message)

/** @param {number} millis */
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

/** @param {string} file */
const readPackages = (file) => {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages
  } catch {
    return undefined
  }
}

const nodeIsNewEnough = () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])
}

const installedNode = () =>
  ["node", "node.exe"].map((name) => join(root, "node_modules/node/bin", name)).find((file) => existsSync(file))

/** What is not as package-lock.json wants it, or undefined. npm writes the other file after an install that worked. */
const findMissing = () => {
  const wanted = readPackages("package-lock.json")
  const found = readPackages("node_modules/.package-lock.json")
  if (wanted === undefined) throw new Error("package-lock.json is missing or broken: restore it from the repository")
  if (found === undefined) return "node_modules"
  for (const [path, want] of Object.entries(wanted)) {
    if (path === "" || (runtimeOnly && (want.dev || want.devOptional))) continue
    const have = found[path]
    if (have === undefined && want.optional) continue // belongs to another platform
    if (have === undefined || have.version !== want.version) return path
    if (want.integrity !== undefined && have.integrity !== want.integrity) return path
    if (!existsSync(join(root, path, "package.json"))) return path
  }
  return folder !== undefined || nodeIsNewEnough() || installedNode() !== undefined
    ? undefined
    : "node_modules/node/bin/node"
}

/** Binaries for this platform that npm left out, as it silently does when their `engines` reject the Node it runs on. */
const lacksBinaries = () => {
  const found = readPackages("node_modules/.package-lock.json")
  const glibc = process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime !== undefined
  const fits = ({ cpu, libc, os }) =>
    (os === undefined || os.includes(process.platform)) &&
    (cpu === undefined || cpu.includes(process.arch)) &&
    (libc === undefined || libc.includes(glibc ? "glibc" : "musl"))
  return Object.entries(readPackages("package-lock.json")).some(
    ([path, want]) => want.optional && (want.os || want.cpu) && fits(want) && found[path] === undefined
  )
}

/** Runs npm ci with the npm that runs this script; answers its exit code and what it printed. */
const runNpm = (node = process.env.npm_node_execpath || process.execPath) => {
  const npmFile = process.env.npm_execpath
  const isNpm = npmFile !== undefined && /npm-cli\.[cm]?js$/.test(npmFile)
  const windows = process.platform === "win32"
  const command = isNpm ? node : windows ? "npm.cmd" : "npm"
  const child = spawn(command, [...(isNpm ? [npmFile] : []), "ci", ...npmOptions], {
    cwd: root,
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
    shell: !isNpm && windows,
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  child.stdout.on("data", (chunk) => (output += chunk))
  child.stderr.on("data", (chunk) => (output += chunk))
  const stop = () => child.kill()
  for (const signal of stopSignals) process.once(signal, stop)
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 1, output: `${command}: ${error.message}` }))
    child.on("close", (code) => resolve({ code: code === null ? 1 : code, output }))
  })
}

const install = async () => {
  const started = Date.now()
  say("Installing dependencies, this takes a moment ... ")
  let { code, output } = await runNpm()
  // Once more with the Node that has just come, if the old one was too old for some of the packages.
  if (code === 0 && !nodeIsNewEnough() && installedNode() !== undefined && lacksBinaries()) {
    ;({ code, output } = await runNpm(installedNode()))
  }
  const missing = code === 0 ? findMissing() : undefined
  if (code === 0 && missing === undefined) return say(`done in ${((Date.now() - started) / 1000).toFixed(0)} s\n`)

  say("failed\n\n")
  const [message = ""] = output.split(/^.*Clean install a project$/m) // npm's usage text follows that line
  if (message.trim() !== "") say(`${message.trim()}\n\n`)
  if (missing !== undefined && missing.startsWith("node_modules/node/")) {
    say(
      `This Node is ${process.version}; the hub needs ${minimumNode.join(".")} or newer. It brings its own, but npm\n`
    )
    say("was told not to run install scripts. Use a newer Node, or run: npm ci --include=dev --ignore-scripts=false\n")
  } else if (missing !== undefined) {
    say(`npm reported success, but ${missing} is not as package-lock.json wants it.\n`)
  } else if (/\bEUSAGE\b/.test(output)) {
    say("package-lock.json does not fit package.json. Run: npm install && node scripts/lock.ts\n")
  } else if (offlineCodes.test(output)) {
    say("The npm registry could not be reached. The first start needs it once: connect this machine to the network\n")
    say("(or tell npm about your proxy or mirror), then run the same command again.\n")
  } else {
    say("npm ci did not succeed. Its message is above; run the same command again after the cause is gone.\n")
  }
  process.exitCode = 1
}

/**
 * Holds the lock file while `work` runs. Its holder touches it every 2 seconds; one left untouched for 15 seconds
 * belonged to a process that died, and is taken over.
 *
 * @param {() => Promise<void>} work
 */
const withLock = async (work) => {
  const token = `${process.pid} ${Math.random()}`
  const isOurs = () => {
    try {
      return readFileSync(lockFile, "utf8") === token
    } catch {
      return false
    }
  }
  for (let waited = false; ;) {
    try {
      writeFileSync(lockFile, token, { flag: "wx" })
      await sleep(50) // two that saw the same dead lock may both have removed it: the last one to write holds it
      if (isOurs()) break
    } catch (error) {
      if (error.code !== "EEXIST") throw error
      const touched = statSync(lockFile, { throwIfNoEntry: false })
      if (touched !== undefined && Date.now() - touched.mtimeMs > staleMillis) rmSync(lockFile, { force: true })
      if (!waited) say("Another process is installing the dependencies: waiting for it.\n")
      waited = true
      await sleep(200)
    }
  }
  const heartbeat = setInterval(() => isOurs() && utimesSync(lockFile, new Date(), new Date()), heartbeatMillis)
  try {
    await work()
  } finally {
    clearInterval(heartbeat)
    if (isOurs()) rmSync(lockFile, { force: true })
  }
}

if (findMissing() !== undefined) {
  await withLock(async () => {
    if (findMissing() !== undefined) await install()
  })
}
