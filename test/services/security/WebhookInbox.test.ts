import { assert, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Logger, Option, Redacted, References, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Answer } from "../../../src/services/security/Answer.ts"
import { WebhookInbox } from "../../../src/services/security/WebhookInbox.ts"
import { WebhookSecrets } from "../../../src/services/security/WebhookSecrets.ts"
import { secretFromText, sign } from "../../../src/services/security/WebhookSignature.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases, hasServer, server } from "../../support/Databases.ts"

const secretText = Redacted.make(`whsec_${Buffer.alloc(32, 7).toString("base64")}`)
const secret = Option.getOrThrow(secretFromText(secretText))
const body = new TextEncoder().encode(`{"status":"제작중"}`)

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

const signed = Effect.fnUntraced(function* (id: string, adapter = "mes") {
  const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  return {
    adapter,
    headers: {
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": sign({ secret, id, timestamp, body })
    },
    body
  }
})

/** Writes a row, so that a second effect would show. */
const effect = (note: string, answer: Answer = { status: 200, body: `{"note":"${note}"}` }) =>
  Effect.gen(function* () {
    const { sql } = yield* Database
    yield* Effect.orDie(sql`insert into effects (note) values (${note})`)
    return answer
  })

const effects = Effect.gen(function* () {
  const { sql } = yield* Database
  const rows = yield* sql`select note from effects order by note`
  return rows.map((row) => row["note"])
})

/** Before anything is built: what repeats every hour would have 56 years to catch up with. */
const november = Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 10, 1)))

const prepare = Effect.gen(function* () {
  yield* (yield* Database).sql`create table effects (note text)`
})

const inbox = (database: Layer.Layer<Database>) =>
  WebhookInbox.layer().pipe(
    Layer.provide(
      WebhookSecrets.layer({
        adapters: [
          { name: "mes", mode: "sandbox", configured: [secretText] },
          { name: "shopby", mode: "sandbox", configured: [secretText] }
        ]
      })
    ),
    Layer.provideMerge(database),
    Layer.provide(november)
  )

