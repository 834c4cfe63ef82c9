/** Health over time, circuits and alerts, for operators (provider integrations, section 3). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { AlertKind, AlertWithDeliveries } from "../../domain/Alert.ts"
import { text } from "../../domain/Text.ts"
import { Circuit, HealthRecord, IntegrationStatus } from "../../services/observability/IntegrationStatus.ts"
import { Authorization, RequestChecks, RequiredScope } from "./Access.ts"
import { NotFoundProblem } from "./Problems.ts"
import { filter, Flag, list, pageQuery } from "./Queries.ts"

export const MonitoringApi = HttpApiGroup.make("monitoring")
  .add(
    /** An adapter or a data service; `page` and `limit` are those of the history, newest first. */
    HttpApiEndpoint.get("integrationHealth", "/integrations/:name/health", {
      params: { name: text(100) },
      query: pageQuery,
      success: Schema.Struct({ ...IntegrationStatus.fields, history: list(HealthRecord) }),
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("circuits", "/health/integrations/circuits", {
      success: Schema.Struct({ data: Schema.Array(Circuit) })
    }),
    /** Closed, with nothing counted. Kept with the name of the API key. */
    HttpApiEndpoint.post("resetCircuit", "/health/integrations/circuits/:provider/reset", {
      params: { provider: text(200) },
      success: Circuit,
      error: NotFoundProblem
    }),
    /** Newest first. `open=true`: those that hold. */
    HttpApiEndpoint.get("alerts", "/alerts", {
      query: { ...pageQuery, kind: filter(AlertKind), subject: filter(text(200)), open: filter(Flag) },
      success: list(AlertWithDeliveries)
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Monitoring")
