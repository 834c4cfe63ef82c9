/**
 * One provider that is reached over HTTP: the guarded connection of `OutboundHttp` behind the provider's own circuit, rate
 * limit, time limit and retries (`ProviderGuard`).
 */
import { Effect, type Scope } from "effect"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import * as OutboundHttp from "../integrations/OutboundHttp.ts"
import type { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import * as CallContext from "./CallContext.ts"
import * as ProviderGuard from "./ProviderGuard.ts"
import { CallRecorder } from "./CallRecorder.ts"
import type { ProviderPolicies } from "./ProviderPolicies.ts"
import type { RateLimits } from "./RateLimits.ts"

export interface Options
  extends
    ProviderGuard.Options,
    Pick<OutboundHttp.OutboundOptions, "baseUrl" | "httpClient" | "headers" | "maxBodyBytes" | "checkAnswer"> {}

export interface Provider
  extends ProviderGuard.ProviderGuard, Pick<OutboundHttp.OutboundHttp, "client" | "api" | "probe"> {
  /**
   * One request, with retries: each attempt passes circuit, rate limit and time limit. `operation` is the method and the
   * route template, e.g. `GET /latest`.
   *
   * @example
   * provider.attempt("GET /latest", Effect.flatMap(provider.client.get("/latest"), HttpClientResponse.schemaBodyJson(Latest)))
   */
  readonly attempt: OutboundHttp.Attempt
  /** The same without retries. */
  readonly once: OutboundHttp.Attempt
}

export const make: (
  options: Options
) => Effect.Effect<Provider, never, CircuitBreakers | RateLimits | ProviderPolicies | Scope.Scope> = Effect.fnUntraced(
  function* (options) {
    const guard = yield* ProviderGuard.make(options)
    const recorder = yield* CallRecorder
    const outbound = OutboundHttp.make({
      ...options,
      get mode() {
        return guard.mode
      },
      adapter: options.name,
      breaker: guard.breaker,
      timeout: Effect.sync(() => guard.policy().timeout),
      admission: guard.admission,
      recorder
    })
    const { connection } = guard
    /** An attempt outside of a guarded call is a call of its own. */
    const fixed = <A, E, R>(attempt: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      connection === null
        ? attempt
        : Effect.flatMap(CallContext.Connection, (state) =>
            state?.integration === guard.integration
              ? attempt
              : Effect.provideService(attempt, CallContext.Connection, connection.current())
          )
    const once = <A, R, E>(operation: string, request: Effect.Effect<A, E | OutboundHttp.ClientError, R>) =>
      guard.observe(operation, fixed(outbound.call<A, R, E>(operation, request)))
    const attempt = <A, R, E>(
      operation: string,
      request: Effect.Effect<A, E | OutboundHttp.ClientError, R>
    ): Effect.Effect<A, IntegrationError | Exclude<E, OutboundHttp.ClientError>, R> =>
      guard.retry(operation, fixed(outbound.call<A, R, E>(operation, request)))
    return {
      ...guard,
      get mode() {
        return guard.mode
      },
      client: outbound.client,
      api: outbound.api,
      probe: (operation, request) => fixed(outbound.probe(operation, request)),
      attempt,
      once
    }
  }
)
