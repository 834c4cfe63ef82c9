import { Effect, Layer, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { MesItems } from "../../services/catalog/MesItems.ts"
import { MesMappings } from "../../services/catalog/MesMappings.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import { JobReports } from "../../services/orders/JobReports.ts"
import { Production } from "../../services/orders/Production.ts"
import { HubApi } from "../api/HubApi.ts"
import { MappingUnverifiedProblem, UnavailableProblem } from "../api/Problems.ts"
import { asData, listOf } from "../api/Queries.ts"
import { catalog, conflict, mapping, notFound, orders } from "./Problems.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { withOnly } from "./SmallContext.ts"

const { CatalogConflict, CatalogInvalid, CatalogNotFound } = catalog
const { InvalidMappingTransition } = mapping
const { InvalidStateTransition, OrderNotFound } = orders

const handlersLayer = HttpApiBuilder.group(
  HubApi,
  "mes",
  Effect.fnUntraced(function* (handlers) {
    const items = yield* MesItems
    const mappings = yield* MesMappings
    const production = yield* Production
    return handlers.handleAll({
      items: ({ query }) => items.list(query, query).pipe(Effect.map(listOf(query))),
      createItem: ({ payload }) => items.create(payload).pipe(Effect.catchTags({ CatalogConflict, CatalogInvalid })),
      patchItem: ({ params, payload }) =>
        items.patch(params.id, payload).pipe(Effect.catchTags({ CatalogInvalid, CatalogNotFound })),
      itemOptions: ({ params }) =>
        items.options(params.id).pipe(Effect.map(asData), Effect.catchTags({ CatalogNotFound })),
      mappings: ({ query }) => mappings.listProducts(query, query).pipe(Effect.map(listOf(query))),
      setMapping: ({ params, payload }) =>
        mappings.setProduct(params.productId, payload).pipe(Effect.catchTags({ CatalogInvalid, CatalogNotFound })),
      choiceMappings: ({ query }) => mappings.listChoices(query, query).pipe(Effect.map(listOf(query))),
      mapChoice: ({ params, payload }) =>
        Effect.flatMap(callerName, (name) => mappings.map(params.choiceId, payload, name)).pipe(
          Effect.catchTags({ CatalogInvalid, CatalogNotFound })
        ),
      verifyChoice: ({ params }) =>
        Effect.flatMap(callerName, (name) => mappings.verify(params.choiceId, name)).pipe(
          Effect.catchTags({ CatalogNotFound, InvalidMappingTransition })
        ),
      dispatch: ({ params, payload }) =>
        production.requestDispatch(params.id, { memo: payload?.memo ?? null }).pipe(
          Effect.map((eventId) => ({ orderId: params.id, eventId, status: "accepted" as const })),
          Effect.catchTags({
            OrderNotFound,
            NotDispatchable: ({ reason, status }) => conflict(`The order is ${status}: ${reason}`),
            MappingUnverified: ({ choiceIds, productIds }) =>
              Effect.fail(new MappingUnverifiedProblem({ choiceIds, productIds }))
          })
        )
    })
  })
).pipe(withOnly(MesItems, MesMappings, Production))

const callbacksLayer = HttpApiBuilder.group(
  HubApi,
  "mesCallbacks",
  Effect.fnUntraced(function* (handlers) {
    const reports = yield* JobReports
    const registry = yield* AdapterRegistry
    return handlers.handleAll({
      jobStatus: Effect.fnUntraced(function* ({ params, payload }) {
        const adapter = yield* registry.get("mes")
        // An id of the plant means something in its mode only: switched off, the report must come again later.
        if (Option.isNone(adapter) || adapter.value.mode === "off") {
          return yield* new UnavailableProblem({ detail: "The MES is switched off", retryAfter: 60 })
        }
        return yield* reports.apply(params.id, adapter.value.mode, payload).pipe(
          Effect.catchTags({
            OrderNotFound,
            InvalidStateTransition,
            JobNotFound: ({ mesJobId, orderId }) => notFound(`job ${mesJobId} of order ${orderId}`),
            DispatchNotFinished: ({ retryAfterSeconds }) =>
              Effect.fail(
                new UnavailableProblem({
                  detail: "The order's dispatch is not finished yet",
                  retryAfter: retryAfterSeconds
                })
              )
          })
        )
      })
    })
  })
).pipe(withOnly(AdapterRegistry, JobReports))

export const layer = Layer.merge(handlersLayer, callbacksLayer)
