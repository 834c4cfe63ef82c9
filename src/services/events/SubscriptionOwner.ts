/**
 * A subscription in the hands of its owner: reads ahead, hands events to the handler in order per key, and writes down
 * what does not succeed. Runs until the scope closes; all it knows it finds again in the store and the log.
 *
 * The path of a success costs no write: cursors move in memory and are stored a few times a second.
 */
import { Cause, Clock, Deferred, Effect, FiberSet, Latch, Queue } from "effect"
import * as Cursors from "./Cursors.ts"
import type { Subscription } from "./Delivery.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import { DeliverySettings } from "./DeliverySettings.ts"
import { DeliveryStore, type Ownership } from "./DeliveryStore.ts"
import { EventLog } from "./EventLog.ts"
import type { Position } from "./EventRecord.ts"
import * as Lanes from "./Lanes.ts"
import * as LaneWorker from "./LaneWorker.ts"
import * as LogReader from "./LogReader.ts"
import { persist } from "./Persist.ts"
import * as SubscriptionLease from "./SubscriptionLease.ts"
import * as SubscriptionPause from "./SubscriptionPause.ts"
import { sleepUntil } from "./Time.ts"

/** What the parts of an owner share. */
export interface Hand {
  readonly name: string
  readonly epoch: number
  readonly store: DeliveryStore["Service"]
  readonly lanes: Lanes.Lanes
  readonly cursors: Cursors.Cursors
  /** Puts handlers to work on ready lanes, as many as may run. */
  readonly pump: () => void
  /** Lets a running lane go on: at once, or when its first event is due. */
  readonly release: (lane: Lanes.Lane) => void
  /** Lets a waiting lane go on, if its first event is due. */
  readonly wake: (lane: Lanes.Lane) => void
  /** A write of the owner: tried until it succeeds. When it is refused the owner has been replaced, and all ends. */
  readonly write: (write: Effect.Effect<boolean>, what: string) => Effect.Effect<void>
}

export interface SubscriptionOwner {
  /** Completes when another has taken over, or this one could not show a sign of life in time. */
  readonly lost: Effect.Effect<void>
  /** Takes no more events, lets the running handlers finish, and stores the cursors. */
  readonly finish: Effect.Effect<void>
  readonly position: () => Position
  /** Nothing is being handled or ready to be. */
  readonly isIdle: () => boolean
}

/** Default of `Subscription.concurrency`. */
const defaultConcurrency = 16

