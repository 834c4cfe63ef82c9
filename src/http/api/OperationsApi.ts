/** For operators: integrations, notifications, API keys, catalogue import (specification, sections 6, 9 and 10). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ApiKey, ApiKeyCreate, ApiKeyId } from "../../domain/ApiKey.ts"
import { Notification, NotificationId } from "../../domain/Notification.ts"
import { text } from "../../domain/Text.ts"
import { CatalogImportRequest, CatalogReport } from "../../services/catalog/CatalogReport.ts"
import { AdapterStatus } from "../../services/integrations/Adapter.ts"
import { IntegrationStatus } from "../../services/observability/IntegrationStatus.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope } from "./Access.ts"
import { NotFoundProblem } from "./Problems.ts"
import { filter, Flag, fromDigits, list, pageQuery } from "./Queries.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** An integration with what waits for it: events it has not read, events put aside, pending dead letters. */
export const Integration = Schema.Struct({ ...AdapterStatus.fields, lag: Count, parked: Count, dead: Count })

const byName = { params: { name: text(100) }, success: Integration, error: NotFoundProblem }

export const IntegrationsApi = HttpApiGroup.make("integrations")
  .add(
    HttpApiEndpoint.get("list", "/integrations", { success: Schema.Struct({ data: Schema.Array(Integration) }) }),
    HttpApiEndpoint.get("get", "/integrations/:name", byName),
    HttpApiEndpoint.post("checkHealth", "/integrations/:name/health-check", byName),
    HttpApiEndpoint.post("circuit", "/integrations/:name/circuit", {
      ...byName,
      payload: Schema.Struct({ action: Schema.Literals(["reset", "force-open", "force-closed"]) })
    }),
    HttpApiEndpoint.get("health", "/health/integrations", {
      success: Schema.Struct({ data: Schema.Array(IntegrationStatus) })
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Integrations")

export const NotificationsApi = HttpApiGroup.make("notifications")
  .add(
    HttpApiEndpoint.get("list", "/notifications", {
      query: { ...pageQuery, kind: filter(text(100)), acknowledged: filter(Flag) },
      success: list(Notification)
    }),
    HttpApiEndpoint.post("acknowledge", "/notifications/:id/acknowledge", {
      params: { id: fromDigits(NotificationId) },
      success: Notification,
      error: NotFoundProblem
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Notifications")

export const ApiKeysApi = HttpApiGroup.make("apiKeys")
  .add(
    HttpApiEndpoint.post("create", "/api-keys", {
      payload: ApiKeyCreate,
      success: Schema.Struct({
        id: ApiKeyId,
        /** The key itself: only here. */
        key: Schema.String,
        name: ApiKey.fields.name,
        scopes: ApiKey.fields.scopes,
        expiresAt: ApiKey.fields.expiresAt
      }).pipe(HttpApiSchema.status(201))
    }).middleware(Idempotent),
    HttpApiEndpoint.get("list", "/api-keys", { query: pageQuery, success: list(ApiKey) }),
    HttpApiEndpoint.delete("revoke", "/api-keys/:id", { params: { id: ApiKeyId }, error: NotFoundProblem })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "API keys")

export const CatalogApi = HttpApiGroup.make("catalog")
  .add(
    HttpApiEndpoint.post("importFiles", "/catalog/import", { payload: CatalogImportRequest, success: CatalogReport })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Catalogue")
