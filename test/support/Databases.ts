/**
 * Runs a suite on every kind of database: the embedded one in memory, and a PostgreSQL server when one is reachable
 * (`HUB_TEST_DATABASE_URL`, else 127.0.0.1:5432/test). Each build of a layer gives an empty, migrated database.
 *
 * An embedded instance is emptied and used again by the next test of the file that asks for one: starting one takes
 * half a second.
 */
import { PGlite } from "@electric-sql/pglite"
import { PgConnection } from "@effect/sql-pg"
import { describe } from "@effect/vitest"
import { Effect, Layer, Redacted, type Scope } from "effect"
import type { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { join } from "node:path"
import type { Database } from "../../src/services/storage/Database.ts"
import * as DatabaseEmbedded from "../../src/services/storage/DatabaseEmbedded.ts"
import * as DatabaseServer from "../../src/services/storage/DatabaseServer.ts"
import { emptyCluster } from "./EmptyCluster.ts"
import { dataDirectory } from "./HubProcess.ts"
import * as TestServer from "./TestServer.ts"

export type DatabaseLayer = Layer.Layer<Database | SqlClient.SqlClient>

const idle: Array<PGlite> = []

/** An empty, migrated embedded database. */
export const embedded: DatabaseLayer = Layer.effectContext(
  Effect.gen(function* () {
    const pglite = yield* Effect.acquireRelease(
      Effect.promise(async () => idle.pop() ?? PGlite.create({ loadDataDir: await emptyCluster() })),
      (pglite) => Effect.sync(() => idle.push(pglite))
    )
    yield* Effect.promise(() => pglite.exec("rollback; drop schema public cascade; create schema public"))
    return yield* Effect.orDie(DatabaseEmbedded.fromPglite(pglite))
  })
)

/** A data directory with an empty database in it, that need not be made first. Removed with the scope. */
export const embeddedDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.tap(dataDirectory, (directory) =>
  Effect.promise(async () => {
    const pglite = await PGlite.create({ dataDir: join(directory, "postgres"), loadDataDir: await emptyCluster() })
    await pglite.close()
  })
)

/** Where that server is. */
export const serverUrl = TestServer.url

/** Is there a PostgreSQL server for tests? */
export const hasServer = TestServer.answers

/** A schema of its own on the server; two layers of the same schema are two processes on one database. */
export const serverIn = (schema: string): DatabaseLayer =>
  Layer.orDie(DatabaseServer.layer({ url: Redacted.make(serverUrl), schema, maxConnections: 8 }))

/** A name for a schema on the server, which is dropped with the scope. */
export const freshSchema: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => `hub_test_${randomUUID().replaceAll("-", "")}`),
  (schema) =>
    Effect.gen(function* () {
      const admin = yield* PgConnection.make({ url: Redacted.make(serverUrl) })
      yield* admin.query(`drop schema if exists "${schema}" cascade`)
    }).pipe(Effect.scoped, Effect.orDie)
)

/** An empty, migrated schema of its own on the server, dropped afterwards. */
export const server: DatabaseLayer = Layer.unwrap(Effect.map(freshSchema, serverIn))

/** One `describe` per kind of database. */
export const describeDatabases = (name: string, suite: (database: DatabaseLayer) => void): void => {
  describe(`${name} (embedded PostgreSQL)`, () => suite(embedded))
  describe.skipIf(!hasServer)(`${name} (PostgreSQL server)`, () => suite(server))
}