export const make = Effect.fnUntraced(function* (options: {
  readonly subscription: Subscription
  readonly ownership: Ownership
  readonly statistics: LaneWorker.Statistics
  /** Called when something has been finished. */
  readonly progressed: () => void
}) {
  const { ownership, progressed, statistics, subscription } = options
  const { name } = subscription
  const { epoch } = ownership
  const store = yield* DeliveryStore
  const log = yield* EventLog
  const settings = yield* DeliverySettings
  const clock = yield* Clock.Clock
  const lost = yield* Deferred.make<void>()
  const dirty = Latch.makeUnsafe(false)
  const room = Latch.makeUnsafe(false)
  /** Opened when what an earlier owner had parked is in the lanes. */
  const loaded = Latch.makeUnsafe(false)
  /** Opened when the last handler has ended. */
  const idle = Latch.makeUnsafe(false)
  const fork = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
  const concurrency = subscription.concurrency ?? defaultConcurrency
  let stopping = false
  let active = 0

  const lanes = Lanes.make()
  const cursors = Cursors.make(ownership.position, () => {
    dirty.openUnsafe()
    room.openUnsafe()
    progressed()
  })

  /** A bug in the runner itself: everything is taken up again from what is stored. */
  const guarded = Effect.catchCauseIf(
    (cause: Cause.Cause<never>) => !Cause.hasInterrupts(cause),
    (cause) =>
      Effect.andThen(Effect.logError("delivery failed", cause), Effect.asVoid(Deferred.succeed(lost, undefined)))
  )

  const isHealthy = (subscription.healthCheck ?? Effect.succeed(true)).pipe(
    Effect.timeoutOrElse({ duration: settings.healthMillis, orElse: () => Effect.succeed(false) }),
    Effect.catchCause(() => Effect.succeed(false))
  )

  const allowed = () => (stopping ? 0 : handlersAllowed(pause.mode(), concurrency))
  const pump = () => {
    while (active < allowed() && lanes.hasReady()) {
      active++
      fork(worker)
    }
  }

  const write = Effect.fnUntraced(function* (effect: Effect.Effect<boolean>, what: string) {
    if (yield* persist(effect, what)) return
    yield* Deferred.succeed(lost, undefined)
    return yield* Effect.never
  })

  const goOn = (lane: Lanes.Lane, now: number) => {
    const head = lane.entries[0]
    if (lane.state === "ready") pump()
    else if (lane.state === "waiting" && head !== undefined && head.dueAt > now) {
      fork(
        Effect.andThen(
          sleepUntil(head.dueAt),
          Effect.sync(() => wake(lane, goOn))
        )
      )
    }
  }
  const wake = (lane: Lanes.Lane, then: typeof goOn) => {
    const now = clock.currentTimeMillisUnsafe()
    lanes.wake(lane, now)
    then(lane, now)
  }
  const hand: Hand = {
    name,
    epoch,
    store,
    lanes,
    cursors,
    pump,
    write,
    release: (lane) => {
      const now = clock.currentTimeMillisUnsafe()
      lanes.release(lane, now)
      goOn(lane, now)
    },
    wake: (lane) => wake(lane, pump)
  }

  const pause = SubscriptionPause.make({ breaker: subscription.breaker, isHealthy, fork, resumed: pump })
  const handleHead = yield* LaneWorker.make(hand, { subscription, pause, isHealthy, statistics })
  const worker = Effect.gen(function* () {
    while (active <= allowed()) {
      const lane = lanes.take()
      if (lane === undefined) return
      yield* handleHead(lane)
    }
  }).pipe(
    guarded,
    Effect.ensuring(
      Effect.sync(() => {
        active--
        pump()
        if (active === 0) idle.openUnsafe()
        progressed()
      })
    )
  )

  /** What an earlier owner had parked, and later the replays that operators ask for. */
  const skip = new Set(ownership.buried)
  const takeParked = Effect.gen(function* () {
    for (;;) {
      const parked = yield* persist(store.untaken(name, epoch), "reading parked events")
      if (parked.length === 0) return
      const ids = parked.map(({ record }) => record.id)
      yield* write(store.take(name, epoch, ids), "taking parked events")
      const now = clock.currentTimeMillisUnsafe()
      for (const { dueAt, ...row } of parked) {
        if (row.seq > (ownership.position[row.partition] ?? 0)) skip.add(row.record.id)
        const entry = {
          ...row,
          size: 0,
          dueAt: dueAt ?? 0,
          parked: true,
          parking: false,
          arrival: 0,
          verdict: null,
          finished: true
        }
        const lane = lanes.add(entry, now)
        if (lane.entries[0] === entry) goOn(lane, now)
      }
    }
  })
  const followParked = Effect.gen(function* () {
    const asked = yield* store.replayAsked.listen
    const next = store.isShared ? Effect.timeoutOption(Queue.take(asked), settings.pollMillis) : Queue.take(asked)
    for (;;) {
      yield* takeParked
      if (loaded.openUnsafe()) progressed()
      yield* next
    }
  }).pipe(Effect.scoped)

  /** Not one by one: that would cost more than the rest of a delivery. */
  const countSuccesses = Effect.suspend(() => {
    const successes = statistics.uncounted
    statistics.uncounted = 0
    return DeliveryMetrics.count(name, "Delivered", successes)
  })
  const storeCursors = Effect.gen(function* () {
    yield* dirty.await
    dirty.closeUnsafe()
    const move = Effect.suspend(() => store.moveCursors(name, epoch, cursors.position()))
    yield* write(move, "storing cursors")
    yield* countSuccesses
    yield* Effect.sleep(settings.cursorMillis)
  })

  const reader = LogReader.follow(hand, log, {
    types: subscription.events.map(({ definition }) => definition.type),
    off: ownership.off,
    maxAgeMillis: subscription.maxAgeMillis,
    skip,
    room
  })

  yield* Effect.forkScoped(Effect.andThen(SubscriptionLease.keep(name, epoch), Deferred.succeed(lost, undefined)))
  fork(guarded(followParked))
  // The parked events of a key come before what is read.
  fork(guarded(Effect.andThen(loaded.await, reader)))
  fork(guarded(Effect.forever(storeCursors)))

  const finish = Effect.gen(function* () {
    stopping = true
    idle.closeUnsafe()
    if (active > 0) yield* Effect.timeoutOption(idle.await, settings.shutdownMillis)
    yield* store.moveCursors(name, epoch, cursors.position()).pipe(
      Effect.andThen(store.release(name, epoch)),
      Effect.andThen(countSuccesses),
      Effect.catchCause((cause) => Effect.logWarning("cursors could not be stored: events will come again", cause))
    )
  })

  const owner: SubscriptionOwner = {
    lost: Deferred.await(lost),
    finish,
    position: cursors.position,
    isIdle: () => loaded.isOpen() && lanes.isIdle()
  }
  return owner
})

const handlersAllowed = (mode: ReturnType<SubscriptionPause.SubscriptionPause["mode"]>, concurrency: number) => {
  switch (mode) {
    case "flowing":
      return concurrency
    case "probing":
      return 1
    case "paused":
      return 0
  }
}
