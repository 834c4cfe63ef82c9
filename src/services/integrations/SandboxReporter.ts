/**
 * How a sandbox tells the hub something, as its system would: a signed webhook (Standard Webhooks), sent again after a
 * failure with the same id, at most five times, 1, 2, 4 … seconds apart.
 */
import { Clock, Effect, Schedule } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { sign, type WebhookSecret } from "../security/WebhookSignature.ts"

export interface ReporterOptions {
  /** Where the hub listens, e.g. `http://127.0.0.1:3000`. */
  readonly hubUrl: string
  readonly secret: WebhookSecret
  readonly httpClient: HttpClient.HttpClient
}

export interface Report {
  readonly method: "POST" | "PUT"
  /** Under the hub's URL. */
  readonly path: string
  /** The same for each attempt, and for nothing else. */
  readonly id: string
  /** JSON. */
  readonly body: string
}

/** Fails when the hub has taken none of the attempts. */
export const send = (
  { httpClient, hubUrl, secret }: ReporterOptions,
  { body, id, method, path }: Report
): Effect.Effect<void, HttpClientError.HttpClientError> => {
  const client = HttpClient.filterStatusOk(httpClient)
  const attempt = Effect.flatMap(Clock.currentTimeMillis, (millis) => {
    const timestamp = Math.floor(millis / 1000)
    return HttpClientRequest.make(method)(`${hubUrl}${path}`).pipe(
      HttpClientRequest.bodyText(body, "application/json"),
      HttpClientRequest.setHeaders({
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": sign({ secret, id, timestamp, body })
      }),
      client.execute
    )
  })
  return attempt.pipe(
    Effect.retry({ schedule: Schedule.exponential("1 second"), times: 5 }),
    Effect.asVoid,
    Effect.scoped
  )
}
