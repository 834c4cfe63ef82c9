/**
 * The hub's PostgreSQL: one dialect, one driver, a server or an embedded database in the process.
 *
 * `transaction` is the only way to write state and publish events together: what the events service enlists while it
 * runs is appended once, as the last statement before the commit, and nothing of it survives a rollback.
 * SQL failures are defects here (`orDie`): callers handle business errors only. Layers: `DatabaseEmbedded`,
 * `DatabaseServer`.
 *
 * The same on both: sessions are in UTC; bool is a boolean, int4 and float8 a number, int8 (also `count(*)` and sums of
 * integers) a bigint, numeric a text, timestamptz a Date (milliseconds), date and uuid a text, jsonb its value, bytea a
 * Uint8Array, arrays an array. A text as parameter takes the type of its place. Only `collate "C"` orders texts alike.
 */
import { Context, type Effect, type Scope } from "effect"
import type { SqlClient, Statement } from "effect/sql"
import type { Part, Parts } from "./LazyTransaction.ts"
import type { CommitParticipant } from "./UnitOfWork.ts"

export class Database extends Context.Service<
  Database,
  {
    /** `embedded`: PGlite, one session, no LISTEN, no streaming. `server`: a pool to a PostgreSQL server. */
    readonly kind: "embedded" | "server"
    readonly sql: SqlClient.SqlClient
    /**
     * Runs `effect` in a transaction, or in a savepoint when one is open already. Commits on success, rolls back on
     * failure, defect and interruption. Must not span an outbound call nor wait for another fiber.
     */
    readonly transaction: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /**
     * Runs `effect` as a part of the open transaction, or in one of its own when none is open. It cannot fail, so it needs
     * no savepoint of its own, which would cost two statements; its defect takes the open transaction with it.
     */
    readonly join: <A, R>(effect: Effect.Effect<A, never, R>) => Effect.Effect<A, never, R>
    /**
     * A transaction for work that mostly inserts. What goes through `write` and `claim`, and what is enlisted, is kept for
     * the end and written as one statement, which costs one round trip instead of one each and two for the transaction.
     * Any other statement in it begins an ordinary transaction on the way; so does a savepoint.
     * When a claimed key turns out to be taken, `effect` runs again, as an ordinary transaction: it must not mind.
     */
    readonly optimistic: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Writes of which only the success matters: together with others in an optimistic unit, otherwise at once. */
    readonly write: (...parts: Parts) => Effect.Effect<void>
    /**
     * An insert that may find its unique key taken; then `onConflict` applies (`on conflict …`, without `returning`), and it
     * is true if that wrote a row. An optimistic unit takes it that the key is free, and says true.
     */
    readonly claim: (insert: Part, onConflict: Statement.Fragment) => Effect.Effect<boolean>
    /** A read that takes no lock and need not see what its transaction has written: an optimistic unit stays one. */
    readonly aside: <A, E>(read: Effect.Effect<A, E>) => Effect.Effect<A, E>
    /** Is a transaction opened by `transaction` around the current fiber? */
    readonly inTransaction: Effect.Effect<boolean>
    /**
     * Hands items to a participant of the open transaction; they are dropped when their savepoint rolls back, and
     * flushed together when the outermost level commits. A defect outside `transaction`, inside a bare
     * `sql.withTransaction` (`UnitOfWork.isBare`), and in a fiber that outlived the transaction.
     */
    readonly enlist: <Item>(participant: CommitParticipant<Item>, items: ReadonlyArray<Item>) => Effect.Effect<void>
    /** Runs after the commit of the open transaction, outside of it, or at once when none is open. Keep it short. */
    readonly afterCommit: (effect: Effect.Effect<void>) => Effect.Effect<void>
    /** Tells other processes on this database that `channel` has news. Coalesced; never inside a transaction. No-op when embedded. */
    readonly notify: (channel: string) => Effect.Effect<void>
    /**
     * Calls back after notifications on `channel` (one call for several that came together), and once at the start and
     * after each reconnection (something may have been missed). A callback that fails is logged.
     * Returns when listening has begun; reconnects by itself until the scope closes. No-op when embedded.
     */
    readonly listen: (channel: string, onNotify: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  }
>()("hub/services/storage/Database") {}
