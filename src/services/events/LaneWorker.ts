/**
 * Hands the first event of a lane to the handler and sees to the outcome: goes on, parks, pauses or buries. As many run
 * at once as the subscription allows.
 */
import { Cause, Clock, Duration, Effect, Exit, Option } from "effect"
import { makeEventId } from "../../domain/Ids.ts"
import * as RetryPolicy from "../resilience/RetryPolicy.ts"
import type { Subscription } from "./Delivery.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import * as EventAttempt from "./EventAttempt.ts"
import type { DescribedFailure } from "./FailureText.ts"
import type { Entry, Lane } from "./Lanes.ts"
import { parkedOf } from "./LogReader.ts"
import { decide, errorClassOf, needsHealth, type Outcome, type Situation } from "./Outcome.ts"
import type { Hand } from "./SubscriptionOwner.ts"
import type { SubscriptionPause } from "./SubscriptionPause.ts"

/** When a dead letter could not be written, its event stays parked and it is tried again after this time. */
const buryAgainMillis = 10_000

/** How long a claim of a running replay holds. */
const claimMillis = 60_000

/** Longest pause of a subscription without a breaker whose end is not known. */
const defaultOpenMillis = 60_000

/** Numbers of a subscription in this process; times are epoch milliseconds. */
export interface Statistics {
  lastSuccessAt: number | null
  lastFailureAt: number | null
  consecutiveFailures: number
  /** Successes that no metric tells of yet. */
  uncounted: number
  /** Rate-limited answers in a row that named no time to wait. */
  rateLimits: number
}

