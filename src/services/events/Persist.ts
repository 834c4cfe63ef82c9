/** Outlives failures of the storage: for loops that must go on when the database is back. */
import { Cause, Effect } from "effect"

const firstDelayMillis = 100
const longestDelayMillis = 5000

/**
 * Runs the effect until it succeeds, waiting 0.1 s, then twice as long each time, up to 5 s. Logs the first failure and
 * the recovery. Interruption ends it.
 */
export const persist = <A, R>(effect: Effect.Effect<A, never, R>, what: string): Effect.Effect<A, never, R> =>
  Effect.catchCauseIf(effect, isFailure, (first) =>
    Effect.gen(function* () {
      yield* Effect.logWarning(`${what} failed; trying again until it succeeds`, first)
      for (let delay = firstDelayMillis; ; delay = Math.min(delay * 2, longestDelayMillis)) {
        yield* Effect.sleep(delay)
        const exit = yield* Effect.exit(effect)
        if (exit._tag === "Failure" && isFailure(exit.cause)) continue
        if (exit._tag === "Success") yield* Effect.logInfo(`${what} succeeded again`)
        return yield* exit
      }
    })
  )

const isFailure = (cause: Cause.Cause<never>) => !Cause.hasInterrupts(cause)
