/** What operators look at: the calls of an integration, its metrics, and how caches do. Names that nobody knows are refused. */
import { Context, Effect, Layer, Schema } from "effect"
import type { CallEntry } from "../../domain/CallEntry.ts"
import type { CacheStats, IntegrationMetrics, IntegrationStats } from "../../domain/CallStatistics.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { AdapterRegistry } from "../integrations/AdapterRegistry.ts"
import * as CachePattern from "../providers/CachePattern.ts"
import { ProviderPolicies } from "../providers/ProviderPolicies.ts"
import { ResponseCache } from "../providers/ResponseCache.ts"
import { type CallFilter, CallLog } from "./CallLog.ts"
import { CallMetrics } from "./CallMetrics.ts"
import * as CallWindow from "./CallWindow.ts"

/** It is no adapter and no data service. */
export class IntegrationUnknown extends Schema.TaggedError<IntegrationUnknown>()("IntegrationUnknown", {
  name: Schema.String
}) {}

export class CallViews extends Context.Service<
  CallViews,
  {
    /** Newest first. */
    readonly calls: (
      integration: string,
      filter: CallFilter,
      page: PageRequest
    ) => Effect.Effect<Page<CallEntry>, IntegrationUnknown>
    readonly metrics: (integration: string, minutes: number) => Effect.Effect<IntegrationMetrics, IntegrationUnknown>
    /** Of every integration that made calls. */
    readonly stats: (minutes: number) => Effect.Effect<ReadonlyArray<IntegrationStats>>
    /** Of every data service, by name. */
    readonly cache: (minutes: number) => Effect.Effect<ReadonlyArray<CacheStats>>
  }
>()("hub/services/observability/CallViews") {
  static readonly layer = Layer.effect(
    CallViews,
    Effect.suspend(() => make)
  )
}

const mostEntries = 1000

const make = Effect.gen(function* () {
  const registry = yield* AdapterRegistry
  const policies = yield* ProviderPolicies
  const responses = yield* ResponseCache
  const log = yield* CallLog
  const metrics = yield* CallMetrics

  const services = Effect.map(policies.list, ({ operations }) =>
    [...new Set(operations.map(({ name }) => name.slice(0, name.indexOf("."))))].toSorted()
  )

  const known = Effect.fnUntraced(function* (name: string) {
    const adapters = yield* registry.list
    if (adapters.some((adapter) => adapter.name === name) || (yield* services).includes(name)) return
    return yield* new IntegrationUnknown({ name })
  })

  return CallViews.of({
    calls: (integration, filter, page) => Effect.andThen(known(integration), log.list(integration, filter, page)),
    metrics: (integration, minutes) => Effect.andThen(known(integration), metrics.metrics(integration, minutes)),
    stats: metrics.stats,
    cache: Effect.fn("CallViews.cache")(function* (minutes) {
      const totals = yield* metrics.totals(minutes)
      return yield* Effect.forEach(yield* services, (integration) =>
        Effect.map(entriesOf(responses, integration), (entries): CacheStats => {
          const { hits, misses, stale } = totals.get(integration) ?? CallWindow.empty
          return { integration, hits, misses, stale, hitRate: CallWindow.percent(hits, hits + misses + stale), entries }
        })
      )
    })
  })
})

const entriesOf = (responses: ResponseCache["Service"], integration: string): Effect.Effect<number | null> =>
  responses.list(`${CachePattern.literal(integration)}:*`, mostEntries).pipe(
    Effect.map(({ length }) => length),
    Effect.catchTag("CacheUnavailable", (error) =>
      Effect.as(Effect.logWarning("the entries of the cache could not be counted", error), null)
    )
  )
