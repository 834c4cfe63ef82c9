/**
 * What calls come to in windows of five minutes, per integration, and the Prometheus metrics of caches.
 *
 * Counted in memory as the calls end; stored every half a minute and when the hub stops, so that a restart loses at most what
 * came since. Each hub on a server stores counts of its own, and whoever asks gets the sum. Windows are kept as long as
 * the call log.
 *
 * Prometheus: `cache_hit_rate` (percent, over this window and the one before), `cache_lookups_total`,
 * `stale_cache_usage_total`. Those of requests are in `CallReport`, those of circuits in `CircuitMonitor`.
 */
import { Clock, Context, Duration, Effect, Layer, Metric, Schema, Semaphore, Stream } from "effect"
import type { CallWindowView, IntegrationMetrics, IntegrationStats } from "../../domain/CallStatistics.ts"
import { IdSource } from "../../domain/Ids.ts"
import { isoOf } from "../events/Time.ts"
import type { AttemptRecord, CallRecord, ProviderMade } from "../providers/CallRecorder.ts"
import { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import { inBackground } from "../security/Housekeeping.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import * as CallWindow from "./CallWindow.ts"

export interface Options {
  /** How long windows are kept. Default 30 days. */
  readonly keep?: Duration.Duration
}

export class CallMetrics extends Context.Service<
  CallMetrics,
  {
    /** Returns at once, never throws. */
    readonly record: (record: CallRecord | AttemptRecord) => void
    /** Whose circuit a provider's is. */
    readonly made: (provider: ProviderMade) => void
    /** Stores what changed. Never fails: what could not be stored is tried again. */
    readonly flush: Effect.Effect<void>
    /** At least the last `minutes`, in whole windows. All zero for an integration that made no calls. */
    readonly metrics: (integration: string, minutes: number) => Effect.Effect<IntegrationMetrics>
    /** Of every integration that made calls in the last `minutes`, by name. */
    readonly stats: (minutes: number) => Effect.Effect<ReadonlyArray<IntegrationStats>>
    /** The same, as counts that add up. */
    readonly totals: (minutes: number) => Effect.Effect<ReadonlyMap<string, CallWindow.CallWindow>>
  }
>()("hub/services/observability/CallMetrics") {
  static readonly layer = (options: Options = {}): Layer.Layer<CallMetrics, never, CircuitBreakers | Database> =>
    Layer.effect(CallMetrics, make(options))
}

const lookups = Metric.counter("cache_lookups_total", {
  description: "Looks into the cache of a data service; result is hit, miss or stale",
  incremental: true
})
const staleUsage = Metric.counter("stale_cache_usage_total", {
  description: "Answers from the cache past their time, because no provider answered",
  incremental: true
})
const hitRate = Metric.gauge("cache_hit_rate", {
  description: "Fresh answers from the cache of all looks into it, in percent, over five to ten minutes"
})

const storeEvery = Duration.seconds(30)
/** How long what could not be stored is kept for another try. */
const patienceMillis = Duration.toMillis(Duration.hours(6))

interface Kept {
  readonly integration: string
  readonly startedAt: number
  window: CallWindow.CallWindow
  stored: boolean
}

const make = Effect.fnUntraced(function* (options: Options) {
  const { sql } = yield* Database
  const circuits = yield* CircuitBreakers
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const hub = yield* IdSource.use(({ ulid }) => ulid)
  const turn = yield* Semaphore.make(1)
  const keepMillis = Duration.toMillis(options.keep ?? Duration.days(30))
  const windows = new Map<string, Kept>()
  const owners = new Map<string, string>()

  const keyOf = (integration: string, startedAt: number) => `${startedAt} ${integration}`

  const change = (
    integration: string,
    at: number,
    f: (window: CallWindow.CallWindow) => CallWindow.CallWindow
  ): void => {
    const startedAt = CallWindow.startOf(at)
    const key = keyOf(integration, startedAt)
    const kept = windows.get(key)
    const before = kept?.window ?? CallWindow.empty
    const window = f(before)
    // A health check counts for nothing.
    if (window === before) return
    if (kept === undefined) windows.set(key, { integration, startedAt, window, stored: false })
    else {
      kept.window = window
      kept.stored = false
    }
  }

  const record: CallMetrics["Service"]["record"] = (call) => {
    const { at, integration } = call
    change(integration, at, (window) => CallWindow.add(window, call))
    if (call._tag === "Attempt") owners.set(call.provider, integration)
    else tell(integration, call.outcome, at)
  }

  const tell = (integration: string, outcome: CallRecord["outcome"], at: number): void => {
    if (outcome === "interrupted") return
    const result = outcome === "hit" || outcome === "stale" ? outcome : "miss"
    Metric.withAttributes(lookups, { integration, result }).updateUnsafe(1, context)
    if (result === "stale") Metric.withAttributes(staleUsage, { integration }).updateUnsafe(1, context)
    const now = CallWindow.startOf(at)
    const recent = [now, now - CallWindow.windowMillis].reduce(
      (sum, startedAt) => {
        const window = windows.get(keyOf(integration, startedAt))?.window ?? CallWindow.empty
        return { hits: sum.hits + window.hits, all: sum.all + window.hits + window.misses + window.stale }
      },
      { hits: 0, all: 0 }
    )
    const percent = CallWindow.percent(recent.hits, recent.all)
    if (percent !== null) Metric.withAttributes(hitRate, { integration }).updateUnsafe(percent, context)
  }

  const store = Effect.fnUntraced(function* (rows: ReadonlyArray<Kept>) {
    const values = encodeRows(
      rows.map(({ integration, startedAt, window }) => ({
        ...window,
        integration,
        startedAt: isoOf(startedAt)
      }))
    )
    yield* sql`
      insert into call_windows (
        started_at, integration, hub, successful, failed, rejected, hits, misses, stale, requests, failed_requests,
        rate_limited, timeouts, circuit_openings, duration_sum_ms, duration_max_ms, buckets
      )
      select
        "startedAt", integration, ${hub}, successful, failed, rejected, hits, misses, stale, requests, "failedRequests",
        "rateLimited", timeouts, "circuitOpenings", "durationSum", "durationMax", buckets
      from jsonb_to_recordset(${values}::jsonb) as counted (
        "startedAt" timestamptz, integration text, successful bigint, failed bigint, rejected bigint, hits bigint,
        misses bigint, stale bigint, requests bigint, "failedRequests" bigint, "rateLimited" bigint, timeouts bigint,
        "circuitOpenings" bigint, "durationSum" bigint, "durationMax" bigint, buckets integer[]
      )
      on conflict (started_at, integration, hub) do update set
        successful = excluded.successful, failed = excluded.failed, rejected = excluded.rejected,
        hits = excluded.hits, misses = excluded.misses, stale = excluded.stale, requests = excluded.requests,
        failed_requests = excluded.failed_requests, rate_limited = excluded.rate_limited,
        timeouts = excluded.timeouts, circuit_openings = excluded.circuit_openings,
        duration_sum_ms = excluded.duration_sum_ms, duration_max_ms = excluded.duration_max_ms,
        buckets = excluded.buckets`
  })

  const flush = turn.withPermit(
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const changed = [...windows.values()].filter(({ stored }) => !stored)
      if (changed.length > 0) {
        for (const kept of changed) kept.stored = true
        yield* Effect.catchCause(store(changed), (cause) => {
          for (const kept of changed) kept.stored = false
          return Effect.logWarning("metrics windows could not be stored, trying again later", cause)
        })
      }
      // The window before this one is still looked at.
      const oldest = CallWindow.startOf(now) - CallWindow.windowMillis
      for (const [key, { startedAt, stored }] of windows) {
        if (startedAt < (stored ? oldest : now - patienceMillis)) windows.delete(key)
      }
    })
  )

  const stored = Effect.fnUntraced(function* (integration: string | null, minutes: number) {
    yield* flush
    const from = CallWindow.startOf((yield* Clock.currentTimeMillis) - minutes * 60_000)
    return decodeRows(
      yield* sql`
        select started_at as "startedAt", integration, successful::float8, failed::float8, rejected::float8,
          hits::float8, misses::float8, stale::float8, requests::float8, failed_requests::float8 as "failedRequests",
          rate_limited::float8 as "rateLimited", timeouts::float8, circuit_openings::float8 as "circuitOpenings",
          duration_sum_ms::float8 as "durationSum", duration_max_ms::float8 as "durationMax", buckets
        from call_windows
        where started_at >= ${isoOf(from)}::timestamptz
          and (${integration}::text is null or integration = ${integration}::text)
        order by started_at, integration`
    )
  }, Effect.orDie)

  const metrics: CallMetrics["Service"]["metrics"] = Effect.fn("CallMetrics.metrics")(function* (integration, minutes) {
    const rows = yield* stored(integration, minutes)
    const byStart = summed(rows, ({ startedAt }) => startedAt)
    const views = Array.from(byStart, ([startedAt, window]): CallWindowView => ({
      startedAt,
      ...CallWindow.summaryOf(window)
    }))
    const all = [...byStart.values()].reduce(CallWindow.plus, CallWindow.empty)
    return { integration, minutes, summary: CallWindow.summaryOf(all), windows: views }
  })

  const totals: CallMetrics["Service"]["totals"] = Effect.fn("CallMetrics.totals")(function* (minutes) {
    const found = summed(yield* stored(null, minutes), ({ integration }) => integration)
    return new Map([...found].toSorted(([left], [right]) => (left < right ? -1 : 1)))
  })

  const dropOld = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => sql`delete from call_windows where started_at < ${isoOf(now - keepMillis)}::timestamptz`
  )

  yield* circuits.transitions.pipe(
    Stream.runForEach(({ from, name, to }) =>
      Effect.sync(() => {
        if (to !== "OPEN" || from === "OPEN") return
        change(owners.get(name) ?? name, clock.currentTimeMillisUnsafe(), CallWindow.openedCircuit)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* inBackground("store metrics windows", storeEvery, flush)
  yield* inBackground("drop old metrics windows", Duration.hours(1), dropOld)
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(flush, "5 seconds")))

  return CallMetrics.of({
    record,
    made: ({ integration, provider }) => void owners.set(provider, integration),
    flush,
    metrics,
    totals,
    stats: (minutes) =>
      Effect.map(totals(minutes), (found) =>
        Array.from(found, ([integration, window]) => ({ integration, ...CallWindow.summaryOf(window) }))
      )
  })
})

const summed = <Row extends CallWindow.CallWindow>(
  rows: ReadonlyArray<Row>,
  keyOf: (row: Row) => string
): ReadonlyMap<string, CallWindow.CallWindow> => {
  const sums = new Map<string, CallWindow.CallWindow>()
  for (const row of rows) sums.set(keyOf(row), CallWindow.plus(sums.get(keyOf(row)) ?? CallWindow.empty, row))
  return sums
}

const encodeRows = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))
const decodeRows = Schema.decodeUnknownSync(
  Schema.Array(
    Schema.Struct({
      startedAt: IsoFromDate,
      integration: Schema.String,
      successful: Schema.Finite,
      failed: Schema.Finite,
      rejected: Schema.Finite,
      hits: Schema.Finite,
      misses: Schema.Finite,
      stale: Schema.Finite,
      requests: Schema.Finite,
      failedRequests: Schema.Finite,
      rateLimited: Schema.Finite,
      timeouts: Schema.Finite,
      circuitOpenings: Schema.Finite,
      durationSum: Schema.Finite,
      durationMax: Schema.Finite,
      buckets: Schema.Array(Schema.Int)
    })
  )
)
