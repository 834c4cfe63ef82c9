/**
 * Logs to the terminal (pretty or one JSON object a line), and logs, metrics and traces to an OTLP collector when one is
 * configured. Annotations used throughout: `correlationId`, `adapter`, `eventType`, `eventId`.
 */
import { Effect, Layer, Logger, References } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import type { HubConfig } from "../HubConfig.ts"

const serviceName = "integration-hub"

export const layer = (config: Pick<HubConfig, "log" | "otlpEndpoint">): Layer.Layer<never> => {
  const terminal = Logger.layer([config.log.format === "json" ? Logger.consoleJson : Logger.consolePretty()])
  const level = Layer.succeed(References.MinimumLogLevel, config.log.level)
  const collector =
    config.otlpEndpoint === null
      ? Layer.empty
      : Otlp.layerJson({ baseUrl: config.otlpEndpoint, resource: { serviceName } }).pipe(
          Layer.provide(FetchHttpClient.layer),
          Layer.tap(() => Effect.logInfo(`telemetry goes to ${config.otlpEndpoint}`))
        )
  // The collector adds itself to the loggers that are there, so the terminal comes first.
  return collector.pipe(Layer.provideMerge(Layer.merge(terminal, level)))
}
