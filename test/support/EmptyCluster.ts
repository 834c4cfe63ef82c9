/**
 * The files of a new embedded database. Making them takes seconds, loading them half of one, so they are kept under
 * node_modules for the next run.
 */
import { PGlite } from "@electric-sql/pglite"
import { randomUUID } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"

/** A tar for `loadDataDir`. */
export const emptyCluster = async (): Promise<Blob> => {
  const folder = new URL("../../node_modules/.cache/integration-hub/", import.meta.url)
  // What PGlite makes depends on its version and on the parameters below.
  const engine = statSync(createRequire(import.meta.url).resolve("@electric-sql/pglite/pglite.wasm"))
  const file = new URL(`pglite-${engine.size}-${engine.mtimeMs}.tar`, folder)
  try {
    return new Blob([readFileSync(file)])
  } catch {
    const fresh = await PGlite.create({ initDbStartParams: ["--wal-segsize=1"] })
    const tar = await fresh.dumpDataDir("none")
    await fresh.close()
    mkdirSync(folder, { recursive: true })
    const unfinished = new URL(`${randomUUID()}.tmp`, folder)
    writeFileSync(unfinished, new Uint8Array(await tar.arrayBuffer()))
    renameSync(unfinished, file)
    return tar
  }
}
