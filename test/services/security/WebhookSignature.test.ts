import { assert, describe, it } from "@effect/vitest"
import { Option, Redacted, Result, Schema } from "effect"
import {
  secretFromText,
  secretToText,
  sign,
  toleranceMillis,
  verify,
  type WebhookSecret
} from "../../../src/services/security/WebhookSignature.ts"

const secret = (fill: number, length = 32): WebhookSecret => Redacted.make(new Uint8Array(length).fill(fill))

const now = 1_760_000_000_000
const seconds = now / 1000
const body = new TextEncoder().encode(`{"mesJobId":"MJ-1","status":"제작중"}`)

const signed = (options: { id?: string; timestamp?: string; body?: Uint8Array; key?: WebhookSecret } = {}) => {
  const id = options.id ?? "msg_1"
  const timestamp = options.timestamp ?? String(seconds)
  return {
    headers: {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": sign({
        secret: options.key ?? secret(1),
        id,
        timestamp: Number(timestamp),
        body: options.body ?? body
      })
    },
    body: options.body ?? body,
    secrets: [secret(1)],
    now
  }
}

const refusal = (request: Parameters<typeof verify>[0]) =>
  Result.match(verify(request), {
    onSuccess: (id) => `accepted ${id}`,
    onFailure: (reason) => reason
  })

/** The text with one bit of one character flipped. */
const flip = (text: string, at: number): string => {
  const bit = at % 7
  const index = Math.floor(at / 7) % text.length
  const flipped = String.fromCharCode(text.charCodeAt(index) ^ (1 << bit))
  return text.slice(0, index) + flipped + text.slice(index + 1)
}

const Position = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000 }))

