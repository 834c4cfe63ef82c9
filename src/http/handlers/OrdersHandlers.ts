import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Orders } from "../../services/orders/Orders.ts"
import { ShopOrders } from "../../services/shop/ShopOrders.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import * as Problems from "./Problems.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { withOnly } from "./SmallContext.ts"

const { InvalidOrder, InvalidStateTransition, NotRetranslatable, OrderNotFound } = Problems.orders

export const layer = HttpApiBuilder.group(
  HubApi,
  "orders",
  Effect.fnUntraced(function* (handlers) {
    const orders = yield* Orders
    const shop = yield* ShopOrders
    return handlers.handleAll({
      create: ({ payload }) =>
        Effect.flatMap(callerName, (name) => orders.create(payload, name)).pipe(Effect.catchTags({ InvalidOrder })),
      list: ({ query }) => orders.list(query, query).pipe(Effect.map(listOf(query))),
      get: ({ params }) => orders.get(params.id).pipe(Effect.catchTags({ OrderNotFound })),
      changeStatus: ({ params, payload: { status, ...reason } }) =>
        Effect.flatMap(callerName, (name) =>
          orders.changeStatus(params.id, status, { actor: "operator", name, ...reason })
        ).pipe(Effect.catchTags({ InvalidStateTransition, OrderNotFound })),
      retranslate: ({ params }) =>
        shop.retranslate(params.id).pipe(Effect.catchTags({ NotRetranslatable, OrderNotFound })),
      resolveAttention: ({ params }) =>
        Effect.flatMap(callerName, (name) => shop.resolveAttention(params.id, { name })).pipe(
          Effect.catchTags({ OrderNotFound })
        )
    })
  })
).pipe(withOnly(Orders, ShopOrders))
