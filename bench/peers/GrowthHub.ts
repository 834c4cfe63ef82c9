/** The hub's events for `growth.ts`: one schema that several processes share, and a payload of any size. */
import { Effect, Schema } from "effect"
import { defineEvent } from "../../src/domain/events/Event.ts"
import { Delivery } from "../../src/services/events/Delivery.ts"
import { EventBus } from "../../src/services/events/EventBus.ts"
import * as RetryPolicy from "../../src/services/resilience/RetryPolicy.ts"
import { dropSchema, schemaOf } from "../harness/database.ts"
import * as EventsRuntime from "./EventsRuntime.ts"

export const schema = process.env["GROWTH_SCHEMA"] ?? schemaOf("growth")
export const drop = () => dropSchema(schema)

const Filled = defineEvent("bench.filled", {
  payload: Schema.Struct({ orderId: Schema.String, place: Schema.Int, text: Schema.String }),
  key: ({ orderId }) => `order:${orderId}`
})

/** `fresh`: on an empty schema. */
export const start = async (options: {
  readonly schema: string
  readonly partitions: number
  readonly fresh: boolean
}) => {
  if (options.fresh) await dropSchema(options.schema)
  const runtime = EventsRuntime.make(options)
  const { bus, delivery } = await runtime.runPromise(Effect.all({ bus: EventBus, delivery: Delivery }))
  const subscription = (name: string, handle: () => void) =>
    delivery.subscribe({
      name,
      events: [{ definition: Filled, retry: RetryPolicy.orderDispatch }],
      handle: () => Effect.sync(handle)
    })
  return {
    /** Gives the subscription its place in the log: what follows is waiting for it. */
    register: (name: string) => runtime.runPromise(Effect.scoped(subscription(name, () => {}))),
    fill: (count: number, payload: number) => {
      const text = "x".repeat(Math.max(0, payload - 50))
      // A megabyte or a thousand a batch, whichever is less.
      const size = Math.max(1, Math.min(1000, Math.floor(1_000_000 / payload)))
      const event = (place: number) => ({ orderId: `ord_${place % 5000}`, place, text })
      return runtime.runPromise(
        Effect.forEach(
          Array.from({ length: Math.ceil(count / size) }, (_, batch) => batch * size),
          (from) =>
            bus.publishAll(
              Filled,
              Array.from({ length: Math.min(size, count - from) }, (_, index) => event(from + index))
            ),
          { discard: true }
        )
      )
    },
    /** Resolves when each of these subscriptions has handled `count` events. */
    drain: async (names: ReadonlyArray<string>, count: number) => {
      const done = Promise.withResolvers<void>()
      let left = names.length * count
      const stopped = new AbortController()
      const working = runtime.runPromise(
        Effect.scoped(
          Effect.andThen(
            Effect.forEach(names, (name) => subscription(name, () => void (--left === 0 && done.resolve())), {
              discard: true
            }),
            Effect.never
          )
        ),
        { signal: stopped.signal }
      )
      working.catch(() => {})
      await Promise.race([done.promise, working])
      stopped.abort()
      await working.catch(() => {})
    },
    close: () => runtime.dispose()
  }
}
