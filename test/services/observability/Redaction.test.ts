import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as RedactedBody from "../../../src/services/observability/RedactedBody.ts"
import * as Redaction from "../../../src/services/observability/Redaction.ts"
import { sensitivityOf } from "../../../src/services/observability/SecretNames.ts"

const canary = "CANARY-7f3a9c51e2"

const secretWords = [
  ["api", "key"],
  ["password"],
  ["access", "token"],
  ["client", "secret"],
  ["x", "auth", "token"],
  ["service", "key"],
  ["refresh", "token"],
  ["session", "id"],
  ["private", "key"],
  ["authorization"],
  ["webhook", "signature"]
] as const

const capital = (word: string) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`

const styles: ReadonlyArray<(words: ReadonlyArray<string>) => string> = [
  (words) => words.map((word, index) => (index === 0 ? word : capital(word))).join(""),
  (words) => words.map(capital).join(""),
  (words) => words.join("_"),
  (words) => words.join("_").toUpperCase(),
  (words) => words.join("-"),
  (words) => words.map(capital).join("-"),
  (words) => words.join(""),
  (words) => words.join("."),
  (words) => `"${words.join("_")}"`,
  (words) => `user[${words.join("_")}]`,
  (words) => encodeURIComponent(`${words.join(" ")}`)
]

const Name = Schema.Struct({
  words: Schema.Literals(secretWords.map((_, index) => index)),
  style: Schema.Literals(styles.map((_, index) => index))
})
const nameOf = ({ style, words }: typeof Name.Type) => styles[style]?.(secretWords[words] ?? []) ?? ""

/** Ways to hide a secret in a structure: each is put around what comes after it. */
const Wrap = Schema.Literals(["object", "array", "json", "pair", "labelled", "error", "map"])

const wrapped = (wraps: ReadonlyArray<typeof Wrap.Type>, name: string, value: unknown): unknown =>
  wraps.reduceRight<unknown>(
    (inner, wrap) => {
      switch (wrap) {
        case "object":
          return { id: 1, details: inner, note: "seen" }
        case "array":
          return [null, inner, "x"]
        case "json":
          return { text: JSON.stringify(inner) }
        case "pair":
          return {
            pairs: [
              ["a", "b"],
              [name, value]
            ],
            rest: inner
          }
        case "labelled":
          return { fields: [{ name, value }], rest: inner }
        case "error":
          return {
            failure: new Error(`${name}=${String(value)}`, { cause: new Error(`"${name}": "${String(value)}"`) }),
            rest: inner
          }
        case "map":
          return new Map([["first", inner]])
      }
    },
    { [name]: value }
  )

describe("Redaction", () => {
  it("knows secret and personal names in every case style", () => {
    for (const words of secretWords) {
      for (const style of styles) assert.strictEqual(sensitivityOf(style(words)), "secret", style(words))
    }
    for (const name of [
      "confmKey",
      "systemkey",
      "authkey",
      "access_key",
      "KEY",
      "appSecret",
      "Set-Cookie",
      "pass\u200bword",
      "ｐａｓｓｗｏｒｄ",
      "edicus-uid",
      "X-APIKey"
    ]) {
      assert.strictEqual(sensitivityOf(name), "secret", name)
    }
    for (const name of ["customerName", "receiver_addr", "EMAIL", "mobile-no", "ordererPhone", "tel"]) {
      assert.strictEqual(sensitivityOf(name), "personal", name)
    }
    for (const name of [
      "name",
      "keyword",
      "status",
      "idempotency-key",
      "author",
      "zipNo",
      "address_name",
      "id",
      "base",
      "customerId",
      "content-type"
    ]) {
      assert.isNull(sensitivityOf(name), name)
    }
  })

  it.effect.prop(
    "Property 49: a secret under its name is seen nowhere, however deep it is and however the name is written",
    [Name, Schema.Array(Wrap).check(Schema.isMaxLength(6))],
    ([name, wraps]) =>
      Effect.sync(() => {
        const text = JSON.stringify(Redaction.make().value(wrapped(wraps, nameOf(name), canary)))
        assert.notInclude(text, canary)
        // What is no secret stays.
        if (wraps[0] === "object") assert.include(text, "seen")
      })
  )

  it.effect.prop(
    "Property 49: a secret in a query, a form or a fragment is seen nowhere",
    [Name, Schema.Literals(["query", "fragment", "relative", "text", "nested", "form"])],
    ([name, place]) =>
      Effect.sync(() => {
        const redactor = Redaction.make()
        const pair = `${encodeURIComponent(nameOf(name))}=${canary}`
        const shown = {
          query: () => redactor.url(`https://api.test/v1/rates?base=USD&${pair}&page=2`),
          fragment: () => redactor.url(`https://api.test/back#state=1&${pair}`),
          relative: () => redactor.url(`/v1/rates?${pair}`),
          text: () => redactor.text(`could not read https://api.test/v1/rates?base=USD&${pair}, sorry`),
          nested: () => redactor.url(`https://api.test/go?to=${encodeURIComponent(`https://b.test/?${pair}`)}`),
          form: () => redactor.form(`grant_type=client&${pair}&scope=a`)
        }[place]()
        assert.notInclude(shown, canary)
        assert.notInclude(decodeURIComponent(shown), canary)
      })
  )

  it.effect.prop(
    "Property 38: a secret that is known is seen nowhere, encoded or not, whatever stands around it",
    [Schema.String, Schema.String, Schema.Literals(["plain", "url", "base64", "json", "name", "number"])],
    ([before, after, form]) =>
      Effect.sync(() => {
        const secret = 'p@ss w/rd+é"1'
        const redactor = Redaction.make([secret, "987654321"])
        const shapes = {
          plain: secret,
          url: encodeURIComponent(secret),
          base64: Buffer.from(secret).toString("base64").replace(/=+$/, ""),
          json: JSON.stringify(secret).slice(1, -1),
          name: secret,
          number: "987654321"
        }
        const text = `${before.slice(0, 50)}${shapes[form]}${after}`
        const seen = [
          redactor.text(text),
          redactor.error(new Error(text)),
          redactor.url(`http://a.test/${text}`),
          JSON.stringify(
            redactor.value({ note: text, [form === "name" ? text : "x"]: form === "number" ? 987654321 : [text] })
          )
        ].join("\n")
        assert.notInclude(seen, shapes[form])
      })
  )

  it("hides every scheme of Authorization, cookies, user and password of URLs, tokens and Redacted values", () => {
    const redactor = Redaction.make()
    for (const scheme of ["Bearer", "Basic", "KakaoAK", "Digest", "AWS4-HMAC-SHA256", "Whatever"]) {
      const headers = redactor.headers({ Authorization: `${scheme} ${canary}`, accept: "text/xml" })
      assert.deepStrictEqual(headers, { authorization: "[redacted]", accept: "text/xml" })
    }
    const seen = JSON.stringify([
      redactor.headers({ cookie: `a=${canary}`, "set-cookie": `sid=${canary}; Path=/`, "Proxy-Authorization": canary }),
      redactor.headers({ location: `https://me:${canary}@api.test/?token=${canary}` }),
      redactor.url(`https://user:${canary}@api.test/x`),
      redactor.text(`asked with Bearer ${canary} in vain`),
      redactor.text(`eyJhbGciOiJIUzI1NiJ9.${canary}.abc`),
      redactor.value({ box: Redacted.make(canary), list: [Redacted.make(canary)] })
    ])
    assert.notInclude(seen, canary)
    assert.include(redactor.url(`https://user:${canary}@api.test/x?page=2`), "https://api.test/x?page=2")
  })

  it("hides personal data, and keeps what helps", () => {
    const shown = Redaction.make().value({
      orderNo: "A-1",
      receiverName: "Kim",
      email: "kim@example.test",
      items: [{ productName: "book", quantity: 2 }]
    })
    assert.deepStrictEqual(shown, {
      orderNo: "A-1",
      receiverName: "[personal]",
      email: "[personal]",
      items: [{ productName: "book", quantity: 2 }]
    })
  })

  it("limits depth, entries and length, and bears cycles, throwing getters and what is no data", () => {
    const cycle: Record<string, unknown> = { name: "loop" }
    cycle.self = cycle
    const redactor = Redaction.make()
    assert.include(JSON.stringify(redactor.value(cycle)), "[deeper]")
    assert.isBelow(JSON.stringify(redactor.value(Array.from({ length: 10_000 }, () => "x".repeat(9)))).length, 2000)
    assert.isAtMost(redactor.text("y".repeat(1_000_000)).length, 1000)
    assert.isAtMost(redactor.url(`http://a.test/${"z".repeat(5000)}`).length, 2000)
    const hostile = Object.defineProperty({}, "boom", {
      enumerable: true,
      get: () => {
        throw new Error(canary)
      }
    })
    assert.deepStrictEqual(redactor.value([hostile, Symbol("s"), () => 1, 10n, new Uint8Array(3), undefined]), [
      {},
      "[symbol]",
      "[function]",
      "10",
      "[3 bytes]",
      null
    ])
    assert.isTrue(redactor.text("\0\uD800").isWellFormed())
    // Structures in texts in structures, and what only looks like them.
    for (const text of [
      "a=".repeat(8000),
      "k=&".repeat(8000),
      "https://a/?x=".repeat(4000),
      Array.from({ length: 12 }).reduce<string>((inner) => JSON.stringify([inner]), "x"),
      Array.from({ length: 9 }).reduce<string>((inner) => `https://a/?x=${encodeURIComponent(inner)}`, "https://a/"),
      "[".repeat(9000),
      '{"a":'.repeat(5000)
    ]) {
      for (const seen of [
        redactor.text(text),
        redactor.url(text),
        redactor.form(text),
        redactor.error(new Error(text))
      ]) {
        assert.isAtMost(seen.length, 70_000)
      }
      assert.isAtMost(String(Object(redactor.value({ text })).text).length, 1000)
    }
  })

  it.effect("Property 48: bodies are kept by their structure, and not at all without one", () =>
    Effect.gen(function* () {
      const redactor = Redaction.make([`known-${canary}`])
      const kept = (contentType: string, text: string) => {
        const bytes = new TextEncoder().encode(text)
        return RedactedBody.redacted({ contentType, size: bytes.length, bytes }, redactor)
      }
      assert.isNull(yield* kept("application/json", ""))
      assert.strictEqual(
        yield* kept("application/json", `{"access_token":"${canary}","rates":{"KRW":"1380.5"}}`),
        `{"access_token":"[redacted]","rates":{"KRW":"1380.5"}}`
      )
      assert.strictEqual(
        yield* kept("application/xml", `<r><head apiKey="${canary}"/><token>${canary}</token><a>1</a><a>2</a></r>`),
        `{"r":{"head":{"@apiKey":"[redacted]"},"token":"[redacted]","a":["1","2"]}}`
      )
      assert.strictEqual(
        yield* kept("application/x-www-form-urlencoded", `client_secret=${canary}&grant_type=x`),
        "client_secret=[redacted]&grant_type=x"
      )
      for (const [contentType, text] of [
        ["text/html", `<html><body>${canary}</body></html>`],
        ["text/plain", canary],
        ["application/json", `{"token":"${canary}`],
        ["application/json", `"${canary}"`],
        ["application/xml", `<a><token>${canary}</a>`],
        ["application/json", `{"message":"your key known-${canary} is wrong"}`]
      ] as const) {
        assert.notInclude((yield* kept(contentType, text)) ?? "", canary)
      }
      const large = yield* RedactedBody.redacted({ contentType: "image/png", size: 9_000_000, bytes: null }, redactor)
      assert.strictEqual(large, "[not kept: 9000000 bytes of image/png]")
      const long = yield* kept("application/json", JSON.stringify(Array.from({ length: 90 }, () => "w".repeat(600))))
      assert.isAtMost(long?.length ?? 0, 8000)
    })
  )
})
