import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { RuntimeConfig } from "../../services/providers/RuntimeConfig.ts"
import type {
  ConfigVersionConflict,
  InvalidConfigChange,
  UnknownConfigVersion as NoVersion,
  UnknownIntegration as NoIntegration
} from "../../services/providers/RuntimeSettings.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { conflict, invalid, notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const UnknownIntegration = ({ integration }: NoIntegration) => notFound(`data service ${integration}`)
const UnknownConfigVersion = ({ integration, version }: NoVersion) => notFound(`version ${version} of ${integration}`)
const change = {
  UnknownIntegration,
  InvalidConfigChange: (error: InvalidConfigChange) => invalid(error),
  ConfigVersionConflict: ({ expected, found }: ConfigVersionConflict) =>
    conflict(`The configuration is at version ${found}, not ${expected}`)
}

export const layer = HttpApiBuilder.group(
  HubApi,
  "integrationConfig",
  Effect.fnUntraced(function* (handlers) {
    const config = yield* RuntimeConfig
    const options = ({ ifVersion }: { readonly ifVersion?: number }) =>
      Effect.map(callerName, (by) => ({ by, ...(ifVersion === undefined ? {} : { ifVersion }) }))
    return handlers.handleAll({
      get: ({ params }) => config.get(params.name).pipe(Effect.catchTags({ UnknownIntegration })),
      change: ({ params, payload, query }) =>
        options(query).pipe(
          Effect.flatMap((by) => config.change(params.name, payload, by)),
          Effect.catchTags(change)
        ),
      versions: ({ params, query }) =>
        config.versions(params.name, query).pipe(Effect.map(listOf(query)), Effect.catchTags({ UnknownIntegration })),
      diff: ({ params, query }) =>
        config
          .diff(params.name, { from: query.from ?? Math.max(0, params.version - 1), to: params.version })
          .pipe(Effect.catchTags({ UnknownIntegration, UnknownConfigVersion })),
      rollBack: ({ params, payload, query }) =>
        options(query).pipe(
          Effect.flatMap((by) => config.rollBack(params.name, payload.version, by)),
          Effect.catchTags({ ...change, UnknownConfigVersion })
        )
    })
  })
).pipe(withOnly(RuntimeConfig))
