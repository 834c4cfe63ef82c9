import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AlertLog } from "../../services/observability/AlertLog.ts"
import { Circuits } from "../../services/observability/Circuits.ts"
import { IntegrationHealth } from "../../services/observability/IntegrationHealth.ts"
import { HubApi } from "../api/HubApi.ts"
import { asData, listOf } from "../api/Queries.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

export const layer = HttpApiBuilder.group(
  HubApi,
  "monitoring",
  Effect.fnUntraced(function* (handlers) {
    const health = yield* IntegrationHealth
    const circuits = yield* Circuits
    const alerts = yield* AlertLog
    return handlers.handleAll({
      integrationHealth: Effect.fnUntraced(
        function* ({ params, query }) {
          const history = yield* health.history(params.name, query)
          return { ...(yield* health.status(params.name)), history: listOf(query)(history) }
        },
        Effect.catchTags({ IntegrationNotFound: ({ name }) => notFound(`integration ${name}`) })
      ),
      circuits: () => Effect.map(circuits.list, asData),
      resetCircuit: ({ params }) =>
        Effect.flatMap(callerName, (name) => circuits.reset(params.provider, name)).pipe(
          Effect.catchTags({ CircuitNotFound: ({ name }) => notFound(`circuit ${name}`) })
        ),
      alerts: ({ query }) => Effect.map(alerts.list(query, query), listOf(query))
    })
  })
).pipe(withOnly(AlertLog, Circuits, IntegrationHealth))
