/**
 * The hub as its users run it: a process of its own, started with `node src/main.ts`, that can be killed. Requests go
 * over HTTP; nothing here looks inside.
 */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const adminKey = "test-admin-key-0123456789"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // The body as it came: tests look at what they expect in it.
  readonly body: unknown
}

export interface HubProcess {
  readonly url: string
  /** Everything printed so far. */
  readonly output: () => string
  readonly request: (
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  ) => Effect.Effect<Answer>
  /** kill -9, and waits until it is dead. */
  readonly kill: Effect.Effect<void>
  /** SIGTERM; gives the exit code. */
  readonly stop: Effect.Effect<number | null>
  /** Waits until the output matches. */
  readonly awaitOutput: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
}

/** A data directory that is removed with the scope. */
export const dataDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "hub-test-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

/** Starts a hub on a free port and waits until it says where it listens. Killed with the scope. */
export const start = (env: Readonly<Record<string, string>>): Effect.Effect<HubProcess, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => launch(env)),
      (running) => running.kill
    ),
    (running) => running
  ).pipe(
    Effect.flatMap((running) =>
      Effect.map(running.awaitOutput(/listening\s+(http:\/\/\S+)/), ([, url]): HubProcess => ({
        ...running,
        url: url ?? "",
        request: (method, path, options) => request(url ?? "", method, path, options)
      }))
    )
  )

/** Starts a hub that is expected to end by itself. */
export const run = (
  env: Readonly<Record<string, string>>
): Effect.Effect<{
  readonly code: number | null
  readonly output: string
}> =>
  Effect.acquireUseRelease(
    Effect.sync(() => launch(env)),
    (running) => Effect.map(running.exited, (code) => ({ code, output: running.output() })),
    (running) => running.kill
  )

/** Runs the command line to its end. */
export const command = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
): Effect.Effect<{
  readonly code: number | null
  readonly output: string
}> =>
  Effect.acquireUseRelease(
    Effect.sync(() => launch({ HUB_ADMIN_KEY: adminKey, ...env }, ["src/cli.ts", ...args])),
    (running) => Effect.map(running.exited, (code) => ({ code, output: running.output() })),
    (running) => running.kill
  )

const launch = (env: Readonly<Record<string, string>>, program: ReadonlyArray<string> = ["src/main.ts"]) => {
  const child = spawn(process.execPath, program, {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PORT: "0", HUB_ADMIN_KEY: adminKey, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  const watchers = new Set<() => void>()
  const take = (chunk: Buffer) => {
    output += chunk.toString("utf8")
    for (const watcher of watchers) watcher()
  }
  child.stdout.on("data", take)
  child.stderr.on("data", take)
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
  void exited.then(() => watchers.forEach((watcher) => watcher()))
  const signal = (name: NodeJS.Signals) =>
    Effect.promise(() => {
      child.kill(name)
      return exited
    })
  return {
    output: () => output,
    exited: Effect.promise(() => exited),
    kill: Effect.asVoid(signal("SIGKILL")),
    stop: signal("SIGTERM"),
    awaitOutput: (pattern: RegExp) =>
      Effect.callback<RegExpExecArray>((resume) => {
        const look = () => {
          const match = pattern.exec(output)
          if (match !== null) {
            watchers.delete(look)
            resume(Effect.succeed(match))
          } else if (child.exitCode !== null || child.signalCode !== null) {
            watchers.delete(look)
            resume(Effect.die(new Error(`the hub ended before it printed ${pattern}:\n${output}`)))
          }
        }
        watchers.add(look)
        look()
        return Effect.sync(() => watchers.delete(look))
      })
  }
}

const request = (
  url: string,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {}
): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const response = await fetch(url + path, {
      method,
      headers: {
        "x-api-key": adminKey,
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers
      },
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === "string" ? options.body : JSON.stringify(options.body) })
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get("content-type") ?? "")
    return { status: response.status, headers: response.headers, body: isJson && text !== "" ? JSON.parse(text) : text }
  })
