/**
 * Transactions with a unit of work: what is enlisted on the way is written as the last statement before the commit.
 *
 * Each nesting level collects for itself: a level that succeeds hands its items to the level around it, a savepoint
 * that rolls back drops them. The outermost level flushes each participant once, then commits.
 * A level belongs to one transaction or savepoint of one client and to nothing else. So work that runs after the
 * commit, or outlives the transaction in a fiber of its own, cannot enlist into it unnoticed: that is a defect, as is
 * enlisting inside a `sql.withTransaction` that `transaction` knows nothing of.
 */
import { Context, Effect } from "effect"
import type { SqlClient } from "effect/sql"

/** One nesting level of an open transaction. */
interface Level {
  readonly participants: Set<Participant>
  open: boolean
}

/** A participant without the type of its items. */
interface Participant {
  readonly moveUp: (from: Level, to: Level) => void
  readonly flush: (level: Level) => Effect.Effect<void>
}

/** By the client's own mark of a transaction or savepoint, which is a new object for each. */
const levels = new WeakMap<SqlClient.TransactionConnection.Service, Level>()

/** Who writes something at the end of a transaction. Make one per purpose and keep it. */
export class CommitParticipant<Item> implements Participant {
  readonly #write: (items: ReadonlyArray<Item>) => Effect.Effect<void>
  readonly #collected = new WeakMap<Level, Array<Item>>()

  /** `write` runs inside the transaction, once, last, with everything that was enlisted. Its failure rolls back. */
  constructor(write: (items: ReadonlyArray<Item>) => Effect.Effect<void>) {
    this.#write = write
  }

  add(level: Level, items: ReadonlyArray<Item>): void {
    const collected = this.#collected.get(level) ?? []
    for (const item of items) collected.push(item)
    this.#collected.set(level, collected)
    level.participants.add(this)
  }

  moveUp(from: Level, to: Level): void {
    this.add(to, this.#collected.get(from) ?? [])
  }

  flush(level: Level): Effect.Effect<void> {
    return this.#write(this.#collected.get(level) ?? [])
  }
}

/** Keeps a failure of the caller apart from a failure of BEGIN, SAVEPOINT or COMMIT, which is a defect. */
class CallerFailure<out E> {
  readonly error: E
  constructor(error: E) {
    this.error = error
  }
}

export const transaction =
  (sql: SqlClient.SqlClient) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const level: Level = { participants: new Set(), open: true }
      const close = Effect.sync(() => {
        level.open = false
      })
      const body = Effect.flatMap(current(sql), (mark) => {
        if (mark !== undefined) levels.set(mark, level)
        return Effect.mapError(effect, (error) => new CallerFailure(error))
      })
      return Effect.flatMap(current(sql), (around) => {
        if (around === undefined) {
          const flushed = Effect.tap(body, () => Effect.andThen(close, flush(level)))
          return sql.withTransaction(flushed)
        }
        const outer = levels.get(around)
        if (outer === undefined) return Effect.die(new Error("Database.transaction inside a bare sql.withTransaction"))
        // Nothing may come between the release of the savepoint and the move: an interrupted fiber would lose the items.
        return Effect.uninterruptibleMask((restore) =>
          Effect.tap(sql.withTransaction(restore(body)), () =>
            Effect.sync(() => level.participants.forEach((participant) => participant.moveUp(level, outer)))
          )
        )
      }).pipe(
        Effect.ensuring(close),
        Effect.catch((failure) => (failure instanceof CallerFailure ? Effect.fail(failure.error) : Effect.die(failure)))
      )
    })

/** See `Database.join`. */
export const join =
  (sql: SqlClient.SqlClient) =>
  <A, R>(effect: Effect.Effect<A, never, R>): Effect.Effect<A, never, R> =>
    Effect.flatMap(isOpen(sql), (open) => (open ? effect : transaction(sql)(effect)))

const flush = (level: Level) =>
  Effect.forEach(level.participants, (participant) => participant.flush(level), { discard: true })

/** Is a unit of work open around this fiber? */
export const isOpen = (sql: SqlClient.SqlClient): Effect.Effect<boolean> =>
  Effect.map(current(sql), (mark) => mark !== undefined && levels.has(mark))

/** Is the innermost open transaction one that did not come from `transaction`, so that nothing enlisted would be flushed? */
export const isBare = (sql: SqlClient.SqlClient): Effect.Effect<boolean> =>
  Effect.map(current(sql), (mark) => mark !== undefined && !levels.has(mark))

export const enlist =
  (sql: SqlClient.SqlClient) =>
  <Item>(participant: CommitParticipant<Item>, items: ReadonlyArray<Item>): Effect.Effect<void> =>
    Effect.flatMap(current(sql), (mark) => {
      if (mark === undefined) return Effect.die(new Error("enlist outside Database.transaction"))
      const level = levels.get(mark)
      if (level === undefined) return Effect.die(new Error("enlist inside a bare sql.withTransaction"))
      if (items.length === 0) return Effect.void
      if (!level.open) return Effect.die(new Error("enlist after the transaction has ended"))
      return Effect.sync(() => participant.add(level, items))
    })

const current = (sql: SqlClient.SqlClient): Effect.Effect<SqlClient.TransactionConnection.Service | undefined> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Context.getOrUndefined(context, sql.transactionService))
  )
