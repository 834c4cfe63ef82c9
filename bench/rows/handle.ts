/** Events that wait, handled by one subscriber with a no-op handler; the hub and PersistedQueue decode by Schema. */
import { Effect } from "effect"
import { Client, escapeIdentifier } from "pg"
import * as EffectQueue from "../peers/EffectQueue.ts"
import * as GraphileWorker from "../peers/GraphileWorker.ts"
import * as Hub from "../peers/Hub.ts"
import * as PgBossQueue from "../peers/PgBossQueue.ts"
import { databaseUrl } from "../harness/database.ts"
import { seconds, type Contender, type Row } from "../harness/Row.ts"
import { sample } from "../harness/sample.ts"

/** Resolves when `count` were handled. */
const counter = (count: number) => {
  const done = Promise.withResolvers<void>()
  let handled = 0
  return {
    done: done.promise,
    handle: () => {
      if (++handled === count) done.resolve()
    }
  }
}

/** Handles `count` events that are in the log already; `stop` is not part of the time. */
const drain = async (
  count: number,
  work: (handle: () => void) => Promise<{ readonly stop: () => Promise<unknown> }>
) => {
  const { done, handle } = counter(count)
  const working: Array<{ readonly stop: () => Promise<unknown> }> = []
  const took = await seconds(async () => {
    working.push(await work(handle))
    await done
  })
  for (const { stop } of working) await stop()
  return count / took
}

const count = 50_000

const hub = (name: string, before: (hub: Awaited<ReturnType<typeof Hub.start>>) => Promise<() => Promise<void>>) =>
  ({
    name,
    settings: Hub.settings,
    start: async () => {
      const started = await Hub.start(name)
      const after = await before(started)
      let published = 0
      return {
        round: async () => {
          // The first run gives the subscription its place in the log, before what it is to handle.
          const first = await started.work(() => {}, "bench")
          await first.drained()
          await first.stop()
          await started.fill(count, published)
          published += count
          return { "": await drain(count, (handle) => started.work(handle, "bench")) }
        },
        close: async () => {
          await after()
          await started.close()
        }
      }
    }
  }) satisfies Contender

const alone = hub("hub", async () => async () => {})

const withBacklog = hub("hub, 1 000 000 behind", async ({ fill }) => {
  await fill(1_000_000)
  return async () => {}
})

const withReader = hub("hub, REPEATABLE READ reader", async ({ schema }) => {
  const reader = new Client({ connectionString: databaseUrl })
  await reader.connect()
  await reader.query("begin isolation level repeatable read")
  await reader.query(`select count(*) from ${escapeIdentifier(schema)}.event_log`)
  return () => reader.end()
})

const graphile: Contender = {
  name: "graphile-worker",
  settings: GraphileWorker.settings,
  start: async () => {
    const { clear, close, utils, work } = await GraphileWorker.start()
    return {
      round: async () => {
        await clear()
        for (let batch = 0; batch < count / 1000; batch++) {
          await utils.addJobs(
            Array.from({ length: 1000 }, (_, index) => ({
              identifier: GraphileWorker.task,
              payload: sample(batch * 1000 + index)
            }))
          )
        }
        return { "": await drain(count, work) }
      },
      close
    }
  }
}

const pgBoss: Contender = {
  name: "pg-boss",
  settings: PgBossQueue.settings,
  start: async () => {
    const { boss, clear, close, work } = await PgBossQueue.start()
    return {
      round: async () => {
        await clear()
        for (let batch = 0; batch < count / 1000; batch++) {
          await boss.insert(
            PgBossQueue.queue,
            Array.from({ length: 1000 }, (_, index) => ({ data: sample(batch * 1000 + index) }))
          )
        }
        return { "": await drain(count, work) }
      },
      close
    }
  }
}

/** A tenth of the events: at its pace the whole number takes half a minute a round. */
const few = count / 10

const persisted: Contender = {
  name: "PersistedQueue",
  settings: EffectQueue.settings,
  start: async () => {
    const { close, offer, runtime, work } = await EffectQueue.start()
    return {
      round: async () => {
        await runtime.runPromise(
          Effect.forEach(
            Array.from({ length: few }, (_, place) => sample(place)),
            offer,
            { concurrency: 50, discard: true }
          )
        )
        return { "": await drain(few, work) }
      },
      close
    }
  }
}

export const rows: ReadonlyArray<Row> = [
  {
    name: "handle",
    work: `${count} waiting events handled by one subscriber`,
    metrics: [{ key: "", unit: "events/s", better: "more", reach: 2 }],
    ours: alone,
    peers: [graphile, pgBoss, persisted]
  },
  {
    name: "handle-backlog",
    work: `the same with 1 000 000 events behind, beside itself without them`,
    metrics: [{ key: "", unit: "events/s", better: "more", reach: 0.95 }],
    ours: withBacklog,
    peers: [alone]
  },
  {
    name: "handle-reader",
    work: "the same with a REPEATABLE READ reader held open, beside itself without it",
    metrics: [{ key: "", unit: "events/s", better: "more", reach: 0.95 }],
    ours: withReader,
    peers: [alone]
  }
]
