import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Options } from "../../services/catalog/Options.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import { catalog } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const { CatalogConflict, CatalogNotFound } = catalog

export const layer = HttpApiBuilder.group(
  HubApi,
  "options",
  Effect.fnUntraced(function* (handlers) {
    const options = yield* Options
    return handlers.handleAll({
      create: ({ payload }) => options.create(payload).pipe(Effect.catchTags({ CatalogConflict })),
      addChoice: ({ params, payload }) =>
        options.addChoice(params.id, payload).pipe(Effect.catchTags({ CatalogConflict, CatalogNotFound })),
      list: ({ query }) => options.list(query).pipe(Effect.map(listOf(query)))
    })
  })
).pipe(withOnly(Options))
