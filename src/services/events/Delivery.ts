/**
 * Durable delivery of events to subscriptions: at least once, in order per key, through failures and restarts.
 *
 * Each subscription follows the log with one cursor per partition. What fails is parked with a persisted back-off, what
 * finds the circuit open is deferred without using up a retry, what cannot be delivered becomes a dead letter. One
 * process owns a subscription at a time, fenced by an epoch; another takes over when it dies.
 * Handlers must be idempotent. Why it is built like this: docs/adr/0005 and 0006.
 */
import { Clock, Context, Effect, Layer, Option, Queue, Schema } from "effect"
import type { Scope } from "effect"
import type { EventDefinition, EventOf } from "../../domain/events/Event.ts"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import type { CircuitBreaker } from "../resilience/CircuitBreaker.ts"
import type { RetryPolicy } from "../resilience/RetryPolicy.ts"
import { DeliverySettings } from "./DeliverySettings.ts"
import { DeliveryStore } from "./DeliveryStore.ts"
import { EventLog } from "./EventLog.ts"
import type { Position } from "./EventRecord.ts"
import * as SubscriptionRunner from "./SubscriptionRunner.ts"
import { isoOf } from "./Time.ts"

export interface Subscription<D extends EventDefinition = EventDefinition> {
  /** Unique; the name of the adapter. */
  readonly name: string
  /** The event types it gets, each with its retry policy. */
  readonly events: ReadonlyArray<{ readonly definition: D; readonly retry: RetryPolicy }>
  /** Idempotent. Runs with `EventContext` and log annotations of the event. A defect dead-letters at once. */
  handle(event: EventOf<D>): Effect.Effect<void, IntegrationError>
  /** While it is open the subscription pauses; its events are deferred. */
  readonly breaker?: CircuitBreaker
  /** Asked before an event is dead-lettered for a transient failure; false or failure = deferred instead. */
  readonly healthCheck?: Effect.Effect<boolean>
  /** Where a subscription that the log has not seen before begins. Default `end`. */
  readonly from?: "end" | "start"
  /** Events of different keys handled at once. Default 16. */
  readonly concurrency?: number
  /**
   * Skip events older than this, saying so: of those that were written while the subscription was switched off (see
   * `suspend`). Events that wait for any other reason are never skipped. Default: none are.
   */
  readonly maxAgeMillis?: number
}

export const SubscriptionStatus = Schema.Struct({
  name: Schema.String,
  /** Is this process the owner? */
  owner: Schema.Boolean,
  /** Committed events of its types after its cursors. */
  lag: Schema.Int,
  parked: Schema.Int,
  dead: Schema.Int,
  /** ISO-8601; null = never. */
  lastSuccessAt: Schema.NullOr(Schema.String),
  lastFailureAt: Schema.NullOr(Schema.String),
  consecutiveFailures: Schema.Int
})
export type SubscriptionStatus = typeof SubscriptionStatus.Type

export class DuplicateSubscription extends Schema.TaggedError<DuplicateSubscription>()("DuplicateSubscription", {
  name: Schema.String
}) {}

export class Delivery extends Context.Service<
  Delivery,
  {
    /**
     * Starts following the log until the scope closes; closing waits for running handlers (up to the shutdown limit)
     * and stores the cursors.
     */
    readonly subscribe: <D extends EventDefinition>(
      subscription: Subscription<D>
    ) => Effect.Effect<void, DuplicateSubscription, Scope.Scope>
    /**
     * Marks a subscription as switched off, keeping its place in the log (at the end, if it is new). The next `subscribe`
     * ends it. To be called while it is not subscribed.
     */
    readonly suspend: (name: string) => Effect.Effect<void>
    /** Also of subscriptions of other processes, as far as the store knows them. */
    readonly status: (name: string) => Effect.Effect<SubscriptionStatus>
    /**
     * Waits until the subscription has handled, parked or dead-lettered every event committed before the call, and nothing
     * is being handled or due. It waits as long as the subscription is paused. For tests and graceful shutdown.
     */
    readonly drained: (name: string) => Effect.Effect<void>
    /** The lowest cursor of all subscriptions, per partition: what pruning must keep. The end of the log without any. */
    readonly floor: Effect.Effect<Position>
  }
