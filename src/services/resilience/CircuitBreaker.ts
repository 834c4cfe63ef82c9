/**
 * A circuit breaker: stops calling a system that fails, and tries it again after a while.
 *
 * - CLOSED: calls run; the settings' trip rules decide when it opens.
 * - OPEN: calls fail at once with `CircuitOpen`, until the open time has passed.
 * - HALF_OPEN: a limited number of trial calls run, the others fail at once. When all trials succeeded it closes, when one
 *   fails or hangs it opens again for a full period.
 *
 * State is one `Ref`, moved by the pure machine of `CircuitState` in one `Ref.modify`. The breaker never sleeps, logs or
 * counts: follow `transitions` (see `CircuitMonitor`). It lives in one process and starts closed.
 *
 * Not its work: time limits (put `Effect.timeout` inside, so that it counts as a failure; outside it is an interruption)
 * and retries (put them outside, so that each attempt passes the breaker and counts once).
 *
 * Effect has a breaker of its own (`effect/persistence/CircuitBreaker`); docs/adr/0002 says why this one exists.
 *
 * @example
 * const breaker = yield* CircuitBreaker.make({ name: "mes", settings: CircuitSettings.mes })
 * const answer = yield* breaker.protect(callTheSystem) // fails with CircuitOpen when refused
 */
import { Cause, Clock, Deferred, Effect, Equal, Exit, MutableRef, PubSub, Ref, Schema, Stream } from "effect"
import type { Fiber } from "effect"
import { breakerOutcome, CircuitOpen, IntegrationError } from "../../domain/IntegrationError.ts"
import type { CircuitSettings } from "./CircuitSettings.ts"
import * as CircuitState from "./CircuitState.ts"
import * as CircuitWindow from "./CircuitWindow.ts"

/** A change of state, and which breaker changed. */
export interface Transition extends CircuitState.Transition {
  readonly name: string
}

/** What a breaker looks like at one moment. Times are epoch ms. */
export interface Snapshot {
  readonly name: string
  readonly state: CircuitState.CircuitStatus
  /** Grows by one with every transition. */
  readonly generation: number
  /** Failures since the last success, trials included. */
  readonly consecutiveFailures: number
  /** When trials begin; null when not open, or held open. */
  readonly openUntil: number | null
  /** When an admission succeeds if nothing else happens: now, later, or null = held open. */
  readonly retryAt: number | null
  readonly hold: "automatic" | "open" | "closed"
  /** Null = none yet. */
  readonly lastTransitionAt: number | null
}

export interface CircuitBreaker {
  readonly name: string
  readonly settings: CircuitSettings
  /**
   * Runs the effect if the circuit admits it, and counts how it ended. An effect that is interrupted counts as nothing
   * and gives its trial slot back.
   *
   * The `CircuitOpen` of one open period is one value, made once: its stack says nothing about the caller, and its
   * `operation` is empty because nothing was attempted.
   */
  readonly protect: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CircuitOpen, R>
  readonly snapshot: Effect.Effect<Snapshot>
  /** Would a call be admitted now? Uses up no trial. */
  readonly canAdmit: Effect.Effect<boolean>
  /**
   * Epoch ms at which an admission succeeds if nothing else happens until then (now, when it would at once); null while
   * held open. Something else may happen earlier: wait for `awaitChange` too. Uses up no trial.
   */
  readonly retryAt: Effect.Effect<number | null>
  /**
   * Waits for the next transition after `generation` (at once if it has already happened), or until a trial slot is
   * given back. Take the generation from a snapshot, and look at another when this returns.
   */
  readonly awaitChange: (generation: number) => Effect.Effect<void>
  /** All transitions from the moment it is run, in order; of holds too, also when the state stays the same. */
  readonly transitions: Stream.Stream<Transition>
  /** Refuses every call until `forceClosed` or `reset`. */
  readonly forceOpen: Effect.Effect<void>
  /** Admits every call and counts nothing until `forceOpen` or `reset`. */
  readonly forceClosed: Effect.Effect<void>
  /** Back to automatic: closed, with nothing counted. */
  readonly reset: Effect.Effect<void>
  /**
   * Goes on with other settings, in the state it is in: what was counted stays counted (but not over a window of
   * another kind or size), an open period ends when it was
   * going to, trials that are out stay out. Later outcomes and periods follow the new settings.
   */
  readonly configure: (settings: CircuitSettings) => Effect.Effect<void>
}

