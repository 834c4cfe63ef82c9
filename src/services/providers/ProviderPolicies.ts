/**
 * The policies in force, by provider and by operation: read by every call, replaced at run time without losing the state
 * of a circuit, a limiter or the cache.
 *
 * Code registers each with its defaults; what was set before that (configuration read at the start) wins. A name is
 * registered once at a time: a second registration is a bug in the program and a defect. Nothing is stored here.
 */
import { Context, Effect, Layer, Option, type Scope } from "effect"
import type { Freshness, ProviderPolicy } from "./ProviderPolicy.ts"

/** A value that is replaced at run time; cheap to read. */
export interface Live<A> {
  readonly current: () => A
}

/** What is in force under a name, and what was before anything was set. */
export interface Registered<A> {
  readonly integration: string
  readonly name: string
  readonly policy: A
  readonly defaults: A
}

export class ProviderPolicies extends Context.Service<
  ProviderPolicies,
  {
    /** Registers a provider until the scope closes. `onChange` runs before `setProvider` returns. */
    readonly provider: (options: {
      /** E.g. `fx`. */
      readonly integration: string
      readonly name: string
      readonly defaults: ProviderPolicy
      readonly onChange: (policy: ProviderPolicy) => Effect.Effect<void>
    }) => Effect.Effect<Live<ProviderPolicy>, never, Scope.Scope>
    /** Registers an operation (`fx.rates`) until the scope closes. */
    readonly operation: (name: string, defaults: Freshness) => Effect.Effect<Live<Freshness>, never, Scope.Scope>
    readonly getProvider: (name: string) => Effect.Effect<Option.Option<ProviderPolicy>>
    readonly getOperation: (name: string) => Effect.Effect<Option.Option<Freshness>>
    /** From the next attempt on; also for a provider that is registered later. */
    readonly setProvider: (name: string, policy: ProviderPolicy) => Effect.Effect<void>
    /** From the next call on, for answers that are in the cache already too. */
    readonly setOperation: (name: string, freshness: Freshness) => Effect.Effect<void>
    /** Those registered, in order of registration. */
    readonly list: Effect.Effect<{
      readonly providers: ReadonlyArray<Registered<ProviderPolicy>>
      readonly operations: ReadonlyArray<Registered<Freshness>>
    }>
  }
>()("hub/services/providers/ProviderPolicies") {
  static readonly layer: Layer.Layer<ProviderPolicies> = Layer.sync(ProviderPolicies, () => {
    const providers = makeRegister<ProviderPolicy>("provider")
    const operations = makeRegister<Freshness>("operation")
    return ProviderPolicies.of({
      provider: providers.register,
      operation: (name, defaults) =>
        operations.register({ integration: integrationOf(name), name, defaults, onChange: () => Effect.void }),
      getProvider: providers.get,
      getOperation: operations.get,
      setProvider: providers.set,
      setOperation: operations.set,
      list: Effect.all({ providers: providers.list, operations: operations.list })
    })
  })
}

/** Of an operation: `fx` of `fx.rates`. */
const integrationOf = (operation: string): string => operation.split(".", 1)[0] ?? operation

interface Registration<A> {
  readonly integration: string
  readonly name: string
  readonly defaults: A
  readonly onChange: (value: A) => Effect.Effect<void>
}

interface Entry<A> extends Registration<A> {
  value: A
}

const makeRegister = <A>(what: string) => {
  const registered = new Map<string, Entry<A>>()
  const wanted = new Map<string, A>()

  const register = (registration: Registration<A>): Effect.Effect<Live<A>, never, Scope.Scope> => {
    const { defaults, name } = registration
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (registered.has(name)) return Effect.die(new Error(`a ${what} named ${name} is registered already`))
        const entry: Entry<A> = { ...registration, value: wanted.get(name) ?? defaults }
        registered.set(name, entry)
        return Effect.succeed({ current: () => entry.value })
      }),
      () => Effect.sync(() => registered.delete(name))
    )
  }

  const set = (name: string, value: A): Effect.Effect<void> =>
    Effect.suspend(() => {
      wanted.set(name, value)
      const entry = registered.get(name)
      if (entry === undefined) return Effect.void
      entry.value = value
      return Effect.uninterruptible(entry.onChange(value))
    })

  return {
    register,
    set,
    get: (name: string) =>
      Effect.sync(() => Option.map(Option.fromUndefinedOr(registered.get(name)), ({ value }) => value)),
    list: Effect.sync(() =>
      Array.from(registered.values(), ({ defaults, integration, name, value }) => ({
        integration,
        name,
        policy: value,
        defaults
      }))
    )
  }
}
