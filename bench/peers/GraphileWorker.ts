/**
 * graphile-worker, with the settings its documentation names for throughput (worker.graphile.org/docs/performance):
 * local queue, batched completion, more jobs at once than cores.
 */
import { Logger, makeWorkerUtils, run, type TaskList, type WorkerUtils } from "graphile-worker"
import { escapeIdentifier, Pool } from "pg"
import { connections, databaseUrl, dropSchema, schemaOf } from "../harness/database.ts"

export const settings = "localQueue 500, completeJobBatchDelay 0, concurrentJobs 24, pool 20"

const quiet = new Logger(() => () => {})

export interface Graphile {
  readonly utils: WorkerUtils
  readonly schema: string
  readonly pool: Pool
  /** Works until `stop`. */
  readonly work: (handle: (payload: unknown) => void) => Promise<{ readonly stop: () => Promise<void> }>
  readonly clear: () => Promise<void>
  readonly close: () => Promise<void>
}

export const task = "happened"

export const start = async (name = "graphile"): Promise<Graphile> => {
  const schema = schemaOf(name)
  await dropSchema(schema)
  const pool = new Pool({ connectionString: databaseUrl, max: connections })
  pool.on("error", () => {})
  const utils = await makeWorkerUtils({ pgPool: pool, schema, logger: quiet })
  await utils.migrate()
  return {
    utils,
    schema,
    pool,
    work: async (handle) => {
      const taskList: TaskList = {
        [task]: async (payload) => handle(payload)
      }
      const runner = await run({
        pgPool: pool,
        schema,
        taskList,
        noHandleSignals: true,
        logger: quiet,
        preset: {
          worker: {
            concurrentJobs: 24,
            pollInterval: 1000,
            localQueue: { size: 500 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0
          }
        }
      })
      return { stop: () => runner.stop() }
    },
    clear: async () => {
      await pool.query(`truncate ${escapeIdentifier(schema)}._private_jobs`)
    },
    close: async () => {
      await utils.release()
      await pool.end()
      await dropSchema(schema)
    }
  }
}
