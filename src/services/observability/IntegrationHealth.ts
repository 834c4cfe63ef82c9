/**
 * How each integration is doing, now and over time: adapters of the widget systems and data services behind guarded calls.
 *
 * `statuses` judges what is known at this moment, in memory. On a schedule the judgement goes into the history: adapters
 * every minute (their health checks run in `AdapterRegistry`), data services every five minutes. It sends nothing to
 * anybody: a data service is judged by the calls of its users, because asking costs money at some of them; without any it
 * is `unknown`. Also sets the metric `integration_provider_health`.
 *
 * Several hubs on one database write one history, each what it sees itself. A history that cannot be written is logged
 * and written again at the next check.
 */
import { Array, Clock, Context, Duration, Effect, Layer, Metric, Schema } from "effect"
import { now } from "../../domain/Ids.ts"
import { judge, severityOf } from "../../domain/IntegrationHealth.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { isoOf } from "../events/Time.ts"
import { AdapterRegistry } from "../integrations/AdapterRegistry.ts"
import { ProviderPolicies } from "../providers/ProviderPolicies.ts"
import { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import { inBackground } from "../security/Housekeeping.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { HealthRecord, type IntegrationStatus } from "./IntegrationStatus.ts"
import { RecentCalls } from "./RecentCalls.ts"

export class IntegrationNotFound extends Schema.TaggedError<IntegrationNotFound>()("IntegrationNotFound", {
  name: Schema.String
}) {}

export class IntegrationHealth extends Context.Service<
  IntegrationHealth,
  {
    /** Of all: adapters as they were registered, then data services by name. */
    readonly statuses: Effect.Effect<ReadonlyArray<IntegrationStatus>>
    readonly status: (name: string) => Effect.Effect<IntegrationStatus, IntegrationNotFound>
    /** The checks of the past, newest first. */
    readonly history: (name: string, page: PageRequest) => Effect.Effect<Page<HealthRecord>, IntegrationNotFound>
  }
>()("hub/services/observability/IntegrationHealth") {
  static readonly layer = (
    options: {
      /** How long the history is kept. Default 30 days. */
      readonly keep?: Duration.Input
    } = {}
  ) => Layer.effect(IntegrationHealth, make(Duration.fromInputUnsafe(options.keep ?? "30 days")))
}

const everyMinute = Duration.minutes(1)
const everyFiveMinutes = Duration.minutes(5)

const HealthRow = Schema.Struct({ ...HealthRecord.fields, at: IsoFromDate })
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(HealthRow))
const decodeTotal = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))

