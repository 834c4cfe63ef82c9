/**
 * Carries render jobs to their end: claims what is due and has attempts made. One per hub process, any number of them on
 * one database.
 *
 * Guarantees
 * - When a job goes on is written in its row, never waited for in memory alone: a restart goes on where it was.
 * - An open circuit, a `Retry-After` or a system that is not well pauses all jobs; then one is tried, then all flow.
 * - No job is without an end: once its deadline has passed, counted from when it was first taken up, it is looked at once
 *   more and then failed; during a pause it is failed without that look.
 * - A job that was begun in another mode is failed.
 */
import { type Cause, Clock, Duration, Effect, FiberSet, Latch, Queue, type Scope } from "effect"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import { DeliverySettings } from "../events/DeliverySettings.ts"
import * as SubscriptionPause from "../events/SubscriptionPause.ts"
import { isoOf } from "../events/Time.ts"
import type { AdapterActivity } from "../integrations/Adapter.ts"
import { Database } from "../storage/Database.ts"
import * as RenderAttempt from "./RenderAttempt.ts"
import { type ClaimedRender, RenderQueue } from "./RenderQueue.ts"

export interface RenderWorkerOptions extends RenderAttempt.RenderOptions {
  /** Asked before a job is given up for a passing failure. */
  readonly healthCheck: Effect.Effect<boolean, IntegrationError>
  /** How long a claim holds unless it is renewed: longer than one call. */
  readonly leaseMillis: number
}

export interface RenderWorker {
  /** Works until the scope closes, which waits for running attempts (up to the shutdown limit) and frees their jobs. */
  readonly start: Effect.Effect<void, never, Scope.Scope>
  readonly activity: Effect.Effect<AdapterActivity>
}

/** Attempts at once. */
const concurrency = 8

/** Pause after a failure of the worker itself. */
const restartMillis = 1000

/** Shortest wait for a job that is due and could not be had: another process has it. */
const leastWaitMillis = 100

export const make = Effect.fnUntraced(function* (
  options: RenderWorkerOptions
): Effect.fn.Return<RenderWorker, never, RenderQueue | Database> {
  const { adapter, breaker, leaseMillis, mode } = options
  const queue = yield* RenderQueue
  const database = yield* Database
  const settings = yield* DeliverySettings
  const deadlineMillis = Duration.toMillis(options.deadline)
  const statistics: RenderAttempt.Statistics = {
    lastSuccessAt: null,
    lastFailureAt: null,
    consecutiveFailures: 0,
    rateLimits: 0
  }
  const isHealthy = options.healthCheck.pipe(
    Effect.timeoutOrElse({ duration: settings.healthMillis, orElse: () => Effect.succeed(false) }),
    Effect.catchCause(() => Effect.succeed(false))
  )

  const start = Effect.gen(function* () {
    const idle = Latch.makeUnsafe(true)
    const news = yield* queue.news
    const fork = yield* FiberSet.runtime(yield* FiberSet.make<void>())()
    let running = 0
    let stopping = false

    const pause = SubscriptionPause.make({
      breaker,
      isHealthy,
      fork: (effect) => fork(Effect.annotateLogs(effect, { adapter })),
      resumed: queue.signal
    })
    const carry = RenderAttempt.make({ ...options, queue, pause, isHealthy, statistics })

    const release = () => {
      running--
      if (running === 0) idle.openUnsafe()
      queue.signal()
    }

    const run = (job: ClaimedRender) => {
      running++
      idle.closeUnsafe()
      // A failure here is a bug: the claim runs out by itself, and the job is taken up again.
      const carried = Effect.catchCauseIf(carry(job), isFailure, (cause) =>
        Effect.logError("carrying a render job failed", cause)
      )
      fork(Effect.ensuring(carried, Effect.sync(release)))
    }

    /** How many more attempts the pause and the running ones leave room for. */
    const room = () => {
      switch (pause.mode()) {
        case "flowing":
          return concurrency - running
        case "probing":
          return 1 - running
        case "paused":
          return 0
      }
    }

    /** Jobs to be carried now; during a pause those that it has outlasted. */
    const claim = Effect.gen(function* () {
      const limit = room()
      if (limit > 0) return yield* queue.claim({ mode, leaseMillis, limit })
      if (pause.mode() !== "paused" || running >= concurrency) return []
      yield* queue.begin
      const begunBefore = (yield* Clock.currentTimeMillis) - deadlineMillis
      return yield* queue.claim({ mode, leaseMillis, limit: concurrency - running, begunBefore })
    })

    const pass = Effect.gen(function* () {
      // Taken before the look: what comes during it is a signal again.
      yield* Queue.clear(news)
      if (stopping) return
      const lookedAt = yield* Clock.currentTimeMillis
      const jobs = yield* Effect.uninterruptible(
        Effect.tap(claim, (claimed) => Effect.sync(() => claimed.forEach(run)))
      )
      if (jobs.length > 0) return
      const due = room() > 0 ? yield* queue.nextDue : null
      const now = yield* Clock.currentTimeMillis
      // What became due meanwhile is looked for at once; what could not be had although it was due, a little later.
      const wait = due === null ? settings.pollMillis : Math.max(due - now, due > lookedAt ? 0 : leastWaitMillis)
      yield* Effect.timeoutOption(Queue.take(news), Math.min(wait, settings.pollMillis))
    })

    const live = pass.pipe(
      Effect.catchCauseIf(isFailure, (cause) =>
        Effect.andThen(Effect.logError("the render worker failed; starting again", cause), Effect.sleep(restartMillis))
      ),
      Effect.repeat({ until: () => stopping }),
      Effect.annotateLogs({ adapter })
    )

    // Only this process can use it, so whoever held a claim is dead.
    if (database.kind === "embedded") yield* queue.freeAll
    yield* Effect.forkScoped(live)
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.sync(() => {
          stopping = true
        }),
        Effect.timeoutOption(idle.await, settings.shutdownMillis)
      )
    )
  })

  return {
    start,
    activity: Effect.sync(() => ({
      lastSuccessAt: iso(statistics.lastSuccessAt),
      lastFailureAt: iso(statistics.lastFailureAt),
      consecutiveFailures: statistics.consecutiveFailures
    }))
  }
})

const isFailure = (cause: Cause.Cause<never>) => !cause.reasons.some((reason) => reason._tag === "Interrupt")

const iso = (millis: number | null) => (millis === null ? null : isoOf(millis))
