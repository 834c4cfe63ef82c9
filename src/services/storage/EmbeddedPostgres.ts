/**
 * Opens PGlite in a directory so that a commit that was answered survives a kill and a power cut.
 *
 * PGlite comes with fsync switched off, and the file layer under it ignores it. Here both are switched on, so every
 * commit waits for the disk, as on a PostgreSQL server. A new database is made beside its place and moved there when it
 * is complete, so a start that is cut off leaves nothing half-made. The caller holds the directory's lock.
 */
import { PGlite, type PGliteOptions } from "@electric-sql/pglite"
import { NodeFS } from "@electric-sql/pglite/nodefs"
import { Effect, type Scope } from "effect"
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs"
import { open, readdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { DatabaseUnavailable } from "./DatabaseErrors.ts"

/** A database that is gone with the scope. */
export const inMemory: Effect.Effect<PGlite, DatabaseUnavailable, Scope.Scope> = Effect.suspend(() =>
  start("memory", {})
)

/** The database in `directory`, which is made when missing. Its parent exists. */
export const inDirectory = (directory: string): Effect.Effect<PGlite, DatabaseUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    if (!existsSync(join(directory, "PG_VERSION"))) yield* prepare(directory)
    return yield* start(directory, { fs: new DurableFiles(directory), startParams: durableParams })
  })

const start = (place: string, options: PGliteOptions) =>
  Effect.suspend(() => {
    // What PostgreSQL says before it gives up is the only explanation there is.
    const said: Array<string> = []
    const onStderr = (text: string) => {
      said.push(text.trim())
      said.splice(0, said.length - 5)
      return false
    }
    return Effect.acquireRelease(
      Effect.tryPromise({
        try: () => PGlite.create({ ...options, onStderr }),
        catch: (cause) =>
          new DatabaseUnavailable({ reason: [`embedded PostgreSQL in ${place}: ${String(cause)}`, ...said].join("\n") })
      }),
      (pglite) => Effect.ignore(Effect.tryPromise(() => pglite.close()))
    )
  })

const prepare = Effect.fnUntraced(function* (directory: string) {
  const unfinished = `${directory}.new`
  yield* Effect.sync(() => rmSync(unfinished, { recursive: true, force: true }))
  // Small segments of the write-ahead log: less to load at each start.
  yield* Effect.scoped(start(unfinished, { dataDir: unfinished, initDbStartParams: ["--wal-segsize=1"] }))
  yield* Effect.tryPromise({
    try: async () => {
      await syncTree(unfinished)
      renameSync(unfinished, directory)
      syncPath(dirname(directory))
    },
    catch: (cause) => new DatabaseUnavailable({ reason: `cannot make ${directory}: ${String(cause)}` })
  })
})

/** PGlite's own without `-F` (no fsync). Of the ways to sync only plain fsync gets through its file layer. */
export const durableParams = [
  ...PGlite.defaultStartParams.filter((param) => param !== "-F"),
  "-c",
  "wal_sync_method=fsync"
]

/** Files of the host, with an fsync that does what it says. */
export class DurableFiles extends NodeFS {
  /** How often PostgreSQL has waited for the disk. */
  syncs = 0

  override async init(...args: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(...args)
    emscriptenOpts.preRun?.unshift((module) => {
      module.NODEFS.stream_ops.fsync = (stream: { readonly nfd?: number }) => {
        this.syncs += 1
        if (stream.nfd !== undefined) fsyncSync(stream.nfd)
        return 0
      }
    })
    return { emscriptenOpts }
  }
}

const syncPath = (path: string): void => {
  // Windows cannot sync a folder, and need not.
  if (process.platform === "win32") return
  const handle = openSync(path, "r")
  fsyncSync(handle)
  closeSync(handle)
}

/** Some at once: the disk then takes many together. */
const syncsAtOnce = 16

const syncTree = async (directory: string): Promise<void> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const path = (entry: (typeof entries)[number]) => join(entry.parentPath, entry.name)
  const files = entries.filter((entry) => entry.isFile()).map(path)
  const syncSome = async () => {
    for (let next = files.pop(); next !== undefined; next = files.pop()) {
      const file = await open(next, "r+")
      await file.sync()
      await file.close()
    }
  }
  await Promise.all(Array.from({ length: syncsAtOnce }, syncSome))
  for (const entry of entries) if (entry.isDirectory()) syncPath(path(entry))
  syncPath(directory)
}
