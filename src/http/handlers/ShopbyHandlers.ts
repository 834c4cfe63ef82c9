import { Effect, Layer, Option } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Categories } from "../../services/catalog/Categories.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import { ShopOrders } from "../../services/shop/ShopOrders.ts"
import { ShopProducts } from "../../services/shop/ShopProducts.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import { UnavailableProblem } from "../api/Problems.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { catalog, orders } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const { CatalogNotFound } = catalog
const { InvalidStateTransition, NotAShopOrder, OrderNotFound } = orders

const handlersLayer = HttpApiBuilder.group(
  HubApi,
  "shopby",
  Effect.fnUntraced(function* (handlers) {
    const shop = yield* ShopProducts
    const shopOrders = yield* ShopOrders
    const categories = yield* Categories
    const registry = yield* AdapterRegistry

    /** Null: switched off, or not there. */
    const presentMode = Effect.map(registry.get("shopby"), (adapter) =>
      Option.isNone(adapter) || adapter.value.mode === "off" ? null : adapter.value.mode
    )

    return handlers.handleAll({
      products: ({ query }) =>
        Effect.flatMap(presentMode, (mode) => shop.list(query.status ?? "ready", mode, query)).pipe(
          Effect.map(listOf(query))
        ),
      syncProduct: ({ params, payload }) =>
        Effect.flatMap(presentMode, (mode) =>
          shop.requestSync(params.id, { force: payload?.force ?? false, mode })
        ).pipe(
          Effect.map((eventId) => ({ productId: params.id, eventId, status: "accepted" as const })),
          Effect.catchTags({ CatalogNotFound })
        ),
      widgetOnly: ({ params, query }) =>
        Effect.flatMap(presentMode, (mode) => shop.widgetOnly(params.id, mode, query)).pipe(
          Effect.map(listOf(query)),
          Effect.catchTags({ CatalogNotFound })
        ),
      categories: ({ query }) => categories.list(query).pipe(Effect.map(listOf(query))),
      mapCategory: ({ params, payload }) =>
        categories.setShopbyCategoryNo(params.id, payload.shopbyCategoryNo).pipe(Effect.catchTags({ CatalogNotFound })),
      changeOrderStatus: ({ params, payload }) =>
        Effect.flatMap(callerName, (name) => shopOrders.changeStatus(params.id, payload, { name })).pipe(
          Effect.catchTags({ InvalidStateTransition, NotAShopOrder, OrderNotFound })
        )
    })
  })
).pipe(withOnly(ShopProducts, ShopOrders, Categories, AdapterRegistry))

const webhooksLayer = HttpApiBuilder.group(
  HubApi,
  "shopbyWebhooks",
  Effect.fnUntraced(function* (handlers) {
    const shopOrders = yield* ShopOrders
    const registry = yield* AdapterRegistry
    return handlers.handleAll({
      takeOrder: Effect.fnUntraced(function* ({ payload, request }) {
        const adapter = yield* registry.get("shopby")
        // A number of the shop means something in its mode only: switched off, the order must come again later.
        if (Option.isNone(adapter) || adapter.value.mode === "off") {
          return yield* new UnavailableProblem({ detail: "Shopby is switched off", retryAfter: 60 })
        }
        const raw = yield* Effect.orDie(request.text)
        const { created, ...taken } = yield* shopOrders.receive(payload, {
          mode: adapter.value.mode,
          raw,
          via: "webhook"
        })
        return created ? taken : HttpServerResponse.jsonUnsafe(taken, { status: 200 })
      })
    })
  })
).pipe(withOnly(ShopOrders, AdapterRegistry))

export const layer = Layer.merge(handlersLayer, webhooksLayer)
