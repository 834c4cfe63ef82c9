/**
 * Looks every minute for what is worth an alert (`AlertRules`) and tells of each change once (`Alert`): in the log, in the
 * history (`AlertLog`), and to the targets, whose messages are sent from there. A circuit that opens or closes is seen at
 * once, however short it was open.
 *
 * The state lives in this process and starts from the alerts that the database has open, so a restart raises none anew.
 * What cannot be stored is not told either, and is tried again at the next look. What is not looked at any more (an adapter
 * that is gone) is over. Of several hubs on one database each looks for itself and the first tells; an alert of a hub that
 * is gone for good ends when another sees its subject well again after a start.
 */
import { Clock, Context, Duration, Effect, Layer, Semaphore, Stream } from "effect"
import { type AlertState, quiet, step } from "../../domain/Alert.ts"
import * as AlertRules from "../../domain/AlertRules.ts"
import { isoOf } from "../events/Time.ts"
import { DeadLetters } from "../events/DeadLetters.ts"
import { AdapterRegistry } from "../integrations/AdapterRegistry.ts"
import { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import { inBackground } from "../security/Housekeeping.ts"
import { AlertLog } from "./AlertLog.ts"
import { IntegrationHealth } from "./IntegrationHealth.ts"
import { RecentCalls } from "./RecentCalls.ts"

export interface AlertOptions {
  /** How long the same alert stays silent after a recovery. Default 15 minutes. */
  readonly coolDown?: Duration.Input
  readonly thresholds?: Partial<AlertRules.AlertThresholds>
  /** Who is told; see `AlertTargets.label`. Default: nobody but the log and the history. */
  readonly targets?: ReadonlyArray<string>
}

export class Alerts extends Context.Service<
  Alerts,
  {
    /** Looks now. */
    readonly look: Effect.Effect<void>
  }
>()("hub/services/observability/Alerts") {
  static readonly layer = (options: AlertOptions = {}) => Layer.effect(Alerts, make(options))
}

const make = Effect.fnUntraced(function* (options: AlertOptions) {
  const log = yield* AlertLog
  const health = yield* IntegrationHealth
  const recent = yield* RecentCalls
  const registry = yield* AdapterRegistry
  const deadLetters = yield* DeadLetters
  const breakers = yield* CircuitBreakers
  const oneAtATime = yield* Semaphore.make(1)
  const coolDownMillis = Duration.toMillis(options.coolDown ?? "15 minutes")
  const thresholds = { ...AlertRules.thresholds, ...options.thresholds }
  const targets = options.targets ?? []

  const states = new Map<string, { readonly about: Pick<AlertRules.Finding, "kind" | "subject">; state: AlertState }>()
  const trends = new Map<string, AlertRules.DeadLetterTrend>()
  for (const { kind, level, subject } of yield* log.open) {
    states.set(`${kind} ${subject}`, { about: { kind, subject }, state: { _tag: "Firing", level } })
  }

  /** The state moves only when what is to be told has been stored. */
  const observe = Effect.fnUntraced(function* ({ kind, level, message, subject }: AlertRules.Finding) {
    const key = `${kind} ${subject}`
    const before = states.get(key)?.state ?? quiet
    const { notice, state } = step(before, level, yield* Clock.currentTimeMillis, coolDownMillis)
    if (notice !== null && level !== null) {
      const alert = yield* log.write({ notice, kind, subject, level, message, targets })
      if (alert !== null) {
        const about = { alert: alert.id, kind, subject, severity: alert.severity }
        yield* (level === 0 ? Effect.logInfo : Effect.logWarning)(`alert ${notice}: ${message}`).pipe(
          Effect.annotateLogs(about)
        )
      }
    }
    states.set(key, { about: { kind, subject }, state })
  })

  const findings = Effect.gen(function* () {
    const statuses = yield* health.statuses
    const refusals = yield* recent.rateLimited
    const providers = yield* recent.providers
    const adapters = (yield* registry.statuses).map(({ name }) => name)
    const now = yield* Clock.currentTimeMillis
    const queues = yield* Effect.forEach(adapters, (adapter) =>
      Effect.map(deadLetters.pendingCount(adapter), (pending) => {
        const { finding, trend } = AlertRules.deadLetters(adapter, trends.get(adapter), pending, now, thresholds)
        return { adapter, finding, trend }
      })
    )
    return {
      found: [
        ...statuses.flatMap((status) => [AlertRules.errorRate(status, thresholds), AlertRules.health(status)]),
        ...(yield* breakers.snapshots).map(AlertRules.circuitOpen),
        ...[...providers.map(({ provider }) => provider), ...adapters].map((name) =>
          AlertRules.rateLimit(name, refusals.get(name) ?? 0, thresholds)
        ),
        ...queues.map(({ finding }) => finding)
      ],
      queues
    }
  })

  const look = Effect.gen(function* () {
    const { found, queues } = yield* findings
    yield* Effect.forEach(found, observe, { discard: true })
    // After telling of growth: what could not be told is growth at the next look too.
    for (const { adapter, trend } of queues) trends.set(adapter, trend)
    const known = new Set(found.map(({ kind, subject }) => `${kind} ${subject}`))
    for (const [key, { about }] of states) {
      if (known.has(key)) continue
      yield* observe({ ...about, level: 0, message: `${about.subject} is not looked at any more` })
      states.delete(key)
    }
  }).pipe(oneAtATime.withPermits(1), Effect.withSpan("Alerts.look"))

  const prune = Effect.flatMap(Clock.currentTimeMillis, (now) => log.prune(isoOf(now - keepMillis)))

  yield* breakers.transitions.pipe(
    Stream.runForEach(({ name, reason, to }) => {
      const hold = reason === "forced-open" ? "open" : reason === "forced-closed" ? "closed" : "automatic"
      return observe(AlertRules.circuitOpen({ name, state: to, hold })).pipe(
        oneAtATime.withPermits(1),
        Effect.catchCause((cause) => Effect.logWarning("Could not tell of a circuit, trying again later", cause))
      )
    }),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* inBackground("look for what is worth an alert", "1 minute", look)
  yield* inBackground("shorten the history of alerts", "1 hour", prune)

  return Alerts.of({ look })
})

const keepMillis = Duration.toMillis(Duration.days(90))
