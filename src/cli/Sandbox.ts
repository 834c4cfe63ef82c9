/** `sandbox mes`, `sandbox shopby`, `sandbox edicus`: serves a sandbox on a port, as a process of its own, for demonstrations and crash drills. */
import { NodeHttpServer } from "@effect/platform-node"
import { Console, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { EdicusSandbox } from "../adapters/edicus/EdicusSandbox.ts"
import { MesSandbox } from "../adapters/mes/MesSandbox.ts"
import * as MesSandboxReporter from "../adapters/mes/MesSandboxReporter.ts"
import { ShopbySandbox } from "../adapters/shopby/ShopbySandbox.ts"
import * as ShopbySandboxReporter from "../adapters/shopby/ShopbySandboxReporter.ts"
import { secretFromText, type WebhookSecret } from "../services/security/WebhookSignature.ts"

const portFlag = (port: number) =>
  Flag.Int("port").pipe(Flag.withDefault(port), Flag.withDescription("0 takes a free one"))

const hubFlag = Flag.String("hub").pipe(
  Flag.withDefault("http://127.0.0.1:3000"),
  Flag.withDescription("Where to report what happens; needs --secret")
)

const secretFlag = Flag.Redacted("secret").pipe(
  Flag.filterMap(secretFromText, () => "a webhook secret: whsec_ and base64 of 24 to 64 bytes"),
  Flag.optional,
  Flag.withDescription("The hub's webhook secret for this system; without it nothing is reported")
)

/** Tells the hub what happens, where its secret is known. */
const reporting = <A, E, R>(
  secret: Option.Option<WebhookSecret>,
  reporter: (key: WebhookSecret) => Layer.Layer<A, E, R>
): Layer.Layer<A, E, R> | Layer.Layer<never> => Option.match(secret, { onNone: () => Layer.empty, onSome: reporter })

/** A sandbox on a port of this machine, until it is stopped. */
const serve = <E, R>(system: string, port: number, sandbox: Layer.Layer<never, E, R>) =>
  Layer.launch(
    Layer.effectDiscard(
      HttpServer.HttpServer.use(({ address }) =>
        Console.log(`${system} sandbox listening on ${HttpServer.formatAddress(address)}`)
      )
    ).pipe(Layer.provide(sandbox), Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })))
  )

const mes = Command.make("mes", { port: portFlag(4010), hub: hubFlag, secret: secretFlag }, ({ hub, port, secret }) =>
  serve(
    "MES",
    port,
    MesSandbox.layerServed.pipe(
      Layer.provide(MesSandbox.layer),
      Layer.provide(reporting(secret, (key) => MesSandboxReporter.layer({ hubUrl: hub, secret: key })))
    )
  )
).pipe(
  Command.withDescription(
    "The print plant of section 8.1, with state in memory. POST /sandbox/jobs/{id}/advance moves a job on"
  )
)

const shopbyFlags = { port: portFlag(4020), hub: hubFlag, secret: secretFlag }

const shopby = Command.make("shopby", shopbyFlags, ({ hub, port, secret }) =>
  serve(
    "Shopby",
    port,
    ShopbySandbox.layerServed.pipe(
      Layer.provide(ShopbySandbox.layer),
      Layer.provide(reporting(secret, (key) => ShopbySandboxReporter.layer({ hubUrl: hub, secret: key })))
    )
  )
).pipe(
  Command.withDescription(
    "The online shop of section 8.2, with state in memory. POST /sandbox/orders orders something, as a customer does"
  )
)

const edicus = Command.make("edicus", { port: portFlag(4030) }, ({ port }) =>
  serve("Edicus", port, EdicusSandbox.layerServed.pipe(Layer.provide(EdicusSandbox.layer)))
).pipe(
  Command.withDescription(
    "The design editor's server of section 8.3, with state in memory. PUT /sandbox/settings tells it what to do"
  )
)

export const sandbox = Command.make("sandbox").pipe(
  Command.withDescription("Simulated external systems on a port of their own"),
  Command.withSubcommands([mes, shopby, edicus])
)
