/**
 * Concurrent calls of one key become one: the first begins the work, those who come meanwhile wait for the same result.
 *
 * The work belongs to nobody: a caller who is interrupted leaves, the others go on; when the last one leaves, the work is
 * interrupted. It runs in the context (span, correlation) of the caller who began it. Finished work is forgotten at once.
 */
import { Deferred, Effect, Fiber, type Scope } from "effect"

interface Flight<A, E> {
  readonly result: Deferred.Deferred<A, E>
  fiber: Fiber.Fiber<A, E> | undefined
  waiting: number
}

export interface SingleFlight<A, E> {
  /** `shared`: the work had been begun by somebody else. */
  readonly run: (
    key: string,
    work: Effect.Effect<A, E>
  ) => Effect.Effect<{ readonly value: A; readonly shared: boolean }, E>
}

/** Work that is under way when the scope closes is interrupted. */
export const make = Effect.fnUntraced(function* <A, E>(): Effect.fn.Return<SingleFlight<A, E>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const flights = new Map<string, Flight<A, E>>()

  const begin = (key: string, work: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const flight: Flight<A, E> = { result: Deferred.makeUnsafe<A, E>(), fiber: undefined, waiting: 0 }
      flights.set(key, flight)
      return Effect.map(Effect.forkIn(Effect.interruptible(work), scope), (fiber) => {
        flight.fiber = fiber
        // However it ends, also when the scope was closed before it began.
        fiber.addObserver((exit) => {
          // Forgotten before it is told, so that who comes after the result starts anew.
          if (flights.get(key) === flight) flights.delete(key)
          Deferred.doneUnsafe(flight.result, exit)
        })
        return flight
      })
    })

  /** The last one out waits until the work has cleaned up: what it held is free when the caller is gone. */
  const leave = (key: string, flight: Flight<A, E>) =>
    Effect.suspend(() => {
      flight.waiting--
      if (flight.waiting > 0 || flight.fiber === undefined) return Effect.void
      if (flights.get(key) === flight) flights.delete(key)
      return Fiber.interrupt(flight.fiber)
    })

  return {
    run: (key, work) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const known = flights.get(key)
          const shared = known !== undefined
          return Effect.flatMap(shared ? Effect.succeed(known) : begin(key, work), (flight) => {
            flight.waiting++
            return Effect.map(
              Effect.onInterrupt(restore(Deferred.await(flight.result)), () => leave(key, flight)),
              (value) => ({ value, shared })
            )
          })
        })
      )
  }
})
