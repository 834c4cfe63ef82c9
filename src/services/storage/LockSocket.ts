/**
 * The sockets that `EmbeddedLock` is made of: bind one, ask one, list those of a directory.
 *
 * A socket that answers belongs to a process that lives. One that refuses belongs to nobody, or to a process that has
 * bound it and does not listen yet.
 */
import { Effect, Option, Schema, type Scope } from "effect"
import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** What a process says to who connects. `claiming`: it is not sure yet that it is the only one. */
export interface Answer {
  readonly state: "claiming" | "held"
  /** Base URL of the hub; empty when it serves no HTTP (yet). */
  readonly url: string
}

const Answer = Schema.fromJsonString(
  Schema.Struct({ state: Schema.Literals(["claiming", "held"]), url: Schema.String })
)

const decodeAnswer = Schema.decodeUnknownOption(Answer)
const encodeAnswer = Schema.encodeSync(Answer)

/** Somebody else has this name. */
export class NameTaken extends Schema.TaggedError<NameTaken>()("NameTaken", {}) {}

/** The system cannot make a socket here: no permission, or a file system without sockets. */
export class CannotBind extends Schema.TaggedError<CannotBind>()("CannotBind", { reason: Schema.String }) {}

export interface LockSocket {
  readonly say: (answer: Answer) => void
  /** Stops listening and frees the name. May be done twice. */
  readonly close: Effect.Effect<void>
}

/** Listens until the scope closes, at first saying `claiming`. */
export const bind = (path: string): Effect.Effect<LockSocket, NameTaken | CannotBind, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<LockSocket, NameTaken | CannotBind>((resume) => {
      let answer = encodeAnswer({ state: "claiming", url: "" })
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        socket.end(answer)
      })
      server.once("error", (error: NodeJS.ErrnoException) => {
        resume(Effect.fail(error.code === "EADDRINUSE" ? new NameTaken() : new CannotBind({ reason: error.message })))
      })
      server.listen({ path, exclusive: true }, () => {
        server.on("error", () => {})
        // The lock alone must not keep the process alive.
        server.unref()
        const close = Effect.callback<void>((done) => {
          server.close(() => done(Effect.void))
        })
        const say = (next: Answer) => {
          answer = encodeAnswer(next)
        }
        resume(Effect.succeed({ say, close }))
      })
    }),
    (socket) => socket.close
  )

/** A process that is busy answers later; that the system accepted the connection for it is proof enough. */
const answerTimeout = "2 seconds"

/** Nobody listens: refused, or gone. Any other failure proves nothing. */
const nobody: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOENT"])

/** None: nobody listens on this path. Who cannot be understood counts as claiming. */
export const ask = (path: string): Effect.Effect<Option.Option<Answer>> =>
  Effect.callback<Option.Option<Answer>>((resume) => {
    let text = ""
    const unclear: Answer = { state: "claiming", url: "" }
    const socket = Net.connect(path)
    socket.setEncoding("utf8")
    socket.on("data", (chunk) => {
      text += chunk
    })
    socket.on("end", () => resume(Effect.succeedSome(Option.getOrElse(decodeAnswer(text), () => unclear))))
    socket.on("error", (error: NodeJS.ErrnoException) =>
      resume(nobody.has(error.code) ? Effect.succeedNone : Effect.succeedSome(unclear))
    )
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeoutOrElse({ duration: answerTimeout, orElse: () => Effect.succeedSome(busy) }))

const busy: Answer = { state: "held", url: "" }

/** The names that processes can use in one directory, the same for every spelling of its path. */
export interface Names {
  /** Numbers of the sockets that there are or may be, ascending, also of those that answer nobody. */
  readonly list: () => ReadonlyArray<number>
  readonly path: (number: number) => string
  /** Removes a socket that answers nobody. */
  readonly remove: (number: number) => void
  /** Does a name stay behind when its process is killed? */
  readonly outliveProcess: boolean
}

/** None: there is no such directory. */
export const names = (directory: string): Effect.Effect<Option.Option<Names>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const real = Option.liftThrowable(() => realpathSync(directory))()
    if (Option.isNone(real)) return Effect.succeedNone
    return Effect.asSome(process.platform === "win32" ? Effect.succeed(pipe(real.value)) : files(real.value))
  })

/** Windows removes a pipe with its process, and lets nobody make one that exists. */
const pipe = (real: string): Names => {
  const name = createHash("sha256").update(real.toLowerCase()).digest("hex").slice(0, 32)
  return {
    list: () => [1],
    path: () => `\\\\.\\pipe\\integration-hub-${name}`,
    remove: () => {},
    outliveProcess: false
  }
}

/** Systems allow the path of a socket little more than 100 bytes, macOS 103. */
const longestPath = 100

const fileName = (number: number) => `hub.${number}.sock`

const files = (real: string): Effect.Effect<Names, never, Scope.Scope> =>
  Effect.map(shortened(real), (short) => ({
    list: () =>
      readdirSync(real)
        .flatMap((file) => {
          const number = /^hub\.(\d{1,9})\.sock$/.exec(file)?.[1]
          return number === undefined ? [] : [Number(number)]
        })
        .toSorted((a, b) => a - b),
    path: (number) => join(short, fileName(number)),
    remove: (number) => rmSync(join(real, fileName(number)), { force: true }),
    outliveProcess: true
  }))

/** A long directory goes by a link with a short name. The socket itself lies in the directory all the same. */
const shortened = (real: string): Effect.Effect<string, never, Scope.Scope> => {
  if (Buffer.byteLength(join(real, fileName(999_999_999))) <= longestPath) return Effect.succeed(real)
  return Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir().length < 60 ? tmpdir() : "/tmp", "hub-"))
      symlinkSync(real, join(folder, "d"))
      return join(folder, "d")
    }),
    (link) => Effect.sync(() => rmSync(join(link, ".."), { recursive: true, force: true }))
  )
}
