/** The hub's event log and delivery on the server's PostgreSQL, in a schema, for the benchmarks. */
import { Layer, Logger, ManagedRuntime, Redacted } from "effect"
import { connections, databaseUrl } from "../harness/database.ts"
import { EventLogSettings } from "../../src/services/events/EventLogSettings.ts"
import * as Events from "../../src/services/events/Events.ts"
import * as DatabaseServer from "../../src/services/storage/DatabaseServer.ts"

/** Defaults, but for the pool and, where it is given, the number of partitions. */
export const make = (options: { readonly schema: string; readonly partitions?: number }) =>
  ManagedRuntime.make(
    Events.layerSql.pipe(
      Layer.provide(
        Layer.succeed(EventLogSettings, {
          ...EventLogSettings.defaultValue(),
          ...(options.partitions === undefined ? {} : { partitions: options.partitions })
        })
      ),
      Layer.provideMerge(
        DatabaseServer.layer({ url: Redacted.make(databaseUrl), schema: options.schema, maxConnections: connections })
      ),
      Layer.provideMerge(Logger.layer([]))
    )
  )
