/**
 * A PostgreSQL cluster of the drill's own, to be stopped and crashed: in a temporary directory, on a port of its own,
 * without passwords. Its superuser is `postgres`. Gone with the scope.
 *
 * PostgreSQL refuses to run as root: then it is run as the system's user `postgres`.
 */
import { Effect, type Scope } from "effect"
import { execFile } from "node:child_process"
import { chown, mkdtemp, readdir, rm, stat } from "node:fs/promises"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

export interface PostgresCluster {
  readonly port: number
  /** `postgres://…` of a database in it; `port`: by way of a proxy. */
  readonly url: (database: string, port?: number) => string
  /**
   * `fast` ends sessions and shuts down in order; `immediate` is a crash: recovery at the next start. Returns when it is
   * down.
   */
  readonly stop: (mode: "fast" | "immediate") => Effect.Effect<void>
  /** Returns when it accepts connections. */
  readonly start: Effect.Effect<void>
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Null: there are no binaries of PostgreSQL here, or nobody to run them as. */
export const make: Effect.Effect<PostgresCluster | null, never, Scope.Scope> = Effect.gen(function* () {
  const bin = yield* Effect.promise(findBinaries)
  const owner = process.getuid?.() === 0 ? yield* Effect.promise(findPostgres) : undefined
  if (bin === null || owner === null) return null

  const call = (program: string, args: ReadonlyArray<string>) =>
    Effect.promise(() => run(join(bin, program), args, { ...owner, cwd: tmpdir(), env: { PATH: process.env["PATH"] } }))

  const directory = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const made = await mkdtemp(join(tmpdir(), "hub-drill-pg-"))
      if (owner !== undefined) await chown(made, owner.uid, owner.gid)
      return made
    }),
    (made) => Effect.promise(() => rm(made, { recursive: true, force: true }))
  )
  const data = join(directory, "data")
  const port = yield* Effect.promise(freePort)
  yield* call("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])

  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${directory}`
  const start = call("pg_ctl", ["start", "-w", "-s", "-D", data, "-l", join(directory, "log"), "-o", options])
  const stop = (mode: string) => call("pg_ctl", ["stop", "-w", "-s", "-D", data, "-m", mode])
  yield* Effect.acquireRelease(start, () =>
    // It may be down already.
    Effect.promise(() =>
      stat(join(data, "postmaster.pid")).then(
        () => true,
        () => false
      )
    ).pipe(Effect.flatMap((isUp) => (isUp ? stop("immediate") : Effect.void)))
  )

  return {
    port,
    url: (database, by = port) => `postgres://postgres@127.0.0.1:${by}/${database}`,
    stop: (mode) => Effect.asVoid(stop(mode)),
    start: Effect.asVoid(start)
  }
})

/** What a NotRun says when there is no cluster. */
export const missing = "no initdb and pg_ctl of PostgreSQL were found, or no user postgres to run them as"

const run = promisify(execFile)

/** `pg_config --bindir`, else the newest of /usr/lib/postgresql. */
const findBinaries = async (): Promise<string | null> => {
  const said = await run("pg_config", ["--bindir"]).then(
    ({ stdout }) => [stdout.trim()],
    () => []
  )
  const packaged = "/usr/lib/postgresql"
  const versions = await readdir(packaged).catch(() => [])
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a)).map((one) => join(packaged, one, "bin"))
  for (const candidate of [...said, ...newestFirst]) {
    const has = (name: string) =>
      stat(join(candidate, name)).then(
        () => true,
        () => false
      )
    if ((await has("initdb")) && (await has("pg_ctl"))) return candidate
  }
  return null
}

const findPostgres = async (): Promise<Owner | null> => {
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout)
  try {
    return { uid: await id("-u"), gid: await id("-g") }
  } catch {
    return null
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = Net.createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0))
    })
  })
