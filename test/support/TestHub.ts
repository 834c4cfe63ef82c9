/**
 * The hub's HTTP server on a port of its own, over real services and any database, with a plant that does what the test
 * tells it to. Requests go out as they are written: no client tidies up a path or a body on the way.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Queue, Redacted, Ref, Schema } from "effect"
import { FetchHttpClient, HttpServer as PlatformServer } from "effect/http"
import { NetAddress } from "effect/net"
import * as Http from "node:http"
import * as Net from "node:net"
import { OrderCreated } from "../../src/domain/events/DomainEvents.ts"
import { Rejected } from "../../src/domain/IntegrationError.ts"
import * as Adapters from "../../src/adapters/adapters.ts"
import * as HttpServer from "../../src/http/HttpServer.ts"
import * as NodeServer from "../../src/http/NodeServer.ts"
import * as Hub from "../../src/Hub.ts"
import { CatalogImport } from "../../src/services/catalog/CatalogImport.ts"
import { Categories } from "../../src/services/catalog/Categories.ts"
import { MesItems } from "../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../src/services/catalog/MesMappings.ts"
import { Options } from "../../src/services/catalog/Options.ts"
import { Products } from "../../src/services/catalog/Products.ts"
import { Addresses } from "../../src/services/data/Addresses.ts"
import { Companies } from "../../src/services/data/Companies.ts"
import { ExchangeRates } from "../../src/services/data/ExchangeRates.ts"
import { Flights } from "../../src/services/data/Flights.ts"
import { Designs } from "../../src/services/designs/Designs.ts"
import { EditorProducts } from "../../src/services/designs/EditorProducts.ts"
import { RenderJobs } from "../../src/services/designs/RenderJobs.ts"
import { DeadLetters } from "../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../src/services/events/Delivery.ts"
import { EventLog } from "../../src/services/events/EventLog.ts"
import * as Events from "../../src/services/events/Events.ts"
import * as HubConfig from "../../src/services/HubConfig.ts"
import { ReceivedEvents } from "../../src/services/intake/ReceivedEvents.ts"
import { makeAdapter } from "../../src/services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../src/services/integrations/AdapterRegistry.ts"
import { AlertLog } from "../../src/services/observability/AlertLog.ts"
import { Circuits } from "../../src/services/observability/Circuits.ts"
import * as CallRecords from "../../src/services/observability/CallRecords.ts"
import { CallViews } from "../../src/services/observability/CallViews.ts"
import { IntegrationHealth } from "../../src/services/observability/IntegrationHealth.ts"
import * as Monitoring from "../../src/services/observability/Monitoring.ts"
import { JobReports } from "../../src/services/orders/JobReports.ts"
import { Notifications } from "../../src/services/orders/Notifications.ts"
import { Orders } from "../../src/services/orders/Orders.ts"
import { Production } from "../../src/services/orders/Production.ts"
import { ProviderPolicies } from "../../src/services/providers/ProviderPolicies.ts"
import { ResponseCache } from "../../src/services/providers/ResponseCache.ts"
import { RuntimeConfig } from "../../src/services/providers/RuntimeConfig.ts"
import * as ProviderServices from "../../src/services/providers/ProviderServices.ts"
import * as CircuitBreaker from "../../src/services/resilience/CircuitBreaker.ts"
import { CircuitBreakers } from "../../src/services/resilience/CircuitBreakers.ts"
import { CircuitSettings } from "../../src/services/resilience/CircuitSettings.ts"
import { orderDispatch } from "../../src/services/resilience/RetryPolicy.ts"
import { ApiKeys } from "../../src/services/security/ApiKeys.ts"
import { Idempotency } from "../../src/services/security/Idempotency.ts"
import { WebhookInbox, WebhookRefused } from "../../src/services/security/WebhookInbox.ts"
import { WebhookSecrets } from "../../src/services/security/WebhookSecrets.ts"
import { ShopOrders } from "../../src/services/shop/ShopOrders.ts"
import { ShopProducts } from "../../src/services/shop/ShopProducts.ts"
import { Database } from "../../src/services/storage/Database.ts"
import type { DatabaseLayer } from "./Databases.ts"

export const adminKey = "test-admin-key-0123456789"
export const webhookSecret = Redacted.make(`whsec_${Buffer.alloc(32, 7).toString("base64")}`)

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly body: unknown
}

export interface Request {
  readonly headers?: Readonly<Record<string, string>>
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
  /** Default: the admin key. Null = none. */
  readonly key?: string | null
}

export class TestHub extends Context.Service<
  TestHub,
  {
    readonly port: number
    readonly request: (method: string, path: string, options?: Request) => Effect.Effect<Reply>
    /** Does the plant refuse what it is sent? */
    readonly plantRefuses: Ref.Ref<boolean>
  }
