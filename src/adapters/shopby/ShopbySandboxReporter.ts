/**
 * The sandbox's side of endpoint 3: tells the hub of a new order as Shopby does, signed by Standard Webhooks, again after
 * a failure (at most five times, 1, 2, 4 … seconds apart). Then the order is found under the failed webhooks.
 */
import { Clock, Effect, Layer, Schedule } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { sign, type WebhookSecret } from "../../services/security/WebhookSignature.ts"
import { type SandboxOrder, webhookBody } from "./SandboxMall.ts"
import { SandboxReporter } from "./ShopbySandbox.ts"

export interface ReporterOptions {
  /** Where the hub listens, e.g. `http://127.0.0.1:3000`. */
  readonly hubUrl: string
  readonly secret: WebhookSecret
  readonly httpClient: HttpClient.HttpClient
}

/** Makes a sandbox tell this hub: provide it to `ShopbySandbox.layer`. */
export const layer = (options: Omit<ReporterOptions, "httpClient">): Layer.Layer<never, never, HttpClient.HttpClient> =>
  Layer.effect(
    SandboxReporter,
    Effect.map(HttpClient.HttpClient, (httpClient) => make({ ...options, httpClient }))
  )

/** A value for SandboxReporter. */
export const make = (options: ReporterOptions): ((order: SandboxOrder) => Effect.Effect<boolean>) => {
  const client = HttpClient.filterStatusOk(options.httpClient)
  return Effect.fn("ShopbySandboxReporter.report")(
    function* (order: SandboxOrder) {
      const body = yield* webhookBody(order)
      const id = `order.${order.order.orderNo}`
      const attempt = Effect.flatMap(Clock.currentTimeMillis, (millis) => {
        const timestamp = Math.floor(millis / 1000)
        return HttpClientRequest.post(`${options.hubUrl}/api/v1/integration/shopby/orders`).pipe(
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
      return true
    },
    Effect.scoped,
    Effect.catch((error) => Effect.as(Effect.logWarning(`The hub did not take an order: ${error.message}`), false))
  )
}
