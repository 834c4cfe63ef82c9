/** What operators see and change of data services at run time: configuration, cached answers (provider integrations, section 3). */
import { Effect, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { text } from "../../domain/Text.ts"
import {
  ConfigDiff,
  ConfigVersion,
  ConfigVersionNumber,
  IntegrationConfig,
  IntegrationName
} from "../../services/providers/RuntimeSettings.ts"
import { Authorization, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, NotFoundProblem, UnavailableProblem, ValidationProblem } from "./Problems.ts"
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

/** A cached answer; what it says is not shown. */
export const CachedAnswer = Schema.Struct({
  key: Schema.String,
  source: Schema.String,
  /** ISO-8601 UTC. */
  fetchedAt: Schema.String,
  ageSeconds: Schema.Int,
  /** A genuine answer with nothing in it. */
  empty: Schema.Boolean
})

/** A key, or a pattern in which `*` stands for anything and `\` makes the next character mean itself. */
const CacheKeyText = text(1024)

export const IntegrationCacheApi = HttpApiGroup.make("integrationCache")
  .add(
    HttpApiEndpoint.get("list", "/integrations/:name/cache", {
      params,
      query: {
        /** Of whole keys (`fx:rates:*`); default all of the integration. */
        pattern: filter(CacheKeyText),
        /** 1 to 1000, default 100. */
        limit: fromDigits(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))).pipe(
          Schema.withDecodingDefaultKey(Effect.succeed("100"))
        )
      },
      success: Schema.Struct({ data: Schema.Array(CachedAnswer) }),
      error: [ValidationProblem, NotFoundProblem, UnavailableProblem]
    }),
    /** One key, or all that fit a pattern: one of the two. */
    HttpApiEndpoint.delete("invalidate", "/integrations/:name/cache", {
      params,
      query: { key: filter(CacheKeyText), pattern: filter(CacheKeyText) },
      /** Entries that were there. */
      success: Schema.Struct({ removed: Schema.Int }),
      error: [ValidationProblem, NotFoundProblem, UnavailableProblem]
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Cached answers of data services")
