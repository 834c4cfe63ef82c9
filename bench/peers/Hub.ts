/** The hub's event log and delivery, with their default settings. */
import { Effect } from "effect"
import { connections, dropSchema, schemaOf } from "../harness/database.ts"
import { Happened, sample, type Sample } from "../harness/sample.ts"
import { Delivery } from "../../src/services/events/Delivery.ts"
import { EventBus } from "../../src/services/events/EventBus.ts"
import * as RetryPolicy from "../../src/services/resilience/RetryPolicy.ts"
import { Database } from "../../src/services/storage/Database.ts"
import * as EventsRuntime from "./EventsRuntime.ts"

export const settings = `defaults, pool ${connections}`

export const start = async (name = "hub") => {
  const schema = schemaOf(name)
  await dropSchema(schema)
  const runtime = EventsRuntime.make({ schema })
  const { bus, database, delivery } = await runtime.runPromise(
    Effect.all({ bus: EventBus, database: Database, delivery: Delivery })
  )
  return {
    schema,
    runtime,
    database,
    publish: (event: Sample) => bus.publish(Happened, event),
    publishAll: (events: ReadonlyArray<Sample>) => bus.publishAll(Happened, events),
    /** Publishes samples `from` to `from + count - 1` in batches of a thousand. */
    fill: (count: number, from = 0) =>
      runtime.runPromise(
        Effect.forEach(
          Array.from({ length: count / 1000 }, (_, batch) => batch),
          (batch) =>
            bus.publishAll(
              Happened,
              Array.from({ length: 1000 }, (_, index) => sample(from + batch * 1000 + index))
            ),
          { discard: true }
        )
      ),
    /** Works until `stop`; a subscription that was there before goes on from its place, a new one starts at the end. */
    work: async (handle: (sample: Sample) => void, subscription: string) => {
      const stopped = new AbortController()
      const started = Promise.withResolvers<void>()
      const working = runtime.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            yield* delivery.subscribe({
              name: subscription,
              events: [{ definition: Happened, retry: RetryPolicy.orderDispatch }],
              handle: (event) => Effect.sync(() => handle(event.payload))
            })
            yield* Effect.sync(started.resolve)
            return yield* Effect.never
          })
        ),
        { signal: stopped.signal }
      )
      working.catch(() => {})
      await Promise.race([started.promise, working])
      return {
        /** Nothing waits any more. */
        drained: () => runtime.runPromise(delivery.drained(subscription)),
        stop: async () => {
          stopped.abort()
          await working.catch(() => {})
        }
      }
    },
    clear: () =>
      runtime.runPromise(database.sql`truncate event_log, event_subscriptions, event_parked, integration_dead_letters`),
    close: async () => {
      await runtime.dispose()
      await dropSchema(schema)
    }
  }
}
