/** From `node src/main.ts` to ready on the embedded database, which was made by a first start. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startServer } from "../harness/server.ts"
import { seconds, type Row } from "../harness/Row.ts"

export const rows: ReadonlyArray<Row> = [
  {
    name: "start",
    work: "start to ready, embedded database, second start",
    metrics: [{ key: "", unit: "s", better: "less", reach: 1 }],
    ours: {
      name: "hub",
      settings: "sandboxes",
      start: async () => {
        const directory = await mkdtemp(join(tmpdir(), "hub-bench-"))
        return {
          round: async () => {
            const servers: Array<Awaited<ReturnType<typeof startServer>>> = []
            const took = await seconds(async () => {
              const server = await startServer(["src/main.ts"], { HUB_DATA_DIR: directory })
              servers.push(server)
              await fetch(`${server.url}/health/ready`)
            })
            for (const { stop } of servers) await stop()
            return { "": took }
          },
          close: () => rm(directory, { recursive: true, force: true })
        }
      }
    },
    peers: [
      { name: "limit", settings: "2 s", start: async () => ({ round: async () => ({ "": 2 }), close: async () => {} }) }
    ]
  }
]
