import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Delivery } from "../../services/events/Delivery.ts"
import type { AdapterStatus } from "../../services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import { IntegrationHealth } from "../../services/observability/IntegrationHealth.ts"
import { HubApi } from "../api/HubApi.ts"
import { asData } from "../api/Queries.ts"
import { notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const AdapterNotFound = ({ name }: { readonly name: string }) => notFound(`integration ${name}`)

export const layer = HttpApiBuilder.group(
  HubApi,
  "integrations",
  Effect.fnUntraced(function* (handlers) {
    const registry = yield* AdapterRegistry
    const delivery = yield* Delivery
    const health = yield* IntegrationHealth
    const withQueue = (adapter: AdapterStatus) =>
      Effect.map(delivery.status(adapter.name), ({ dead, lag, parked }) => ({ ...adapter, lag, parked, dead }))

    return handlers.handleAll({
      list: () => Effect.flatMap(registry.statuses, Effect.forEach(withQueue)).pipe(Effect.map(asData)),
      get: ({ params }) =>
        registry.status(params.name).pipe(Effect.flatMap(withQueue), Effect.catchTags({ AdapterNotFound })),
      checkHealth: ({ params }) =>
        registry.checkHealth(params.name).pipe(Effect.flatMap(withQueue), Effect.catchTags({ AdapterNotFound })),
      circuit: Effect.fnUntraced(function* ({ params, payload }) {
        const found = yield* registry.get(params.name)
        if (Option.isNone(found)) return yield* AdapterNotFound(params)
        const { breaker } = found.value
        switch (payload.action) {
          case "reset":
            yield* breaker.reset
            break
          case "force-open":
            yield* breaker.forceOpen
            break
          case "force-closed":
            yield* breaker.forceClosed
        }
        return yield* registry
          .status(params.name)
          .pipe(Effect.flatMap(withQueue), Effect.catchTags({ AdapterNotFound }))
      }),
      health: () => Effect.map(health.statuses, asData)
    })
  })
).pipe(withOnly(AdapterRegistry, Delivery, IntegrationHealth))
