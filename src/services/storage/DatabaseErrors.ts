/** Why a database cannot be used, and how to tell a lost connection from other failures. */
import { Cause, Predicate, Schema } from "effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/** Another process has the embedded database open. A second one would damage it. */
export class DatabaseInUse extends Schema.TaggedError<DatabaseInUse>()("DatabaseInUse", {
  directory: Schema.String
}) {
  override get message(): string {
    return (
      `The database in ${this.directory} is in use by another process. Stop that hub first, or work through its ` +
      "HTTP API (HUB_URL). A second hub needs a directory of its own (HUB_DATA_DIR) or a PostgreSQL server (DATABASE_URL)."
    )
  }
}

/** The database was written by a newer version of the hub. */
export class DatabaseTooNew extends Schema.TaggedError<DatabaseTooNew>()("DatabaseTooNew", {
  /** Latest migration in the database. */
  found: Schema.Int,
  /** Latest migration of this program. */
  known: Schema.Int
}) {
  override get message(): string {
    return `The database has migration ${this.found}, this hub knows up to ${this.known}. Start a newer version of the hub.`
  }
}

/** The database cannot be reached or opened. The cause never holds the connection's password. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The database cannot be opened: ${this.reason}`
  }
}

/**
 * Did this fail because the database could not be reached, was shut down or restarted, or gave up on a lock, a deadlock
 * or a serialization? Worth another try later, with everything the transaction did.
 * After a failure during COMMIT nobody knows whether it took effect: repeat only what may happen twice.
 */
export const isConnectionFailure = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) => {
    const error = Cause.isDieReason(reason) ? reason.defect : Cause.isFailReason(reason) ? reason.error : undefined
    if (error instanceof DatabaseUnavailable) return true
    return isSqlError(error) && (error.isRetryable || shuttingDown.has(sqlState(error)))
  })

/** Did it fail because there was no connection, so that the statement cannot have reached the database? */
export const isUnsent = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.every((reason) => {
    const error = Cause.isDieReason(reason) ? reason.defect : Cause.isFailReason(reason) ? reason.error : undefined
    return isSqlError(error) && error.reason._tag === "ConnectionError" && error.reason.operation === "connect"
  })

/** admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout, too_many_connections. */
const shuttingDown: ReadonlySet<unknown> = new Set(["57P01", "57P02", "57P03", "57P05", "53300"])

const sqlState = (error: SqlError): unknown =>
  Predicate.hasProperty(error.reason.cause, "code") ? error.reason.cause.code : undefined
