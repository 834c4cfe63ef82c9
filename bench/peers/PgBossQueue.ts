/** pg-boss with batches, burst fetching and LISTEN/NOTIFY, as its documentation recommends for throughput and latency. */
import { PgBoss } from "pg-boss"
import { connections, databaseUrl, dropSchema, schemaOf } from "../harness/database.ts"

export const settings = "batchSize 1000, burstWhenBatchFull, LISTEN/NOTIFY, pool 20"

export const queue = "happened"

export const start = async (name = "pgboss") => {
  const schema = schemaOf(name)
  await dropSchema(schema)
  const boss = new PgBoss({
    connectionString: databaseUrl,
    schema,
    max: connections,
    schedule: false,
    useListenNotify: true
  })
  boss.on("error", () => {})
  await boss.start()
  await boss.createQueue(queue, { notify: true })
  return {
    boss,
    schema,
    /** Works until `stop`. */
    work: async (handle: (payload: unknown) => void) => {
      const id = await boss.work(
        queue,
        { batchSize: 1000, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
        async (jobs) => {
          for (const { data } of jobs) handle(data)
        }
      )
      return { stop: () => boss.offWork(queue, { id }) }
    },
    clear: () => boss.deleteAllJobs(queue),
    close: async () => {
      await boss.stop({ graceful: false })
      await dropSchema(schema)
    }
  }
}
