/** Webhooks as an outside system sends them: signed by hand, after the text of Standard Webhooks alone. */
import { createHmac, randomUUID } from "node:crypto"

/** The key that tests sign with, and how the hub is told of it. */
export const key = Buffer.alloc(32, 7)
export const secret = `whsec_${key.toString("base64")}`

/** Headers for this body, as it goes over the wire. */
export const signed = (
  body: string | Buffer,
  { id = `msg_${randomUUID()}`, seconds = Math.floor(new Date().getTime() / 1000), by = key } = {}
): Readonly<Record<string, string>> => ({
  "content-type": "application/json",
  "webhook-id": id,
  "webhook-timestamp": String(seconds),
  "webhook-signature": `v1,${createHmac("sha256", by).update(`${id}.${seconds}.`).update(body).digest("base64")}`
})
