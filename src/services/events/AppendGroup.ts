/**
 * Group commit: concurrent appends become one insert. While one group is being written the next one gathers.
 *
 * An append returns when its records are committed. When a group fails its members are written one by one, so that a
 * bad one fails alone. An append that is interrupted before its group is written writes nothing; later it is committed
 * all the same.
 */
import { Effect, Exit } from "effect"
import type { EventRecord } from "./EventRecord.ts"

/** Most records in one insert; a single append may be larger. */
const groupSize = 1000

/**
 * While one group waits for its commit a second is sent, if it is of this size: smaller ones do better to wait and gather,
 * measured at 20 and at 500 concurrent publishers.
 */
const secondGroupSize = 64

interface Member<E> {
  readonly records: ReadonlyArray<EventRecord>
  readonly ids: IdsOfGroup
  readonly resume: (exit: Exit.Exit<void, E>) => void
}

/** `new`: none of the ids can be in the log. A group that is written again may be there: its answer may have been lost. */
type IdsOfGroup = "new" | "given"

/** `write` is run outside of any transaction of the caller, with the services of the place where this is made. */
export const make = <E>(write: (records: ReadonlyArray<EventRecord>, ids: IdsOfGroup) => Effect.Effect<void, E>) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const runFork = Effect.runForkWith(yield* Effect.context())
    const waiting = new Set<Member<E>>()
    let writing = 0

    const next = (): ReadonlyArray<Member<E>> => {
      const members: Array<Member<E>> = []
      let records = 0
      for (const member of waiting) {
        if (records > 0 && records + member.records.length > groupSize) break
        records += member.records.length
        members.push(member)
        waiting.delete(member)
      }
      return members
    }

    const writeGroup = (members: ReadonlyArray<Member<E>>) =>
      Effect.gen(function* () {
        const ids = members.every((member) => member.ids === "new") ? "new" : "given"
        const exit = yield* Effect.exit(
          Effect.suspend(() =>
            write(
              members.flatMap((member) => member.records),
              ids
            )
          )
        )
        if (Exit.isSuccess(exit) || members.length === 1) {
          for (const member of members) member.resume(exit)
          return
        }
        for (const member of members) {
          member.resume(yield* Effect.exit(Effect.suspend(() => write(member.records, "given"))))
        }
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => giveUp(members))))

    const writeAll = Effect.gen(function* () {
      while (waiting.size > 0) yield* writeGroup(next())
    }).pipe(Effect.ensuring(Effect.sync(() => writing--)))

    /** Whoever still waits is told that it ends here; those that were answered already do not hear it. */
    const giveUp = (members: Iterable<Member<E>>) => {
      for (const member of members) member.resume(Exit.interrupt())
    }
    let closed = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        giveUp(waiting)
        waiting.clear()
      })
    )

    const append = (records: ReadonlyArray<EventRecord>, ids: IdsOfGroup): Effect.Effect<void, E> =>
      Effect.callback<void, E>((resume) => {
        if (closed) return resume(Effect.interrupt)
        const member: Member<E> = { records, ids, resume }
        waiting.add(member)
        if (writing === 0 || (writing === 1 && waiting.size >= secondGroupSize)) {
          writing++
          runFork(Effect.forkIn(writeAll, scope))
        }
        return Effect.sync(() => waiting.delete(member))
      })
    return append
  })
