/**
 * The hub's HTTP API, as its clients see it: everything under `/api/v1` but health and metrics. Definitions only: a
 * client can be made from it (`HttpApiClient.make(HubApi)`) without any code of the server.
 */
import { HttpApi, OpenApi } from "effect/http-api"
import { documentMiddleware } from "./Access.ts"
import { DeadLettersApi } from "./DeadLettersApi.ts"
import { EdicusApi } from "./EdicusApi.ts"
import { EventsApi } from "./EventsApi.ts"
import { HealthApi } from "./HealthApi.ts"
import { MesApi, MesCallbacksApi } from "./MesApi.ts"
import { ApiKeysApi, CatalogApi, IntegrationsApi, NotificationsApi } from "./OperationsApi.ts"
import { MonitoringApi } from "./MonitoringApi.ts"
import { OptionsApi } from "./OptionsApi.ts"
import { OrdersApi } from "./OrdersApi.ts"
import { ProductsApi } from "./ProductsApi.ts"
import { IntegrationCacheApi, IntegrationConfigApi } from "./IntegrationConfigApi.ts"
import { ProvidersApi } from "./ProvidersApi.ts"
import { RecordsApi } from "./RecordsApi.ts"
import { ShopbyApi, ShopbyWebhooksApi } from "./ShopbyApi.ts"

const allErrors = { errors: "all" } as const

export const HubApi = HttpApi.make("hub")
  .add(ProductsApi, OptionsApi, OrdersApi, MesApi, MesCallbacksApi, EventsApi)
  .add(ShopbyApi, ShopbyWebhooksApi)
  .add(EdicusApi)
  .add(ProvidersApi)
  .add(RecordsApi)
  .add(IntegrationConfigApi, IntegrationCacheApi)
  .add(MonitoringApi)
  .add(IntegrationsApi, DeadLettersApi, NotificationsApi, ApiKeysApi, CatalogApi)
  .prefix("/api/v1")
  .add(HealthApi)
  // A caller is told everything that is wrong with a request. An answer needs no such list, and is encoded faster without.
  .annotate(HttpApi.ParamsParseOptions, allErrors)
  .annotate(HttpApi.QueryParseOptions, allErrors)
  .annotate(HttpApi.HeadersParseOptions, allErrors)
  .annotate(HttpApi.PayloadParseOptions, allErrors)
  .annotateMerge(
    OpenApi.annotations({
      title: "Integration Hub",
      version: "1",
      description: "Connects a business core to outside systems and keeps working when those fail."
    })
  )
  .annotateMerge(documentMiddleware)