describe("WebhookSignature", () => {
  it("knows the example of the Standard Webhooks specification", () => {
    const key = Option.getOrThrow(secretFromText(Redacted.make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
    assert.strictEqual(
      sign({ secret: key, id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1614265330, body: `{"test": 2432232314}` }),
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
  })

  it("AC-NFR-001 a valid signature passes, whatever the body's bytes", () => {
    assert.strictEqual(refusal(signed()), "accepted msg_1")
    assert.strictEqual(refusal(signed({ body: new Uint8Array() })), "accepted msg_1")
    assert.strictEqual(refusal(signed({ body: Uint8Array.from([0xff, 0x00, 0xfe]) })), "accepted msg_1")
  })

  it.prop("AC-NFR-001 any flipped bit of the body is refused", [Position], ([at]) => {
    const changed = Uint8Array.from(body)
    const index = at % changed.length
    changed[index] = (changed[index] ?? 0) ^ (1 << (at % 8))
    assert.strictEqual(refusal({ ...signed(), body: changed }), "wrong-signature")
  })

  it.prop("AC-NFR-001 any flipped bit of the signature, the id or the timestamp is refused", [Position], ([at]) => {
    for (const header of ["webhook-signature", "webhook-id", "webhook-timestamp"] as const) {
      const request = signed()
      const changed = { ...request, headers: { ...request.headers, [header]: flip(request.headers[header], at) } }
      assert.isFalse(Result.isSuccess(verify(changed)), JSON.stringify(changed.headers))
    }
  })

  it("compares the signature's text: another spelling of the same base64 is refused", () => {
    const request = signed()
    const text = request.headers["webhook-signature"]
    // The last character before the padding carries two unused bits.
    const last = text.at(-2) ?? ""
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    const twin = alphabet[alphabet.indexOf(last) ^ 1] ?? ""
    const headers = { ...request.headers, "webhook-signature": `${text.slice(0, -2)}${twin}=` }
    assert.isTrue(
      Buffer.from(text.slice(3), "base64").equals(Buffer.from(headers["webhook-signature"].slice(3), "base64"))
    )
    assert.strictEqual(refusal({ ...request, headers }), "wrong-signature")
  })

  it("compares whole characters: another one with the same low byte is refused", () => {
    const request = signed()
    const text = request.headers["webhook-signature"]
    for (let index = 3; index < text.length; index++) {
      const twin = String.fromCharCode(0x100 + text.charCodeAt(index))
      const headers = { ...request.headers, "webhook-signature": text.slice(0, index) + twin + text.slice(index + 1) }
      assert.strictEqual(refusal({ ...request, headers }), "wrong-signature", twin)
    }
  })

  it("accepts five minutes of difference both ways, and not a millisecond more", () => {
    const request = signed()
    assert.strictEqual(refusal({ ...request, now: now + toleranceMillis }), "accepted msg_1")
    assert.strictEqual(refusal({ ...request, now: now - toleranceMillis }), "accepted msg_1")
    assert.strictEqual(refusal({ ...request, now: now + toleranceMillis + 1 }), "too-old")
    assert.strictEqual(refusal({ ...request, now: now - toleranceMillis - 1 }), "too-new")
  })

  it("parses the timestamp strictly", () => {
    const odd = [
      "",
      " 1760000000",
      "1760000000 ",
      "+1760000000",
      "01760000000",
      "1760000000.0",
      "1.76e9",
      "0x68e7",
      "１"
    ]
    for (const timestamp of odd) {
      const headers = { ...signed().headers, "webhook-timestamp": timestamp }
      assert.strictEqual(refusal({ ...signed(), headers }), "malformed-timestamp", JSON.stringify(timestamp))
    }
  })

  it("knows several secrets and several signatures, of which one must match", () => {
    const request = signed({ key: secret(2) })
    assert.strictEqual(refusal({ ...request, secrets: [secret(1), secret(2), secret(3)] }), "accepted msg_1")
    assert.strictEqual(refusal({ ...request, secrets: [secret(1), secret(3)] }), "wrong-signature")
    assert.strictEqual(refusal({ ...request, secrets: [] }), "no-secret")
    const [own, other] = [signed(), signed({ key: secret(9) })].map(({ headers }) => headers["webhook-signature"])
    const headers = { ...request.headers, "webhook-signature": `v1a,AAAA ${other} ${own}` }
    assert.strictEqual(refusal({ ...signed(), headers }), "accepted msg_1")
  })

  it("says what is missing or malformed", () => {
    for (const header of ["webhook-signature", "webhook-id", "webhook-timestamp"] as const) {
      const { [header]: _, ...headers } = signed().headers
      assert.strictEqual(refusal({ ...signed(), headers }), "missing-header")
    }
    for (const id of ["", "a b", "é", "x".repeat(256)]) {
      assert.strictEqual(refusal(signed({ id })), "malformed-id")
    }
    for (const value of [
      "",
      "v1",
      "v1,",
      "v2,AAAA",
      sign({ secret: secret(1), id: "m", timestamp: 1, body }).slice(3)
    ]) {
      const headers = { ...signed().headers, "webhook-signature": value }
      assert.strictEqual(refusal({ ...signed(), headers }), "wrong-signature", value)
    }
  })

  it.prop(
    "a secret survives the way to text and back",
    [Schema.Int.check(Schema.isBetween({ minimum: 24, maximum: 64 }))],
    ([length]) => {
      const key = secret(length, length)
      const back = Option.getOrThrow(secretFromText(secretToText(key)))
      assert.deepStrictEqual([...Redacted.value(back)], [...Redacted.value(key)])
    }
  )

  it("takes no other text for a secret", () => {
    const good = Buffer.alloc(32, 7).toString("base64")
    const texts = [
      "",
      good,
      "whsec_",
      `whsec_${good}!`,
      `whsec_${Buffer.alloc(23).toString("base64")}`,
      `whsec_${Buffer.alloc(65).toString("base64")}`,
      ` whsec_${good}`
    ]
    for (const text of texts) assert.isTrue(Option.isNone(secretFromText(Redacted.make(text))), text)
  })

  it("a secret shows only what it is", () => {
    const key = Option.getOrThrow(secretFromText(Redacted.make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
    assert.strictEqual(String(key), "<redacted:WebhookSecret>")
    assert.strictEqual(JSON.stringify({ text: secretToText(key) }), `{"text":"<redacted:WebhookSecret>"}`)
  })
})
