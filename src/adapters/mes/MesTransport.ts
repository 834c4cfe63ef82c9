/**
 * How requests reach the MES: the sandbox in this process, or HTTP. Fault injection goes around it
 * (`faults.wrap(transport)`), the guard of the outbound client is above it.
 */
import { Context, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import type { HubConfig } from "../../services/HubConfig.ts"
import { MesSandbox } from "./MesSandbox.ts"

/** The hub's settings for the MES. */
export class MesSettings extends Context.Service<MesSettings, Omit<HubConfig["mes"], "webhookSecrets">>()(
  "hub/adapters/mes/MesTransport/MesSettings"
) {}

export class MesTransport extends Context.Service<MesTransport, HttpClient.HttpClient>()(
  "hub/adapters/mes/MesTransport"
) {
  /** In sandbox mode the one in this process, unless MES_BASE_URL names a sandbox elsewhere. */
  static readonly layer = Layer.effect(
    MesTransport,
    Effect.gen(function* () {
      const { baseUrl, mode } = yield* MesSettings
      const sandbox = yield* MesSandbox
      return mode === "sandbox" && baseUrl === null ? sandbox.httpClient : yield* HttpClient.HttpClient
    })
  )
}
