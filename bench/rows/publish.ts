/** Durable publish: the call returns when the event is committed. */
import { Effect } from "effect"
import * as EffectQueue from "../peers/EffectQueue.ts"
import * as GraphileWorker from "../peers/GraphileWorker.ts"
import * as Hub from "../peers/Hub.ts"
import * as PgBossQueue from "../peers/PgBossQueue.ts"
import { rated, type Contender, type Row } from "../harness/Row.ts"
import { sample } from "../harness/sample.ts"

const lanes = (concurrency: number) => Array.from({ length: concurrency })

/** `count` calls by `concurrency` callers, each waiting for its own. */
const effects = (count: number, concurrency: number, publish: (place: number) => Effect.Effect<unknown, unknown>) => {
  let place = 0
  return Effect.forEach(
    lanes(concurrency),
    () => Effect.forEach(lanes(count / concurrency), () => Effect.suspend(() => publish(place++)), { discard: true }),
    { concurrency: "unbounded", discard: true }
  )
}

const promises = async (count: number, concurrency: number, publish: (place: number) => Promise<unknown>) => {
  let place = 0
  await Promise.all(
    lanes(concurrency).map(async () => {
      for (let index = 0; index < count / concurrency; index++) await publish(place++)
    })
  )
}

const hub = (concurrency: number, count: number): Contender => ({
  name: "hub",
  settings: Hub.settings,
  start: async () => {
    const { clear, close, publish, runtime } = await Hub.start()
    return rated(count, {
      clear,
      close,
      work: () => runtime.runPromise(effects(count, concurrency, (place) => publish(sample(place))))
    })
  }
})

const graphile = (concurrency: number, count: number): Contender => ({
  name: "graphile-worker",
  settings: GraphileWorker.settings,
  start: async () => {
    const { clear, close, utils } = await GraphileWorker.start()
    return rated(count, {
      clear,
      close,
      work: () => promises(count, concurrency, (place) => utils.addJob(GraphileWorker.task, sample(place)))
    })
  }
})

const pgBoss = (concurrency: number, count: number): Contender => ({
  name: "pg-boss",
  settings: PgBossQueue.settings,
  start: async () => {
    const { boss, clear, close } = await PgBossQueue.start()
    return rated(count, {
      clear,
      close,
      work: () => promises(count, concurrency, (place) => boss.send(PgBossQueue.queue, sample(place)))
    })
  }
})

const persisted = (concurrency: number, count: number): Contender => ({
  name: "PersistedQueue",
  settings: EffectQueue.settings,
  start: async () => {
    const { close, offer, runtime } = await EffectQueue.start()
    return rated(count, {
      close,
      work: () => runtime.runPromise(effects(count, concurrency, (place) => offer(sample(place))))
    })
  }
})

const at = (concurrency: number, count: number, few: number): Row => ({
  name: `publish-${concurrency}`,
  work: `durable publish, ${concurrency} at once`,
  metrics: [{ key: "", unit: "events/s", better: "more", reach: 3 }],
  ours: hub(concurrency, count),
  peers: [graphile(concurrency, few), pgBoss(concurrency, few), persisted(concurrency, few)]
})

/** The slower ones publish fewer a round: a rate is a rate, and the table should come this hour. */
export const rows: ReadonlyArray<Row> = [at(20, 20_000, 3000), at(500, 50_000, 5000)]
