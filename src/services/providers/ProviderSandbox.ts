/**
 * The simulator of a data service as a transport: its use is logged with every request and told in every answer, and it
 * fails and dawdles as configured.
 *
 * With the same seed the same requests in the same order meet the same faults. An error rate of 0 or 1 is exact. The
 * simulators themselves (one per service, in `adapters`) answer by what they are asked, never by chance.
 */
import { Duration, Effect, Random } from "effect"
import { HttpClient } from "effect/http"
import type { Guarded } from "../../domain/Guarded.ts"
import * as FaultInjection from "../integrations/FaultInjection.ts"
import type { DataServiceConfig, ProviderEndpoint } from "./ProviderConfig.ts"

export interface Options {
  /** The data service, e.g. `fx`. */
  readonly integration: string
  readonly config: Pick<DataServiceConfig, "mode" | "sandbox">
  /** All providers of the service, simulated. */
  readonly simulator: HttpClient.HttpClient
}

/** What `Provider.make` wants to know about the way to a provider. */
export interface Connect {
  (
    endpoint: Pick<ProviderEndpoint, "baseUrl">,
    liveUrl: string
  ): {
    readonly baseUrl: string
    readonly httpClient: HttpClient.HttpClient
    readonly mode: "live" | "sandbox"
  }
}

/**
 * How requests reach the providers of a service: live over HTTP, at `liveUrl` unless another base URL is set; in sandbox
 * mode the simulator in this process, unless the base URL names one elsewhere.
 *
 * @example
 * const connect = yield* ProviderSandbox.connect({ integration: "fx", config, simulator })
 * Provider.make({ …, ...connect(config.primary, "https://api.exchangerate-api.com") })
 */
export const connect = Effect.fnUntraced(function* ({
  config,
  integration,
  simulator
}: Options): Effect.fn.Return<Connect, never, HttpClient.HttpClient> {
  const http = yield* HttpClient.HttpClient
  if (config.mode !== "sandbox") {
    return ({ baseUrl }, liveUrl) => ({ baseUrl: baseUrl ?? liveUrl, httpClient: http, mode: "live" })
  }
  const labels = { integration, mode: config.mode }
  const { errorRate, seed } = config.sandbox
  const faults = yield* FaultInjection.make({ seed })
  const delay = Duration.toMillis(config.sandbox.delay)
  yield* faults.set([
    ...(errorRate > 0 ? [{ fault: { _tag: "Status", status: 503 }, rate: errorRate } as const] : []),
    ...(delay > 0 ? [{ fault: { _tag: "Delay", millis: delay } } as const] : [])
  ])
  yield* Effect.annotateLogs(Effect.logWarning(`${integration} answers from a sandbox: its data is invented`), labels)
  return ({ baseUrl }) => ({
    baseUrl: baseUrl ?? `http://${integration}.sandbox`,
    httpClient: HttpClient.tapRequest(faults.wrap(baseUrl === null ? simulator : http), () =>
      Effect.annotateLogs(Effect.logInfo(`${integration}: the sandbox is asked, not the provider`), labels)
    ),
    mode: "sandbox"
  })
})

/** Says in an answer that it is invented, when it is. */
export const mark =
  ({ mode }: Pick<DataServiceConfig, "mode">) =>
  <A>(answer: Guarded<A>): Guarded<A> => {
    if (mode !== "sandbox") return answer
    const warning = "from the sandbox: this data is invented"
    return { ...answer, warning: answer.warning === undefined ? warning : `${warning}; ${answer.warning}` }
  }

/**
 * A number from 0 (inclusive) to 1 (exclusive) that follows from the seed and the parts alone: what simulators make
 * their answers from.
 *
 * @example
 * const share = yield* numberOf(seed, "2026-11-21", "KRW")
 */
export const numberOf = (seed: string, ...parts: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.map(Random.withSeed(Random.Random, [seed, ...parts].join("\u0001")), (random) => random.nextDoubleUnsafe())
