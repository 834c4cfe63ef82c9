/** A script in a process of its own, that can be told things on its standard input and killed. */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"

export interface ChildScript {
  /** Waits until a line of the output matches; lines are looked at once, in order. Dies when the process ends first. */
  readonly awaitLine: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  readonly tell: (line: string) => Effect.Effect<void>
  /** kill -9, and waits until it is dead. */
  readonly kill: Effect.Effect<void>
}

/** Runs `script`, an ECMAScript module, in the project's folder. Killed with the scope. */
export const start = (script: string, ...args: ReadonlyArray<string>): Effect.Effect<ChildScript, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => launch(script, args)),
    ({ kill }) => kill
  )

const launch = (script: string, args: ReadonlyArray<string>): ChildScript => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, ...args], {
    cwd: new URL("../../", import.meta.url),
    stdio: ["pipe", "pipe", "pipe"]
  })
  let unread = ""
  let everything = ""
  let ended = false
  let look = () => {}
  const take = (chunk: Buffer) => {
    everything += chunk.toString("utf8")
    unread += chunk.toString("utf8")
    look()
  }
  child.stdout.on("data", take)
  child.stderr.on("data", (chunk: Buffer) => {
    everything += chunk.toString("utf8")
  })
  child.stdin.on("error", () => {})
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      ended = true
      look()
      resolve()
    })
  })
  return {
    awaitLine: (pattern) =>
      Effect.callback<RegExpExecArray>((resume) => {
        look = () => {
          for (let end = unread.indexOf("\n"); end >= 0; end = unread.indexOf("\n")) {
            const match = pattern.exec(unread.slice(0, end))
            unread = unread.slice(end + 1)
            if (match !== null) {
              look = () => {}
              return resume(Effect.succeed(match))
            }
          }
          if (ended) resume(Effect.die(new Error(`the process ended before it printed ${pattern}:\n${everything}`)))
        }
        look()
      }),
    tell: (line) => Effect.sync(() => void child.stdin.write(`${line}\n`)),
    kill: Effect.promise(() => {
      child.kill("SIGKILL")
      return exited
    })
  }
}
