/**
 * Transactions with a unit of work: what is enlisted on the way is written as the last statement before the commit.
 *
 * Each nesting level collects for itself: a level that succeeds hands its items to the level around it, a savepoint
 * that rolls back drops them. The outermost level flushes each participant once, then commits.
 * A level belongs to one transaction or savepoint of one client and to nothing else. So work that runs after the
 * commit, or outlives the transaction in a fiber of its own, cannot enlist into it unnoticed: that is a defect, as is
 * enlisting inside a `sql.withTransaction` that `transaction` knows nothing of.
 *
 * An optimistic unit is written as one statement, if nothing in it needs more than that: see `LazyTransaction`.
 */
import { Context, Effect } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import * as LazyTransaction from "./LazyTransaction.ts"

/** One nesting level of an open transaction. */
interface Level {
  readonly participants: Set<Participant>
  readonly withTransaction: SqlClient.SqlClient["withTransaction"]
  open: boolean
}

/** A participant without the type of its items. */
interface Participant {
  readonly moveUp: (from: Level, to: Level) => void
  readonly flush: (level: Level) => Effect.Effect<void>
  readonly part: (level: Level) => WrittenPart | undefined
}

/** What a participant writes, as a part of a statement. */
export interface WrittenPart extends LazyTransaction.Part {
  /** Runs inside the unit before the statement, as what follows the commit is asked for there. */
  readonly also: Effect.Effect<void>
}

/** By the client's own mark of a transaction or savepoint, which is a new object for each. */
const levels = new WeakMap<SqlClient.TransactionConnection.Service, Level>()

/** Who writes something at the end of a transaction. Make one per purpose and keep it. */
export class CommitParticipant<Item> implements Participant {
  readonly #write: (items: ReadonlyArray<Item>) => Effect.Effect<void>
  readonly #part: ((items: ReadonlyArray<Item>) => WrittenPart) | undefined
  readonly #collected = new WeakMap<Level, Array<Item>>()

