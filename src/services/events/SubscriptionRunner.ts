/** The life of a subscription in one process: stands by, owns, loses, stands by again, until it is stopped. */
import { Clock, Context, Deferred, Effect, Exit, Fiber, Option, Scope, Tracer } from "effect"
import { makeEventId } from "../../domain/Ids.ts"
import type { Subscription } from "./Delivery.ts"
import { DeliveryStore } from "./DeliveryStore.ts"
import { EventLog } from "./EventLog.ts"
import type { Statistics } from "./LaneWorker.ts"
import * as Signals from "./Signals.ts"
import * as SubscriptionLease from "./SubscriptionLease.ts"
import * as SubscriptionOwner from "./SubscriptionOwner.ts"

export interface SubscriptionRunner {
  readonly subscription: Subscription
  readonly statistics: Statistics
  /** The present owner, when it is this process. */
  readonly owner: () => SubscriptionOwner.SubscriptionOwner | null
  readonly progress: Signals.Signals
}

/** Pause after a failure of the runner itself. */
const restartMillis = 1000

/** Runs until the scope closes, which waits for running handlers and stores the cursors. */
export const make = Effect.fnUntraced(function* (
  subscription: Subscription
): Effect.fn.Return<SubscriptionRunner, never, DeliveryStore | EventLog | Scope.Scope> {
  const { name } = subscription
  const store = yield* DeliveryStore
  const log = yield* EventLog
  const id = yield* makeEventId
  const tail = yield* log.tail
  yield* store.register(name, {
    from: subscription.from === "start" ? log.origin : tail,
    tail,
    now: yield* Clock.currentTimeMillis
  })

  const stop = yield* Deferred.make<void>()
  const progress = Signals.make()
  const statistics: Statistics = {
    lastSuccessAt: null,
    lastFailureAt: null,
    consecutiveFailures: 0,
    uncounted: 0,
    rateLimits: 0
  }
  let owner: SubscriptionOwner.SubscriptionOwner | null = null

  /** Takes the subscription and keeps it until it is lost. */
  const hold = Effect.gen(function* () {
    const ownership = yield* SubscriptionLease.acquire(name, id)
    owner = yield* SubscriptionOwner.make({ subscription, ownership, statistics, progressed: progress.signal })
    yield* Effect.logInfo("subscription owned")
    progress.signal()
    yield* owner.lost
  })

  /** Returns true when it was stopped, false when it has lost the subscription. */
  const own = Effect.gen(function* () {
    const stopped = yield* Effect.raceFirst(Effect.as(hold, false), Effect.as(Deferred.await(stop), true))
    if (!stopped) yield* Effect.logWarning("subscription lost: standing by")
    else if (owner !== null) yield* owner.finish
    return stopped
  }).pipe(
    Effect.scoped,
    Effect.ensuring(
      Effect.sync(() => {
        owner = null
      })
    )
  )

  const live = Effect.gen(function* () {
    for (;;) {
      const exit = yield* Effect.exit(own)
      if (Exit.isSuccess(exit)) {
        if (exit.value) return
        continue
      }
      yield* Effect.logError("delivery failed; starting again", exit.cause)
      const stopped = yield* Effect.timeoutOption(Deferred.await(stop), restartMillis)
      if (Option.isSome(stopped)) return
    }
  })

  store.living.add(id)
  const scope = yield* Effect.scope
  // Its spans are no part of the span that subscribes.
  const context = Context.omit(Tracer.ParentSpan)(yield* Effect.context<DeliveryStore | EventLog>())
  const fiber = Effect.runForkWith(context)(Effect.annotateLogs(live, "adapter", name))
  yield* Scope.addFinalizer(
    scope,
    Deferred.succeed(stop, undefined).pipe(
      Effect.andThen(Fiber.await(fiber)),
      Effect.andThen(Effect.sync(() => store.living.delete(id)))
    )
  )
  const runner: SubscriptionRunner = { subscription, statistics, owner: () => owner, progress }
  return runner
})
