/**
 * `npm run demo`: the hub with its sandboxes in this process, in memory, on free ports; no settings are read but
 * LOG_LEVEL (default none). Tells what happens and ends with exit code 0 when nothing was lost, otherwise with 1.
 */
import { NodeHttpClient, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Deferred, Effect, Exit, Layer, Redacted } from "effect"
import { HttpClient, HttpServer } from "effect/http"
import { join } from "node:path"
import { SandboxReporter } from "./adapters/shopby/ShopbySandbox.ts"
import * as ShopbySandboxReporter from "./adapters/shopby/ShopbySandboxReporter.ts"
import { Plant } from "./demo/Plant.ts"
import * as Story from "./demo/Story.ts"
import { summary } from "./demo/Summary.ts"
import { heading, table } from "./demo/Teller.ts"
import { Watch } from "./demo/Watch.ts"
import { IdSource } from "./domain/Ids.ts"
import { HubClient } from "./http/api/HubClient.ts"
import * as Hub from "./Hub.ts"
import * as HubConfig from "./services/HubConfig.ts"
import { AdapterRegistry } from "./services/integrations/AdapterRegistry.ts"
import * as Telemetry from "./services/observability/Telemetry.ts"
import { secretToText, type WebhookSecret } from "./services/security/WebhookSignature.ts"

const introduce = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const adapters = yield* (yield* AdapterRegistry).list
  yield* heading("Integration Hub: a demonstration with sandboxes, in memory")
  yield* table([["hub", HttpServer.formatAddress(address)], ...adapters.map(({ mode, name }) => [name, mode] as const)])
})

const story = Effect.gen(function* () {
  yield* introduce
  yield* Story.openShop(join(import.meta.dirname, "../docs/examples/catalog"))
  const render = yield* Story.startRender()
  yield* Story.wayOfAnOrder()
  yield* Story.outage()
  yield* Story.refusal()
  yield* Story.finishRender(render)
  yield* Story.settle()
  return yield* summary()
})

/** Good for one demonstration, and shown nowhere. */
const randomBytes = IdSource.use((source) => source.randomBytes(32))

/** The hub, its sandboxes and who watches them. `hubUrl`: told as soon as the hub listens. */
const stage = Effect.fnUntraced(function* (secret: WebhookSecret, hubUrl: Deferred.Deferred<string>) {
  const plant = yield* Plant
  const httpClient = yield* HttpClient.HttpClient
  const adminKey = Redacted.make(Buffer.from(yield* randomBytes).toString("hex"))
  const secretText = Redacted.value(secretToText(secret))
  const env = process.env
  const config = yield* HubConfig.load({
    PORT: "0",
    HUB_DATA_DIR: "memory",
    HUB_ADMIN_KEY: Redacted.value(adminKey),
    LOG_LEVEL: env["LOG_LEVEL"] ?? "none",
    SHOPBY_WEBHOOK_SECRETS: secretText,
    MES_WEBHOOK_SECRETS: secretText,
    MES_BASE_URL: plant.url,
    MES_BREAKER_FAILURES: "3",
    MES_BREAKER_OPEN: "2 seconds",
    SHUTDOWN_TIMEOUT: "2 seconds"
  })
  const reporter = Layer.succeed(SandboxReporter, (order) =>
    Effect.flatMap(Deferred.await(hubUrl), (url) =>
      ShopbySandboxReporter.make({ hubUrl: url, secret, httpClient })(order)
    )
  )
  const client = Layer.unwrap(
    Effect.gen(function* () {
      const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      yield* Deferred.succeed(hubUrl, url)
      return HubClient.layer({ baseUrl: url, apiKey: adminKey })
    })
  )
  return Watch.layer.pipe(
    Layer.provideMerge(client),
    Layer.provideMerge(Hub.layer(config)),
    Layer.provide(reporter),
    Layer.provide(Telemetry.layer(config))
  )
})

const program = Effect.gen(function* () {
  const secret: WebhookSecret = Redacted.make(yield* randomBytes)
  const hubUrl = yield* Deferred.make<string>()
  return yield* story.pipe(
    Effect.provide(
      Layer.unwrap(stage(secret, hubUrl)).pipe(
        Layer.provideMerge(Plant.layer({ hubUrl: Deferred.await(hubUrl), secret })),
        Layer.provideMerge(Layer.mergeAll(NodeHttpClient.layerUndici, NodeServices.layer))
      )
    )
  )
}).pipe(
  // The shop and the plant know nothing of the demonstration's own trace: each webhook begins a chain of its own.
  Effect.provideService(HttpClient.TracerPropagationEnabled, false),
  Effect.tapCause((cause) => Console.error(Cause.pretty(cause)))
)

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) && exit.value ? 0 : 1)
})