  /**
   * `write` runs inside the transaction, once, last, with everything that was enlisted. Its failure rolls back.
   * `part`: the same as a part of a statement, for units that are written as one; without it they cannot be.
   */
  constructor(
    write: (items: ReadonlyArray<Item>) => Effect.Effect<void>,
    part?: (items: ReadonlyArray<Item>) => WrittenPart
  ) {
    this.#write = write
    this.#part = part
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

  part(level: Level): WrittenPart | undefined {
    return this.#part?.(this.#collected.get(level) ?? [])
  }
}

/** Keeps a failure of the caller apart from a failure of BEGIN, SAVEPOINT or COMMIT, which is a defect. */
class CallerFailure<out E> {
  readonly error: E
  constructor(error: E) {
    this.error = error
  }
}

/** What `Database` says about transactions, for this client. */
export const make = (sql: SqlClient.SqlClient) => {
  const lazily = LazyTransaction.make(sql)
  const mark = Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Context.getOrUndefined(context, sql.transactionService))
  )

  /** `withTransaction`: for the outermost level; a level inside takes that of the one around it. */
  const run = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    withTransaction: SqlClient.SqlClient["withTransaction"]
  ): Effect.Effect<A, E, R> =>
    Effect.flatMap(mark, (around) => {
      const outer = around === undefined ? undefined : levels.get(around)
      if (around !== undefined && outer === undefined) {
        return Effect.die(new Error("Database.transaction inside a bare sql.withTransaction"))
      }
      const level: Level = {
        participants: new Set(),
        withTransaction: outer?.withTransaction ?? withTransaction,
        open: true
      }
      const close = Effect.sync(() => {
        level.open = false
      })
      const body = Effect.flatMap(mark, (own) => {
        if (own !== undefined) levels.set(own, level)
        return Effect.mapError(effect, (error) => new CallerFailure(error))
      })
      const flushed = Effect.tap(body, () =>
        Effect.andThen(
          close,
          Effect.flatMap(mark, (own) => flush(level, own))
        )
      )
      const whole =
        outer === undefined
          ? level.withTransaction(flushed)
          : // Nothing may come between the release of the savepoint and the move: an interrupted fiber would lose the items.
            Effect.uninterruptibleMask((restore) =>
              Effect.tap(level.withTransaction(restore(body)), () =>
                Effect.sync(() => level.participants.forEach((participant) => participant.moveUp(level, outer)))
              )
            )
      return whole.pipe(
        Effect.ensuring(close),
        Effect.catch((failure) => (failure instanceof CallerFailure ? Effect.fail(failure.error) : Effect.die(failure)))
      )
    })

  const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    run(effect, sql.withTransaction)

  const inTransaction = Effect.map(mark, (own) => own !== undefined && levels.has(own))

  const join = <A, R>(effect: Effect.Effect<A, never, R>): Effect.Effect<A, never, R> =>
    Effect.flatMap(inTransaction, (isOpen) => (isOpen ? effect : transaction(effect)))

  const optimistic = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(inTransaction, (isOpen) => {
      if (isOpen) return transaction(effect)
      let connection: LazyTransaction.LazyConnection | undefined
      const noted = Effect.flatMap(mark, (own) => {
        connection = lazyOf(own)
        return effect
      })
      return Effect.catchCause(run(noted, lazily), (cause) =>
        connection?.isRefuted === true ? transaction(effect) : Effect.failCause(cause)
      )
    })

  const write = (...parts: LazyTransaction.Parts): Effect.Effect<void> =>
    Effect.flatMap(mark, (own) => {
      if (pending(own)?.add(parts) === true) return Effect.void
      return Effect.asVoid(Effect.orDie(LazyTransaction.joined(sql, parts)))
    })

  const claim = (part: LazyTransaction.Part, onConflict: Statement.Fragment): Effect.Effect<boolean> =>
    Effect.flatMap(mark, (own) => {
      if (pending(own)?.add([part]) === true) return Effect.succeed(true)
      return Effect.map(
        Effect.orDie(sql`${part.statement} ${onConflict} returning 1`),
        (rows: ReadonlyArray<unknown>) => rows.length > 0
      )
    })

  const aside = <A, E>(read: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(mark, (own) =>
      pending(own) === undefined
        ? read
        : Effect.updateContext(read, (context: Context.Context<never>) => Context.omit(sql.transactionService)(context))
    )

  const enlist = <Item>(participant: CommitParticipant<Item>, items: ReadonlyArray<Item>): Effect.Effect<void> =>
    Effect.flatMap(mark, (own) => {
      if (own === undefined) return Effect.die(new Error("enlist outside Database.transaction"))
      const level = levels.get(own)
      if (level === undefined) return Effect.die(new Error("enlist inside a bare sql.withTransaction"))
      if (items.length === 0) return Effect.void
      if (!level.open) return Effect.die(new Error("enlist after the transaction has ended"))
      return Effect.sync(() => participant.add(level, items))
    })

  return { transaction, join, optimistic, write, claim, aside, inTransaction, enlist, afterCommit: sql.afterCommit }
}

/** Is the innermost open transaction one that did not come from `transaction`, so that nothing enlisted would be flushed? */
export const isBare = (sql: SqlClient.SqlClient): Effect.Effect<boolean> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const own = Context.getOrUndefined(context, sql.transactionService)
    return Effect.succeed(own !== undefined && !levels.has(own))
  })

type Mark = SqlClient.TransactionConnection.Service | undefined

const lazyOf = (own: Mark): LazyTransaction.LazyConnection | undefined =>
  own?.[0] instanceof LazyTransaction.LazyConnection ? own[0] : undefined

/** The connection of an optimistic unit that needs no transaction so far. */
const pending = (own: Mark): LazyTransaction.LazyConnection | undefined => {
  const connection = lazyOf(own)
  return connection?.hasBegun === false ? connection : undefined
}

const flush = (level: Level, own: Mark): Effect.Effect<void> => {
  const participants = [...level.participants]
  const connection = pending(own)
  if (connection !== undefined) {
    const parts = participants.map((participant) => participant.part(level)).filter((part) => part !== undefined)
    if (parts.length === participants.length && connection.add(parts)) {
      return Effect.forEach(parts, ({ also }) => also, { discard: true })
    }
  }
  return Effect.forEach(participants, (participant) => participant.flush(level), { discard: true })
}
