/**
 * A transaction that begins with its first statement, or never: what wants to be written at its end can go as a single
 * statement, which commits by itself and costs no BEGIN and no COMMIT.
 *
 * It is a transaction of the client in every other respect: `transactionService` and `afterCommit` know it.
 * In the one statement the writes take place in the order in which they were handed over, as in a transaction, so locks
 * are taken in the same order too. PostgreSQL promises no order; should it change, there would be deadlocks, which it
 * finds, and nothing wrong would be written.
 */
import { Effect, Predicate, Scope, Semaphore, Stream } from "effect"
import { SqlClient, type SqlConnection, SqlError, type Statement } from "effect/sql"

/** A write of which only the success matters, as a part of a statement: `with name as (statement)`. */
export interface Part {
  /** A plain SQL name. Later parts may read what this one returns. */
  readonly name: string
  readonly statement: Statement.Fragment
}
export type Parts = readonly [Part, ...ReadonlyArray<Part>]

/** What the fiber finds as the connection of its transaction. The first statement begins the transaction. */
export class LazyConnection implements SqlConnection.Connection {
  /** A key that was thought to be free was taken. */
  isRefuted = false
  /** Written before the first statement, or with the commit. */
  #groups: ReadonlyArray<ReadonlyArray<Part>> = []
  #begun: SqlConnection.Connection | undefined
  /** What was kept before the first statement is written: from then on statements of several fibers need not wait. */
  #isReady = false
  readonly #sql: SqlClient.SqlClient
  readonly #scope: Scope.Scope
  readonly #beginning = Semaphore.makeUnsafe(1)

  constructor(sql: SqlClient.SqlClient, scope: Scope.Scope) {
    this.#sql = sql
    this.#scope = scope
  }

  get hasBegun(): boolean {
    return this.#begun !== undefined
  }

  /** Keeps them for the one statement, after those before; false: a name is used already. */
  add(parts: ReadonlyArray<Part>): boolean {
    const names = new Set(this.#groups.flat().map(({ name }) => name))
    if (parts.some(({ name }) => names.has(name))) return false
    if (parts.length > 0) this.#groups = [...this.#groups, parts]
    return true
  }

  readonly #begin: Effect.Effect<SqlConnection.Connection, SqlError.SqlError> = Effect.suspend(() => {
    if (this.#isReady && this.#begun !== undefined) return Effect.succeed(this.#begun)
    return this.#beginning.withPermit(
      Effect.suspend(() => {
        // Begun by another fiber meanwhile; or without success, and then every statement fails.
        if (this.#begun !== undefined) return Effect.succeed(this.#begun)
        return Scope.provide(this.#sql.reserve, this.#scope).pipe(
          Effect.tap((connection) => {
            this.#begun = connection
            return connection.execute("BEGIN", [], undefined)
          }),
          Effect.tap((connection) => this.#write(connection)),
          Effect.tap(() => {
            this.#isReady = true
            return Effect.void
          })
        )
      })
    )
  })

  readonly #write = (connection: SqlConnection.Connection): Effect.Effect<void, SqlError.SqlError> => {
    if (this.#groups.length === 0) return Effect.void
    // PostgreSQL carries out the writes of a `with` from the last to the first, but what one reads before it.
    const [text, values] = joined(this.#sql, this.#groups.toReversed().flat()).compile()
    this.#groups = []
    return Effect.asVoid(
      Effect.tapError(connection.execute(text, values, undefined), (error) =>
        Effect.sync(() => {
          if (error.reason._tag === "UniqueViolation") this.isRefuted = true
        })
      )
    )
  }

  readonly commit: Effect.Effect<void, SqlError.SqlError> = Effect.suspend(() => {
    if (this.#begun !== undefined) {
      return Effect.flatMap(this.#begun.executeRaw("COMMIT", []), (result) =>
        Predicate.hasProperty(result, "command") && result.command === "ROLLBACK"
          ? Effect.fail(rolledBack)
          : Effect.void
      )
    }
    if (this.#groups.length === 0) return Effect.void
    return Effect.scoped(Effect.flatMap(this.#sql.reserve, this.#write))
  })

  readonly rollback: Effect.Effect<void, SqlError.SqlError> = Effect.suspend(() =>
    this.#begun === undefined ? Effect.void : Effect.asVoid(this.#begun.execute("ROLLBACK", [], undefined))
  )

  readonly execute: SqlConnection.Connection["execute"] = (...args) =>
    Effect.flatMap(this.#begin, (connection) => connection.execute(...args))
  readonly executeRaw: SqlConnection.Connection["executeRaw"] = (...args) =>
    Effect.flatMap(this.#begin, (connection) => connection.executeRaw(...args))
  readonly executeStream: SqlConnection.Connection["executeStream"] = (...args) =>
    Stream.unwrap(Effect.map(this.#begin, (connection) => connection.executeStream(...args)))
  readonly executeValues: SqlConnection.Connection["executeValues"] = (...args) =>
    Effect.flatMap(this.#begin, (connection) => connection.executeValues(...args))
  readonly executeValuesUnprepared: SqlConnection.Connection["executeValuesUnprepared"] = (...args) =>
    Effect.flatMap(this.#begin, (connection) => connection.executeValuesUnprepared(...args))
  readonly executeUnprepared: SqlConnection.Connection["executeUnprepared"] = (...args) =>
    Effect.flatMap(this.#begin, (connection) => connection.executeUnprepared(...args))
}

/** `sql.withTransaction` over lazy connections, also for the savepoints inside. */
export const make = (sql: SqlClient.SqlClient) =>
  SqlClient.makeWithTransaction<SqlClient.TransactionConnection, SqlConnection.Connection>({
    transactionService: sql.transactionService,
    spanAttributes: [],
    acquireConnection: () => Effect.map(Effect.scope, (scope) => new LazyConnection(sql, scope)),
    begin: () => Effect.void,
    commit: (connection) => (connection instanceof LazyConnection ? connection.commit : Effect.void),
    rollback: (connection) => (connection instanceof LazyConnection ? connection.rollback : Effect.void),
    savepoint: (connection, id) => control(connection, `SAVEPOINT hub_${id}`),
    releaseSavepoint: (connection, id) => control(connection, `RELEASE SAVEPOINT hub_${id}`),
    rollbackSavepoint: (connection, id) => control(connection, `ROLLBACK TO SAVEPOINT hub_${id}`)
  })

const control = (connection: SqlConnection.Connection, statement: string) =>
  Effect.asVoid(connection.execute(statement, [], undefined))

/** One statement of all parts. */
export const joined = (sql: SqlClient.SqlClient, parts: ReadonlyArray<Part>) =>
  sql`with ${sql.join(", ", false)(parts.map(({ name, statement }) => sql`${sql(name)} as (${statement})`))} select`

/** As the driver says it. */
const rolledBack = new SqlError.SqlError({
  reason: new SqlError.UnknownError({
    cause: new Error("COMMIT rolled back an aborted transaction"),
    message: "COMMIT rolled back an aborted transaction",
    operation: "commit"
  })
})
