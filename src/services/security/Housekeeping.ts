/** Background work of the security services: repeated until the scope closes; a failure is logged and tried again. */
import { type Duration, Effect, type Scope } from "effect"

/** Runs `work` after every `interval`. */
export const inBackground = <E, R>(
  what: string,
  interval: Duration.Input,
  work: Effect.Effect<unknown, E, R>
): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.sleep(interval).pipe(
    Effect.andThen(work),
    Effect.catchCause((cause) => Effect.logWarning(`Could not ${what}, trying again later`, cause)),
    Effect.forever,
    Effect.forkScoped,
    Effect.asVoid
  )
