/**
 * The sandbox's side of endpoint 10: tells the hub of a job's new status as the plant does, signed by Standard
 * Webhooks, again after a failure (at most five times, 1, 2, 4 … seconds apart). Gives up with a warning.
 */
import { Clock, Effect, Layer, Schedule, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { now } from "../../domain/Ids.ts"
import { JobCallback } from "../../domain/MesJob.ts"
import { sign, type WebhookSecret } from "../../services/security/WebhookSignature.ts"
import { type SandboxJob, SandboxReporter } from "./MesSandbox.ts"

export interface ReporterOptions {
  /** Where the hub listens, e.g. `http://127.0.0.1:3000`. */
  readonly hubUrl: string
  readonly secret: WebhookSecret
  readonly httpClient: HttpClient.HttpClient
}

/** Makes a sandbox report to this hub: provide it to `MesSandbox.layer`. */
export const layer = (options: Omit<ReporterOptions, "httpClient">): Layer.Layer<never, never, HttpClient.HttpClient> =>
  Layer.effect(
    SandboxReporter,
    Effect.map(HttpClient.HttpClient, (httpClient) => make({ ...options, httpClient }))
  )

/** A value for SandboxReporter. */
export const make = (options: ReporterOptions): ((job: SandboxJob) => Effect.Effect<void>) => {
  const client = HttpClient.filterStatusOk(options.httpClient)
  return Effect.fn("MesSandboxReporter.report")(
    function* (job: SandboxJob) {
      const body = yield* encode({
        mesJobId: job.mesJobId,
        status: job.status,
        occurredAt: yield* now
      })
      const id = `${job.mesJobId}.${job.status}`
      const attempt = Effect.flatMap(Clock.currentTimeMillis, (millis) => {
        const timestamp = Math.floor(millis / 1000)
        return HttpClientRequest.put(`${options.hubUrl}/api/v1/integration/mes/orders/${job.orderId}/status`).pipe(
          HttpClientRequest.bodyText(body, "application/json"),
          HttpClientRequest.setHeaders({
            "webhook-id": id,
            "webhook-timestamp": String(timestamp),
            "webhook-signature": sign({ secret: options.secret, id, timestamp, body })
          }),
          client.execute
        )
      })
      yield* Effect.retry(attempt, { schedule: Schedule.exponential("1 second"), times: 5 })
    },
    Effect.scoped,
    Effect.catch((error) => Effect.logWarning(`The hub did not take the report of a job: ${error.message}`))
  )
}

const encode = Schema.encodeEffect(Schema.fromJsonString(JobCallback))