>()("hub/services/events/Delivery") {
  /** Over any `EventLog` and `DeliveryStore`. */
  static readonly layer = Layer.effect(
    Delivery,
    Effect.suspend(() => make)
  )
}

/** `SubscriptionStatus.lag` is not counted any further. */
const longestLag = 100_000

const make = Effect.gen(function* () {
  const log = yield* EventLog
  const store = yield* DeliveryStore
  const settings = yield* DeliverySettings
  const services = Context.make(EventLog, log).pipe(
    Context.add(DeliveryStore, store),
    Context.add(DeliverySettings, settings)
  )
  const runners = new Map<string, SubscriptionRunner.SubscriptionRunner | null>()

  const subscribe = Effect.fn("Delivery.subscribe")(function* <D extends EventDefinition>(
    subscription: Subscription<D>
  ): Effect.fn.Return<void, DuplicateSubscription, Scope.Scope> {
    const { name } = subscription
    yield* Effect.acquireRelease(
      Effect.suspend(() => {
        if (runners.has(name)) return Effect.fail(new DuplicateSubscription({ name }))
        runners.set(name, null)
        return Effect.void
      }),
      () => Effect.sync(() => runners.delete(name))
    )
    runners.set(name, yield* Effect.provideContext(SubscriptionRunner.make(subscription), services))
  })

  const status = Effect.fn("Delivery.status")(function* (name: string) {
    const runner = runners.get(name)
    const owner = runner?.owner() ?? null
    const position = owner === null ? Option.getOrUndefined(yield* store.position(name)) : owner.position()
    const types = runner?.subscription.events.map(({ definition }) => definition.type)
    const lag =
      position === undefined || types === undefined
        ? 0
        : yield* log.count({ after: position, types, limit: longestLag })
    const { lastFailureAt = null, lastSuccessAt = null, consecutiveFailures = 0 } = runner?.statistics ?? {}
    return {
      name,
      owner: owner !== null,
      lag,
      ...(yield* store.counts(name)),
      lastSuccessAt: lastSuccessAt === null ? null : isoOf(lastSuccessAt),
      lastFailureAt: lastFailureAt === null ? null : isoOf(lastFailureAt),
      consecutiveFailures
    }
  })

  const isOwnedElsewhere = (name: string) =>
    Effect.map(store.lease(name), ({ owner }) => owner !== null && !store.living.has(owner))

  const drained = Effect.fn("Delivery.drained")(function* (name: string) {
    const tail = yield* log.tail
    const reached = (position: Position) => tail.every((seq, partition) => (position[partition] ?? 0) >= seq)
    const runner = runners.get(name) ?? undefined
    const progress = runner === undefined ? undefined : yield* runner.progress.listen
    const next = progress === undefined ? Effect.never : Queue.take(progress)
    for (;;) {
      const owner = runner?.owner() ?? null
      if (owner === null) {
        // Where another process owns it, its cursors tell.
        const isElsewhere = runner === undefined || (yield* isOwnedElsewhere(name))
        if (isElsewhere && Option.exists(yield* store.position(name), reached)) return
        yield* Effect.timeoutOption(next, settings.standbyMillis)
      } else {
        if (owner.isIdle() && reached(owner.position())) return
        yield* next
      }
    }
  }, Effect.scoped)

  const floor = Effect.map(Effect.all([log.tail, store.positions]), ([tail, positions]) =>
    tail.map((seq, partition) =>
      positions.reduce((lowest, position) => Math.min(lowest, position[partition] ?? 0), seq)
    )
  )

  return {
    subscribe,
    suspend: Effect.fn("Delivery.suspend")(function* (name: string) {
      yield* store.suspend(name, { tail: yield* log.tail, now: yield* Clock.currentTimeMillis })
    }),
    status,
    drained,
    floor
  }
})
