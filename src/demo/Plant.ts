/**
 * The demonstration's print plant: the MES sandbox on a port of its own. Its jobs move on by themselves and are reported
 * to the hub, signed; its port can be closed, as when the plant is down, and opened again.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Duration, Effect, Exit, Layer, Ref, Scope } from "effect"
import { HttpClient, HttpRouter, HttpServer } from "effect/http"
import { NetAddress } from "effect/net"
import { createServer } from "node:http"
import { MesSandbox, SandboxReporter } from "../adapters/mes/MesSandbox.ts"
import * as MesSandboxReporter from "../adapters/mes/MesSandboxReporter.ts"
import type { WebhookSecret } from "../services/security/WebhookSignature.ts"

export interface PlantOptions {
  /** Where the hub listens, once it does. */
  readonly hubUrl: Effect.Effect<string>
  /** The hub's webhook secret for the MES. */
  readonly secret: WebhookSecret
}

export class Plant extends Context.Service<
  Plant,
  {
    /** Base URL; the port stays the same. */
    readonly url: string
    readonly sandbox: MesSandbox["Service"]
    /** Closes the port: connections are refused, and nothing moves. */
    readonly close: Effect.Effect<void>
    /** Opens it again. */
    readonly open: Effect.Effect<void>
  }
>()("hub/demo/Plant") {
  static readonly layer = (options: PlantOptions): Layer.Layer<Plant, never, HttpClient.HttpClient> =>
    Layer.effect(Plant, make(options))
}

/** A job takes four steps, one in this time. */
const stepTime = Duration.millis(500)

const make = Effect.fnUntraced(function* ({ hubUrl, secret }: PlantOptions) {
  const httpClient = yield* HttpClient.HttpClient
  const reporter = Layer.succeed(SandboxReporter, (job) =>
    Effect.flatMap(hubUrl, (url) => MesSandboxReporter.make({ hubUrl: url, secret, httpClient })(job))
  )
  const sandbox = Context.get(yield* Layer.build(Layer.provide(MesSandbox.layer, reporter)), MesSandbox)
  const owner = yield* Effect.scope
  const running = yield* Ref.make<Scope.Closeable | null>(null)

  const listen = Effect.fnUntraced(function* (port: number) {
    const scope = yield* Scope.fork(owner)
    const server = yield* HttpRouter.serve(sandbox.routes, { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(createServer, { port, host: "127.0.0.1", gracefulShutdownTimeout: "50 millis" })
      ),
      Layer.fresh,
      Layer.buildWithScope(scope),
      Effect.orDie
    )
    yield* Ref.set(running, scope)
    const { address } = Context.get(server, HttpServer.HttpServer)
    return NetAddress.isUnixPathAddress(address) ? 0 : address.port
  })
  const port = yield* listen(0)

  // Each job in a fiber of its own, which waits while the port is closed.
  const moveOn = (mesJobId: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      yield* Effect.sleep(stepTime)
      if ((yield* Ref.get(running)) === null) return false
      const job = yield* Effect.orDie(sandbox.advance(mesJobId))
      return job.status === "SHIPPED"
    }).pipe(Effect.repeat({ until: (isDone) => isDone }), Effect.asVoid)
  const known = new Set<string>()
  yield* Effect.gen(function* () {
    yield* Effect.sleep("100 millis")
    for (const { mesJobId } of yield* sandbox.jobs) {
      if (known.has(mesJobId)) continue
      known.add(mesJobId)
      yield* Effect.forkIn(moveOn(mesJobId), owner)
    }
  }).pipe(Effect.forever, Effect.forkIn(owner))

  return Plant.of({
    url: `http://127.0.0.1:${port}`,
    sandbox,
    close: Effect.flatMap(Ref.getAndSet(running, null), (scope) =>
      scope === null ? Effect.void : Scope.close(scope, Exit.void)
    ),
    open: Effect.flatMap(Ref.get(running), (scope) => (scope === null ? Effect.asVoid(listen(port)) : Effect.void))
  })
})
