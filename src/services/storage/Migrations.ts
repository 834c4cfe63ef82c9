/**
 * Brings the database to this program's version, in one transaction. Hubs that start at once on one server take turns;
 * a database that is newer than the program is refused and not touched.
 */
import { Effect, Schema } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { DatabaseTooNew } from "./DatabaseErrors.ts"
import { events } from "./migrations/0001_events.ts"
import { catalog } from "./migrations/0002_catalog.ts"
import { orders } from "./migrations/0003_orders.ts"
import { security } from "./migrations/0004_security.ts"
import { shopProducts } from "./migrations/0005_shop_products.ts"
import { shopOrders } from "./migrations/0006_shop_orders.ts"
import { designs } from "./migrations/0007_designs.ts"
import { providers } from "./migrations/0008_providers.ts"
import { companies } from "./migrations/0009_companies.ts"
import { healthAlerts } from "./migrations/0011_health_alerts.ts"
import { callLog } from "./migrations/0010_call_log.ts"
import { runtimeConfig } from "./migrations/0012_runtime_config.ts"
import { eventCorrelation } from "./migrations/0013_event_correlation.ts"

/** In order; never changed once released, only added to. */
const all: ReadonlyArray<Migrator.ResolvedMigration> = [
  [1, "events", Effect.succeed(events)],
  [2, "catalog", Effect.succeed(catalog)],
  [3, "orders", Effect.succeed(orders)],
  [4, "security", Effect.succeed(security)],
  [5, "shop_products", Effect.succeed(shopProducts)],
  [6, "shop_orders", Effect.succeed(shopOrders)],
  [7, "designs", Effect.succeed(designs)],
  [8, "providers", Effect.succeed(providers)],
  [9, "companies", Effect.succeed(companies)],
  [10, "call_log", Effect.succeed(callLog)],
  [11, "health_alerts", Effect.succeed(healthAlerts)],
  [12, "runtime_config", Effect.succeed(runtimeConfig)],
  [13, "event_correlation", Effect.succeed(eventCorrelation)]
]

const table = "hub_migrations"

/** `schema`: made when missing; the connections' search path must lead to it already. Default: where they lead. */
export const run = (
  options: { readonly schema?: string } = {}
): Effect.Effect<void, DatabaseTooNew, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    // Also `create schema if not exists` and `create table` fail when two do it at once. The lock goes with the commit.
    yield* sql`select pg_advisory_xact_lock(hashtextextended(${`${table} ${options.schema ?? ""}`}, 0))`
    if (options.schema !== undefined) yield* sql`create schema if not exists ${sql(options.schema)}`
    const known = Math.max(...all.map(([id]) => id))
    const found = yield* latest
    if (found > known) return yield* new DatabaseTooNew({ found, known })
    if (found < known) yield* Migrator.make({})({ loader: Effect.succeed(all), table })
  }).pipe(inTransaction, Effect.catchTag(["SqlError", "MigrationError"], Effect.die))

const inTransaction = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(effect))

/** Number of the last migration that this database has had, 0 for none. */
const latest = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [{ exists }] = yield* decodeExists(yield* sql`select to_regclass(${table}) is not null as exists`)
  if (!exists) return 0
  const [{ found }] = yield* decodeFound(yield* sql`select coalesce(max(migration_id), 0) as found from ${sql(table)}`)
  return found
})

const decodeExists = row({ exists: Schema.Boolean })
const decodeFound = row({ found: Schema.Int })

function row<Fields extends Schema.Struct.Fields>(fields: Fields) {
  const decode = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct(fields)]))
  return (rows: unknown) => Effect.orDie(decode(rows))
}
