/**
 * Keeps the context of a request small.
 *
 * A group of handlers merges the whole context it was built in into the context of each request, and so copies every
 * service of the hub, twice, for every request: a fifth of the cost of a plain GET. Handlers have taken their services
 * when they were built, so they need none of that.
 */
import { Context, Effect, Layer, Scope } from "effect"
import { Authorization, Idempotent, RequestChecks, SignedWebhook } from "../api/Access.ts"

/** Builds a group of handlers in a context of these services and the middleware alone; a missing one stops the start. */
export const withOnly = (...services: ReadonlyArray<{ readonly key: string }>) => {
  const kept = [...services, Authorization, Idempotent, RequestChecks, SignedWebhook, Layer.CurrentMemoMap, Scope.Scope]
  const keys = new Set(kept.map(({ key }) => key))
  return <A, E, R>(group: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
    Layer.effectContext(
      Effect.updateContext(
        Layer.build(group),
        (context: Context.Context<R | Scope.Scope>): Context.Context<R | Scope.Scope> =>
          Context.makeUnsafe(new Map([...context.mapUnsafe].filter(([key]) => keys.has(key))))
      )
    )
}

/**
 * Runs with everything in the context but the hub's own services: what is served this way has taken them already. Not
 * for effects that look one up, nor for a `Context.Reference` under these names that is set for the whole program.
 */
export const withoutServices = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>): Context.Context<R> =>
    Context.makeUnsafe(new Map([...context.mapUnsafe].filter(([key]) => !/^hub\/(services|adapters)\//.test(key))))
  )