>()("test/support/TestHub") {}

const plant = Layer.effect(
  TestHub,
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const plantRefuses = yield* Ref.make(false)
    const breaker = yield* CircuitBreaker.make({
      name: "mes",
      settings: CircuitSettings.make({ failures: 5, openFor: Duration.minutes(1) })
    })
    yield* registry.register(
      makeAdapter({
        name: "mes",
        mode: "sandbox",
        breaker,
        events: [{ definition: OrderCreated, retry: orderDispatch }],
        handle: () =>
          Effect.flatMap(Ref.get(plantRefuses), (refuses) =>
            refuses
              ? Effect.fail(new Rejected({ adapter: "mes", operation: "POST /dispatch", message: "refused" }))
              : Effect.void
          ),
        healthCheck: Effect.succeed(true)
      })
    )
    const ownPort = yield* port
    return {
      port: ownPort,
      plantRefuses,
      request: (method, path, { body, headers = {}, key = adminKey } = {}) =>
        send(
          ownPort,
          method,
          path,
          {
            ...(key === null ? {} : { "x-api-key": key }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers
          },
          body
        )
    }
  })
)

/** The data services, answered by their sandboxes. */
const dataServices = Layer.unwrap(
  Effect.map(Effect.orDie(HubConfig.load({})), ({ providers }) => Adapters.dataServices(providers))
).pipe(Layer.provide(FetchHttpClient.layer))

/** One key for secrets, and a host that base URLs may lead to. */
const runtime: HubConfig.HubConfig["runtime"] = {
  secretKeys: [{ id: "test", key: Redacted.make(new Uint8Array(32).fill(7)) }],
  allowedHosts: [{ protocol: "https:", hostname: "example.com", port: "", below: true }]
}

/** Everything that the hub is made of, and `TestHub` on top. */
export const layer = (database: DatabaseLayer) =>
  plant.pipe(
    Layer.provideMerge(HttpServer.layer),
    Layer.provideMerge(NodeHttpServer.layer(NodeServer.make, { port: 0, host: "127.0.0.1" })),
    Layer.provideMerge(RuntimeConfig.layer(runtime)),
    Layer.provideMerge(dataServices),
    Layer.provideMerge(Monitoring.layer({ webhooks: null, allowPrivate: false })),
    Layer.provideMerge(CallViews.layer),
    Layer.provideMerge(CallRecords.layer()),
    Layer.provideMerge([CircuitBreakers.layer, ProviderServices.layerMemory]),
    Layer.provideMerge(Hub.core),
    Layer.provideMerge(AdapterRegistry.layer),
    Layer.provideMerge(WebhookInbox.layer()),
    Layer.provideMerge(
      WebhookSecrets.layer({
        adapters: [
          { name: "mes", mode: "sandbox", configured: [webhookSecret] },
          { name: "shopby", mode: "sandbox", configured: [webhookSecret] }
        ]
      })
    ),
    Layer.provideMerge(ApiKeys.layer({ adminKey: Redacted.make(adminKey) })),
    Layer.provideMerge(Idempotency.layer),
    Layer.provideMerge(Events.layerSql),
    Layer.provideMerge(database)
  )

/** One request on a connection of its own, sent as it is written. */
export const send = (
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: unknown
): Effect.Effect<Reply> =>
  Effect.callback<Reply>((resume) => {
    const bytes =
      body === undefined
        ? undefined
        : body instanceof Uint8Array
          ? body
          : Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
    const request = Http.request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8")
        const isJson = /json/.test(response.headers["content-type"] ?? "")
        const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const)
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(flat),
            text,
            body: isJson && text !== "" ? JSON.parse(text) : undefined
          })
        )
      })
    })
    request.on("error", (error) => resume(Effect.die(error)))
    if (bytes !== undefined) {
      request.setHeader("content-length", bytes.length)
      request.write(bytes)
    }
    request.end()
    return Effect.sync(() => request.destroy())
  })

/** Asserts that a failed request was answered with a whole problem document, and with a 4xx. */
export const assertProblem = (reply: Reply, context: string): void => {
  const say = `${context} → ${reply.status} ${reply.text.slice(0, 300)}`
  assert.isTrue(reply.status >= 400 && reply.status < 500, say)
  assert.strictEqual(reply.headers["content-type"], "application/problem+json", say)
  assert.match(reply.headers["x-correlation-id"] ?? "", /^[\x20-\x7e]{1,200}$/, say)
  const problem = decodeProblem(reply.body)
  assert.strictEqual(problem.status, reply.status, say)
  if (reply.status === 400) assert.isNotEmpty(problem.errors, say)
}

const Text = Schema.String.check(Schema.isMinLength(1))

