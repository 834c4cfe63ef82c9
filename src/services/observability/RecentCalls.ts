/**
 * What the calls of the last five minutes came to, per integration and provider: what health and alerts are judged by.
 *
 * Counts only, in slots of half a minute, in the memory of this process; the oldest slot is dropped whole, so a window
 * covers 4.5 to 5 minutes. A guarded call counts once (callers who shared it do not count), its attempts count as refused
 * by a limit where they were. A system without guarded calls (an adapter) is judged by its attempts.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { type CallCounts, noCalls, slowMillis } from "../../domain/IntegrationHealth.ts"
import { type AttemptRecord, CallRecorder, type CallRecord, type ProviderMade } from "../providers/CallRecorder.ts"

/** Times are epoch ms, null = never. */
export interface RecentActivity {
  readonly calls: CallCounts
  readonly lastSuccessAt: number | null
  readonly lastFailureAt: number | null
  readonly consecutiveFailures: number
}

export class RecentCalls extends Context.Service<
  RecentCalls,
  {
    /** Takes a record; never throws, returns at once. */
    readonly record: (record: CallRecord | AttemptRecord) => void
    readonly made: (provider: ProviderMade) => void
    readonly activity: (integration: string) => Effect.Effect<RecentActivity>
    /** Attempts refused for a limit, by the provider that was to be asked. */
    readonly rateLimited: Effect.Effect<ReadonlyMap<string, number>>
    /** All that were made in this process, in that order. */
    readonly providers: Effect.Effect<ReadonlyArray<ProviderMade>>
  }
>()("hub/services/observability/RecentCalls") {
  static readonly layer: Layer.Layer<RecentCalls> = Layer.sync(RecentCalls, () => make())

  /** The `CallRecorder` that feeds it, and hands everything on to the one it found. */
  static readonly recorder: Layer.Layer<never, never, RecentCalls> = Layer.effect(
    CallRecorder,
    Effect.gen(function* () {
      const recent = yield* RecentCalls
      const next = yield* CallRecorder
      return {
        record: (record) => {
          recent.record(record)
          next.record(record)
        },
        made: (provider) => {
          recent.made(provider)
          next.made?.(provider)
        }
      }
    })
  )
}

const slotMillis = 30_000
const slots = 10

interface Slot {
  readonly number: number
  calls: CallCounts
}

interface Activity {
  readonly slots: Array<Slot>
  lastSuccessAt: number | null
  lastFailureAt: number | null
  consecutiveFailures: number
}

const make = (): RecentCalls["Service"] => {
  const integrations = new Map<string, Activity>()
  const refused = new Map<string, Array<Slot>>()
  const providers = new Map<string, ProviderMade>()
  const guarded = new Set<string>()

  const activityOf = (name: string): Activity => {
    const known = integrations.get(name)
    if (known !== undefined) return known
    const made: Activity = { slots: [], lastSuccessAt: null, lastFailureAt: null, consecutiveFailures: 0 }
    integrations.set(name, made)
    return made
  }

  const settle = (activity: Activity, failed: boolean, at: number) => {
    if (failed) activity.lastFailureAt = at
    else activity.lastSuccessAt = at
    activity.consecutiveFailures = failed ? activity.consecutiveFailures + 1 : 0
  }

  const call = (record: CallRecord) => {
    guarded.add(record.integration)
    if (record.shared || record.outcome === "interrupted") return
    const activity = activityOf(record.integration)
    if (record.outcome === "hit") return add(activity.slots, record.at, { hits: 1 })
    const failed = record.outcome === "unavailable" || record.outcome === "defect"
    const stale = record.outcome === "stale"
    settle(activity, failed || stale, record.at)
    add(activity.slots, record.at, {
      asked: 1,
      failed: failed ? 1 : 0,
      stale: stale ? 1 : 0,
      slow: record.durationMillis > slowMillis ? 1 : 0
    })
  }

  const attempt = (record: AttemptRecord) => {
    const activity = activityOf(record.integration)
    if (record.outcome === "rate-limited") {
      const own = refused.get(record.provider) ?? []
      refused.set(record.provider, own)
      add(own, record.at, { rateLimited: 1 })
      add(activity.slots, record.at, { rateLimited: 1 })
    }
    if (record.guarded === true || record.probe === true || guarded.has(record.integration)) return
    if (notCounted.has(record.outcome)) return
    const failed = record.outcome !== "success" && record.outcome !== "rejected"
    settle(activity, failed, record.at)
    add(activity.slots, record.at, {
      asked: 1,
      failed: failed ? 1 : 0,
      slow: record.durationMillis > slowMillis ? 1 : 0
    })
  }

  return RecentCalls.of({
    record: (record) => (record._tag === "Call" ? call(record) : attempt(record)),
    made: (provider) => {
      guarded.add(provider.integration)
      providers.set(provider.provider, provider)
    },
    activity: (integration) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const known = integrations.get(integration)
        return known === undefined
          ? { calls: noCalls, lastSuccessAt: null, lastFailureAt: null, consecutiveFailures: 0 }
          : {
              calls: sum(known.slots, now),
              lastSuccessAt: known.lastSuccessAt,
              lastFailureAt: known.lastFailureAt,
              consecutiveFailures: known.consecutiveFailures
            }
      }),
    rateLimited: Effect.map(
      Clock.currentTimeMillis,
      (now) => new Map(Array.from(refused, ([provider, own]) => [provider, sum(own, now).rateLimited]))
    ),
    providers: Effect.sync(() => [...providers.values()])
  })
}

/** Neither an answer nor a failure of the system. */
const notCounted: ReadonlySet<AttemptRecord["outcome"]> = new Set(["interrupted", "refused-by-circuit", "rate-limited"])

const numberOf = (at: number): number => Math.floor(at / slotMillis)

const add = (own: Array<Slot>, at: number, counts: Partial<CallCounts>): void => {
  const number = numberOf(at)
  const last = own.at(-1)
  // A record that ended a little before another is counted with it.
  if (last !== undefined && last.number >= number) last.calls = plus(last.calls, counts)
  else {
    own.push({ number, calls: plus(noCalls, counts) })
    if (own.length > slots) own.shift()
  }
}

const plus = (left: CallCounts, right: Partial<CallCounts>): CallCounts => ({
  asked: left.asked + (right.asked ?? 0),
  failed: left.failed + (right.failed ?? 0),
  stale: left.stale + (right.stale ?? 0),
  slow: left.slow + (right.slow ?? 0),
  rateLimited: left.rateLimited + (right.rateLimited ?? 0),
  hits: left.hits + (right.hits ?? 0)
})

const sum = (own: ReadonlyArray<Slot>, now: number): CallCounts =>
  own.filter(({ number }) => number > numberOf(now) - slots).reduce((all, { calls }) => plus(all, calls), noCalls)
