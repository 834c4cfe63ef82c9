/** From the call of publish to the start of the handler, at 500 events/s, in one process. */
import * as EffectQueue from "../peers/EffectQueue.ts"
import * as GraphileWorker from "../peers/GraphileWorker.ts"
import * as Hub from "../peers/Hub.ts"
import * as PgBossQueue from "../peers/PgBossQueue.ts"
import { quantile, type Row } from "../harness/Row.ts"
import { sample } from "../harness/sample.ts"

const perSecond = 500
const lasting = 5
const total = perSecond * lasting

/**
 * Publishes on a fixed timetable (not after the last answer: nothing that is late gets an easier time) and takes the
 * time from when an event was due. `place` identifies it.
 */
const paced = (publish: (place: number) => Promise<unknown>) => {
  const due = new Map<number, number>()
  const waits: Array<number> = []
  const done = Promise.withResolvers<void>()
  let next = 0
  return {
    handle: (place: number) => {
      const at = due.get(place)
      if (at === undefined) return
      waits.push(performance.now() - at)
      due.delete(place)
      if (waits.length === total) done.resolve()
    },
    run: async (base: number) => {
      const started = performance.now()
      const timer = setInterval(() => {
        const elapsed = performance.now() - started
        while (next < total && (next * 1000) / perSecond <= elapsed) {
          const place = base + next
          due.set(place, started + (next * 1000) / perSecond)
          next++
          publish(place).catch((error: unknown) => done.reject(error))
        }
        if (next === total) clearInterval(timer)
      }, 1)
      try {
        await done.promise
      } finally {
        clearInterval(timer)
      }
      return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) }
    }
  }
}

interface Queue {
  readonly publish: (place: number) => Promise<unknown>
  readonly work: (handle: (place: number) => void) => Promise<{ readonly stop: () => Promise<unknown> }>
  readonly close: () => Promise<void>
}

const rounds = (queue: Queue) => {
  let base = 0
  return {
    round: async () => {
      const { handle, run } = paced(queue.publish)
      const working = await queue.work(handle)
      const measured = await run((base += total))
      await working.stop()
      return measured
    },
    close: queue.close
  }
}

const placeOf = (payload: unknown): number =>
  typeof payload === "object" && payload !== null && "place" in payload && typeof payload.place === "number"
    ? payload.place
    : -1

export const rows: ReadonlyArray<Row> = [
  {
    name: "latency",
    work: `publish to handler start at ${perSecond} events/s`,
    metrics: [
      { key: "p50", unit: "ms", better: "less", reach: 1 },
      { key: "p99", unit: "ms", better: "less", reach: 1 }
    ],
    ours: {
      name: "hub",
      settings: Hub.settings,
      start: async () => {
        const { close, publish, runtime, work } = await Hub.start()
        return rounds({
          publish: (place) => runtime.runPromise(publish(sample(place))),
          work: async (handle) => {
            const working = await work((event) => handle(event.place), "bench")
            await working.drained()
            return working
          },
          close
        })
      }
    },
    peers: [
      {
        name: "graphile-worker",
        settings: GraphileWorker.settings,
        start: async () => {
          const { close, utils, work } = await GraphileWorker.start()
          return rounds({
            publish: (place) => utils.addJob(GraphileWorker.task, sample(place)),
            work: (handle) => work((payload) => handle(placeOf(payload))),
            close
          })
        }
      },
      {
        name: "pg-boss",
        settings: PgBossQueue.settings,
        start: async () => {
          const { boss, close, work } = await PgBossQueue.start()
          return rounds({
            publish: (place) => boss.send(PgBossQueue.queue, sample(place)),
            work: (handle) => work((payload) => handle(placeOf(payload))),
            close
          })
        }
      },
      {
        name: "PersistedQueue",
        settings: EffectQueue.settings,
        start: async () => {
          const { close, offer, runtime, work } = await EffectQueue.start()
          return rounds({
            publish: (place) => runtime.runPromise(offer(sample(place))),
            work: (handle) => work((event) => handle(event.place)),
            close
          })
        }
      }
    ]
  }
]
