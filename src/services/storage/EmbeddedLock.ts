/**
 * One process at a time in an embedded database's directory.
 *
 * The lock is a listening socket, so it dies with the process, however that ends: a Unix domain socket `hub.<n>.sock`
 * in the directory, a named pipe on Windows. Nobody takes over a name that may be somebody's: who finds only sockets
 * that answer nobody binds the next number, and has the lock once it has seen that no other answers. So of many that
 * start at once exactly one wins, also over what a kill left behind. It holds between containers that share a volume,
 * as long as they share a kernel.
 * Who asks the socket is told the holder's base URL, so a command line can talk to the running hub instead.
 */
import { Clock, Effect, Option, Schema, type Scope } from "effect"
import { mkdirSync } from "node:fs"
import { DatabaseInUse, DatabaseUnavailable } from "./DatabaseErrors.ts"
import * as LockSocket from "./LockSocket.ts"

export interface EmbeddedLock {
  /** Tells commands where this hub can be reached. */
  readonly advertise: (url: string) => Effect.Effect<void>
}

/** A claim is decided in milliseconds. A process that was stopped in the middle of one is waited for this long. */
const claimTimeout = "5 seconds"
const claimPause = "20 millis"

/** Connections are real also under a TestClock. */
const systemClock = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

/** Takes the lock until the scope closes; creates the directory. */
export const acquire = (
  directory: string
): Effect.Effect<EmbeddedLock, DatabaseInUse | DatabaseUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const cannot = (reason: string) => new DatabaseUnavailable({ reason: `${directory}: ${reason}` })
    yield* Effect.try({ try: () => mkdirSync(directory, { recursive: true }), catch: (error) => cannot(String(error)) })
    const names = yield* LockSocket.names(directory)
    if (Option.isNone(names)) return yield* cannot("not a directory")
    const socket = yield* claim(names.value).pipe(
      Effect.catchTags({
        NotClaimed: () => Effect.fail(new DatabaseInUse({ directory })),
        CannotBind: ({ reason }) => Effect.fail(cannot(`no lock can be made there: ${reason}`))
      }),
      Effect.timeoutOrElse({ duration: claimTimeout, orElse: () => Effect.fail(new DatabaseInUse({ directory })) })
    )
    return { advertise: (url: string) => Effect.sync(() => socket.say({ state: "held", url })) }
  }).pipe(systemClock)

/** Base URL of the hub that has this directory open. None: nobody has. An empty text: it serves no HTTP (yet). */
export const runningHub = (directory: string): Effect.Effect<Option.Option<string>> =>
  Effect.gen(function* () {
    const names = yield* LockSocket.names(directory)
    if (Option.isNone(names)) return Option.none<string>()
    const holders = yield* answering(names.value, names.value.list())
    return Option.fromUndefinedOr(holders.at(-1)?.url)
  }).pipe(Effect.scoped, systemClock)

class NotClaimed extends Schema.TaggedError<NotClaimed>()("NotClaimed", {}) {}

const claim = Effect.fnUntraced(function* (names: LockSocket.Names) {
  while (true) {
    const others = yield* answering(names, names.list())
    if (others.some((other) => other.state === "held")) return yield* new NotClaimed()
    if (others.length === 0) {
      const mine = Math.max(0, ...(names.outliveProcess ? names.list() : [])) + 1
      const socket = yield* LockSocket.bind(names.path(mine)).pipe(
        Effect.asSome,
        Effect.catchTag("NameTaken", () => Effect.succeedNone)
      )
      if (Option.isSome(socket) && (yield* decide(names, mine))) {
        socket.value.say({ state: "held", url: "" })
        for (const number of names.list()) if (number < mine) names.remove(number)
        return socket.value
      }
      if (Option.isSome(socket)) yield* socket.value.close
    }
    yield* Effect.sleep(claimPause)
  }
})

/**
 * From here on every other that starts sees `mine`, and of two that see each other the lower number goes on: the higher
 * one gives up, the lower one waits for that, unless the higher one has the lock by then.
 */
const decide = Effect.fnUntraced(function* (names: LockSocket.Names, mine: number) {
  if (!names.outliveProcess) return true
  while (true) {
    const numbers = names.list()
    if (!numbers.includes(mine)) return false
    const others = yield* answering(
      names,
      numbers.filter((number) => number !== mine)
    )
    if (others.length === 0) return true
    if (others.some((other) => other.state === "held" || other.number < mine)) return false
    yield* Effect.sleep(claimPause)
  }
})

const answering = (names: LockSocket.Names, numbers: ReadonlyArray<number>) =>
  Effect.forEach(numbers, (number) =>
    Effect.map(
      LockSocket.ask(names.path(number)),
      Option.map((answer) => ({ ...answer, number }))
    )
  ).pipe(Effect.map((answers) => answers.flatMap(Option.toArray)))
