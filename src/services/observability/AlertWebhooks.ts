/**
 * Sends what `AlertLog` has stored for the targets: signed webhooks (Standard Webhooks), at least once each.
 *
 * A message is sent within five seconds of its alert, with ten seconds for an answer; any 2xx is delivery. What may go away
 * (no connection, no answer, 408, 425, 429, 5xx) is tried again by the schedule below, over some twenty minutes, with the
 * same `webhook-id` and body and a new timestamp; a longer `Retry-After` is kept to. Anything else, a redirect and an
 * address inside of a private network too, ends it at once. What is given up is a warning in the log and part of the
 * alert's history.
 *
 * The messages and their attempts are in the database: they survive a restart, and of several hubs one sends each. There is
 * no order between messages: a recovery may come before what it ends, and each says when it was.
 */
import { Clock, Context, Duration, Effect, Layer, Option, Predicate, Redacted, Schema, Stream } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { isoOf } from "../events/Time.ts"
import { Backoff, delayAfter, parseRetryAfter } from "../resilience/RetryPolicy.ts"
import { inBackground } from "../security/Housekeeping.ts"
import * as PublicHttp from "../security/PublicHttp.ts"
import { sign, type WebhookSecret } from "../security/WebhookSignature.ts"
import { Database } from "../storage/Database.ts"
import type { AlertConfig, AlertTarget } from "./AlertTargets.ts"

/** After 5 s, 10 s, … 640 s. */
export const retries = Backoff.make({
  retries: 8,
  base: Duration.seconds(5),
  cap: Duration.hours(1),
  jitter: 0.2
})

const timeLimit = Duration.seconds(10)
/** Longer than it takes to try a batch: then another hub may, because this one is gone. */
const leaseMillis = 60_000
const batch = 20

export class AlertWebhooks extends Context.Service<
  AlertWebhooks,
  {
    /** Sends what is due now; returns how many attempts were made. */
    readonly sendDue: Effect.Effect<number>
  }
>()("hub/services/observability/AlertWebhooks") {
  /** Sends when it is told to. Over any client: `PublicHttp` is the one that makes it safe. */
  static readonly layer = (
    webhooks: NonNullable<AlertConfig["webhooks"]>
  ): Layer.Layer<AlertWebhooks, never, Database | HttpClient.HttpClient> => Layer.effect(AlertWebhooks, make(webhooks))

  /** Sends by itself, over `PublicHttp`; nothing when no target is configured. */
  static readonly layerConfig = ({ allowPrivate, webhooks }: AlertConfig): Layer.Layer<never, never, Database> =>
    webhooks === null
      ? Layer.empty
      : Layer.effectDiscard(
          AlertWebhooks.use(({ sendDue }) => inBackground("send alert webhooks", "5 seconds", sendDue))
        ).pipe(Layer.provide(AlertWebhooks.layer(webhooks)), Layer.provide(PublicHttp.layer({ allowPrivate })))
}

/** What became of one attempt. */
type Outcome =
  | { readonly _tag: "Delivered" }
  | { readonly _tag: "Later"; readonly reason: string; readonly retryAfterMillis: number }
  | { readonly _tag: "Never"; readonly reason: string }

const DueRow = Schema.Struct({ id: Schema.String, target: Schema.String, body: Schema.String, attempts: Schema.Int })
const decodeDue = Schema.decodeUnknownEffect(Schema.Array(DueRow))

