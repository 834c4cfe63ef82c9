/**
 * Knows the adapters: registers (which starts their delivery), finds, lists, checks their health, unregisters.
 *
 * Adapters are isolated from each other: each has its own subscription, health checks and circuit, and a defect in one
 * of its parts ends as an unhealthy status and a log line. An adapter in mode `off` is listed, but neither subscribed nor
 * checked, and therefore not healthy; its place in the log is kept, and on its return it skips what is older than 7 days.
 */
import { Cause, Context, Duration, Effect, Exit, Layer, Option, Ref, Schedule, Schema, Scope } from "effect"
import type { EventDefinition } from "../../domain/events/Event.ts"
import { Delivery } from "../events/Delivery.ts"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import type { Adapter, AdapterStatus } from "./Adapter.ts"

export class DuplicateAdapter extends Schema.TaggedError<DuplicateAdapter>()("DuplicateAdapter", {
  name: Schema.String
}) {}

export class AdapterNotFound extends Schema.TaggedError<AdapterNotFound>()("AdapterNotFound", {
  name: Schema.String
}) {}

export class AdapterRegistry extends Context.Service<
  AdapterRegistry,
  {
    /**
     * Starts the adapter's subscription and its scheduled health checks, the first at once. They end with `unregister`
     * or with the registry. An adapter that cannot be started for a defect of its own stays listed as unhealthy.
     */
    readonly register: <D extends EventDefinition>(adapter: Adapter<D>) => Effect.Effect<void, DuplicateAdapter>
    /** Ends its subscription, waiting for running handlers. */
    readonly unregister: (name: string) => Effect.Effect<void, AdapterNotFound>
    readonly get: (name: string) => Effect.Effect<Option.Option<Adapter>>
    readonly list: Effect.Effect<ReadonlyArray<Adapter>>
    readonly status: (name: string) => Effect.Effect<AdapterStatus, AdapterNotFound>
    /** Status of all, from the last checks. */
    readonly statuses: Effect.Effect<ReadonlyArray<AdapterStatus>>
    /** What the last check of each said; null = none has run yet, or it is off. */
    readonly checks: Effect.Effect<ReadonlyMap<string, boolean | null>>
    /** Checks one now, with the time limit of 5 s. */
    readonly checkHealth: (name: string) => Effect.Effect<AdapterStatus, AdapterNotFound>
    /** Checks all now, in parallel, each with the time limit. */
    readonly checkAll: Effect.Effect<ReadonlyArray<AdapterStatus>>
  }
