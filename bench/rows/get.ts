/** A plain GET: the hub with everything a request goes through, beside the same route in a bare HttpApi server. */
import { load, makeDatabase, startServer } from "../harness/server.ts"
import type { Row } from "../harness/Row.ts"

const key = "bench-admin-key-0123456789"

/** A hub on a database of its own, with one product. */
const startHub = async () => {
  const database = await makeDatabase("get")
  const server = await startServer(["src/main.ts"], { DATABASE_URL: database.url, HUB_ADMIN_KEY: key })
  const made = await fetch(`${server.url}/api/v1/products`, {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: JSON.stringify({ name: "Card", huniCode: "12345", productType: "card" })
  })
  if (made.status !== 201) throw new Error(`the product was not made: ${made.status}`)
  return { database, server }
}

/** Both servers read the same database: the bare one is given the hub's. */
let shared: ReturnType<typeof startHub> | undefined
const hub = () => (shared ??= startHub())

export const rows: ReadonlyArray<Row> = [
  {
    name: "get",
    work: "GET /api/v1/products/1, 20 connections",
    metrics: [{ key: "", unit: "requests/s", better: "more", reach: 0.8 }],
    ours: {
      name: "hub",
      settings: "a key, checks, correlation, problem documents",
      start: async () => {
        const { database, server } = await hub()
        return {
          round: async () => ({
            "": (await load({ url: `${server.url}/api/v1/products/1`, headers: { "x-api-key": key }, expect: 200 }))
              .rate
          }),
          close: async () => {
            await server.stop()
            await database.drop()
            shared = undefined
          }
        }
      }
    },
    peers: [
      {
        name: "bare HttpApi",
        settings: "the same service and database, no middleware",
        start: async () => {
          const { database } = await hub()
          const server = await startServer(["bench/servers/bareApi.ts"], { DATABASE_URL: database.url })
          return {
            round: async () => ({ "": (await load({ url: `${server.url}/api/v1/products/1`, expect: 200 })).rate }),
            close: server.stop
          }
        }
      }
    ]
  }
]
