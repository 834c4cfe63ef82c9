/** Cached answers of one integration. Every key begins with the integration's name, and no other is seen or touched here. */
import { Clock, DateTime, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as CachePattern from "../../services/providers/CachePattern.ts"
import { ProviderPolicies } from "../../services/providers/ProviderPolicies.ts"
import { type CacheUnavailable as NoStore, ResponseCache } from "../../services/providers/ResponseCache.ts"
import { HubApi } from "../api/HubApi.ts"
import { UnavailableProblem } from "../api/Problems.ts"
import { asData } from "../api/Queries.ts"
import { validationProblem } from "../middleware/Issues.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const CacheUnavailable = ({ message }: NoStore) =>
  Effect.fail(new UnavailableProblem({ detail: message, retryAfter: 5 }))

/** The pattern, confined to the integration's own keys: it begins with them, or with a `*`. */
const confined = (integration: string, pattern: string, path: string) => {
  const own = `${CachePattern.literal(integration)}:`
  if (pattern.startsWith(own)) return Effect.succeed(pattern)
  if (pattern.startsWith("*")) return Effect.succeed(`${own}${pattern}`)
  return Effect.fail(validationProblem([{ path, message: `begins with ${integration}: or with *` }]))
}

export const layer = HttpApiBuilder.group(
  HubApi,
  "integrationCache",
  Effect.fnUntraced(function* (handlers) {
    const cache = yield* ResponseCache
    const policies = yield* ProviderPolicies
    const known = Effect.fnUntraced(function* (name: string) {
      const { operations, providers } = yield* policies.list
      const isKnown = [...providers, ...operations].some(({ integration }) => integration === name)
      return isKnown ? name : yield* notFound(`data service ${name}`)
    })

    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ params, query }) {
        const name = yield* known(params.name)
        const pattern = yield* confined(name, query.pattern ?? "*", "query.pattern")
        const now = yield* Clock.currentTimeMillis
        const found = yield* cache.list(pattern, query.limit)
        return asData(
          found.map(({ fetchedAt, ...entry }) => ({
            ...entry,
            fetchedAt: DateTime.formatIso(DateTime.makeUnsafe(fetchedAt)),
            ageSeconds: Math.max(0, Math.floor((now - fetchedAt) / 1000))
          }))
        )
      }, Effect.catchTags({ CacheUnavailable })),
      invalidate: Effect.fnUntraced(function* ({ params, query }) {
        const name = yield* known(params.name)
        if ((query.key === undefined) === (query.pattern === undefined)) {
          return yield* validationProblem([{ path: "query", message: "has a key or a pattern, and not both" }])
        }
        const pattern =
          query.key === undefined
            ? yield* confined(name, query.pattern ?? "", "query.pattern")
            : yield* confined(name, CachePattern.literal(query.key), "query.key")
        const removed = yield* cache.invalidateMatching(pattern)
        yield* Effect.annotateLogs(Effect.logInfo("cached answers of an integration were removed"), {
          integration: name,
          removed,
          by: yield* callerName
        })
        return { removed }
      }, Effect.catchTags({ CacheUnavailable }))
    })
  })
).pipe(withOnly(ResponseCache, ProviderPolicies))
