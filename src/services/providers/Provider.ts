/**
 * One provider that is reached over HTTP: the guarded connection of `OutboundHttp` behind the provider's own circuit, rate
 * limit, time limit and retries (`ProviderGuard`).
 */
import { Effect, type Scope } from "effect"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import * as OutboundHttp from "../integrations/OutboundHttp.ts"
import type { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
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
      adapter: options.name,
      breaker: guard.breaker,
      timeout: Effect.sync(() => guard.policy().timeout),
      admission: guard.admission,
      recorder
    })
    const once = <A, R, E>(operation: string, request: Effect.Effect<A, E | OutboundHttp.ClientError, R>) =>
      guard.observe(operation, outbound.call<A, R, E>(operation, request))
    const attempt = <A, R, E>(
      operation: string,
      request: Effect.Effect<A, E | OutboundHttp.ClientError, R>
    ): Effect.Effect<A, IntegrationError | Exclude<E, OutboundHttp.ClientError>, R> =>
      guard.retry(operation, outbound.call<A, R, E>(operation, request))
    return { ...guard, client: outbound.client, api: outbound.api, probe: outbound.probe, attempt, once }
  }
)
