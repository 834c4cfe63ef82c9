/**
 * One attempt to bring a claimed render job further, and what comes of it: the file, another look later, another try, a
 * pause of all jobs, or the job's end. Failures are judged as those of events are (`Outcome`).
 */
import { type Cause, Clock, Duration, Effect, Metric, Option } from "effect"
import type { EdicusMode } from "../../domain/Design.ts"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import { EventContext } from "../events/EventContext.ts"
import * as FailureText from "../events/FailureText.ts"
import { decide, errorClassOf, needsHealth, type Situation } from "../events/Outcome.ts"
import { persist } from "../events/Persist.ts"
import type { SubscriptionPause } from "../events/SubscriptionPause.ts"
import type { CircuitBreaker } from "../resilience/CircuitBreaker.ts"
import * as RetryPolicy from "../resilience/RetryPolicy.ts"
import { isConnectionFailure } from "../storage/DatabaseErrors.ts"
import type { ClaimedRender, ClaimLost, RenderQueue } from "./RenderQueue.ts"

/** How far an attempt has come. */
export type RenderProgress =
  /** Edicus is at work. */
  | { readonly _tag: "Rendering" }
  | { readonly _tag: "Rendered"; readonly url: string }
  /** For good. */
  | { readonly _tag: "Failed"; readonly reason: string }
  /** The deadline has passed, and there is no file. */
  | { readonly _tag: "Expired" }

export interface RenderOptions {
  /** Name of the adapter, e.g. `edicus`. */
  readonly adapter: string
  readonly mode: EdicusMode
  readonly breaker: CircuitBreaker
  /** Makes one attempt. `late`: the deadline has passed, so nothing is to be begun any more. */
  readonly attempt: (job: ClaimedRender, late: boolean) => Effect.Effect<RenderProgress, IntegrationError | ClaimLost>
  /** For failures in a row. Its base, cap and jitter are also those of asking whether a render is done. */
  readonly retry: RetryPolicy.Backoff
  /** Counted from when a job is first taken up. */
  readonly deadline: Duration.Duration
}

/** Numbers of a worker in this process; times are epoch milliseconds. */
export interface Statistics {
  lastSuccessAt: number | null
  lastFailureAt: number | null
  consecutiveFailures: number
  /** Rate-limited answers in a row that named no time to wait. */
  rateLimits: number
}

const ended = Metric.counter("render_jobs_total", { description: "Render jobs that have ended", incremental: true })

