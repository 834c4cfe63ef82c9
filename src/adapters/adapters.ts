/** Every external system, one line each. */
import { Layer } from "effect"
import type { HubConfig } from "../services/HubConfig.ts"
import * as Mes from "./mes/Mes.ts"

export const layer = (config: HubConfig) => Layer.mergeAll(Mes.layer(config.mes))
