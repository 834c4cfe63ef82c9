/** Shopby as a whole: adapter, transport and sandbox, from its part of the configuration. */
import { Layer } from "effect"
import type { HubConfig } from "../../services/HubConfig.ts"
import { ShopbyAdapter } from "./ShopbyAdapter.ts"
import { ShopbySandbox } from "./ShopbySandbox.ts"
import { ShopbySettings, ShopbyTransport } from "./ShopbyTransport.ts"

export const layer = (config: HubConfig["shopby"]) =>
  ShopbyAdapter.layerRegistered.pipe(
    Layer.provide(ShopbyTransport.layer),
    Layer.provideMerge(ShopbySandbox.layer),
    Layer.provide(Layer.succeed(ShopbySettings, config))
  )