describeDatabases("WebhookInbox", (database) => {
  it.effect("AC-NFR-001 an id has its effect once and its answer every time, per adapter", () =>
    Effect.gen(function* () {
      yield* prepare
      const { receive } = yield* WebhookInbox
      const first = yield* receive(yield* signed("msg_1"), effect("first", { status: 201, body: `{"a":"é"}` }))
      assert.deepStrictEqual(first, { answer: { status: 201, body: `{"a":"é"}` }, repeated: false })
      const again = yield* receive(yield* signed("msg_1"), effect("again"))
      assert.deepStrictEqual(again, { answer: first.answer, repeated: true })
      yield* receive(yield* signed("msg_1", "shopby"), effect("other adapter"))
      assert.deepStrictEqual(yield* effects, ["first", "other adapter"])
    }).pipe(Effect.provide(inbox(database)))
  )

  it.effect(
    "AC-NFR-001 a bad signature runs nothing, stores nothing, and is one line in the log without the signature",
    () =>
      Effect.gen(function* () {
        yield* prepare
        const lines: Array<string> = []
        const logger = Logger.make(({ fiber, logLevel, message }) => {
          lines.push(JSON.stringify([logLevel, message, fiber.getRef(References.CurrentLogAnnotations)]))
        })
        const webhook = yield* signed("msg_1")
        const signature = sign({ secret, id: "msg_2", timestamp: 1, body })
        const { receive } = yield* WebhookInbox
        const error = yield* receive(
          { ...webhook, headers: { ...webhook.headers, "webhook-signature": signature } },
          effect("never")
        ).pipe(Effect.flip, Effect.provide(Logger.layer([logger])))
        assert.strictEqual(error._tag, "WebhookRefused")
        assert.deepStrictEqual(lines, [
          JSON.stringify(["Warn", ["Webhook refused"], { security: true, adapter: "mes", reason: "wrong-signature" }])
        ])
        assert.deepStrictEqual(yield* effects, [])
        assert.deepStrictEqual(yield* (yield* Database).sql`select * from webhook_inbox`, [])
      }).pipe(Effect.provide(inbox(database)))
  )

  it.effect("a failed effect is not remembered: the next try counts", () =>
    Effect.gen(function* () {
      yield* prepare
      const { receive } = yield* WebhookInbox
      const failing = Effect.andThen(effect("failed"), Effect.fail(new Refused()))
      assert.strictEqual((yield* Effect.flip(receive(yield* signed("msg_1"), failing)))._tag, "Refused")
      assert.deepStrictEqual(yield* effects, [])
      assert.isFalse((yield* receive(yield* signed("msg_1"), effect("second"))).repeated)
      assert.deepStrictEqual(yield* effects, ["second"])
    }).pipe(Effect.provide(inbox(database)))
  )

  it.effect("a repeated id gets the first answer also when its effect would be refused now", () =>
    Effect.gen(function* () {
      yield* prepare
      const { receive } = yield* WebhookInbox
      const first = yield* receive(yield* signed("msg_1"), effect("first"))
      const again = yield* receive(yield* signed("msg_1"), Effect.fail(new Refused()))
      assert.deepStrictEqual(again, { answer: first.answer, repeated: true })
    }).pipe(Effect.provide(inbox(database)))
  )

  it.effect("an id is forgotten after seven days, not before", () =>
    Effect.gen(function* () {
      yield* prepare
      const { receive } = yield* WebhookInbox
      yield* receive(yield* signed("msg_1"), effect("1"))
      yield* TestClock.setTime(Date.UTC(2026, 10, 8) - 1)
      assert.isTrue((yield* receive(yield* signed("msg_1"), effect("2"))).repeated)
      yield* TestClock.setTime(Date.UTC(2026, 10, 8))
      assert.isFalse((yield* receive(yield* signed("msg_1"), effect("3"))).repeated)
      assert.isTrue((yield* receive(yield* signed("msg_1"), effect("4"))).repeated)
      assert.deepStrictEqual(yield* effects, ["1", "3"])
    }).pipe(Effect.provide(inbox(database)))
  )

  it.effect("AC-NFR-004 fifty at once, each twice: every one has its effect once", () =>
    Effect.gen(function* () {
      yield* prepare
      const { receive } = yield* WebhookInbox
      const ids = Array.from({ length: 50 }, (_, index) => `msg_${index}`)
      const answers = yield* Effect.forEach(
        [...ids, ...ids],
        (id) => Effect.flatMap(signed(id), (webhook) => receive(webhook, effect(id))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter(({ repeated }) => repeated).length, 50)
      assert.deepStrictEqual(yield* effects, [...ids].sort())
    }).pipe(Effect.provide(inbox(database)))
  )
})

it.effect.skipIf(!hasServer)("the same id at the same moment: the second waits for the first and gets its answer", () =>
  Effect.gen(function* () {
    yield* prepare
    const { receive } = yield* WebhookInbox
    const entered = yield* Deferred.make<void>()
    const leave = yield* Deferred.make<void>()
    const slow = Deferred.succeed(entered, undefined).pipe(
      Effect.andThen(Deferred.await(leave)),
      Effect.andThen(effect("slow"))
    )
    const first = yield* Effect.forkChild(receive(yield* signed("msg_1"), slow))
    yield* Deferred.await(entered)
    const second = yield* Effect.forkChild(receive(yield* signed("msg_1"), effect("quick")))
    // The quick one commits first here: it is the first then, and the slow one leaves nothing.
    const quick = yield* Fiber.join(second)
    yield* Deferred.succeed(leave, undefined)
    const late = yield* Fiber.join(first)
    assert.deepStrictEqual([quick.repeated, late.repeated], [false, true])
    assert.deepStrictEqual(late.answer, quick.answer)
    assert.deepStrictEqual(yield* effects, ["quick"])
  }).pipe(Effect.provide(inbox(server)))
)
