/** Every external system, one line each. */
import { Layer } from "effect"
import type { HubConfig } from "../services/HubConfig.ts"
import type { ProviderConfig } from "../services/providers/ProviderConfig.ts"
import * as AddressSearch from "./addresses/AddressSearch.ts"
import * as CompanyLookup from "./companies/CompanyLookup.ts"
import * as Edicus from "./edicus/Edicus.ts"
import * as FlightLookup from "./flights/FlightLookup.ts"
import * as Fx from "./fx/Fx.ts"
import * as Mes from "./mes/Mes.ts"
import * as Shopby from "./shopby/Shopby.ts"

export const layer = (config: HubConfig) =>
  Layer.mergeAll(
    Shopby.layer(config.shopby),
    Mes.layer(config.mes),
    Edicus.layer(config.edicus),
    dataServices(config.providers)
  )

/** Every data service, one line each. */
export const dataServices = (config: ProviderConfig) =>
  Layer.mergeAll(
    Fx.layer(config.fx),
    AddressSearch.layer(config.address),
    FlightLookup.layer(config.flights),
    CompanyLookup.layer(config.companies)
  )
