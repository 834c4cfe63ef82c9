import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Option, Redacted, References, Result, Schema } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as Http from "node:http"
import { AlertMessage } from "../../../src/domain/Alert.ts"
import { AlertLog } from "../../../src/services/observability/AlertLog.ts"
import { targetOf } from "../../../src/services/observability/AlertTargets.ts"
import { AlertWebhooks } from "../../../src/services/observability/AlertWebhooks.ts"
import * as PublicHttp from "../../../src/services/security/PublicHttp.ts"
import { secretFromText, verify } from "../../../src/services/security/WebhookSignature.ts"
import { type DatabaseLayer, describeDatabases } from "../../support/Databases.ts"
import { secret as secretText, signed } from "../../support/Webhook.ts"

const secret = Option.getOrThrow(secretFromText(Redacted.make(secretText)))
const canary = "canary-7f3a91"
const target = targetOf(Redacted.make(`https://hooks.example.com/services/${canary}?token=${canary}`))
const raised = {
  notice: "raised",
  kind: "circuit-open",
  subject: "mes",
  level: 2,
  message: "circuit of mes is OPEN",
  targets: [target.label]
} as const
const page = { page: 1, limit: 10 }
const decodeMessage = Schema.decodeUnknownEffect(Schema.fromJsonString(AlertMessage))

interface Sent {
  readonly url: string
  readonly body: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** What the target answers; the last one stays. */
type Answer = number | { readonly status: number; readonly retryAfter: string } | "silence" | "reset" | "private"

describeDatabases("AlertWebhooks", (database) => {
  const rig = (...answers: ReadonlyArray<Answer>) => {
    const sent: Array<Sent> = []
    const lines: Array<string> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      const annotations = fiber.getRef(References.CurrentLogAnnotations)
      lines.push(`${logLevel} ${String(message)} ${JSON.stringify(annotations)}`)
    })
    const client = HttpClient.make((request, url) =>
      Effect.suspend(() => {
        const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        const answer = answers[Math.min(sent.length, answers.length - 1)] ?? 200
        sent.push({ url: url.href, body, headers: request.headers })
        const fail = (cause: unknown) =>
          Effect.fail(
            new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
          )
        if (answer === "silence") return Effect.never
        if (answer === "reset") return fail(Object.assign(new Error(`reset ${canary}`), { code: "ECONNRESET" }))
        if (answer === "private") return fail(new PublicHttp.NotPublic({}))
        const { retryAfter, status } = typeof answer === "number" ? { status: answer, retryAfter: null } : answer
        const headers = retryAfter === null ? undefined : { "retry-after": retryAfter }
        const text = status === 204 ? null : `answered to ${canary}`
        return Effect.succeed(
          HttpClientResponse.fromWeb(request, new Response(text, { status, ...(headers ? { headers } : {}) }))
        )
      })
    )
    const over = (database: DatabaseLayer) =>
      AlertWebhooks.layer({ targets: [target], secret }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
        Layer.provideMerge(AlertLog.layer),
        Layer.provideMerge(database),
        Layer.provideMerge(Logger.layer([logger]))
      )
    return { layer: over(database), over, lines, sent }
  }

  const delivery = AlertLog.use((log) =>
    Effect.map(log.list({}, page), ({ data }) => {
      const [first] = data[0]?.deliveries ?? []
      assert.exists(first)
      return first ?? assert.fail("no delivery")
    })
  )
  const write = AlertLog.use((log) => log.write(raised))
  /** Lets this much time pass and sends what is due. */
  const after = (seconds: number) =>
    Effect.gen(function* () {
      const { sendDue } = yield* AlertWebhooks
      yield* TestClock.adjust(seconds * 1000)
      return yield* sendDue
    })

