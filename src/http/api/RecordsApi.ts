/** For operators: what the hub wrote down about its calls (provider integrations, section 3). */
import { Effect, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { CallEntry, CallOutcome } from "../../domain/CallEntry.ts"
import { CacheStats, IntegrationMetrics, IntegrationStats } from "../../domain/CallStatistics.ts"
import { Instant } from "../../domain/Instant.ts"
import { text } from "../../domain/Text.ts"
import { Authorization, RequestChecks, RequiredScope } from "./Access.ts"
import { NotFoundProblem } from "./Problems.ts"
import { filter, fromDigits, list, pageQuery } from "./Queries.ts"

const params = { name: text(100) }

/** 1 to 43 200 (30 days). */
const minutes = (byDefault: string) =>
  fromDigits(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 43_200 }))).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(byDefault))
  )

export const RecordsApi = HttpApiGroup.make("records")
  .add(
    HttpApiEndpoint.get("calls", "/integrations/:name/calls", {
      params,
      query: {
        ...pageQuery,
        operation: filter(text(200)),
        outcome: filter(CallOutcome),
        provider: filter(text(100)),
        correlationId: filter(text(200)),
        since: filter(Instant)
      },
      success: list(CallEntry),
      error: NotFoundProblem
    }).annotate(OpenApi.Description, "Newest first; without since, those of the last 24 hours."),
    HttpApiEndpoint.get("metrics", "/integrations/:name/metrics", {
      params,
      query: { minutes: minutes("60") },
      success: IntegrationMetrics,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("stats", "/health/integrations/stats", {
      query: { minutes: minutes("60") },
      success: Schema.Struct({ minutes: Schema.Int, data: Schema.Array(IntegrationStats) })
    }),
    HttpApiEndpoint.get("cache", "/health/integrations/cache", {
      query: { minutes: minutes("60") },
      success: Schema.Struct({ minutes: Schema.Int, data: Schema.Array(CacheStats) })
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Records of calls")
