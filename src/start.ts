/** The hub as a program: starts it and prints how to reach it. */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Effect, Exit, Layer, Option, Redacted } from "effect"
import { HttpServer } from "effect/http"
import * as Hub from "./Hub.ts"
import * as HubConfig from "./services/HubConfig.ts"
import { AdapterRegistry } from "./services/integrations/AdapterRegistry.ts"
import * as Telemetry from "./services/observability/Telemetry.ts"
import { ApiKeys } from "./services/security/ApiKeys.ts"
import { WebhookSecrets } from "./services/security/WebhookSecrets.ts"
import { Advertise } from "./services/storage/DatabaseEmbedded.ts"

/** Plain text for the terminal: the keys in it must never go through the logger. */
const banner = (config: HubConfig.HubConfig) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const url = HttpServer.formatAddress(address)
      const adminKey = yield* (yield* ApiKeys).ensureAdmin
      const { generated } = yield* WebhookSecrets
      const adapters = yield* (yield* AdapterRegistry).list
      const advertise = yield* Advertise
      yield* advertise(url)
      const { database } = config
      const lines: ReadonlyArray<readonly [string, string]> = [
        ["listening", url],
        ["documentation", `${url}/docs`],
        ["database", database.kind === "server" ? "PostgreSQL server" : `embedded PostgreSQL in ${database.directory}`],
        ...adapters.map(({ name, mode }) => [name, mode] as const),
        [
          "admin key",
          Option.match(adminKey, {
            onNone: () =>
              config.adminKey === null
                ? "made at the first start (npm run hub -- keys create makes another)"
                : "HUB_ADMIN_KEY",
            onSome: (key) => `${Redacted.value(key)}   (shown this once)`
          })
        ],
        ...generated.map(({ adapter, secret }) => [`${adapter} webhooks`, Redacted.value(secret)] as const)
      ]
      yield* Console.log(
        ["Integration Hub", ...lines.map(([name, value]) => `  ${name.padEnd(16)}${value}`)].join("\n")
      )
      for (const warning of config.warnings) yield* Effect.logWarning(warning)
    })
  )

const program = Effect.gen(function* () {
  const config = yield* HubConfig.load(process.env)
  return yield* banner(config).pipe(
    Layer.provide(Hub.layer(config)),
    Layer.provide(Telemetry.layer(config)),
    Layer.launch
  )
}).pipe(
  // What an operator can mend is said in plain words and ends with exit code 1.
  Effect.tapErrorTag(
    ["InvalidConfig", "DatabaseInUse", "DatabaseTooNew", "DatabaseUnavailable", "EventLogMismatch", "RedisUnavailable"],
    (error) => Console.error(error.message)
  )
)

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  // Ctrl-C and SIGTERM are how a hub is meant to end: code 0, unless something else went wrong on the way.
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
})
