/**
 * How requests reach Shopby: the sandbox in this process, or HTTP. Fault injection goes around it
 * (`faults.wrap(transport)`), the guard of the outbound client is above it.
 */
import { Context, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import type { HubConfig } from "../../services/HubConfig.ts"
import { ShopbySandbox } from "./ShopbySandbox.ts"

/** The hub's settings for Shopby. */
export class ShopbySettings extends Context.Service<ShopbySettings, Omit<HubConfig["shopby"], "webhookSecrets">>()(
  "hub/adapters/shopby/ShopbyTransport/ShopbySettings"
) {}

export class ShopbyTransport extends Context.Service<ShopbyTransport, HttpClient.HttpClient>()(
  "hub/adapters/shopby/ShopbyTransport"
) {
  /** In sandbox mode the one in this process, unless SHOPBY_BASE_URL names a sandbox elsewhere. */
  static readonly layer = Layer.effect(
    ShopbyTransport,
    Effect.gen(function* () {
      const { baseUrl, mode } = yield* ShopbySettings
      const sandbox = yield* ShopbySandbox
      return mode === "sandbox" && baseUrl === null ? sandbox.httpClient : yield* HttpClient.HttpClient
    })
  )
}
