/** Tells any number of listeners in this process that something may have changed. The last signal is never dropped. */
import { Effect, Queue } from "effect"
import type { Scope } from "effect"

export interface Signals {
  /** Signals every listener. Signals that are not taken in time become one. */
  readonly signal: () => void
  /** A listener's signals; ends with the scope. */
  readonly listen: Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
}

export const make = (): Signals => {
  const listeners = new Set<Queue.Queue<void>>()
  return {
    signal: () => {
      for (const listener of listeners) Queue.offerUnsafe(listener, undefined)
    },
    listen: Effect.acquireRelease(
      Effect.tap(Queue.sliding<void>(1), (listener) => Effect.sync(() => listeners.add(listener))),
      (listener) =>
        Effect.andThen(
          Effect.sync(() => listeners.delete(listener)),
          Queue.shutdown(listener)
        )
    )
  }
}
