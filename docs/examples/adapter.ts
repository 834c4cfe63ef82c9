// An adapter of your own: follows order.status.changed, tells a chat webhook, through a guarded HTTP client.
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { OrderStatusChanged } from "integration-hub/domain/events/DomainEvents"
import { makeAdapter } from "integration-hub/services/integrations/Adapter"
import { AdapterRegistry } from "integration-hub/services/integrations/AdapterRegistry"
import * as OutboundHttp from "integration-hub/services/integrations/OutboundHttp"
import { CircuitBreakers } from "integration-hub/services/resilience/CircuitBreakers"
import * as CircuitSettings from "integration-hub/services/resilience/CircuitSettings"
import * as RetryPolicy from "integration-hub/services/resilience/RetryPolicy"

/** `baseUrl`: the chat server; messages are POSTed to `/messages`. */
export const layer = (baseUrl: string) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const breaker = yield* (yield* CircuitBreakers).make({ name: "chat", settings: CircuitSettings.mes })
      const chat = OutboundHttp.make({ adapter: "chat", baseUrl, httpClient: yield* HttpClient.HttpClient, breaker })
      yield* (yield* AdapterRegistry).register(
        makeAdapter({
          name: "chat",
          mode: "live",
          breaker,
          events: [{ definition: OrderStatusChanged, retry: RetryPolicy.statusCallback }],
          handle: ({ payload }) =>
            chat
              .call(
                "POST /messages",
                chat.client.execute(
                  HttpClientRequest.post("/messages").pipe(
                    HttpClientRequest.bodyJsonUnsafe({ text: `${payload.orderId}: ${payload.from} → ${payload.to}` })
                  )
                )
              )
              .pipe(Effect.asVoid),
          healthCheck: chat.probe("GET /health", Effect.as(chat.client.get("/health"), true))
        })
      )
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
