import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { PrometheusMetrics } from "effect/observability"
import { IntegrationHealth } from "../../services/observability/IntegrationHealth.ts"
import { Database } from "../../services/storage/Database.ts"
import { HubApi } from "../api/HubApi.ts"
import { UnavailableProblem } from "../api/Problems.ts"
import { asData } from "../api/Queries.ts"
import { withOnly } from "./SmallContext.ts"

export const layer = HttpApiBuilder.group(
  HubApi,
  "health",
  Effect.fnUntraced(function* (handlers) {
    const { sql } = yield* Database
    const health = yield* IntegrationHealth
    // A server listens after the migrations: what may fail later is the database.
    const ready = sql`select 1 from hub_migrations limit 1`.pipe(
      Effect.timeout("2 seconds"),
      Effect.as({ status: "ready" as const }),
      Effect.catchCause((cause) =>
        Effect.andThen(
          Effect.logWarning("Not ready", cause),
          Effect.fail(new UnavailableProblem({ detail: "The database does not answer", retryAfter: 2 }))
        )
      )
    )
    return handlers.handleAll({
      alive: () => Effect.succeed({ status: "ok" as const }),
      ready: () => ready,
      integrations: () => Effect.map(health.statuses, asData),
      metrics: () => PrometheusMetrics.format()
    })
  })
).pipe(withOnly(IntegrationHealth, Database))
