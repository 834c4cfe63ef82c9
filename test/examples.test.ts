/** The examples of the README do what their comments say. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Layer, Logger, Ref } from "effect"
import { EventBus } from "../src/services/events/EventBus.ts"
import { OrderStatusChanged } from "../src/domain/events/DomainEvents.ts"
import { OrderId } from "../src/domain/Ids.ts"
import * as Events from "../src/services/events/Events.ts"
import { AdapterRegistry } from "../src/services/integrations/AdapterRegistry.ts"
import { CircuitBreakers } from "../src/services/resilience/CircuitBreakers.ts"
import * as Adapter from "../docs/examples/adapter.ts"
import * as Breaker from "../docs/examples/breaker.ts"
import * as Bus from "../docs/examples/bus.ts"
import * as Client from "../docs/examples/client.ts"
import { embedded } from "./support/Databases.ts"
import * as HttpSimulator from "./support/simulator/HttpSimulator.ts"
import * as Hub from "./support/TestHub.ts"

/** Lines that the program logs, without what its services say. */
const logged = <A, E>(program: Effect.Effect<A, E>, wanted: (line: string) => boolean) =>
  Effect.gen(function* () {
    const lines = yield* Ref.make<ReadonlyArray<string>>([])
    const run = Effect.runSync
    const capture = Logger.make<unknown, void>(({ message }) => {
      const line = String(Array.isArray(message) ? message[0] : message)
      if (wanted(line)) run(Ref.update(lines, (all) => [...all, line]))
    })
    yield* program.pipe(Effect.provide(Logger.layer([capture])))
    return yield* Ref.get(lines)
  })

describe("examples", () => {
  it.effect("the breaker alone", () =>
    Effect.gen(function* () {
      const lines = yield* logged(Breaker.program, () => true)
      const down = "the service is down"
      assert.deepStrictEqual(lines, [down, down, down, "CircuitOpen", "OPEN"])
    })
  )

  it.live("the bus with its dead letters alone", () =>
    Effect.gen(function* () {
      const lines = yield* logged(Bus.program, (line) => /^(dead letter:|booked)/.test(line))
      assert.deepStrictEqual(lines, ["dead letter: the books are closed", "booked 2026-0001: 12000"])
    })
  )

  it.live("a client of the hub", () =>
    Effect.gen(function* () {
      const port = yield* Hub.port
      const settings = ConfigProvider.fromUnknown({ HUB_URL: `http://127.0.0.1:${port}`, HUB_API_KEY: Hub.adminKey })
      const program = Effect.provide(Client.program, Client.layer).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, settings)
      )
      const lines = yield* logged(program, () => true)
      assert.deepStrictEqual(lines, ["order: CONFIRMED", "confirmed orders: 1", "no such order: 404"])
    }).pipe(Effect.provide(Hub.layer(embedded)))
  )

  it.live("an adapter of one's own", () =>
    Effect.gen(function* () {
      const chat = yield* HttpSimulator.make
      const said = yield* Deferred.make<string>()
      yield* chat.respond((request) =>
        Effect.as(
          request.path === "/messages" ? Deferred.succeed(said, request.body) : Effect.void,
          HttpSimulator.json(200, {})
        )
      )
      const services = AdapterRegistry.layer.pipe(
        Layer.provideMerge(CircuitBreakers.layer),
        Layer.provideMerge(Events.layerMemory)
      )
      yield* Effect.gen(function* () {
        const orderId = OrderId.make("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        yield* (yield* EventBus).publish(OrderStatusChanged, { orderId, from: "PRODUCING", to: "SHIPPED" })
        assert.deepStrictEqual(JSON.parse(yield* Deferred.await(said)), { text: `${orderId}: PRODUCING → SHIPPED` })
      }).pipe(Effect.provide(Adapter.layer(chat.url).pipe(Layer.provideMerge(services))))
    })
  )
})
