/** Data services over providers that listen on ports of their own, with everything they stand on in memory. */
import { NodeHttpClient } from "@effect/platform-node"
import { Context, Effect, Layer, Logger, References, Tracer } from "effect"
import * as HubConfig from "../../src/services/HubConfig.ts"
import { ProviderPolicies } from "../../src/services/providers/ProviderPolicies.ts"
import { ProviderPolicy, retryPolicies } from "../../src/services/providers/ProviderPolicy.ts"
import * as ProviderServices from "../../src/services/providers/ProviderServices.ts"
import { CircuitBreakers } from "../../src/services/resilience/CircuitBreakers.ts"

export const services = Layer.mergeAll(
  CircuitBreakers.layer,
  ProviderServices.layerMemory,
  NodeHttpClient.layerUndici,
  Logger.layer([])
)

/** The settings that these variables make. */
export const configOf = (env: Readonly<Record<string, string>>) =>
  Effect.map(Effect.orDie(HubConfig.load(env)), ({ providers }) => providers)

/** Providers that are asked once: their retries are tested elsewhere, and would wait for the clock. */
export const withoutRetries = (
  names: ReadonlyArray<string>,
  circuit: "STANDARD" | "FAST" = "STANDARD"
): Effect.Effect<void, never, ProviderPolicies> =>
  Effect.flatMap(ProviderPolicies, (policies) =>
    Effect.forEach(
      names,
      (name) =>
        policies.setProvider(name, ProviderPolicy.make({ circuit, retry: { ...retryPolicies.DEFAULT, retries: 0 } })),
      { discard: true }
    )
  )

/** A service out of its layer, for as long as the test runs. */
export const built = <I, S, E, R>(service: Context.Key<I, S>, layer: Layer.Layer<I, E, R>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, service))

/** Runs with every log line and every attribute of a span written down as text. */
export const watched = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.map(Logger.formatStructured, (line) => {
    lines.push(JSON.stringify(line))
  })
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return effect.pipe(
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "Trace"),
    Effect.provideService(Tracer.Tracer, tracer),
    Effect.map((result) => ({
      result,
      lines,
      spans: spans.map((span) => JSON.stringify([span.name, ...span.attributes, span.status], jsonSafe))
    }))
  )
}

const jsonSafe = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)
