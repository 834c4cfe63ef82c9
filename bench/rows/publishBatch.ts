/** Publishing in batches of a thousand, one commit each. */
import * as GraphileWorker from "../peers/GraphileWorker.ts"
import * as Hub from "../peers/Hub.ts"
import * as PgBossQueue from "../peers/PgBossQueue.ts"
import { rated, type Row } from "../harness/Row.ts"
import { sample } from "../harness/sample.ts"

const batches = 20
const size = 1000
const batch = (number: number) => Array.from({ length: size }, (_, index) => sample(number * size + index))

export const rows: ReadonlyArray<Row> = [
  {
    name: "publish-batch",
    work: `publishing in batches of ${size}`,
    metrics: [{ key: "", unit: "events/s", better: "more", reach: 1 }],
    ours: {
      name: "hub",
      settings: Hub.settings,
      start: async () => {
        const { clear, close, publishAll, runtime } = await Hub.start()
        return rated(batches * size, {
          clear,
          close,
          work: async () => {
            for (let number = 0; number < batches; number++) await runtime.runPromise(publishAll(batch(number)))
          }
        })
      }
    },
    peers: [
      {
        name: "graphile-worker",
        settings: GraphileWorker.settings,
        start: async () => {
          const { clear, close, utils } = await GraphileWorker.start()
          return rated(batches * size, {
            clear,
            close,
            work: async () => {
              for (let number = 0; number < batches; number++) {
                await utils.addJobs(batch(number).map((payload) => ({ identifier: GraphileWorker.task, payload })))
              }
            }
          })
        }
      },
      {
        name: "pg-boss",
        settings: PgBossQueue.settings,
        start: async () => {
          const { boss, clear, close } = await PgBossQueue.start()
          return rated(batches * size, {
            clear,
            close,
            work: async () => {
              for (let number = 0; number < batches; number++) {
                await boss.insert(
                  PgBossQueue.queue,
                  batch(number).map((data) => ({ data }))
                )
              }
            }
          })
        }
      }
    ]
  }
]
