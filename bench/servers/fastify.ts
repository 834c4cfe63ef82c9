/**
 * What somebody would write by hand for the order webhook of the shop: Fastify 5, the same signature check over the raw
 * body, and the same rows in one transaction of `pg`: the webhook's id, order, item, history, event.
 */
import Fastify from "fastify"
import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto"
import { Pool } from "pg"
import { connections } from "../harness/database.ts"

const secret = Buffer.from((process.env["WEBHOOK_SECRET"] ?? "").replace("whsec_", ""), "base64")
const pool = new Pool({ connectionString: process.env["DATABASE_URL"], max: connections })

await pool.query(`
  create table if not exists inbox (id text primary key, received_at timestamptz not null, status int not null, body text not null);
  create table if not exists products (id int primary key, shopby_id bigint unique);
  insert into products values (1, 700) on conflict do nothing;
  create table if not exists orders (
    id text primary key, external_order_id text not null unique, status text not null, customer jsonb not null,
    total bigint not null, raw text not null, correlation_id text not null, created_at timestamptz not null);
  create table if not exists order_items (
    id int generated always as identity primary key, order_id text not null references orders (id),
    product_id int not null references products (id), quantity int not null);
  create table if not exists history (
    id int generated always as identity primary key, order_id text not null references orders (id),
    status text not null, actor text not null, at timestamptz not null);
  create table if not exists events (
    seq bigint generated always as identity primary key, id uuid not null unique, type text not null, key text not null,
    payload jsonb not null, correlation_id text not null, at timestamptz not null)
`)

interface Order {
  readonly orderNo: string
  readonly orderAmount: number
  readonly orderer: { readonly name: string }
  readonly items: ReadonlyArray<{ readonly productNo: number; readonly quantity: number }>
}

const text = (value: string | Array<string> | undefined) => (typeof value === "string" ? value : "")

const verified = (
  headers: Readonly<Record<string, string | Array<string> | undefined>>,
  body: Buffer
): string | null => {
  const id = text(headers["webhook-id"])
  const timestamp = text(headers["webhook-timestamp"])
  if (id === "" || !/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return null
  const expected = Buffer.from(createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest("base64"))
  const matches = text(headers["webhook-signature"])
    .split(" ")
    .some((part) => {
      const found = Buffer.from(part.replace(/^v1,/, ""))
      return found.length === expected.length && timingSafeEqual(found, expected)
    })
  return matches ? id : null
}

const app = Fastify()
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body))
app.post<{ Body: Buffer }>(
  "/api/v1/integration/shopby/orders",
  {
    schema: {
      response: {
        201: {
          type: "object",
          properties: {
            orderId: { type: "string" },
            externalOrderId: { type: "string" },
            source: { type: "string" },
            status: { type: "string" },
            needsAttention: { type: "boolean" }
          }
        }
      }
    }
  },
  async (request, reply) => {
    const webhookId = verified(request.headers, request.body)
    if (webhookId === null) return reply.code(401).send({ title: "Unauthorized", status: 401 })
    const raw = request.body.toString("utf8")
    const order: Order = JSON.parse(raw)
    const client = await pool.connect()
    try {
      await client.query("begin")
      const seen = await client.query("select status, body from inbox where id = $1", [webhookId])
      if (seen.rows[0] !== undefined) {
        await client.query("commit")
        return await reply.code(seen.rows[0].status).send(JSON.parse(seen.rows[0].body))
      }
      const known = await client.query("select id from orders where external_order_id = $1", [order.orderNo])
      if (known.rows[0] !== undefined) {
        await client.query("commit")
        return await reply.code(200).send({ orderId: known.rows[0].id })
      }
      const orderId = `ord_${createHash("sha256").update(order.orderNo).digest("hex").slice(0, 26)}`
      const products = await client.query("select id, shopby_id from products where shopby_id = any($1)", [
        order.items.map(({ productNo }) => productNo)
      ])
      const at = new Date()
      const correlationId = randomUUID()
      await client.query("insert into orders values ($1, $2, 'CONFIRMED', $3, $4, $5, $6, $7)", [
        orderId,
        order.orderNo,
        JSON.stringify(order.orderer),
        order.orderAmount,
        raw,
        correlationId,
        at
      ])
      await client.query(
        "insert into order_items (order_id, product_id, quantity) select $1, unnest($2::int[]), unnest($3::int[])",
        [orderId, products.rows.map(({ id }) => id), order.items.map(({ quantity }) => quantity)]
      )
      await client.query("insert into history (order_id, status, actor, at) values ($1, 'CONFIRMED', 'shopby', $2)", [
        orderId,
        at
      ])
      await client.query(
        "insert into events (id, type, key, payload, correlation_id, at) values ($1, 'order.created', $2, $3, $4, $5)",
        [randomUUID(), `order:${orderId}`, JSON.stringify({ orderId, source: "shopby" }), correlationId, at]
      )
      const answer = {
        orderId,
        externalOrderId: order.orderNo,
        source: "shopby",
        status: "CONFIRMED",
        needsAttention: false
      }
      await client.query("insert into inbox values ($1, $2, 201, $3)", [webhookId, at, JSON.stringify(answer)])
      await client.query("commit")
      return await reply.code(201).send(answer)
    } catch (error) {
      await client.query("rollback")
      throw error
    } finally {
      client.release()
    }
  }
)

const url = await app.listen({ port: 0, host: "127.0.0.1" })
console.log(`listening ${url}`)
process.on("SIGTERM", () => process.exit(0))