>()("hub/services/integrations/AdapterRegistry") {
  /** Closing it ends all subscriptions at the same time. */
  static readonly layer = Layer.effect(
    AdapterRegistry,
    Effect.gen(function* () {
      const delivery = yield* Delivery
      const adapters = yield* Ref.make<ReadonlyMap<string, Registered>>(new Map())
      const lifetime = yield* Scope.fork(yield* Effect.scope, "parallel")

      const find = Effect.fnUntraced(function* (name: string) {
        const registered = (yield* Ref.get(adapters)).get(name)
        return registered ?? (yield* new AdapterNotFound({ name }))
      })

      const start = Effect.fnUntraced(function* <D extends EventDefinition>(
        adapter: Adapter<D>,
        registered: Registered
      ) {
        if (adapter.mode === "off") {
          if (adapter.events.length > 0) yield* delivery.suspend(adapter.name)
          return
        }
        if (adapter.events.length > 0) {
          yield* delivery.subscribe({
            name: adapter.name,
            events: adapter.events,
            handle: (event) => adapter.handle(event),
            breaker: adapter.breaker,
            healthCheck: check(registered),
            maxAgeMillis,
            ...(adapter.from === undefined ? {} : { from: adapter.from }),
            ...(adapter.concurrency === undefined ? {} : { concurrency: adapter.concurrency })
          })
        }
        // Forked, so that a check that takes its time does not move the schedule.
        yield* Effect.forkChild(check(registered)).pipe(
          Effect.repeat(Schedule.fixed(adapter.healthIntervalMillis ?? defaultIntervalMillis)),
          Effect.forkScoped
        )
        yield* Ref.set(registered.started, true)
      })

      const register = Effect.fn("AdapterRegistry.register")(function* <D extends EventDefinition>(
        adapter: Adapter<D>
      ) {
        const { name } = adapter
        const registered: Registered = {
          adapter,
          scope: yield* Scope.fork(lifetime),
          healthy: yield* Ref.make<boolean | null>(null),
          started: yield* Ref.make(false)
        }
        const claimed = yield* Ref.modify(adapters, (all): [boolean, ReadonlyMap<string, Registered>] =>
          all.has(name) ? [false, all] : [true, new Map(all).set(name, registered)]
        )
        if (!claimed) {
          yield* Scope.close(registered.scope, Exit.void)
          return yield* new DuplicateAdapter({ name })
        }
        yield* start(adapter, registered).pipe(
          Scope.provide(registered.scope),
          Effect.catchDefect((defect) =>
            Effect.andThen(
              Scope.close(registered.scope, Exit.void),
              Effect.logError("Adapter could not be started", Cause.die(defect)).pipe(
                Effect.annotateLogs({ adapter: name })
              )
            )
          ),
          Effect.onError(() => remove(registered)),
          // Somebody subscribed under this name past the registry.
          Effect.mapError(() => new DuplicateAdapter({ name }))
        )
      })

      const remove = (registered: Registered) =>
        Effect.andThen(
          Scope.close(registered.scope, Exit.void),
          Ref.update(adapters, (all) => new Map([...all].filter(([, other]) => other !== registered)))
        )

      const unregister = Effect.fn("AdapterRegistry.unregister")(function* (name: string) {
        yield* remove(yield* find(name))
      })

      const status = Effect.fnUntraced(function* (registered: Registered) {
        const { adapter } = registered
        const circuit = yield* adapter.breaker.snapshot
        const started = yield* Ref.get(registered.started)
        const delivered =
          started && adapter.events.length > 0
            ? yield* delivery.status(adapter.name)
            : yield* adapter.activity ?? Effect.succeed(null)
        return {
          name: adapter.name,
          mode: adapter.mode,
          healthy: (yield* Ref.get(registered.healthy)) === true,
          circuit: circuit.state,
          lastSuccessAt: delivered?.lastSuccessAt ?? null,
          lastFailureAt: delivered?.lastFailureAt ?? null,
          consecutiveFailures: delivered?.consecutiveFailures ?? circuit.consecutiveFailures
        } satisfies AdapterStatus
      })

      const checked = Effect.fnUntraced(function* (registered: Registered) {
        if (yield* Ref.get(registered.started)) yield* check(registered)
        return yield* status(registered)
      })

      const all = Effect.map(Ref.get(adapters), (map) => [...map.values()])

      return AdapterRegistry.of({
        register,
        unregister,
        get: (name) => Effect.map(Ref.get(adapters), (map) => Option.fromUndefinedOr(map.get(name)?.adapter)),
        list: Effect.map(all, (registered) => registered.map(({ adapter }) => adapter)),
        status: Effect.fn("AdapterRegistry.status")(function* (name: string) {
          return yield* status(yield* find(name))
        }),
        statuses: Effect.flatMap(all, Effect.forEach(status)).pipe(Effect.withSpan("AdapterRegistry.statuses")),
        checks: Effect.flatMap(all, (each) =>
          Effect.map(
            Effect.forEach(each, ({ adapter, healthy }) =>
              Effect.map(Ref.get(healthy), (last) => [adapter.name, last] as const)
            ),
            (entries) => new Map(entries)
          )
        ),
        checkHealth: Effect.fn("AdapterRegistry.checkHealth")(function* (name: string) {
          return yield* checked(yield* find(name))
        }),
        checkAll: Effect.flatMap(all, Effect.forEach(checked, { concurrency: "unbounded" })).pipe(
          Effect.withSpan("AdapterRegistry.checkAll")
        )
      })
    })
  )
}

interface Registered {
  readonly adapter: Adapter
  readonly scope: Scope.Closeable
  /** Null = not known yet. */
  readonly healthy: Ref.Ref<boolean | null>
  /** False: mode off, or a defect at the start. Then it is not checked either. */
  readonly started: Ref.Ref<boolean>
}

const defaultIntervalMillis = 60_000
const healthLimit = Duration.seconds(5)
/** What piled up while an adapter was off and is older than this is skipped on its return. */
const maxAgeMillis = Duration.toMillis(Duration.days(7))

/** Checks the health now and remembers it. Everything but `true` in time means unhealthy, a defect too. */
const check = Effect.fn("AdapterRegistry.check")(function* ({ adapter, healthy }: Registered) {
  const [now, reason] = yield* Effect.suspend(() => adapter.healthCheck).pipe(
    Effect.map((answer): HealthResult =>
      answer === true ? [true, "answered"] : [false, "answered that it is not well"]
    ),
    Effect.timeoutOrElse({
      duration: healthLimit,
      orElse: () => Effect.succeed<HealthResult>([false, `no answer within ${Duration.format(healthLimit)}`])
    }),
    Effect.catchCause((cause) => Effect.succeed<HealthResult>([false, reasonOf(cause)]))
  )
  const before = yield* Ref.getAndSet(healthy, now)
  if (before !== now) {
    yield* (now ? Effect.logInfo : Effect.logWarning)(`Health check: ${reason}`).pipe(
      Effect.annotateLogs({ adapter: adapter.name, healthy: now })
    )
  }
  return now
})

type HealthResult = readonly [healthy: boolean, reason: string]

const reasonOf = (cause: Cause.Cause<IntegrationError>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onNone: () => (Cause.hasInterruptsOnly(cause) ? "interrupted" : "died of a defect"),
    onSome: (error) => `failed: ${error.message}`
  })
