/**
 * Standard Webhooks signatures: pure signing and verification, no I/O, no clock.
 *
 * Guarantees: the signature covers `id.timestamp.rawBody` byte for byte; every comparison takes constant time; the
 * timestamp is parsed strictly and must be within the tolerance both ways; any of several secrets may match, so that a
 * secret can be rotated without a gap. Does not remember ids: see `WebhookInbox`.
 *
 * Uses node's synchronous HMAC: `effect/crypto` Mac goes through WebCrypto, a promise and a thread per signature, which
 * costs tens of microseconds on the hottest path there is.
 *
 * Source: https://www.standardwebhooks.com, specification 1.0.
 */
import { Option, Redacted, Result } from "effect"
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto"

/** A signing key: 24 to 64 bytes. */
export type WebhookSecret = Redacted.Redacted<Uint8Array>

/** The key of a `whsec_` text (base64 of 24 to 64 bytes); none when it is malformed. */
export const secretFromText = (text: Redacted.Redacted): Option.Option<WebhookSecret> => {
  const base64 = /^whsec_([A-Za-z0-9+/]{32,}={0,2})$/.exec(Redacted.value(text))?.[1]
  if (base64 === undefined) return Option.none()
  const bytes = Buffer.from(base64, "base64")
  // 32 characters, which the pattern asks for, are 24 bytes.
  return bytes.length > 64
    ? Option.none()
    : Option.some(Redacted.make(new Uint8Array(bytes), { label: "WebhookSecret" }))
}

/** The `whsec_` text of a key, to hand to the sender. */
export const secretToText = (secret: WebhookSecret): Redacted.Redacted =>
  Redacted.make(`whsec_${Buffer.from(Redacted.value(secret)).toString("base64")}`, { label: "WebhookSecret" })

/** Why a request was not accepted. Goes to the security log, never to the sender. */
export type Refusal =
  | "missing-header"
  | "malformed-id"
  | "malformed-timestamp"
  | "too-old"
  | "too-new"
  | "no-secret"
  | "wrong-signature"

/** Five minutes, both ways. */
export const toleranceMillis = 300_000

/** The `webhook-signature` value for a body, for clients and tests. */
export const sign = (options: {
  readonly secret: WebhookSecret
  readonly id: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly body: Uint8Array | string
}): string => `v1,${digest(options.secret, options.id, String(options.timestamp), options.body)}`

/**
 * How an adapter's system signs. Succeeds with the id of the webhook when the request is authentic and fresh.
 * `verify` is the default; an adapter whose system signs differently brings its own.
 */
export type SignatureScheme = (request: {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
  readonly secrets: ReadonlyArray<WebhookSecret>
  /** Milliseconds since 1970. */
  readonly now: number
}) => Result.Result<string, Refusal>

/**
 * Standard Webhooks: `webhook-id`, `webhook-timestamp` (seconds, decimal) and `webhook-signature` (`v1,<base64>`,
 * several separated by spaces).
 */
export const verify: SignatureScheme = ({ body, headers, now, secrets }) => {
  const id = headers["webhook-id"]
  const timestamp = headers["webhook-timestamp"]
  const signature = headers["webhook-signature"]
  if (id === undefined || signature === undefined || timestamp === undefined) return Result.fail("missing-header")
  if (!idPattern.test(id)) return Result.fail("malformed-id")
  if (!timestampPattern.test(timestamp)) return Result.fail("malformed-timestamp")
  const age = now - Number(timestamp) * 1000
  if (age > toleranceMillis) return Result.fail("too-old")
  if (age < -toleranceMillis) return Result.fail("too-new")
  if (secrets.length === 0) return Result.fail("no-secret")
  const candidates: Array<Buffer> = []
  for (const part of signature.split(" ", maxSignatures)) {
    if (part.startsWith("v1,")) candidates.push(Buffer.from(part.slice(3)))
  }
  let matches = false
  for (const secret of secrets) {
    const expected = Buffer.from(digest(secret, id, timestamp, body))
    for (const candidate of candidates) {
      // The text is compared, not the decoded bytes: base64 has several spellings of the same bytes.
      if (candidate.length === expected.length && timingSafeEqual(candidate, expected)) matches = true
    }
  }
  return matches ? Result.succeed(id) : Result.fail("wrong-signature")
}

// What is in the way of log and storage is refused before it is verified.
const idPattern = /^[\x21-\x7e]{1,255}$/
const timestampPattern = /^[1-9]\d{0,11}$/
// A header is at most 16 KiB; this bounds the work of a forged one.
const maxSignatures = 16

const digest = (secret: WebhookSecret, id: string, timestamp: string, body: Uint8Array | string): string =>
  createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest("base64")

/** Made once per secret: from bytes node makes it anew for every signature, which costs several times the HMAC. */
const keyOf = (secret: WebhookSecret): KeyObject => {
  let key = keys.get(secret)
  if (key === undefined) keys.set(secret, (key = createSecretKey(Redacted.value(secret))))
  return key
}
const keys = new WeakMap<WebhookSecret, KeyObject>()
