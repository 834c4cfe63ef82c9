/** What operators change about data services at run time (provider integrations, section 3). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import {
  ConfigDiff,
  ConfigVersion,
  ConfigVersionNumber,
  IntegrationConfig,
  IntegrationName
} from "../../services/providers/RuntimeSettings.ts"
import { Authorization, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, NotFoundProblem, ValidationProblem } from "./Problems.ts"
import { filter, fromDigits, list, pageQuery } from "./Queries.ts"

const params = { name: IntegrationName }
const version = fromDigits(ConfigVersionNumber)
const changed = {
  params,
  /** Only when this is still the newest version; else 409. */
  query: { ifVersion: filter(version) },
  success: IntegrationConfig,
  error: [ValidationProblem, NotFoundProblem, ConflictProblem]
} as const

/**
 * A JSON merge patch of the overrides, with durations as texts: `{"providers":{"fx_primary":{"timeout":"5 seconds"}}}`.
 * Null takes an override out again.
 */
export const ConfigPatch = Schema.JsonObject

export const IntegrationConfigApi = HttpApiGroup.make("integrationConfig")
  .add(
    HttpApiEndpoint.get("get", "/integrations/:name/config", {
      params,
      success: IntegrationConfig,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.patch("change", "/integrations/:name/config", { ...changed, payload: ConfigPatch }),
    HttpApiEndpoint.get("versions", "/integrations/:name/config/versions", {
      params,
      query: pageQuery,
      success: list(ConfigVersion),
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("diff", "/integrations/:name/config/versions/:version/diff", {
      params: { ...params, version },
      /** Compared with this version; default: the one before. */
      query: { from: filter(version) },
      success: ConfigDiff,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.post("rollBack", "/integrations/:name/config/rollback", {
      ...changed,
      payload: Schema.Struct({ version: ConfigVersionNumber })
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Configuration of data services")
