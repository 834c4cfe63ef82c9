/**
 * When a subscription may hand out events: freely, one at a time to try the system again, or not at all.
 *
 * A pause that the system asked for (`Retry-After`) is never shortened. The others end early when the circuit or the
 * health changes. After a pause one event is tried; when it gets an answer and the circuit is closed, all flow again.
 */
import { Clock, Effect } from "effect"
import type { CircuitBreaker } from "../resilience/CircuitBreaker.ts"
import type { Pause, Situation } from "./Outcome.ts"
import { isoOf, sleepUntil } from "./Time.ts"

/** Shortest pause: a circuit whose open time has passed admits at once, and must not be asked in a tight loop. */
const leastPauseMillis = 100

/** How often the health is asked during a pause for it. */
const healthPollMillis = 10_000

export interface SubscriptionPause {
  readonly mode: () => "flowing" | "probing" | "paused"
  /** Pauses, or makes the present pause longer. Call it from the fiber whose event met the reason. */
  readonly pause: (pause: Pause) => Effect.Effect<void>
  /** An event got an answer: if the circuit allows, all may flow again. */
  readonly answered: Effect.Effect<void>
  /** The circuit as the decision about an event needs it. */
  readonly circuit: Effect.Effect<Situation["circuit"]>
}

export const make = (options: {
  readonly breaker: CircuitBreaker | undefined
  readonly isHealthy: Effect.Effect<boolean>
  /** Runs in the scope of the owner. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** More events may be handed out now. */
  readonly resumed: () => void
}): SubscriptionPause => {
  const { breaker, isHealthy } = options
  let mode: "flowing" | "probing" | "paused" = "flowing"
  /** Epoch ms; a pause that was asked for lasts until then. */
  let notBefore = 0
  /** The latest other reason to wait. */
  let waiting: Pause | null = null

  const circuit =
    breaker === undefined
      ? Effect.succeed(null)
      : Effect.map(breaker.snapshot, (snapshot) => ({
          closed: snapshot.state === "CLOSED",
          retryAt: snapshot.retryAt
        }))

  /** Returns when the reason may be gone, or when its time is up. */
  const reasonEnds = Effect.fnUntraced(function* ({ reason, until }: Pause) {
    const snapshot = breaker === undefined ? undefined : yield* breaker.snapshot
    if (reason === "circuit" && snapshot?.state === "CLOSED") return
    const least = (yield* Clock.currentTimeMillis) + leastPauseMillis
    // The circuit may have moved on since the pause was asked for, and may try again earlier than was known then.
    const end = reason === "circuit" ? (snapshot?.retryAt ?? until) : until
    yield* Effect.raceAllFirst([
      sleepUntil(Math.max(end, least)),
      breaker === undefined || snapshot === undefined ? Effect.never : breaker.awaitChange(snapshot.generation),
      reason === "unhealthy" ? recovers : Effect.never
    ])
  })
  const recovers = isHealthy.pipe(Effect.delay(healthPollMillis), Effect.repeat({ until: (healthy) => healthy }))

  const resumeLater = Effect.gen(function* () {
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      if (notBefore > now) {
        yield* sleepUntil(notBefore)
      } else if (waiting !== null) {
        const pause = waiting
        waiting = null
        yield* reasonEnds(pause)
      } else {
        mode = "probing"
        yield* Effect.logInfo("subscription tries again")
        options.resumed()
        return
      }
    }
  })

  return {
    mode: () => mode,
    circuit,
    pause: (pause) =>
      Effect.suspend(() => {
        if (pause.reason === "retry-after") notBefore = Math.max(notBefore, pause.until)
        else if (waiting === null || pause.until > waiting.until) waiting = pause
        if (mode === "paused") return Effect.void
        mode = "paused"
        options.fork(resumeLater)
        return Effect.logWarning(`subscription pauses (${pause.reason}), at the latest until ${isoOf(pause.until)}`)
      }),
    answered: Effect.map(circuit, (state) => {
      if (mode !== "probing" || state?.closed === false) return
      mode = "flowing"
      options.resumed()
    })
  }
}
