/**
 * The hub, put together from its configuration. What is built last is stopped first: intake, then the adapters (running
 * handlers finish, cursors are stored), then the services, then the database.
 */
import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { Duration, Layer } from "effect"
import * as Adapters from "./adapters/adapters.ts"
import * as HttpServer from "./http/HttpServer.ts"
import * as NodeServer from "./http/NodeServer.ts"
import { CatalogImport } from "./services/catalog/CatalogImport.ts"
import { Categories } from "./services/catalog/Categories.ts"
import { MesItems } from "./services/catalog/MesItems.ts"
import { MesMappings } from "./services/catalog/MesMappings.ts"
import { Options } from "./services/catalog/Options.ts"
import { Products } from "./services/catalog/Products.ts"
import { Designs } from "./services/designs/Designs.ts"
import { EditorProducts } from "./services/designs/EditorProducts.ts"
import { RenderJobs } from "./services/designs/RenderJobs.ts"
import { DeliverySettings } from "./services/events/DeliverySettings.ts"
import * as Events from "./services/events/Events.ts"
import type { HubConfig } from "./services/HubConfig.ts"
import { ReceivedEvents } from "./services/intake/ReceivedEvents.ts"
import { AdapterRegistry } from "./services/integrations/AdapterRegistry.ts"
import * as Monitoring from "./services/observability/Monitoring.ts"
import { JobReports } from "./services/orders/JobReports.ts"
import * as CallRecords from "./services/observability/CallRecords.ts"
import { CallViews } from "./services/observability/CallViews.ts"
import { Notifications } from "./services/orders/Notifications.ts"
import { Orders } from "./services/orders/Orders.ts"
import { Production } from "./services/orders/Production.ts"
import { RuntimeConfig } from "./services/providers/RuntimeConfig.ts"
import * as ProviderServices from "./services/providers/ProviderServices.ts"
import { CircuitBreakers } from "./services/resilience/CircuitBreakers.ts"
import * as CircuitMonitor from "./services/resilience/CircuitMonitor.ts"
import { ApiKeys } from "./services/security/ApiKeys.ts"
import { Idempotency } from "./services/security/Idempotency.ts"
import { WebhookInbox } from "./services/security/WebhookInbox.ts"
import { WebhookSecrets } from "./services/security/WebhookSecrets.ts"
import { ShopOrders } from "./services/shop/ShopOrders.ts"
import { ShopProducts } from "./services/shop/ShopProducts.ts"
import * as DatabaseEmbedded from "./services/storage/DatabaseEmbedded.ts"
import * as DatabaseServer from "./services/storage/DatabaseServer.ts"

/** The database that the configuration names, migrated. */
export const storage = (config: HubConfig) =>
  config.database.kind === "server"
    ? DatabaseServer.layer({ url: config.database.url, maxConnections: config.database.connections })
    : DatabaseEmbedded.layer(config.database.directory)

/** The core's own state, on a database with its events. */
export const core = Layer.mergeAll(ReceivedEvents.layer, ShopOrders.layer).pipe(
  Layer.provideMerge(
    Layer.mergeAll(Orders.layer, Production.layer, JobReports.layer, RenderJobs.layer, CatalogImport.layer)
  ),
  Layer.provideMerge(
    Layer.mergeAll(
      Products.layer,
      Options.layer,
      Categories.layer,
      Designs.layer,
      EditorProducts.layer,
      MesItems.layer,
      MesMappings.layer,
      Notifications.layer,
      ShopProducts.layer
    )
  )
)

const security = (config: HubConfig) =>
  WebhookInbox.layer().pipe(
    Layer.provideMerge(
      WebhookSecrets.layer({
        adapters: [
          { name: "shopby", mode: config.shopby.mode, configured: config.shopby.webhookSecrets },
          { name: "mes", mode: config.mes.mode, configured: config.mes.webhookSecrets }
        ]
      })
    ),
    Layer.provideMerge(ApiKeys.layer({ adminKey: config.adminKey })),
    Layer.provideMerge(Idempotency.layer)
  )

/** Everything but the HTTP server. */
export const services = (config: HubConfig) =>
  RuntimeConfig.layer(config.runtime).pipe(
    // Configures what the adapters have made.
    Layer.provideMerge(Adapters.layer(config)),
    Layer.provideMerge(Monitoring.layer(config.alerts)),
    Layer.provideMerge(CallViews.layer),
    Layer.provideMerge(AdapterRegistry.layer),
    Layer.provideMerge(CallRecords.layer(config.callLog)),
    Layer.provideMerge(CircuitMonitor.layer.pipe(Layer.provideMerge(CircuitBreakers.layer))),
    Layer.provideMerge(ProviderServices.layer({ redisUrl: config.redisUrl })),
    Layer.provideMerge(core),
    Layer.provideMerge(security(config)),
    Layer.provideMerge(Events.layerSql),
    Layer.provideMerge(storage(config)),
    Layer.provide(NodeHttpClient.layerUndici),
    Layer.provide(
      Layer.succeed(DeliverySettings, {
        ...DeliverySettings.defaultValue(),
        shutdownMillis: Duration.toMillis(config.shutdownTimeout)
      })
    )
  )

/** The whole hub, listening. */
export const layer = (config: HubConfig) =>
  HttpServer.layer.pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(NodeServer.make, {
        port: config.http.port,
        host: config.http.host,
        gracefulShutdownTimeout: config.shutdownTimeout
      })
    ),
    Layer.provideMerge(services(config))
  )
