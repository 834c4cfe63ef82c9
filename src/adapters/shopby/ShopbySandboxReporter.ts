/**
 * The sandbox's side of endpoint 3: tells the hub of a new order as Shopby does. When the hub does not take it, the order
 * is found under the failed webhooks.
 */
import { Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import * as SandboxReporting from "../../services/integrations/SandboxReporter.ts"
import { type SandboxOrder, webhookBody } from "./SandboxMall.ts"
import { SandboxReporter } from "./ShopbySandbox.ts"

type ReporterOptions = SandboxReporting.ReporterOptions

/** Makes a sandbox tell this hub: provide it to `ShopbySandbox.layer`. */
export const layer = (options: Omit<ReporterOptions, "httpClient">): Layer.Layer<never, never, HttpClient.HttpClient> =>
  Layer.effect(
    SandboxReporter,
    Effect.map(HttpClient.HttpClient, (httpClient) => make({ ...options, httpClient }))
  )

/** A value for SandboxReporter. */
export const make = (options: ReporterOptions): ((order: SandboxOrder) => Effect.Effect<boolean>) =>
  Effect.fn("ShopbySandboxReporter.report")(
    function* (order: SandboxOrder) {
      yield* SandboxReporting.send(options, {
        method: "POST",
        path: "/api/v1/integration/shopby/orders",
        id: `order.${order.order.orderNo}`,
        body: yield* webhookBody(order)
      })
      return true
    },
    Effect.catch((error) => Effect.as(Effect.logWarning(`The hub did not take an order: ${error.message}`), false))
  )