export interface Options {
  readonly name: string
  readonly settings: CircuitSettings
  /** What a typed failure says about the system. Default: `classify`. */
  readonly classify?: (error: unknown) => CircuitState.Outcome
}

/**
 * An `IntegrationError` counts as `breakerOutcome` says, any other typed failure as a failure. A success is a success.
 * A defect is ignored, and so is an interruption: a bug in our own code says nothing about the system.
 */
export const classify = (error: unknown): CircuitState.Outcome =>
  isIntegrationError(error) ? breakerOutcome(error) : "failure"

export const make = (options: Options): Effect.Effect<CircuitBreaker> =>
  Effect.flatMap(PubSub.unbounded<Transition>(), (hub) => makeWith(options, hub))

/** Publishes to a hub that several breakers share; see `CircuitBreakers`. */
export const makeWith = Effect.fnUntraced(function* (options: Options, hub: PubSub.PubSub<Transition>) {
  const { name } = options
  const classifyError = options.classify ?? classify
  let settings = options.settings
  let step = CircuitState.makeStep(settings)
  const ref = yield* Ref.make<CircuitState.CircuitState>(CircuitState.initial)
  let changed = Deferred.makeUnsafe<void>()

  const apply = (event: CircuitState.CircuitEvent, now: number): Effect.Effect<CircuitState.Step> =>
    Ref.modify(ref, (state) => {
      const taken = step(state, event, now)
      return [taken, taken.state]
    })

  /** Runs right after the `Ref.modify`, with no yield point between: the stream has the order of the state. */
  const announce = ({ freed, transitions }: CircuitState.Step): void => {
    for (const transition of transitions) PubSub.publishUnsafe(hub, { name, ...transition })
    if (!freed && transitions.length === 0) return
    const waiting = changed
    changed = Deferred.makeUnsafe()
    Deferred.doneUnsafe(waiting, Effect.void)
  }

  const dispatch = (event: CircuitState.CircuitEvent, now: number): Effect.Effect<CircuitState.Step> =>
    Effect.uninterruptible(
      Effect.map(apply(event, now), (taken) => {
        announce(taken)
        return taken
      })
    )

  /** Only from where interruption is off: after a call. */
  const settle = (generation: number, startedAt: number, outcome: CircuitState.Outcome): Effect.Effect<void> =>
    Effect.withFiber((fiber) =>
      Effect.map(apply({ _tag: "Settle", generation, startedAt, outcome }, nowOf(fiber)), announce)
    )

  // While all goes well the closed path reads no clock and writes nothing: the state as it is admits, and a success with
  // nothing to set back leaves it so. One observer then serves all calls of a generation.
  const observe = (generation: number, startedAt: number) => (exit: Exit.Exit<unknown, unknown>) => {
    if (Exit.isSuccess(exit)) {
      const state = MutableRef.get(ref.ref)
      const unchanged = settings.rates === undefined && state.status === "CLOSED" && state.consecutiveFailures === 0
      return unchanged ? undefined : settle(generation, startedAt, "success")
    }
    const failure = exit.cause.reasons.find(Cause.isFailReason)
    if (failure === undefined) return settle(generation, startedAt, "ignored")
    // A classification that throws becomes a defect of the call, which still gives back its slot.
    return Effect.matchCauseEffect(
      Effect.sync(() => classifyError(failure.error)),
      {
        onSuccess: (outcome) => settle(generation, startedAt, outcome),
        onFailure: (defect) => Effect.andThen(settle(generation, startedAt, "ignored"), Effect.failCause(defect))
      }
    )
  }
  let timed = settings.rates?.slowCalls !== undefined
  let shared = { generation: 0, observer: observe(0, 0) }
  const observerOf = (generation: number) => {
    if (shared.generation !== generation) shared = { generation, observer: observe(generation, 0) }
    return shared.observer
  }

  // One refusal serves a whole generation: building an error captures a stack.
  let refusal: { readonly generation: number; readonly exit: Exit.Exit<never, CircuitOpen> } | undefined
  const refuse = (state: CircuitState.CircuitState): Exit.Exit<never, CircuitOpen> => {
    if (refusal?.generation !== state.generation) {
      const message = `the circuit of ${name} is ${state.status === "HALF_OPEN" ? "half-open and on trial" : "open"}`
      const error = new CircuitOpen({ adapter: name, operation: "", message, until: openUntil(state) })
      refusal = { generation: state.generation, exit: Exit.fail(error) }
    }
    return refusal.exit
  }

  /** Not interruptible between taking a trial slot and installing the observer that gives it back. */
  const tryOut = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | CircuitOpen, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.flatMap(dispatch({ _tag: "Admit" }, now), ({ admitted, state }): Effect.Effect<A, E | CircuitOpen, R> =>
          admitted ? Effect.onExitPrimitive(restore(self), observe(state.generation, now)) : refuse(state)
        )
      )
    )

  const protect = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | CircuitOpen, R> =>
    Effect.withFiber((fiber): Effect.Effect<A, E | CircuitOpen, R> => {
      const state = MutableRef.get(ref.ref)
      if (state.status === "CLOSED" && !timed) return Effect.onExitPrimitive(self, observerOf(state.generation))
      const now = nowOf(fiber)
      if (state.status === "CLOSED") return Effect.onExitPrimitive(self, observe(state.generation, now))
      return CircuitState.refuses(state, now) ? refuse(state) : tryOut(self)
    })

  const peek = <B>(f: (state: CircuitState.CircuitState, now: number) => B): Effect.Effect<B> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.map(dispatch({ _tag: "Peek" }, now), ({ state }) => f(state, now))
    )

  const order = (event: CircuitState.CircuitEvent): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.asVoid(dispatch(event, now)))

  const breaker: CircuitBreaker = {
    name,
    get settings() {
      return settings
    },
    protect,
    snapshot: peek((state, now) => ({
      name,
      state: state.status,
      generation: state.generation,
      consecutiveFailures: state.consecutiveFailures,
      openUntil: openUntil(state),
      retryAt: CircuitState.retryAt(state, settings, now),
      hold: CircuitState.hold(state),
      lastTransitionAt: state.since
    })),
    canAdmit: peek((state, now) => !CircuitState.refuses(state, now)),
    retryAt: peek((state, now) => CircuitState.retryAt(state, settings, now)),
    awaitChange: (generation) =>
      Effect.suspend(() => (MutableRef.get(ref.ref).generation === generation ? Deferred.await(changed) : Effect.void)),
    transitions: Stream.filter(Stream.fromPubSub(hub), (transition) => transition.name === name),
    forceOpen: order({ _tag: "ForceOpen" }),
    forceClosed: order({ _tag: "ForceClosed" }),
    reset: order({ _tag: "Reset" }),
    configure: (next) =>
      Ref.update(ref, (state) => {
        const sameWindow = Equal.equals(settings.rates?.window, next.rates?.window)
        settings = next
        step = CircuitState.makeStep(next)
        timed = next.rates?.slowCalls !== undefined
        // Slots of one window mean nothing in another.
        return sameWindow || state.status !== "CLOSED" ? state : { ...state, window: CircuitWindow.empty }
      })
  }
  return breaker
})

const isIntegrationError = Schema.is(IntegrationError)

const nowOf = (fiber: Fiber.Fiber<unknown, unknown>): number => fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()

const openUntil = (state: CircuitState.CircuitState): number | null =>
  state.status === "OPEN" && !state.held ? state.until : null