const make = Effect.fnUntraced(function* (keep: Duration.Duration) {
  const { sql } = yield* Database
  const registry = yield* AdapterRegistry
  const policies = yield* ProviderPolicies
  const circuits = yield* CircuitBreakers
  const recent = yield* RecentCalls
  const checkedAt = new Map<string, string>()

  const finish = (name: string, facts: Parameters<typeof judge>[0]) => ({
    ...judge(facts),
    calls: facts.calls,
    checkedAt: checkedAt.get(name) ?? null
  })

  const adapters = Effect.gen(function* () {
    const checks = yield* registry.checks
    return yield* Effect.forEach(yield* registry.statuses, (adapter) =>
      Effect.map(recent.activity(adapter.name), ({ calls }): IntegrationStatus => ({
        ...adapter,
        kind: "adapter",
        ...finish(adapter.name, {
          off: adapter.mode === "off",
          check: checks.get(adapter.name) ?? null,
          circuits: [{ name: adapter.name, state: adapter.circuit }],
          calls
        })
      }))
    )
  })

  const services = Effect.gen(function* () {
    const providers = yield* recent.providers
    const { operations } = yield* policies.list
    const states = new Map((yield* circuits.snapshots).map(({ name, state }) => [name, state]))
    // One whose providers are all switched off has operations and no providers.
    const names = new Set([
      ...providers.map(({ integration }) => integration),
      ...operations.map(({ name }) => name.slice(0, name.indexOf(".")))
    ])
    return yield* Effect.forEach([...names].toSorted(), (name) =>
      Effect.map(recent.activity(name), (activity): IntegrationStatus => {
        const own = providers.filter(({ integration, isOff }) => integration === name && isOff !== true)
        const ownCircuits = own.map(({ provider }) => ({ name: provider, state: states.get(provider) ?? "CLOSED" }))
        const judged = finish(name, {
          off: own.length === 0,
          check: null,
          circuits: ownCircuits,
          calls: activity.calls
        })
        return {
          name,
          mode: own.length === 0 ? "off" : own.some(({ mode }) => mode === "sandbox") ? "sandbox" : "live",
          healthy: judged.status === "healthy",
          circuit: worst(ownCircuits.map(({ state }) => state)),
          lastSuccessAt: iso(activity.lastSuccessAt),
          lastFailureAt: iso(activity.lastFailureAt),
          consecutiveFailures: activity.consecutiveFailures,
          kind: "service",
          ...judged
        }
      })
    )
  })

  const statuses = Effect.zipWith(adapters, services, (left, right) => [...left, ...right])

  const status = Effect.fn("IntegrationHealth.status")(function* (name: string) {
    const found = (yield* statuses).find((integration) => integration.name === name)
    return found ?? (yield* new IntegrationNotFound({ name }))
  })

  const history = Effect.fn("IntegrationHealth.history")(function* (name: string, page: PageRequest) {
    yield* status(name)
    const [{ total }] = yield* Effect.flatMap(
      sql`select count(*)::int as total from integration_health where integration = ${name}`,
      decodeTotal
    ).pipe(Effect.orDie)
    const data = yield* Effect.flatMap(
      sql`
        select at, status, reason, json_build_object(
          'asked', asked, 'failed', failed, 'stale', stale, 'slow', slow, 'rateLimited', rate_limited, 'hits', hits
        ) as calls
        from integration_health where integration = ${name}
        order by id desc limit ${page.limit} offset ${(page.page - 1) * page.limit}`,
      decodeRows
    ).pipe(Effect.orDie)
    return { data, total }
  })

  /** Into the history and the metric. */
  const check = Effect.fn("IntegrationHealth.check")(function* (
    judging: Effect.Effect<ReadonlyArray<IntegrationStatus>>
  ) {
    const at = yield* now
    const all = yield* judging
    for (const one of all) {
      yield* Metric.update(Metric.withAttributes(health, { integration: one.name }), valueOf(one.status))
    }
    const rows = all.map(({ calls, name, reason, status: judged }) => ({
      integration: name,
      status: judged,
      reason: reason.slice(0, 500),
      asked: calls.asked,
      failed: calls.failed,
      stale: calls.stale,
      slow: calls.slow,
      rate_limited: calls.rateLimited,
      hits: calls.hits,
      at
    }))
    if (Array.isArrayNonEmpty(rows)) yield* sql`insert into integration_health ${sql.insert(rows)}`
    for (const { name } of all) checkedAt.set(name, at)
  })

  const prune = Effect.gen(function* () {
    const oldest = (yield* Clock.currentTimeMillis) - Duration.toMillis(keep)
    yield* sql`delete from integration_health where at < ${isoOf(oldest)}::timestamptz`
  })

  yield* inBackground("write the health of the widget systems", everyMinute, check(adapters))
  yield* inBackground("write the health of the data services", everyFiveMinutes, check(services))
  yield* inBackground("shorten the history of health", "1 hour", prune)

  return IntegrationHealth.of({ statuses, status, history })
})

const health = Metric.gauge("integration_provider_health", {
  description: "1 = healthy, 0.5 = degraded, 0 = unhealthy, -1 = unknown"
})

const valueOf = (status: IntegrationStatus["status"]): number => {
  const severity = severityOf(status)
  return severity === null ? -1 : 1 - severity / 2
}

const worst = (states: ReadonlyArray<IntegrationStatus["circuit"]>): IntegrationStatus["circuit"] =>
  states.includes("OPEN") ? "OPEN" : states.includes("HALF_OPEN") ? "HALF_OPEN" : "CLOSED"

const iso = (millis: number | null): string | null => (millis === null ? null : isoOf(millis))
