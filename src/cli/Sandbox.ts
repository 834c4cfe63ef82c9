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
import { secretFromText } from "../services/security/WebhookSignature.ts"

const portFlag = (port: number) =>
  Flag.Int("port").pipe(Flag.withDefault(port), Flag.withDescription("0 takes a free one"))

const hubFlag = Flag.String("hub").pipe(
  Flag.withDefault("http://127.0.0.1:3000"),
  Flag.withDescription("Where to report what happens; needs --secret")
)

const secretFlag = Flag.Redacted("secret").pipe(
  Flag.filterMap(secretFromText, () => "expected a webhook secret: whsec_ and base64 of 24 to 64 bytes"),
  Flag.optional,
  Flag.withDescription("The hub's webhook secret for this system; without it nothing is reported")
)

const mes = Command.make("mes", { port: portFlag(4010), hub: hubFlag, secret: secretFlag }, ({ hub, port, secret }) =>
  Layer.launch(
    Layer.effectDiscard(
      HttpServer.HttpServer.use(({ address }) =>
        Console.log(`MES sandbox listening on ${HttpServer.formatAddress(address)}`)
      )
    ).pipe(
      Layer.provide(MesSandbox.layerServed),
      Layer.provide(MesSandbox.layer),
      Layer.provide(
        Option.match(secret, {
          onNone: () => Layer.empty,
          onSome: (key) => MesSandboxReporter.layer({ hubUrl: hub, secret: key })
        })
      ),
      Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" }))
    )
  )
).pipe(
  Command.withDescription(
    "The print plant of section 8.1, with state in memory. POST /sandbox/jobs/{id}/advance moves a job on"
  )
)

const shopbyFlags = { port: portFlag(4020), hub: hubFlag, secret: secretFlag }

const shopby = Command.make("shopby", shopbyFlags, ({ hub, port, secret }) =>
  Layer.launch(
    Layer.effectDiscard(
      HttpServer.HttpServer.use(({ address }) =>
        Console.log(`Shopby sandbox listening on ${HttpServer.formatAddress(address)}`)
      )
    ).pipe(
      Layer.provide(ShopbySandbox.layerServed),
      Layer.provide(ShopbySandbox.layer),
      Layer.provide(
        Option.match(secret, {
          onNone: () => Layer.empty,
          onSome: (key) => ShopbySandboxReporter.layer({ hubUrl: hub, secret: key })
        })
      ),
      Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" }))
    )
  )
).pipe(
  Command.withDescription(
    "The online shop of section 8.2, with state in memory. POST /sandbox/orders orders something, as a customer does"
  )
)

const edicus = Command.make("edicus", { port: portFlag(4030) }, ({ port }) =>
  Layer.launch(
    Layer.effectDiscard(
      HttpServer.HttpServer.use(({ address }) =>
        Console.log(`Edicus sandbox listening on ${HttpServer.formatAddress(address)}`)
      )
    ).pipe(
      Layer.provide(EdicusSandbox.layerServed),
      Layer.provide(EdicusSandbox.layer),
      Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" }))
    )
  )
).pipe(
  Command.withDescription(
    "The design editor's server of section 8.3, with state in memory. PUT /sandbox/settings tells it what to do"
  )
)

export const sandbox = Command.make("sandbox").pipe(
  Command.withDescription("Simulated external systems on a port of their own"),
  Command.withSubcommands([mes, shopby, edicus])
)
