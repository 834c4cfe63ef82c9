import { Effect, Layer, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { CatalogImport } from "../../services/catalog/CatalogImport.ts"
import { Notifications } from "../../services/orders/Notifications.ts"
import { ApiKeys } from "../../services/security/ApiKeys.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import { notFound } from "./Problems.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { withOnly } from "./SmallContext.ts"

const notificationsLayer = HttpApiBuilder.group(
  HubApi,
  "notifications",
  Effect.fnUntraced(function* (handlers) {
    const notifications = yield* Notifications
    return handlers.handleAll({
      list: ({ query }) => notifications.list(query, query).pipe(Effect.map(listOf(query))),
      acknowledge: ({ params }) =>
        Effect.flatMap(callerName, (name) => notifications.acknowledge(params.id, name)).pipe(
          Effect.catchTags({ NotificationNotFound: ({ id }) => notFound(`notification ${id}`) })
        )
    })
  })
).pipe(withOnly(Notifications))

const apiKeysLayer = HttpApiBuilder.group(
  HubApi,
  "apiKeys",
  Effect.fnUntraced(function* (handlers) {
    const keys = yield* ApiKeys
    return handlers.handleAll({
      create: ({ payload }) =>
        Effect.map(keys.create(payload), ({ apiKey: { expiresAt, id, name, scopes }, key }) => ({
          id,
          key: Redacted.value(key),
          name,
          scopes,
          expiresAt
        })),
      list: ({ query }) => keys.list(query).pipe(Effect.map(listOf(query))),
      revoke: ({ params }) =>
        keys
          .revoke(params.id)
          .pipe(Effect.asVoid, Effect.catchTags({ ApiKeyNotFound: ({ id }) => notFound(`API key ${id}`) }))
    })
  })
).pipe(withOnly(ApiKeys))

const catalogLayer = HttpApiBuilder.group(
  HubApi,
  "catalog",
  Effect.fnUntraced(function* (handlers) {
    const catalogImport = yield* CatalogImport
    return handlers.handleAll({
      importFiles: ({ payload }) =>
        Effect.flatMap(callerName, (name) => catalogImport.importFiles(payload, { actor: name }))
    })
  })
).pipe(withOnly(CatalogImport))

export const layer = Layer.mergeAll(notificationsLayer, apiKeysLayer, catalogLayer)