/** Returns what carries a claimed job through one attempt. It never fails. */
export const make = (
  options: RenderOptions & {
    readonly queue: RenderQueue["Service"]
    readonly pause: SubscriptionPause
    readonly isHealthy: Effect.Effect<boolean>
    readonly statistics: Statistics
  }
) => {
  const { adapter, breaker, isHealthy, mode, pause, queue, statistics } = options
  const deadlineMillis = Duration.toMillis(options.deadline)
  const openMillis = Duration.toMillis(breaker.settings.openFor)

  const deadlineOf = (job: ClaimedRender) => job.begunAt + deadlineMillis
  const expired = (problem: string | null): Ending => ({
    _tag: "Failed",
    reason: `not rendered within ${Duration.format(options.deadline)}${problem === null ? "" : `; last problem: ${problem}`}`
  })

  /** A write of the job's holder: tried until it succeeds, or until another has the job. */
  const write = (effect: Effect.Effect<void, ClaimLost>, what: string) =>
    persist(
      Effect.catchTag(effect, "ClaimLost", () => warnOfLoss),
      what
    )

  const end = Effect.fnUntraced(function* (job: ClaimedRender, ending: Ending) {
    if (ending._tag === "Rendered") {
      yield* write(queue.complete(job, ending.url), "completing a render job")
      yield* Effect.logInfo("render completed")
    } else {
      yield* write(queue.fail(job, clip(ending.reason)), "failing a render job")
      yield* Effect.logWarning(`render failed: ${ending.reason}`)
    }
    yield* Metric.update(Metric.withAttributes(ended, { adapter, outcome: ending._tag.toLowerCase() }), 1)
  })

  const answered = Effect.fnUntraced(function* (job: ClaimedRender, progress: RenderProgress) {
    // Perhaps without a call: it says nothing about the system.
    if (progress._tag === "Expired") return yield* end(job, expired(job.problem))
    const now = yield* Clock.currentTimeMillis
    statistics.lastSuccessAt = now
    statistics.consecutiveFailures = statistics.rateLimits = 0
    if (pause.mode() === "probing") yield* pause.answered
    switch (progress._tag) {
      case "Rendered":
      case "Failed":
        return yield* end(job, progress)
      case "Rendering": {
        const polls = job.polls + 1
        // Asking has no last time: the deadline ends it.
        const delay = yield* RetryPolicy.delayAfter({ ...options.retry, retries: polls }, polls)
        const dueAt = now + Option.match(delay, { onNone: () => 0, onSome: Duration.toMillis })
        yield* write(
          queue.wait(job, { dueAt: Math.min(dueAt, deadlineOf(job)), polls, failures: 0, problem: null }),
          "storing when a render is asked for"
        )
      }
    }
  })

  const failed = Effect.fnUntraced(function* (
    job: ClaimedRender,
    cause: Cause.Cause<IntegrationError>,
    wasHealthy: boolean
  ) {
    const now = yield* Clock.currentTimeMillis
    const { failures, polls } = job
    if (isConnectionFailure(cause)) {
      yield* Effect.logWarning("the database was lost during a render attempt", cause)
      const again = queue.wait(job, { dueAt: now, polls, failures, problem: job.problem })
      return yield* write(again, "giving a render job back")
    }
    const described = FailureText.fromCause(cause)
    const { failure } = described
    const delay = yield* RetryPolicy.delayAfter(options.retry, failures + 1)
    if (failure._tag === "Error" && failure.error._tag === "RateLimited" && failure.error.retryAfterMillis === null) {
      statistics.rateLimits++
    }
    const situation: Situation = {
      failure,
      attempts: failures,
      replay: false,
      retryDelay: Option.match(delay, { onNone: () => null, onSome: Duration.toMillis }),
      circuit: yield* pause.circuit,
      openMillis,
      healthy: null,
      rateLimits: statistics.rateLimits,
      now
    }
    const outcome = decide(
      needsHealth(situation) ? { ...situation, healthy: wasHealthy && (yield* isHealthy) } : situation
    )
    // What a bug says is for the log alone.
    const problem = failure._tag === "Error" ? clip(problemOf(failure.error)) : "a defect on the hub's side"
    if (failure._tag !== "Error" || failure.error._tag !== "CircuitOpen") {
      statistics.lastFailureAt = now
      statistics.consecutiveFailures++
    }
    yield* Effect.logWarning(`render attempt failed (${outcome._tag}): ${described.message}`).pipe(
      Effect.annotateLogs({ errorClass: errorClassOf(failure), errorChain: described.chain })
    )
    if (outcome._tag === "DeferredUntil") yield* pause.pause(outcome.pause)
    else if (pause.mode() === "probing") yield* pause.answered
    const deadline = deadlineOf(job)
    switch (outcome._tag) {
      case "Dead":
        return yield* end(job, { _tag: "Failed", reason: problem })
      case "RetryAt":
        if (now >= deadline) return yield* end(job, expired(problem))
        return yield* write(
          queue.wait(job, { dueAt: Math.min(outcome.at, deadline), polls, failures: outcome.attempts, problem }),
          "storing when a render is tried again"
        )
      case "DeferredUntil": {
        if (now >= deadline) return yield* end(job, expired(problem))
        // A wait that was asked for holds after a restart too; what else is waited for may be over by then.
        const dueAt = outcome.pause.reason === "retry-after" ? Math.min(outcome.pause.until, deadline) : now
        return yield* write(queue.wait(job, { dueAt, polls, failures, problem }), "deferring a render")
      }
      case "Delivered":
    }
  })

  /** A last attempt may hang until an outage is over: it counts against the job only if all was well before it, too. */
  const healthBefore = Effect.fnUntraced(function* (job: ClaimedRender) {
    const isLast = job.failures > 0 && Option.isNone(yield* RetryPolicy.delayAfter(options.retry, job.failures + 1))
    return isLast ? yield* isHealthy : true
  })

  return Effect.fnUntraced(
    function* (job: ClaimedRender) {
      if (job.mode !== mode) {
        const reason = `begun in ${job.mode} mode, and the hub is in ${mode} mode now`
        return yield* end(job, { _tag: "Failed", reason })
      }
      const late = (yield* Clock.currentTimeMillis) >= deadlineOf(job)
      // During a pause the system is left in peace.
      if (late && pause.mode() === "paused") {
        return yield* end(job, expired(job.problem ?? "the system was not available"))
      }
      const wasHealthy = yield* healthBefore(job)
      yield* Effect.suspend(() => options.attempt(job, late)).pipe(
        Effect.asSome,
        Effect.catchTag("ClaimLost", () => Effect.as(warnOfLoss, Option.none<RenderProgress>())),
        Effect.withSpan("RenderAttempt", { root: true, attributes: annotationsOf(adapter, job) }),
        Effect.matchCauseEffect({
          onSuccess: Option.match({
            onNone: () => Effect.void,
            onSome: (progress) => answered(job, progress)
          }),
          onFailure: (cause) => failed(job, cause, wasHealthy)
        })
      )
    },
    (effect, job) =>
      effect.pipe(
        Effect.onInterrupt(() => Effect.ignoreCause(queue.release(job))),
        Effect.provideService(EventContext, { correlationId: job.correlationId, causationId: null, source: adapter }),
        Effect.annotateLogs(annotationsOf(adapter, job))
      )
  )
}

type Ending = Extract<RenderProgress, { readonly _tag: "Rendered" | "Failed" }>

const warnOfLoss = Effect.logWarning("another worker has taken the render job over")

const annotationsOf = (adapter: string, { correlationId, designId, renderJobId }: ClaimedRender) => ({
  adapter,
  renderJobId,
  designId,
  correlationId
})

const problemOf = ({ message, operation }: IntegrationError): string =>
  FailureText.escapeText(operation === "" ? message : `${operation}: ${message}`)

const longestReason = 1000

/** As much of a reason as a client needs. */
const clip = (reason: string): string => [...reason].slice(0, longestReason).join("")