const decodeProblem = Schema.decodeUnknownSync(
  Schema.Struct({
    type: Schema.String.check(Schema.isPattern(/^urn:hub:problem:[a-z-]+$/)),
    title: Text,
    status: Schema.Int,
    instance: Schema.String.check(Schema.isPattern(/^[/*]/)),
    traceId: Text,
    detail: Schema.optionalKey(Text),
    errors: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String, message: Text })))
  })
)

/** Sends bytes as they are and gives everything that comes back until the connection is closed. */
export const raw = (port: number, text: string): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    let answer = ""
    socket.on("data", (chunk) => (answer += chunk.toString("utf8")))
    socket.on("close", () => resume(Effect.succeed(answer)))
    socket.on("error", () => {})
    socket.write(text)
    return Effect.sync(() => socket.destroy())
  })

/** The HTTP server over services that do nothing but what the test gives them; `admin` may do everything. */
export const overMocks = (
  options: {
    readonly products?: Partial<Products["Service"]>
    readonly log?: Partial<EventLog["Service"]>
    readonly rates?: Partial<ExchangeRates["Service"]>
    readonly addresses?: Partial<Addresses["Service"]>
    readonly flights?: Partial<Flights["Service"]>
    readonly companies?: Partial<Companies["Service"]>
    readonly gracefulShutdownTimeout?: Duration.Input
  } = {}
) =>
  HttpServer.layer.pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(NodeServer.make, {
        port: 0,
        host: "127.0.0.1",
        ...(options.gracefulShutdownTimeout === undefined
          ? {}
          : { gracefulShutdownTimeout: options.gracefulShutdownTimeout })
      })
    ),
    Layer.provide([
      Layer.mock(Products)(options.products ?? {}),
      Layer.mock(EventLog)({
        partitions: 1,
        origin: [0],
        partitionOf: () => 0,
        encodePosition: String,
        ...options.log
      }),
      Layer.mock(ApiKeys)({
        authenticate: (presented) =>
          presented === adminKey
            ? Effect.succeedSome({ id: "key_1", name: "admin", scopes: ["admin"] })
            : Effect.succeedNone
      }),
      Layer.mock(Database)({ kind: "embedded" }),
      Layer.mock(Options)({}),
      Layer.mock(Categories)({}),
      Layer.mock(ShopProducts)({}),
      Layer.mock(ShopOrders)({}),
      Layer.mock(MesItems)({}),
      Layer.mock(MesMappings)({}),
      Layer.mock(CatalogImport)({}),
      Layer.mock(Orders)({}),
      Layer.mock(Designs)({}),
      Layer.mock(EditorProducts)({}),
      Layer.mock(RenderJobs)({}),
      Layer.mock(ExchangeRates)(options.rates ?? {}),
      Layer.mock(Addresses)(options.addresses ?? {}),
      Layer.mock(Flights)(options.flights ?? {}),
      Layer.mock(Companies)(options.companies ?? {}),
      Layer.mock(RuntimeConfig)({}),
      Layer.mock(ProviderPolicies)({}),
      Layer.mock(ResponseCache)({}),
      Layer.mock(Production)({}),
      Layer.mock(JobReports)({}),
      Layer.mock(Notifications)({}),
      Layer.mock(ReceivedEvents)({}),
      Layer.mock(Delivery)({}),
      Layer.mock(DeadLetters)({}),
      Layer.mock(AdapterRegistry)({}),
      Layer.mock(IntegrationHealth)({}),
      Layer.mock(AlertLog)({}),
      Layer.mock(CallViews)({}),
      Layer.mock(Circuits)({}),
      Layer.mock(Idempotency)({}),
      Layer.mock(WebhookInbox)({ receive: ({ adapter }) => Effect.fail(new WebhookRefused({ adapter })) })
    ])
  )

/** The port that a server of this process listens on. */
export const port = Effect.map(PlatformServer.HttpServer, ({ address }) =>
  NetAddress.isUnixPathAddress(address) ? 0 : address.port
)

/** A stream of server-sent events, frame by frame. Closed with the scope. */
export const openStream = (ownPort: number, path: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const frames = yield* Queue.unbounded<string>()
    const request = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Http.get({
          port: ownPort,
          host: "127.0.0.1",
          path,
          headers: { "x-api-key": adminKey, ...headers },
          agent: false
        })
      ),
      (request) => Effect.sync(() => request.destroy())
    )
    let rest = ""
    request.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        const parts = (rest + chunk.toString("utf8")).split("\n\n")
        rest = parts.pop() ?? ""
        for (const part of parts) Queue.offerUnsafe(frames, part)
      })
    })
    request.on("error", () => {})
    return Effect.map(Queue.take(frames), (frame) =>
      Object.fromEntries(
        frame.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)])
      )
    )
  })
