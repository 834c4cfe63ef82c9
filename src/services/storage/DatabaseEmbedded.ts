/**
 * The embedded database: PGlite (PostgreSQL in WebAssembly) in this process, behind the same driver as a server.
 *
 * One session, so statements of different fibers take turns and a transaction holds up the others: it must not wait
 * for another fiber. No LISTEN; a stream or a reserved connection holds up everything else while it is open.
 * What was committed survives a kill and a power cut (`EmbeddedPostgres`). One process at a time (`EmbeddedLock`).
 */
import type { PGlite } from "@electric-sql/pglite"
import { PgClient } from "@effect/sql-pg"
import { Clock, Context, Effect, Layer, type Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import { join } from "node:path"
import { Database } from "./Database.ts"
import type { DatabaseInUse, DatabaseTooNew, DatabaseUnavailable } from "./DatabaseErrors.ts"
import * as EmbeddedLock from "./EmbeddedLock.ts"
import * as EmbeddedPostgres from "./EmbeddedPostgres.ts"
import * as Migrations from "./Migrations.ts"
import * as PgliteWire from "./PgliteWire.ts"
import * as UnitOfWork from "./UnitOfWork.ts"

/** Tells commands where the hub that holds the database can be reached; does nothing on a server. */
export const Advertise = Context.Reference<(url: string) => Effect.Effect<void>>(
  "hub/services/storage/DatabaseEmbedded/Advertise",
  { defaultValue: () => () => Effect.void }
)

/** Opens the database in `directory` (created when missing), or one in memory, and brings it up to date. */
export const layer = (
  directory: string | "memory"
): Layer.Layer<Database | SqlClient.SqlClient, DatabaseInUse | DatabaseTooNew | DatabaseUnavailable> =>
  Layer.effectContext(
    Effect.gen(function* () {
      if (directory === "memory") return yield* Effect.flatMap(EmbeddedPostgres.inMemory, fromPglite)
      const lock = yield* EmbeddedLock.acquire(directory)
      const pglite = yield* EmbeddedPostgres.inDirectory(join(directory, "postgres"))
      return Context.add(yield* fromPglite(pglite), Advertise, lock.advertise)
    })
  )

/** A Database on a PGlite of the caller's. For tests that bring their own. */
export const fromPglite = (
  pglite: PGlite
): Effect.Effect<Context.Context<Database | SqlClient.SqlClient>, DatabaseTooNew, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* PgClient.make({
      stream: () => PgliteWire.make(pglite),
      ssl: false,
      username: "postgres",
      database: "postgres",
      minConnections: 1,
      maxConnections: 1
    }).pipe(Effect.provide(Reactivity.layer), Effect.orDie)
    yield* Migrations.run().pipe(Effect.provideService(SqlClient.SqlClient, client))
    return Context.make(SqlClient.SqlClient, client).pipe(
      Context.add(Database, {
        kind: "embedded",
        ...UnitOfWork.make(client),
        sql: client,
        notify: () => Effect.void,
        listen: () => Effect.void
      })
    )
  }).pipe(
    // Connection time-outs run on the system's clock also under a TestClock: the connection is real.
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
  )
