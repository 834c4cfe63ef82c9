/** A signed order webhook: verified, stored, event committed, answered. */
import { createHmac, randomBytes, randomUUID } from "node:crypto"
import { Client } from "pg"
import { load, makeDatabase, startServer } from "../harness/server.ts"
import type { Contender, Row } from "../harness/Row.ts"

const secretBytes = randomBytes(32)
const secret = `whsec_${secretBytes.toString("base64")}`
/** The shop's number of the one product. */
const productNo = 700

/** An order that nobody has sent yet. */
const signedOrder = () => {
  const body = JSON.stringify({
    orderNo: randomUUID(),
    orderAmount: 15_000,
    orderer: { name: "Kim", phone: "010-0000-0000" },
    items: [{ productNo, quantity: 1, price: 15_000 }]
  })
  const id = randomUUID()
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signature = createHmac("sha256", secretBytes).update(`${id}.${timestamp}.${body}`).digest("base64")
  return {
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`
    },
    body
  }
}

const rounds = (server: { readonly url: string; readonly stop: () => Promise<void> }, drop: () => Promise<void>) => ({
  round: async () => {
    const { p99, rate } = await load({
      url: `${server.url}/api/v1/integration/shopby/orders`,
      method: "POST",
      setupRequest: signedOrder,
      expect: 201
    })
    return { rate, p99 }
  },
  close: async () => {
    await server.stop()
    await drop()
  }
})

const hub: Contender = {
  name: "hub",
  settings: "MES and Edicus off, Shopby sandbox",
  start: async () => {
    const database = await makeDatabase("webhook_hub")
    const key = "bench-admin-key-0123456789"
    const server = await startServer(["src/main.ts"], {
      DATABASE_URL: database.url,
      HUB_ADMIN_KEY: key,
      SHOPBY_WEBHOOK_SECRETS: secret,
      MES_MODE: "off",
      EDICUS_MODE: "off"
    })
    await fetch(`${server.url}/api/v1/products`, {
      method: "POST",
      headers: { "x-api-key": key, "content-type": "application/json" },
      body: JSON.stringify({ name: "Card", huniCode: "12345", productType: "card", sellingPrice: 15_000 })
    })
    const client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query(
      `insert into shop_products (product_id, mode, shopby_id, sync_status, listing, last_synced_at, updated_at)
       values (1, 'sandbox', $1, 'synced', $2, now(), now())`,
      [
        productNo,
        { managementCode: "12345", name: "Card", categoryNo: 1, salePrice: 15_000, onSale: true, options: null }
      ]
    )
    await client.end()
    return rounds(server, database.drop)
  }
}

const fastify: Contender = {
  name: "Fastify and pg",
  settings: "the same checks and rows, by hand, pool 20",
  start: async () => {
    const database = await makeDatabase("webhook_fastify")
    const server = await startServer(["bench/servers/fastify.ts"], {
      DATABASE_URL: database.url,
      WEBHOOK_SECRET: secret
    })
    return rounds(server, database.drop)
  }
}

export const rows: ReadonlyArray<Row> = [
  {
    name: "webhook",
    work: "signed order webhook in, 20 connections",
    metrics: [
      { key: "rate", unit: "requests/s", better: "more", reach: 1 },
      { key: "p99", unit: "ms", better: "less", reach: 0.83 }
    ],
    ours: hub,
    peers: [fastify]
  }
]
