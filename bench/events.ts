/**
 * How fast events are published and handled on a PostgreSQL server. Prints a table last.
 *
 *   HUB_BENCH_DATABASE_URL=postgres://… node bench/events.ts
 *
 * Works in a schema of its own and drops it afterwards.
 */
import { Effect, Layer, Logger, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { defineEvent } from "../src/domain/events/Event.ts"
import { Delivery } from "../src/services/events/Delivery.ts"
import { EventBus } from "../src/services/events/EventBus.ts"
import * as Events from "../src/services/events/Events.ts"
import * as RetryPolicy from "../src/services/resilience/RetryPolicy.ts"
import { Database } from "../src/services/storage/Database.ts"
import * as DatabaseServer from "../src/services/storage/DatabaseServer.ts"

const Happened = defineEvent("bench.happened", {
  payload: Schema.Struct({ orderId: Schema.String, source: Schema.Literals(["widget", "shopby"]), place: Schema.Int }),
  key: ({ orderId }) => `order:${orderId}`
})
const sample = (place: number) => ({ orderId: `ord_${place % 5000}`, source: "widget" as const, place })

const url = process.env["HUB_BENCH_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/test"
const schema = `hub_bench_${process.pid}`
const database = DatabaseServer.layer({ url: Redacted.make(url), schema })

const table: Array<{ readonly work: string; readonly events: number; readonly perSecond: number }> = []

/** Runs it once to warm up and then `rounds` times; keeps the best. */
const measure = <E, R>(work: string, events: number, effect: Effect.Effect<unknown, E, R>, rounds = 3) =>
  Effect.gen(function* () {
    let best = Infinity
    for (let round = 0; round <= rounds; round++) {
      const startedAt = performance.now()
      yield* effect
      if (round > 0 || rounds === 0) best = Math.min(best, performance.now() - startedAt)
    }
    const perSecond = Math.round((events / best) * 1000)
    console.log(`${work}: ${perSecond}/s`)
    table.push({ work, events, perSecond })
  })

const publishing = Effect.gen(function* () {
  const bus = yield* EventBus
  const { transaction } = yield* Database
  let place = 0
  const publish = Effect.suspend(() => bus.publish(Happened, sample(place++)))
  const many = (count: number, concurrency: number) =>
    Effect.forEach(
      Array.from({ length: concurrency }),
      () => Effect.forEach(Array.from({ length: count / concurrency }), () => publish, { discard: true }),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
  yield* measure("publish, concurrency 1", 1000, many(1000, 1))
  yield* measure("publish, concurrency 20", 20_000, many(20_000, 20))
  yield* measure("publish, concurrency 500", 50_000, many(50_000, 500))
  yield* measure(
    "publish, 1000 in a transaction",
    20_000,
    Effect.repeat(transaction(Effect.forEach(Array.from({ length: 1000 }), () => publish, { discard: true })), {
      times: 19
    })
  )
})

const handling = (subscribers: number) =>
  Effect.gen(function* () {
    const bus = yield* EventBus
    const delivery = yield* Delivery
    const { transaction } = yield* Database
    const { sql } = yield* Database
    const count = 50_000
    const fill = Effect.forEach(
      Array.from({ length: count / 1000 }, (_, batch) => batch),
      (batch) =>
        transaction(
          Effect.forEach(
            Array.from({ length: 1000 }, (_, index) => batch * 1000 + index),
            (place) => bus.publish(Happened, sample(place)),
            { discard: true }
          )
        ),
      { discard: true }
    )
    for (let round = 0; round < 4; round++) {
      yield* sql`truncate event_log, event_subscriptions, event_parked, integration_dead_letters`
      yield* fill
      const names = Array.from({ length: subscribers }, (_, index) => `bench${round}_${index}`)
      let handled = 0
      const handle = () => Effect.sync(() => void handled++)
      const startedAt = performance.now()
      yield* Effect.scoped(
        Effect.gen(function* () {
          for (const name of names) {
            yield* delivery.subscribe({
              name,
              from: "start",
              events: [{ definition: Happened, retry: RetryPolicy.orderDispatch }],
              handle
            })
          }
          yield* Effect.forEach(names, delivery.drained, { concurrency: "unbounded" })
        })
      )
      const millis = performance.now() - startedAt
      const work = `handle ${count} events, ${subscribers} subscriber${subscribers === 1 ? "" : "s"}`
      const perSecond = Math.round((handled / millis) * 1000)
      console.log(`${work}: ${perSecond}/s`)
      if (round === 3) table.push({ work, events: handled, perSecond })
    }
  })

const together = Effect.gen(function* () {
  const bus = yield* EventBus
  const delivery = yield* Delivery
  const count = 50_000
  let handled = 0
  yield* delivery.subscribe({
    name: "together",
    events: [{ definition: Happened, retry: RetryPolicy.orderDispatch }],
    handle: () => Effect.sync(() => void handled++)
  })
  let place = 0
  const publish = Effect.suspend(() => bus.publish(Happened, sample(place++)))
  yield* measure(
    "publish (concurrency 500) and handle, until all are handled",
    count,
    Effect.andThen(
      Effect.forEach(
        Array.from({ length: 500 }),
        () => Effect.forEach(Array.from({ length: count / 500 }), () => publish, { discard: true }),
        {
          concurrency: "unbounded",
          discard: true
        }
      ),
      delivery.drained("together")
    )
  )
  return handled
}).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.addFinalizer(() => Effect.orDie(sql`drop schema ${sql(schema)} cascade`))
  yield* Effect.gen(function* () {
    yield* publishing
    yield* handling(1)
    yield* handling(3)
    yield* together
  }).pipe(Effect.provide(Events.layerSql))
  console.table(table)
}).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(database, Logger.layer([]))))

await Effect.runPromise(program)