  it.effect("Property 51: a message is signed as Standard Webhooks has it, over what is sent, byte for byte", () => {
    const { layer, sent } = rig(204)
    return Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      yield* write
      assert.strictEqual(yield* (yield* AlertWebhooks).sendDue, 1)
      const [message] = sent
      assert.strictEqual(message?.url, `https://hooks.example.com/services/${canary}?token=${canary}`)
      const { body, headers } = message ?? assert.fail()
      const id = headers["webhook-id"] ?? ""
      assert.match(id, /^msg_[0-9A-Z]{26}$/)
      assert.deepInclude(headers, signed(body, { id, seconds: 3600 }))
      const verified = verify({ headers, body: Buffer.from(body), secrets: [secret], now: 3_600_000 })
      assert.deepStrictEqual(verified, Result.succeed(id))
      const { data, timestamp, type } = yield* decodeMessage(body)
      assert.deepStrictEqual([type, timestamp], ["alert.raised", "1970-01-01T01:00:00.000Z"])
      assert.deepInclude(data, { kind: "circuit-open", subject: "mes", severity: "critical", recoveredAt: null })
      assert.deepInclude(yield* delivery, { id, status: "delivered", attempts: 1, lastError: null })
      assert.strictEqual(yield* after(3600), 0)
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect(
    "Property 52: what may go away is tried again, by schedule, with the same id and body and a new time",
    () => {
      const { layer, sent } = rig(503, 429, "reset", 408, 200)
      return Effect.gen(function* () {
        yield* write
        yield* (yield* AlertWebhooks).sendDue
        assert.deepInclude(yield* delivery, { status: "pending", attempts: 1, lastError: "answered 503" })
        yield* after(3)
        assert.strictEqual(sent.length, 1)
        for (const [seconds, error] of [
          [4, "answered 429"],
          [13, "no connection (ECONNRESET)"],
          [25, "answered 408"]
        ] as const) {
          yield* after(seconds)
          assert.deepInclude(yield* delivery, { status: "pending", lastError: error })
        }
        yield* after(50)
        const times = sent.map(({ headers }) => Number(headers["webhook-timestamp"]))
        assert.strictEqual(sent.length, 5)
        assert.isTrue(
          times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0)),
          String(times)
        )
        assert.strictEqual(new Set(sent.map(({ body, headers }) => `${headers["webhook-id"]} ${body}`)).size, 1)
        assert.strictEqual(new Set(sent.map(({ headers }) => headers["webhook-signature"])).size, 5)
        assert.deepInclude(yield* delivery, { status: "delivered", attempts: 5 })
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("Property 53: what is given up is a warning in the log and in the alert's history, without the URL", () => {
    const { layer, lines, sent } = rig(500)
    return Effect.gen(function* () {
      yield* write
      for (let minute = 0; minute < 40 && (yield* delivery).status === "pending"; minute++) yield* after(60)
      const given = yield* delivery
      assert.deepInclude(given, { status: "given-up", attempts: 9, lastError: "answered 500" })
      assert.isNotNull(given.settledAt)
      assert.strictEqual(sent.length, 9)
      assert.strictEqual(lines.filter((line) => line.startsWith("Warn alert webhook given up")).length, 1)
      assert.strictEqual(lines.filter((line) => line.startsWith("Info alert webhook failed")).length, 8)
      const everything = JSON.stringify([lines, given, yield* (yield* AlertLog).list({}, page)])
      assert.notInclude(everything, canary)
      assert.notInclude(everything, secretText)
      assert.match(given.target, /^https:\/\/hooks\.example\.com \([0-9a-f]{8}\)$/)
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([
    [400, "answered 400"],
    [410, "answered 410"],
    [302, "answered 302: redirects are not followed"],
    ["private", "the address is not on the public internet"]
  ] as const)("is not tried again after %s", ([answer, error]) => {
    const { layer, sent } = rig(answer)
    return Effect.gen(function* () {
      yield* write
      yield* after(0)
      assert.deepInclude(yield* delivery, { status: "given-up", attempts: 1, lastError: error })
      yield* after(3600)
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("a longer Retry-After is kept to, and ten seconds without an answer are a failure", () => {
    const { layer, sent } = rig({ status: 429, retryAfter: "300" }, "silence", 200)
    return Effect.gen(function* () {
      yield* write
      yield* after(0)
      yield* after(290)
      assert.strictEqual(sent.length, 1)
      yield* TestClock.adjust("10 seconds")
      const second = yield* Effect.forkChild((yield* AlertWebhooks).sendDue)
      while (sent.length < 2) yield* Effect.yieldNow
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(second)
      assert.deepInclude(yield* delivery, { status: "pending", attempts: 2, lastError: "no answer within 10s" })
      yield* after(60)
      assert.deepInclude(yield* delivery, { status: "delivered", attempts: 3 })
    }).pipe(Effect.provide(layer))
  })

  it.effect("an attempt whose hub died counts, and another hub makes the next one after a minute", () =>
    Effect.gen(function* () {
      const { layer: shared } = yield* Layer.build(database).pipe(
        Effect.map((context) => ({ layer: Layer.succeedContext(context) }))
      )
      const first = rig("silence")
      const second = rig(200)
      yield* Effect.gen(function* () {
        yield* write
        const fiber = yield* Effect.forkChild((yield* AlertWebhooks).sendDue)
        while (first.sent.length === 0) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.deepInclude(yield* delivery, { status: "pending", attempts: 1, lastError: null })
      }).pipe(Effect.provide(first.over(shared)))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* after(50), 0)
        assert.strictEqual(second.sent.length, 0)
        yield* after(10)
        assert.deepInclude(yield* delivery, { status: "delivered", attempts: 2 })
        assert.strictEqual(second.sent[0]?.headers["webhook-id"], first.sent[0]?.headers["webhook-id"])
      }).pipe(Effect.provide(second.over(shared)))
    }).pipe(Effect.scoped)
  )

  it.effect("a target that is not configured any more is given up", () => {
    const { layer, sent } = rig(200)
    return Effect.gen(function* () {
      yield* (yield* AlertLog).write({ ...raised, targets: ["https://gone.example.com (00000000)"] })
      yield* after(0)
      assert.deepInclude(yield* delivery, {
        status: "given-up",
        lastError: "the target is not configured any more"
      })
      assert.strictEqual(sent.length, 0)
    }).pipe(Effect.provide(layer))
  })

  it.live("over the wire: a target in a private network is refused unless that is allowed", () =>
    Effect.gen(function* () {
      const received: Array<Sent> = []
      const server = Http.createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const headers = Object.fromEntries(
            Object.entries(request.headers).map(([name, value]) => [name, String(value)])
          )
          received.push({ url: request.url ?? "", body: Buffer.concat(chunks).toString("utf8"), headers })
          response.end("thank you")
        })
      })
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
          })
        }),
        () => Effect.sync(() => server.close().closeAllConnections())
      )
      const inside = targetOf(Redacted.make(`http://127.0.0.1:${port}/alerts`))
      const attempt = (allowPrivate: boolean) =>
        Effect.gen(function* () {
          yield* (yield* AlertLog).write({ ...raised, targets: [inside.label] })
          yield* (yield* AlertWebhooks).sendDue
          return yield* delivery
        }).pipe(
          Effect.provide(
            AlertWebhooks.layer({ targets: [inside], secret }).pipe(
              Layer.provide(PublicHttp.layer({ allowPrivate })),
              Layer.provideMerge(AlertLog.layer),
              Layer.provide(database)
            )
          )
        )
      assert.deepInclude(yield* attempt(false), {
        status: "given-up",
        lastError: "the address is not on the public internet"
      })
      assert.strictEqual(received.length, 0)
      assert.deepInclude(yield* attempt(true), { status: "delivered", attempts: 1 })
      const { body, headers } = received[0] ?? assert.fail("nothing came")
      const verified = verify({ headers, body: Buffer.from(body), secrets: [secret], now: new Date().getTime() })
      assert.isTrue(Result.isSuccess(verified))
      assert.strictEqual(headers["content-type"], "application/json")
    }).pipe(Effect.scoped)
  )
})
