/** What a run's figures belong to: commit, Node, processor, databases. */
import { execFileSync } from "node:child_process"
import { cpus } from "node:os"
import * as ServerDatabase from "./ServerDatabase.ts"

const git = (...args: ReadonlyArray<string>) =>
  execFileSync("git", args, { encoding: "utf8", cwd: import.meta.dirname, stdio: ["ignore", "pipe", "ignore"] }).trim()

const commit = (): string => {
  try {
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : " with changes"}`
  } catch {
    return "unknown"
  }
}

/** One line. */
export const describe = async (): Promise<string> => {
  const version = await ServerDatabase.version()
  return [
    `commit ${commit()}`,
    `Node ${process.version}`,
    `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}`,
    `databases: embedded PostgreSQL (PGlite)${version === null ? ", no server" : `, PostgreSQL ${version}`}`
  ].join(", ")
}
