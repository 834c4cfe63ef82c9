/**
 * The circuit breakers of a program, by name: for operators, health pages, and whoever follows all transitions.
 *
 * A breaker made here is listed until its scope closes. Names are unique; making a second breaker of a name is a bug in
 * the program and a defect.
 */
import { Context, Effect, Layer, Option, PubSub, Stream } from "effect"
import type { Scope } from "effect"
import * as CircuitBreaker from "./CircuitBreaker.ts"

export class CircuitBreakers extends Context.Service<
  CircuitBreakers,
  {
    readonly make: (options: CircuitBreaker.Options) => Effect.Effect<CircuitBreaker.CircuitBreaker, never, Scope.Scope>
    readonly get: (name: string) => Effect.Effect<Option.Option<CircuitBreaker.CircuitBreaker>>
    /** Of all breakers, in the order they were made. */
    readonly snapshots: Effect.Effect<ReadonlyArray<CircuitBreaker.Snapshot>>
    /** Of all breakers, those made later too, from the moment it is run. */
    readonly transitions: Stream.Stream<CircuitBreaker.Transition>
  }
>()("hub/services/resilience/CircuitBreakers") {
  static readonly layer: Layer.Layer<CircuitBreakers> = Layer.effect(
    CircuitBreakers,
    Effect.gen(function* () {
      const hub = yield* PubSub.unbounded<CircuitBreaker.Transition>()
      const breakers = new Map<string, CircuitBreaker.CircuitBreaker>()

      const make = Effect.fn("CircuitBreakers.make")(function* (options: CircuitBreaker.Options) {
        const breaker = yield* CircuitBreaker.makeWith(options, hub)
        return yield* Effect.acquireRelease(
          Effect.suspend(() => {
            if (breakers.has(options.name)) return Effect.die(`a circuit breaker named ${options.name} exists already`)
            breakers.set(options.name, breaker)
            return Effect.succeed(breaker)
          }),
          () => Effect.sync(() => breakers.delete(options.name))
        )
      })

      return CircuitBreakers.of({
        make,
        get: (name) => Effect.sync(() => Option.fromUndefinedOr(breakers.get(name))),
        snapshots: Effect.suspend(() => Effect.forEach([...breakers.values()], (breaker) => breaker.snapshot)),
        transitions: Stream.fromPubSub(hub)
      })
    })
  )
}
