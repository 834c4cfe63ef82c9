/**
 * A PostgreSQL server, 15 or later, through a pool. Lost connections are replaced by themselves; a statement that was
 * running on one fails (see `isConnectionFailure`).
 *
 * Statements of different fibers never share a connection (`multiplex` stays off): one that waits for a lock would hold
 * up the others. A transaction that its process has left alone for 10 s is ended by the server, so that a frozen hub,
 * or one that the network has cut off, does not keep its locks from the others. A statement that is not answered for 8 s
 * fails as with a lost connection (`AnswerTimeout`).
 */
import { PgClient, type PgConnection } from "@effect/sql-pg"
import { Clock, Context, Effect, Layer, Predicate, Redacted, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import * as AnswerTimeout from "./AnswerTimeout.ts"
import * as ConnectPace from "./ConnectPace.ts"
import { Database } from "./Database.ts"
import { type DatabaseTooNew, DatabaseUnavailable } from "./DatabaseErrors.ts"
import * as Migrations from "./Migrations.ts"
import * as Notifications from "./Notifications.ts"
import * as UnitOfWork from "./UnitOfWork.ts"

export interface ServerOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: Redacted.Redacted
  /** Created when missing; everything of the hub lies in it. Default: the connection's own search path. */
  readonly schema?: string
  /** Default 20. One more is used for listening. */
  readonly maxConnections?: number
}

/** Enough that commits go to the disk in groups, and few enough that several hubs fit on a server of a hundred. */
export const defaultConnections = 20

export const layer = (
  options: ServerOptions
): Layer.Layer<Database | SqlClient.SqlClient, DatabaseUnavailable | DatabaseTooNew> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const unwatched: PgConnection.Config = {
        url: options.url,
        applicationName: "integration-hub",
        keepAlive: "30 seconds",
        startupParameters: {
          timezone: "UTC",
          idle_in_transaction_session_timeout: "10s",
          ...(options.schema === undefined ? {} : { search_path: `"${options.schema.replaceAll('"', '""')}"` })
        }
      }
      // On a connection of its own: a migration may take longer than an answer may.
      const migrating = PgClient.make({ ...unwatched, maxConnections: 1 }).pipe(
        Effect.provide(Reactivity.layer),
        Effect.mapError(unavailable),
        Effect.tap(requireVersion),
        Effect.flatMap((client) => Effect.provideService(Migrations.run(options), SqlClient.SqlClient, client))
      )
      yield* Effect.scoped(migrating)
      const url = new URL(Redacted.value(options.url))
      const pace = ConnectPace.make()
      const connection: PgConnection.Config = {
        ...unwatched,
        stream: AnswerTimeout.streamOf(url, pace.ended),
        password: Effect.as(pace.wait, Redacted.make(passwordOf(url)))
      }
      const client = yield* PgClient.make({
        ...connection,
        maxConnections: options.maxConnections ?? defaultConnections,
        minConnections: 1
      }).pipe(Effect.provide(Reactivity.layer), Effect.mapError(unavailable))
      const { notify, listen } = yield* Notifications.make(client, connection)
      return Context.make(SqlClient.SqlClient, client).pipe(
        Context.add(Database, {
          kind: "server",
          ...UnitOfWork.make(client),
          sql: client,
          notify,
          listen
        })
      )
    }).pipe(
      // Connections and their pauses are real also under a TestClock.
      Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
    )
  )

const passwordOf = (url: URL): string => url.searchParams.get("password") ?? decodeURIComponent(url.password)

const oldestVersion = 15

/** The first statement: it also shows whether the server can be reached at all. */
const requireVersion = Effect.fnUntraced(function* (client: PgClient.PgClient) {
  const rows = yield* client`select current_setting('server_version_num')::int / 10000 as version`.pipe(
    Effect.mapError(unavailable)
  )
  const [{ version }] = yield* Effect.orDie(decodeVersion(rows))
  if (version < oldestVersion) {
    return yield* new DatabaseUnavailable({
      reason: `the server is PostgreSQL ${version}, the hub needs ${oldestVersion} or later`
    })
  }
})

const decodeVersion = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ version: Schema.Int })]))

/** Messages only: the cause of an address that cannot be read holds the whole address, with its password. */
const unavailable = (error: SqlError.SqlError): DatabaseUnavailable => {
  const { cause } = error.reason
  const detail = Predicate.hasProperty(cause, "message") ? `: ${String(cause.message)}` : ""
  return new DatabaseUnavailable({ reason: `${error.message}${detail}` })
}
