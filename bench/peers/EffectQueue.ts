/** Effect's PersistedQueue on SQL, on the driver and pool that the hub uses. Many takers: each handles one at a time. */
import { Effect, Layer, Logger, ManagedRuntime, Redacted } from "effect"
import { PersistedQueue } from "effect/persistence"
import { connections, databaseUrl, dropSchema, schemaOf } from "../harness/database.ts"
import * as DatabaseServer from "../../src/services/storage/DatabaseServer.ts"
import { payload, type Sample } from "../harness/sample.ts"

export const settings = `layerStoreSql, pollInterval 100 ms, 50 takers, pool ${connections}`

const takers = 50

export const start = async (name = "persisted") => {
  const schema = schemaOf(name)
  await dropSchema(schema)
  const runtime = ManagedRuntime.make(
    PersistedQueue.layer.pipe(
      Layer.provide(PersistedQueue.layerStoreSql({ pollInterval: "100 millis" })),
      Layer.provideMerge(
        DatabaseServer.layer({ url: Redacted.make(databaseUrl), schema, maxConnections: connections })
      ),
      Layer.provideMerge(Logger.layer([]))
    )
  )
  const queue = await runtime.runPromise(PersistedQueue.make({ name: "happened", schema: payload }))
  return {
    schema,
    runtime,
    offer: (sample: Sample) => queue.offer(sample),
    /** Works until `stop`. */
    work: async (handle: (sample: Sample) => void) => {
      const stopped = new AbortController()
      const taking = runtime.runPromise(
        Effect.forEach(
          Array.from({ length: takers }),
          () => Effect.forever(queue.take((sample) => Effect.sync(() => handle(sample)))),
          { concurrency: "unbounded", discard: true }
        ),
        { signal: stopped.signal }
      )
      taking.catch(() => {})
      return {
        stop: async () => {
          stopped.abort()
          await taking.catch(() => {})
        }
      }
    },
    close: async () => {
      await runtime.dispose()
      await dropSchema(schema)
    }
  }
}
