/** The MES as a whole: adapter, transport and sandbox, from its part of the configuration. */
import { Layer } from "effect"
import type { HubConfig } from "../../services/HubConfig.ts"
import { MesAdapter } from "./MesAdapter.ts"
import { MesSandbox } from "./MesSandbox.ts"
import { MesSettings, MesTransport } from "./MesTransport.ts"

export const layer = (config: HubConfig["mes"]) =>
  MesAdapter.layerRegistered.pipe(
    Layer.provide(MesTransport.layer),
    Layer.provideMerge(MesSandbox.layer),
    Layer.provide(Layer.succeed(MesSettings, config))
  )