const make = Effect.fnUntraced(function* (webhooks: NonNullable<AlertConfig["webhooks"]>) {
  const { sql } = yield* Database
  const client = yield* HttpClient.HttpClient
  const targets = new Map(webhooks.targets.map((target) => [target.label, target]))

  /** A started attempt counts, also when its hub does not live to see how it ended. */
  const claim = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    return yield* Effect.flatMap(
      sql`
        update alert_deliveries set attempts = attempts + 1, due_at = ${isoOf(now + leaseMillis)}::timestamptz
        where webhook_id in (
          select webhook_id from alert_deliveries
          where status = 'pending' and due_at <= ${isoOf(now)}::timestamptz
          order by due_at, webhook_id limit ${batch} for update skip locked
        )
        returning webhook_id as id, target, body, attempts`,
      decodeDue
    )
  }).pipe(Effect.orDie)

  const settle = Effect.fnUntraced(function* (row: typeof DueRow.Type, outcome: Outcome) {
    const now = yield* Clock.currentTimeMillis
    const delay = outcome._tag === "Later" ? yield* delayAfter(retries, row.attempts) : Option.none()
    const error = outcome._tag === "Delivered" ? null : outcome.reason.slice(0, 500)
    // Of a hub that was too slow and lost its lease, nothing is taken.
    const mine = sql`webhook_id = ${row.id} and status = 'pending' and attempts = ${row.attempts}`
    if (outcome._tag === "Later" && Option.isSome(delay)) {
      const dueAt = isoOf(now + Math.max(Duration.toMillis(delay.value), outcome.retryAfterMillis))
      yield* sql`
        update alert_deliveries set due_at = ${dueAt}::timestamptz, last_error = ${error}::text where ${mine}`
    } else {
      yield* sql`
        update alert_deliveries set status = ${error === null ? "delivered" : "given-up"}, due_at = null,
          settled_at = ${isoOf(now)}::timestamptz, last_error = coalesce(${error}::text, last_error)
        where ${mine}`
    }
    const given = outcome._tag === "Never" || (outcome._tag === "Later" && Option.isNone(delay))
    const line =
      error === null
        ? "alert webhook delivered"
        : `alert webhook ${given ? "given up" : "failed, trying again"}: ${error}`
    yield* (given ? Effect.logWarning : Effect.logInfo)(line).pipe(
      Effect.annotateLogs({ webhookId: row.id, target: row.target, attempts: row.attempts })
    )
  }, Effect.orDie)

  const attempt = Effect.fnUntraced(function* (row: typeof DueRow.Type) {
    const target = targets.get(row.target)
    const outcome: Outcome =
      target === undefined
        ? { _tag: "Never", reason: "the target is not configured any more" }
        : yield* send(client, { target, secret: webhooks.secret, id: row.id, body: row.body })
    yield* settle(row, outcome)
  })

  const sendDue = Effect.gen(function* () {
    const due = yield* claim
    yield* Effect.forEach(due, attempt, { concurrency: 8, discard: true })
    return due.length
  }).pipe(Effect.withSpan("AlertWebhooks.sendDue"))

  return AlertWebhooks.of({ sendDue })
})

/** One signed POST. Reasons name statuses and codes only: neither the URL nor what was answered. */
const send = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  message: {
    readonly target: AlertTarget
    readonly secret: WebhookSecret
    readonly id: string
    readonly body: string
  }
): Effect.fn.Return<Outcome> {
  const { body, id, secret, target } = message
  const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const request = HttpClientRequest.post(Redacted.value(target.url)).pipe(
    HttpClientRequest.bodyText(body, "application/json"),
    HttpClientRequest.setHeaders({
      "user-agent": "integration-hub",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": sign({ secret, id, timestamp, body })
    })
  )
  return yield* client.execute(request).pipe(
    Effect.flatMap((response) =>
      // The answer is of no interest, but an unread one would hold the connection.
      Stream.runDrain(Stream.take(response.stream, 16)).pipe(
        Effect.ignore,
        Effect.andThen(Clock.currentTimeMillis),
        Effect.map((now) => outcomeOf(response.status, parseRetryAfter(response.headers["retry-after"], now) ?? 0))
      )
    ),
    Effect.catch((error) => Effect.succeed(outcomeOfError(error))),
    Effect.timeoutOrElse({
      duration: timeLimit,
      orElse: () =>
        Effect.succeed<Outcome>({
          _tag: "Later",
          reason: `no answer within ${Duration.format(timeLimit)}`,
          retryAfterMillis: 0
        })
    }),
    // The URL may hold a credential, which spans would show.
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
  )
})

const outcomeOf = (status: number, retryAfterMillis: number): Outcome => {
  const reason = `answered ${status}`
  if (status >= 200 && status < 300) return { _tag: "Delivered" }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return { _tag: "Later", reason, retryAfterMillis }
  }
  return { _tag: "Never", reason: status >= 300 && status < 400 ? `${reason}: redirects are not followed` : reason }
}

const outcomeOfError = (error: HttpClientError.HttpClientError): Outcome => {
  for (let cause: unknown = error; cause !== undefined; cause = causeOf(cause)) {
    if (cause instanceof PublicHttp.NotPublic) return { _tag: "Never", reason: cause.message }
    if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && /^[A-Z_]{1,50}$/.test(cause.code)) {
      return { _tag: "Later", reason: `no connection (${cause.code})`, retryAfterMillis: 0 }
    }
  }
  return { _tag: "Later", reason: "no connection", retryAfterMillis: 0 }
}

const causeOf = (error: unknown): unknown => {
  if (Predicate.hasProperty(error, "reason") && Predicate.hasProperty(error.reason, "cause")) return error.reason.cause
  return Predicate.hasProperty(error, "cause") ? error.cause : undefined
}
