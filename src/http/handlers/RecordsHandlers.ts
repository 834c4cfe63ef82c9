import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { CallViews } from "../../services/observability/CallViews.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import { notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const IntegrationUnknown = ({ name }: { readonly name: string }) => notFound(`integration ${name}`)

export const layer = HttpApiBuilder.group(
  HubApi,
  "records",
  Effect.fnUntraced(function* (handlers) {
    const views = yield* CallViews
    return handlers.handleAll({
      calls: ({ params, query }) =>
        views
          .calls(params.name, query, query)
          .pipe(Effect.map(listOf(query)), Effect.catchTags({ IntegrationUnknown })),
      metrics: ({ params, query }) =>
        views.metrics(params.name, query.minutes).pipe(Effect.catchTags({ IntegrationUnknown })),
      stats: ({ query: { minutes } }) => Effect.map(views.stats(minutes), (data) => ({ minutes, data })),
      cache: ({ query: { minutes } }) => Effect.map(views.cache(minutes), (data) => ({ minutes, data }))
    })
  })
).pipe(withOnly(CallViews))
