/**
 * How requests reach Edicus: the sandbox in this process, or HTTP. Fault injection goes around it
 * (`faults.wrap(transport)`), the guard of the outbound client is above it.
 */
import { Context, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import type { HubConfig } from "../../services/HubConfig.ts"
import { EdicusSandbox } from "./EdicusSandbox.ts"

/** The hub's settings for Edicus. */
export class EdicusSettings extends Context.Service<EdicusSettings, HubConfig["edicus"]>()(
  "hub/adapters/edicus/EdicusTransport/EdicusSettings"
) {}

export class EdicusTransport extends Context.Service<EdicusTransport, HttpClient.HttpClient>()(
  "hub/adapters/edicus/EdicusTransport"
) {
  /** In sandbox mode the one in this process, unless EDICUS_BASE_URL names a sandbox elsewhere. */
  static readonly layer = Layer.effect(
    EdicusTransport,
    Effect.gen(function* () {
      const { baseUrl, mode } = yield* EdicusSettings
      const sandbox = yield* EdicusSandbox
      return mode === "sandbox" && baseUrl === null ? sandbox.httpClient : yield* HttpClient.HttpClient
    })
  )
}
