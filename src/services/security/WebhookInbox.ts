/**
 * Takes in signed webhooks: verifies, runs the effect, remembers.
 *
 * Guarantees: nothing runs and nothing is stored for a request whose signature does not hold; its refusal is one line
 * in the log (`security: true`) without signature or secret. An id of an adapter has its effect once in 7 days: the id
 * is stored with the answer in the transaction of the effect, and the same id again, also at the same moment, gets that
 * answer and leaves no second effect. A failed effect is not remembered, so the sender's next try counts.
 */
import { Clock, Context, DateTime, Effect, Layer, Option, Result, Schema } from "effect"
import { Database } from "../storage/Database.ts"
import type { Answer, Answered } from "./Answer.ts"
import { inBackground } from "./Housekeeping.ts"
import { WebhookSecrets } from "./WebhookSecrets.ts"
import { type SignatureScheme, verify } from "./WebhookSignature.ts"

/** The signature is missing, wrong or not fresh. HTTP 401. Says no more than that: the reason is in the log. */
export class WebhookRefused extends Schema.TaggedError<WebhookRefused>()("WebhookRefused", {
  adapter: Schema.String
}) {}

export interface ReceivedWebhook {
  readonly adapter: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** As received, byte for byte. */
  readonly body: Uint8Array
}

export class WebhookInbox extends Context.Service<
  WebhookInbox,
  {
    /** `effect` runs in a database transaction; its answer is kept with it. */
    readonly receive: <E, R>(
      webhook: ReceivedWebhook,
      effect: Effect.Effect<Answer, E, R>
    ) => Effect.Effect<Answered, E | WebhookRefused, R>
  }
>()("hub/services/security/WebhookInbox") {
  /** `schemes`: for adapters whose system does not sign by Standard Webhooks. */
  static readonly layer = (options?: {
    readonly schemes?: Readonly<Record<string, SignatureScheme>>
  }): Layer.Layer<WebhookInbox, never, Database | WebhookSecrets> =>
    Layer.effect(WebhookInbox, make(options?.schemes ?? {}))
}

const memoryMillis = 7 * 24 * 3_600_000

/** Leaves the transaction, rolling it back: the id has had its effect already. */
class SeenBefore extends Schema.TaggedError<SeenBefore>()("SeenBefore", {}) {}

const make = Effect.fnUntraced(function* (schemes: Readonly<Record<string, SignatureScheme>>) {
  const database = yield* Database
  const secrets = yield* WebhookSecrets
  const { sql } = database

  const seen = (adapter: string, id: string, now: number) =>
    sql`
      select status, body from webhook_inbox
      where adapter = ${adapter} and webhook_id = ${id} and received_at > ${before(now)}
    `.pipe(
      Effect.flatMap(decodeAnswers),
      Effect.map((rows) => Option.fromNullishOr(rows[0])),
      Effect.orDie
    )

  const remember = (adapter: string, id: string, now: number, answer: Answer) =>
    database.claim(
      {
        name: "remembered",
        statement: sql`
          insert into webhook_inbox (adapter, webhook_id, received_at, status, body)
          values (${adapter}, ${id}, ${at(now)}, ${answer.status}, ${answer.body})`
      },
      sql`
        on conflict (adapter, webhook_id) do update
          set received_at = excluded.received_at, status = excluded.status, body = excluded.body
          where webhook_inbox.received_at <= ${before(now)}`
    )

  yield* inBackground(
    "forget old webhooks",
    "1 hour",
    Effect.flatMap(Clock.currentTimeMillis, (now) => sql`delete from webhook_inbox where received_at <= ${before(now)}`)
  )

  const receive = Effect.fn("WebhookInbox.receive")(function* <E, R>(
    { adapter, body, headers }: ReceivedWebhook,
    effect: Effect.Effect<Answer, E, R>
  ) {
    const now = yield* Clock.currentTimeMillis
    const verified = (schemes[adapter] ?? verify)({ headers, body, secrets: secrets.active(adapter), now })
    if (Result.isFailure(verified)) {
      yield* Effect.logWarning("Webhook refused").pipe(
        Effect.annotateLogs({ security: true, adapter, reason: verified.failure })
      )
      return yield* new WebhookRefused({ adapter })
    }
    const id = verified.success
    // No look-up first: a repeated id is rare, and the unique key finds it, also when both come at the same moment.
    return yield* database
      .optimistic(
        Effect.gen(function* () {
          const answer = yield* effect
          if (!(yield* remember(adapter, id, now, answer))) return yield* new SeenBefore()
          return { answer, repeated: false }
        })
      )
      .pipe(
        Effect.catch((error) =>
          // Also after a failure: what was right the first time may be refused now, when the state has moved on.
          Effect.flatMap(seen(adapter, id, now), (answer) =>
            Option.isSome(answer)
              ? Effect.succeed({ answer: answer.value, repeated: true })
              : error instanceof SeenBefore
                ? Effect.die(new Error("a webhook seen before is gone"))
                : Effect.fail(error)
          )
        )
      )
  })

  return WebhookInbox.of({ receive })
})

const at = (millis: number) => DateTime.toDateUtc(DateTime.makeUnsafe(millis))
const before = (now: number) => at(now - memoryMillis)

const decodeAnswers = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      status: Schema.Int,
      body: Schema.String
    })
  )
)