/** Returns what handles the head of a running lane and releases it. */
export const make = Effect.fnUntraced(function* (
  hand: Hand,
  options: {
    readonly subscription: Subscription
    readonly pause: SubscriptionPause
    readonly isHealthy: Effect.Effect<boolean>
    readonly statistics: Statistics
  }
) {
  const clock = yield* Clock.Clock
  const { cursors, epoch, lanes, name, store } = hand
  const { isHealthy, pause, statistics, subscription } = options
  const attempt = EventAttempt.make(subscription)
  const openFor = subscription.breaker?.settings.openFor
  const openMillis = openFor === undefined ? defaultOpenMillis : Duration.toMillis(openFor)
  const policies = new Map(subscription.events.map(({ definition, retry }) => [definition.type, retry]))

  const now = () => clock.currentTimeMillisUnsafe()

  /** The head is done with. */
  const conclude = (lane: Lane, entry: Entry) => {
    lanes.shift(lane)
    cursors.finish(entry)
    hand.release(lane)
  }

  const handleHead = Effect.fnUntraced(function* (lane: Lane) {
    const entry = lane.entries[0]
    if (entry === undefined || entry.dueAt > now()) return hand.release(lane)
    if (entry.verdict !== null) return yield* bury(lane, entry, entry.verdict)
    if (entry.deadLetterId !== null && !(yield* claimReplay(entry.deadLetterId, now() + claimMillis))) {
      return conclude(lane, entry)
    }
    // A last attempt may hang until an outage is over: it counts against the event only if all was well before it, too.
    const wasHealthy = !(yield* isLastRetry(entry)) || (yield* isHealthy)
    const failure = yield* attempt(entry.record)
    if (failure !== null) {
      return yield* failed(lane, entry, failure, wasHealthy).pipe(
        Effect.annotateLogs(EventAttempt.annotationsOf(name, entry.record))
      )
    }
    statistics.lastSuccessAt = now()
    statistics.uncounted++
    statistics.consecutiveFailures = statistics.rateLimits = 0
    if (pause.mode() === "probing") yield* pause.answered
    if (entry.deadLetterId !== null) {
      yield* finishReplay(entry.deadLetterId, null)
    } else if (entry.parked) {
      yield* hand.write(store.unpark(name, epoch, entry.record.id), "un-parking an event")
    }
    conclude(lane, entry)
  })

  const failed = Effect.fnUntraced(function* (
    lane: Lane,
    entry: Entry,
    failure: DescribedFailure,
    wasHealthy: boolean
  ) {
    const situation = yield* situationOf(entry, failure)
    const outcome = decide(
      needsHealth(situation) ? { ...situation, healthy: wasHealthy && (yield* isHealthy) } : situation
    )
    const isRefusal = failure.failure._tag === "Error" && failure.failure.error._tag === "CircuitOpen"
    if (!isRefusal) {
      statistics.lastFailureAt = situation.now
      statistics.consecutiveFailures++
    }
    yield* logOutcome(entry, failure, outcome)
    yield* DeliveryMetrics.count(name, outcome._tag, 1)
    switch (outcome._tag) {
      case "Delivered":
        return conclude(lane, entry)
      case "DeferredUntil":
        yield* pause.pause(outcome.pause)
        // While it waits it may be discarded, or asked for again.
        if (entry.deadLetterId !== null) yield* claimReplay(entry.deadLetterId, now())
        return hand.release(lane)
      case "RetryAt":
        if (pause.mode() === "probing") yield* pause.answered
        entry.attempts = outcome.attempts
        entry.dueAt = outcome.at
        yield* parkLane(lane)
        return hand.release(lane)
      case "Dead":
        if (pause.mode() === "probing") yield* pause.answered
        if (entry.deadLetterId === null) return yield* bury(lane, entry, { failure, attempts: outcome.attempts })
        yield* finishReplay(entry.deadLetterId, { failure, attempts: outcome.attempts })
        return conclude(lane, entry)
    }
  })

  /** The delay after the attempt that comes, or has just failed; none = no retry is left. */
  const delayOf = (entry: Entry) => {
    const policy = policies.get(entry.record.type)
    return policy === undefined ? Effect.succeedNone : RetryPolicy.delayAfter(policy, entry.attempts + 1)
  }

  const isLastRetry = (entry: Entry) =>
    entry.deadLetterId !== null || entry.attempts === 0
      ? Effect.succeed(false)
      : Effect.map(delayOf(entry), Option.isNone)

  const situationOf = Effect.fnUntraced(function* (entry: Entry, { failure }: DescribedFailure) {
    const delay = yield* delayOf(entry)
    if (failure._tag === "Error" && failure.error._tag === "RateLimited" && failure.error.retryAfterMillis === null) {
      statistics.rateLimits++
    }
    const situation: Situation = {
      failure,
      attempts: entry.attempts,
      replay: entry.deadLetterId !== null,
      retryDelay: Option.match(delay, { onNone: () => null, onSome: Duration.toMillis }),
      circuit: yield* pause.circuit,
      openMillis,
      healthy: null,
      rateLimits: statistics.rateLimits,
      now: now()
    }
    return situation
  })

  /** Writes the head, which waits until it is due, and all that are behind it, which wait for the head. */
  const parkLane = Effect.fnUntraced(function* (lane: Lane) {
    const head = lane.entries[0]
    let headWritten = false
    for (;;) {
      const fresh = lane.entries.filter((entry) => (entry === head ? !headWritten : !entry.parked && !entry.parking))
      if (fresh.length === 0) return
      headWritten = true
      const rows = fresh.map((entry) => parkedOf(entry, entry === head ? entry.dueAt : null))
      yield* hand.write(store.park(name, epoch, rows), "parking an event")
      for (const entry of fresh) {
        entry.parked = true
        cursors.finish(entry)
      }
    }
  })

  /** Writes the dead letter. While it cannot be written the event is not given up: it stays parked. */
  const bury = Effect.fnUntraced(function* (lane: Lane, entry: Entry, verdict: NonNullable<Entry["verdict"]>) {
    const { partition, record, seq } = entry
    const deadLetterId = yield* makeEventId
    const exit = yield* Effect.exit(
      store.bury(name, epoch, { partition, seq, record, deadLetterId, ...verdict, now: now() })
    )
    if (Exit.isSuccess(exit)) {
      yield* hand.write(Effect.succeed(exit.value), "burying an event")
      return conclude(lane, entry)
    }
    if (Cause.hasInterrupts(exit.cause)) return yield* exit
    yield* Effect.logError("the dead letter could not be written; its event stays parked", exit.cause)
    entry.verdict = verdict
    entry.dueAt = now() + buryAgainMillis
    yield* parkLane(lane)
    hand.release(lane)
  })

  /** False when there is nothing to replay any more. */
  const claimReplay = Effect.fnUntraced(function* (deadLetterId: string, claimedUntil: number) {
    let isThere = false
    const claim = Effect.map(store.claimReplay(name, epoch, { deadLetterId, claimedUntil }), (answer) => {
      isThere = answer === "claimed"
      return answer !== "refused"
    })
    yield* hand.write(claim, "claiming a replay")
    return isThere
  })

  const finishReplay = (deadLetterId: string, outcome: Entry["verdict"]) =>
    hand.write(
      Effect.suspend(() => store.finishReplay(name, epoch, { deadLetterId, failed: outcome, now: now() })),
      "noting the outcome of a replay"
    )

  return handleHead
})

const logOutcome = (entry: Entry, { chain, failure, message }: DescribedFailure, outcome: Outcome) => {
  const errorClass = errorClassOf(failure)
  const attempts = entry.attempts + 1
  const details = Effect.annotateLogs({ errorClass, attempts, errorChain: chain })
  switch (outcome._tag) {
    case "Delivered":
      return Effect.void
    case "DeferredUntil":
      return details(Effect.logWarning(`event deferred: ${message}`))
    case "RetryAt":
      return details(Effect.logWarning(`event failed, to be tried again: ${message}`))
    case "Dead":
      return details(
        Effect.logError(entry.deadLetterId === null ? `event dead-lettered: ${message}` : `replay failed: ${message}`)
      )
  }
}
