/**
 * The hub's HTTP server: the API with its documentation, behind the middleware that every request goes through.
 *
 * Guarantees: when it stops, no new connection is taken and event streams end at once; requests that run are finished,
 * within the time limit that the platform's server was given; only then do the services below it stop.
 */
import { Deferred, Effect, Layer } from "effect"
import { FindMyWay, HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiScalar } from "effect/http-api"
import { HubApi } from "./api/HubApi.ts"
import * as DeadLettersHandlers from "./handlers/DeadLettersHandlers.ts"
import * as EdicusHandlers from "./handlers/EdicusHandlers.ts"
import * as EventsHandlers from "./handlers/EventsHandlers.ts"
import * as HealthHandlers from "./handlers/HealthHandlers.ts"
import * as IntegrationsHandlers from "./handlers/IntegrationsHandlers.ts"
import * as MesHandlers from "./handlers/MesHandlers.ts"
import * as MonitoringHandlers from "./handlers/MonitoringHandlers.ts"
import * as OperationsHandlers from "./handlers/OperationsHandlers.ts"
import * as OptionsHandlers from "./handlers/OptionsHandlers.ts"
import * as OrdersHandlers from "./handlers/OrdersHandlers.ts"
import * as ProductsHandlers from "./handlers/ProductsHandlers.ts"
import * as IntegrationCacheHandlers from "./handlers/IntegrationCacheHandlers.ts"
import * as IntegrationConfigHandlers from "./handlers/IntegrationConfigHandlers.ts"
import * as ProvidersHandlers from "./handlers/ProvidersHandlers.ts"
import * as RecordsHandlers from "./handlers/RecordsHandlers.ts"
import * as ShopbyHandlers from "./handlers/ShopbyHandlers.ts"
import { withoutServices } from "./handlers/SmallContext.ts"
import * as AuthorizationLayer from "./middleware/AuthorizationLayer.ts"
import * as Edge from "./middleware/Edge.ts"
import * as IdempotentLayer from "./middleware/IdempotentLayer.ts"
import * as RequestChecksLayer from "./middleware/RequestChecksLayer.ts"
import * as SignedWebhookLayer from "./middleware/SignedWebhookLayer.ts"
import { Stopping } from "./Stopping.ts"

const handlers = Layer.mergeAll(
  ProductsHandlers.layer,
  OptionsHandlers.layer,
  OrdersHandlers.layer,
  MesHandlers.layer,
  ShopbyHandlers.layer,
  EdicusHandlers.layer,
  ProvidersHandlers.layer,
  RecordsHandlers.layer,
  IntegrationConfigHandlers.layer,
  IntegrationCacheHandlers.layer,
  EventsHandlers.layer,
  IntegrationsHandlers.layer,
  MonitoringHandlers.layer,
  DeadLettersHandlers.layer,
  OperationsHandlers.layer,
  HealthHandlers.layer
)

const middleware = Layer.mergeAll(
  AuthorizationLayer.layer,
  RequestChecksLayer.layer,
  IdempotentLayer.layer,
  SignedWebhookLayer.layer
)

/** Offline too: nothing is loaded from elsewhere. */
const docs = HttpApiScalar.layer(HubApi, { path: "/docs", scalar: { withDefaultFonts: false } })

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

/** Which methods a path knows, from the API itself. */
const allowedMethods = (): Edge.AllowedMethods => {
  const paths = FindMyWay.make<true>(routerConfig)
  for (const path of ["/docs", "/openapi.json"] as const) paths.on("GET", path, true)
  HttpApi.reflect(HubApi, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => paths.on(endpoint.method, `/${endpoint.path.slice(1)}`, true)
  })
  return (url) => {
    const known = methods.filter((method) => paths.find(method, url) !== undefined)
    return known[0] === "GET" ? ["GET", "HEAD", ...known.slice(1)] : known
  }
}

// A parameter is as long as a request line may be: its schema says what is wrong with it.
const routerConfig = { caseSensitive: true, maxParamLength: 16_384 }

/** All routes, for a router. */
export const routes = Layer.mergeAll(
  HttpApiBuilder.layer(HubApi, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide(handlers),
    Layer.provide(middleware)
  ),
  docs,
  Edge.layer(allowedMethods())
)

/** Served without the services that the handlers have taken already, see `SmallContext`. */
const serve = Effect.gen(function* () {
  const app = yield* Effect.provideService(HttpRouter.toHttpEffect(routes), HttpRouter.RouterConfig, routerConfig)
  yield* withoutServices(HttpServer.serveEffect(app))
})

const stopFirst = Effect.flatMap(Stopping, (stopping) => Effect.addFinalizer(() => Deferred.succeed(stopping, void 0)))

/** Serves on the platform's `HttpServer`, e.g. `NodeHttpServer.layer(NodeServer.make, { gracefulShutdownTimeout, … })`. */
export const layer = Layer.effectDiscard(Effect.andThen(serve, stopFirst)).pipe(Layer.provide(Stopping.layer))
