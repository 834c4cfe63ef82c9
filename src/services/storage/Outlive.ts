/** Outlives the loss of the database: for work that must go on when it is back. */
import { Cause, Effect } from "effect"
import { isConnectionFailure } from "./DatabaseErrors.ts"

const firstDelayMillis = 100
const longestDelayMillis = 5000

/**
 * Runs the effect again while it fails for want of the database (`isConnectionFailure`), waiting 0.1 s, then twice as
 * long each time, up to 5 s; other failures are the effect's own. It may have been half done, so it must be idempotent.
 * Logs the first failure and the recovery. Interruption ends it.
 */
export const outlive = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  what: string,
  isLoss: (cause: Cause.Cause<E>) => boolean = isConnectionFailure
): Effect.Effect<A, E, R> => {
  const isFailure = (cause: Cause.Cause<E>) => !Cause.hasInterrupts(cause) && isLoss(cause)
  return Effect.catchCauseIf(effect, isFailure, (first) =>
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
}
