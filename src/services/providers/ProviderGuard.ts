/**
 * What stands between the hub and one provider of a data service: its circuit, its limits, its time limit, its retries.
 *
 * An attempt: the circuit admits it → a token of the rate limit → the time limit begins → the call itself. Each attempt
 * counts once for the circuit and takes one token; one that is refused before anything was sent counts for nothing. Retries
 * go around that, on exactly the classes that the policy lists. A circuit that opens midway ends them. A `Retry-After` that
 * the provider answers makes every caller wait.
 *
 * The policy is read anew for each attempt, so that a change takes effect at once; circuit and limiter keep their state.
 * Knows no HTTP (see `Provider`), no cache and no other provider (see `GuardedCall`).
 */
import { Cause, Clock, Context, Effect, Exit, Option, Random, Schema, type Scope } from "effect"
import { Ambiguous, breakerOutcome, IntegrationError, Transient } from "../../domain/IntegrationError.ts"
import type { CircuitBreaker } from "../resilience/CircuitBreaker.ts"
import { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import * as CallContext from "./CallContext.ts"
import { type AttemptRecord, CallRecorder, silent } from "./CallRecorder.ts"
import { isAsked, type ProviderConnection } from "./ProviderConnections.ts"
import { ProviderPolicies } from "./ProviderPolicies.ts"
import { circuitOf, delayBefore, ProviderPolicy, retryAfterOf } from "./ProviderPolicy.ts"
import { type Limiter, RateLimits } from "./RateLimits.ts"

export interface Options {
  /** E.g. `fx`. */
  readonly integration: string
  /** E.g. `fx_primary`: names the circuit, the limiter, the policy and the source of answers; a label of metrics. */
  readonly name: string
  /** Until another is set. Default: `ProviderPolicy.make({})`. */
  readonly policy?: ProviderPolicy
  /** `sandbox`: what answers is the simulator. Default `live`. Of no meaning with a `connection`. */
  readonly mode?: "live" | "sandbox"
  /** Says at any time whether it is asked, and whether it is the simulator that answers. */
  readonly connection?: ProviderConnection
  /** True: requests whose outcome is unknown may be sent again, whatever their method: they only ask. Default false. */
  readonly repeatable?: boolean
}

/** An effect that is one attempt, or a whole round of them. */
export interface Guarding {
  <A, E, R>(operation: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | IntegrationError, R>
}

export interface ProviderGuard {
  readonly integration: string
  readonly name: string
  /** At present. */
  readonly mode: "live" | "sandbox"
  readonly connection: ProviderConnection | null
  readonly breaker: CircuitBreaker
  readonly limiter: Limiter
  readonly policy: () => ProviderPolicy
  /**
   * Any effect, guarded: circuit, token, time limit, retries. `operation` is a label of few values. An IntegrationError
   * counts for the circuit by its class; another typed failure is an answer.
   */
  readonly guard: Guarding
  /** Retries around an effect that is a guarded attempt already. */
  readonly retry: Guarding
  /** Tells the recorder of a guarded attempt that is not retried. */
  readonly observe: Guarding
  /** Waits for a token of the rate limit. */
  readonly admission: Effect.Effect<void, IntegrationError>
}

export const make: (
  options: Options
) => Effect.Effect<ProviderGuard, never, CircuitBreakers | RateLimits | ProviderPolicies | Scope.Scope> =
  Effect.fnUntraced(function* (options) {
    const { integration, name } = options
    const connection = options.connection ?? null
    const modeNow = () => connection?.current().mode ?? options.mode ?? "live"
    const repeatable = options.repeatable ?? false
    const policies = yield* ProviderPolicies
    const circuits = yield* CircuitBreakers
    const recorder = yield* CallRecorder
    recorder.made?.({
      integration,
      provider: name,
      get mode() {
        return modeNow()
      },
      get isOff() {
        return connection !== null && !isAsked(connection, connection.current())
      }
    })
    const defaults = options.policy ?? ProviderPolicy.make({})
    const configure = (policy: ProviderPolicy) =>
      Effect.flatMap(circuits.get(name), (known) =>
        Option.isSome(known) ? known.value.configure(circuitOf(policy)) : Effect.void
      )
    const policy = (yield* policies.provider({ integration, name, defaults, onChange: configure })).current
    const circuit = yield* circuits.make({ name, settings: circuitOf(policy()), classify })
    const limiter = yield* (yield* RateLimits).limiter(name, () => policy().limits)

    const timedOut = (operation: string) => {
      const error = { adapter: name, operation, message: "no answer in time", reason: "Timeout" } as const
      return Effect.fail(repeatable ? new Transient(error) : new Ambiguous(error))
    }

    const once: Guarding = (operation, effect) =>
      circuit.protect(
        Effect.andThen(
          limiter.take,
          Effect.suspend(() =>
            Effect.timeoutOrElse(effect, { duration: policy().timeout, orElse: () => timedOut(operation) })
          )
        )
      )

    /** Milliseconds before the next attempt, or null: the failure stands. */
    const delayAfter = Effect.fnUntraced(function* (error: unknown, attempt: number) {
      if (!isIntegrationError(error)) return null
      if (error._tag === "CircuitOpen" || (error._tag === "RateLimited" && error.reason === "Local")) {
        // Nothing was sent: that was no attempt.
        const tally = yield* CallContext.Tally
        if (tally !== null) tally.attempts--
        return null
      }
      const pause = retryAfterOf(error)
      if (pause > 0) yield* limiter.pause(pause)
      const jitter = yield* Random.next
      const delay = delayBefore(policy(), { error, repeatable }, attempt, jitter)
      return delay === null || !(yield* circuit.canAdmit) ? null : delay
    })

    const retry: Guarding = (operation, effect) => {
      const attempt = (n: number): typeof effect =>
        Effect.catch(observe(operation, n, effect), (error) =>
          Effect.flatMap(delayAfter(error, n), (delay) =>
            delay === null ? Effect.fail(error) : Effect.andThen(Effect.sleep(delay), attempt(n + 1))
          )
        )
      return Effect.suspend(() => attempt(1))
    }

    const observe = <A, E, R>(operation: string, n: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.withFiber((fiber) => {
        const tally = Context.get(fiber.context, CallContext.Tally)
        if (tally !== null) tally.attempts++
        if (recorder === silent) return effect
        const clock = fiber.getRef(Clock.Clock)
        const started = clock.currentTimeMillisUnsafe()
        const wire: Context.Service.Shape<typeof CallContext.Wire> = {}
        return Effect.onExit(Effect.provideService(effect, CallContext.Wire, wire), (exit) =>
          Effect.map(circuit.snapshot, ({ state }) => {
            const at = clock.currentTimeMillisUnsafe()
            const ids = CallContext.idsOf(fiber.context)
            CallContext.tell(recorder, {
              _tag: "Attempt",
              integration,
              provider: name,
              operation,
              attempt: n,
              ...outcomeOf(exit),
              circuit: state,
              sandbox: (Context.get(fiber.context, CallContext.Connection)?.mode ?? modeNow()) === "sandbox",
              at,
              durationMillis: at - started,
              guarded: tally !== null,
              ...(wire?.http === undefined ? {} : { http: wire.http }),
              ...ids,
              traceId: ids.traceId ?? wire?.traceId ?? null
            })
          })
        )
      })

    return {
      integration,
      name,
      get mode() {
        return modeNow()
      },
      connection,
      breaker: circuit,
      limiter,
      policy,
      guard: (operation, effect) => retry(operation, once(operation, effect)),
      retry,
      observe: (operation, effect) => observe(operation, 1, effect),
      admission: limiter.take
    }
  })

const isIntegrationError = Schema.is(IntegrationError)

/** An error that a contract provides for is an answer. */
const classify = (error: unknown) => (isIntegrationError(error) ? breakerOutcome(error) : "success")

/** How an attempt ended, for its record. */
export const outcomeOf = (
  exit: Exit.Exit<unknown, unknown>
): Pick<AttemptRecord, "outcome" | "errorClass" | "status" | "error"> => {
  if (Exit.isSuccess(exit)) return { outcome: "success", errorClass: null, status: null }
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error === undefined) {
    return Cause.hasInterruptsOnly(exit.cause)
      ? { outcome: "interrupted", errorClass: null, status: null }
      : { outcome: "defect", errorClass: "Defect", status: null, error: Cause.squash(exit.cause) }
  }
  if (!isIntegrationError(error)) return { outcome: "rejected", errorClass: null, status: null, error }
  const status = "status" in error ? (error.status ?? null) : null
  return { outcome: outcomeOfError(error), errorClass: error._tag, status, error }
}

const outcomeOfError = (error: IntegrationError): AttemptRecord["outcome"] => {
  switch (error._tag) {
    case "CircuitOpen":
      return "refused-by-circuit"
    case "RateLimited":
      return "rate-limited"
    case "Rejected":
      return "rejected"
    case "Transient":
    case "Ambiguous":
      return error.reason === "Timeout" ? "timeout" : "failed"
    case "Unauthorized":
    case "Invalid":
      return "failed"
  }
}
