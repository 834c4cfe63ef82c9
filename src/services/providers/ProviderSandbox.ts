/**
 * The ways to the providers of a data service: over HTTP, or to its simulator. The simulator's use is logged with every
 * request (`GuardedCall` tells it in every answer), and it fails and dawdles as configured.
 *
 * With the same seed the same requests in the same order meet the same faults. An error rate of 0 or 1 is exact. The
 * simulators themselves (one per service, in `adapters`) answer by what they are asked, never by chance.
 */
import { Duration, Effect, Random, type Redacted, type Scope } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as FaultInjection from "../integrations/FaultInjection.ts"
import * as CallContext from "./CallContext.ts"
import type { DataServiceConfig } from "./ProviderConfig.ts"
import {
  type ConnectionState,
  isAsked,
  type ProviderConnection,
  ProviderConnections,
  type ProviderDeclaration
} from "./ProviderConnections.ts"

export interface Options<Name extends string> {
  /** The data service, e.g. `fx`. */
  readonly integration: string
  readonly config: Pick<DataServiceConfig, "mode" | "sandbox" | "sandboxAllowed">
  /** All providers of the service, simulated. */
  readonly simulator: HttpClient.HttpClient
  /** As they are until something is changed at run time. */
  readonly providers: Readonly<Record<Name, ProviderDeclaration>>
}

/** The ways to the providers of a service, as they are when a call begins. */
export interface Connect<Name extends string = string> {
  /** What `Provider.make` wants to know about the way to a provider. */
  readonly to: (name: Name) => {
    readonly name: Name
    readonly connection: ProviderConnection
    readonly baseUrl: Effect.Effect<string>
    readonly httpClient: HttpClient.HttpClient
  }
  readonly secret: (name: Name, secret: string) => Effect.Effect<Redacted.Redacted | null>
  /** Of the call, as all of this; outside of one: at present. */
  readonly state: Effect.Effect<ConnectionState>
  /** The provider is asked, in the state of the call. */
  readonly isAsked: (name: Name) => Effect.Effect<boolean>
}

/**
 * How requests reach the providers of a service: live over HTTP, at the provider's own address unless another base URL is
 * set; in sandbox mode the simulator in this process, unless the base URL names one elsewhere. All of it can be changed at
 * run time. A service that is off in the settings is live and not enabled.
 *
 * @example
 * const connect = yield* ProviderSandbox.connect({ integration: "fx", config, simulator, providers: { fx_primary: … } })
 * Provider.make({ integration: "fx", policy, ...connect.to("fx_primary") })
 */
export const connect = Effect.fnUntraced(function* <Name extends string>({
  config,
  integration,
  providers,
  simulator
}: Options<Name>): Effect.fn.Return<Connect<Name>, never, HttpClient.HttpClient | ProviderConnections | Scope.Scope> {
  const http = yield* HttpClient.HttpClient
  const connection = yield* (yield* ProviderConnections).declare({
    integration,
    enabled: config.mode !== "off",
    mode: config.mode === "sandbox" ? "sandbox" : "live",
    sandboxAllowed: config.sandboxAllowed,
    providers
  })
  const { errorRate, seed } = config.sandbox
  const faults = yield* FaultInjection.make({ seed })
  const delay = Duration.toMillis(config.sandbox.delay)
  yield* faults.set([
    ...(errorRate > 0 ? [{ fault: { _tag: "Status", status: 503 }, rate: errorRate } as const] : []),
    ...(delay > 0 ? [{ fault: { _tag: "Delay", millis: delay } } as const] : [])
  ])
  if (config.mode === "sandbox") {
    yield* Effect.annotateLogs(Effect.logWarning(`${integration} answers from a sandbox: its data is invented`), {
      integration,
      mode: config.mode
    })
  }

  const state = Effect.map(CallContext.Connection, (fixed) =>
    fixed?.integration === integration ? fixed : connection.current()
  )
  const baseUrlOf = (name: Name, { endpoints, mode }: ConnectionState): string => {
    // Live without an address is not asked; a probe fails by its name.
    const own =
      mode === "live" ? (providers[name].liveUrl ?? `http://${name}.invalid`) : `http://${integration}.sandbox`
    return endpoints[name]?.baseUrl ?? own
  }
  const sandboxed = (client: HttpClient.HttpClient) =>
    HttpClient.tapRequest(faults.wrap(client), () =>
      Effect.annotateLogs(Effect.logInfo(`${integration}: the sandbox is asked, not the provider`), {
        integration,
        mode: "sandbox"
      })
    )
  const [simulated, elsewhere] = [sandboxed(simulator), sandboxed(http)]

  return {
    to: (name) => ({
      name,
      connection: { ...connection, name },
      baseUrl: Effect.map(state, (now) => baseUrlOf(name, now)),
      httpClient: HttpClient.transform(http, (live, request) =>
        Effect.flatMap(state, ({ endpoints, mode }) => {
          if (mode === "live") return live
          return ((endpoints[name]?.baseUrl ?? null) === null ? simulated : elsewhere).execute(request)
        })
      )
    }),
    secret: (name, secret) => Effect.map(state, ({ endpoints }) => endpoints[name]?.secrets[secret] ?? null),
    state,
    isAsked: (name) => Effect.map(state, (now) => isAsked({ ...connection, name }, now))
  }
})

/** Sends a secret as a parameter of the query, when it is set: as Redacted, so that no span or error shows it. */
export const withParameter = (
  client: HttpClient.HttpClient,
  parameter: string,
  secret: Effect.Effect<Redacted.Redacted | null>
): HttpClient.HttpClient =>
  HttpClient.mapRequestEffect(client, (request) =>
    Effect.map(secret, (value) => (value === null ? request : HttpClientRequest.setUrlParam(request, parameter, value)))
  )

/**
 * A number from 0 (inclusive) to 1 (exclusive) that follows from the seed and the parts alone: what simulators make
 * their answers from.
 *
 * @example
 * const share = yield* numberOf(seed, "2026-11-21", "KRW")
 */
export const numberOf = (seed: string, ...parts: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.map(Random.withSeed(Random.Random, [seed, ...parts].join("\u0001")), (random) => random.nextDoubleUnsafe())
