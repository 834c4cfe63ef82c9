/** Edicus as a whole: adapter, transport and sandbox, from its part of the configuration. */
import { Layer } from "effect"
import type { HubConfig } from "../../services/HubConfig.ts"
import { EdicusAdapter } from "./EdicusAdapter.ts"
import { EdicusSandbox } from "./EdicusSandbox.ts"
import { EdicusSettings, EdicusTransport } from "./EdicusTransport.ts"

export const layer = (config: HubConfig["edicus"]) =>
  EdicusAdapter.layerRegistered.pipe(
    Layer.provide(EdicusTransport.layer),
    Layer.provideMerge(EdicusSandbox.layer),
    Layer.provide(Layer.succeed(EdicusSettings, config))
  )
