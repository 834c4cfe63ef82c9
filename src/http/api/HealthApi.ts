/** Is the hub alive and ready? Outside of `/api/v1`; open without a key, but for the list of integrations. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { IntegrationStatus } from "../../services/observability/IntegrationStatus.ts"
import { Authorization, RequestChecks } from "./Access.ts"

export const HealthApi = HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("alive", "/health", { success: Schema.Struct({ status: Schema.Literal("ok") }) }),
    /** 503 while the database cannot be reached or is not migrated. */
    HttpApiEndpoint.get("ready", "/health/ready", { success: Schema.Struct({ status: Schema.Literal("ready") }) }),
    HttpApiEndpoint.get("integrations", "/health/integrations", {
      success: Schema.Struct({ data: Schema.Array(IntegrationStatus) })
    }).middleware(Authorization),
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))
    })
  )
  .middleware(RequestChecks)
  .annotate(OpenApi.Title, "Health")
