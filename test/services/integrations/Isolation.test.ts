/** Registry, delivery and guarded connections together: what one system does leaves the others alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Ref } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import * as Events from "../../../src/services/events/Events.ts"
import type { Adapter } from "../../../src/services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../../src/services/integrations/AdapterRegistry.ts"
import * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"
import * as OutboundHttp from "../../../src/services/integrations/OutboundHttp.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { orderDispatch } from "../../../src/services/resilience/RetryPolicy.ts"
import { Noted } from "../../support/events/Samples.ts"

const layer = Layer.provideMerge(AdapterRegistry.layer, Events.layerMemory)

/** An adapter whose system keeps the values it was sent, once per idempotency key. */
const makeSystem = Effect.fnUntraced(function* (name: string, options: Partial<Adapter<typeof Noted>> = {}) {
  const received = yield* Ref.make<ReadonlyMap<string, string>>(new Map())
  const posts = yield* Ref.make(0)
  const arrivals = yield* Queue.unbounded<void>()
  const faults = yield* FaultInjection.make({ seed: name })
  const breaker = yield* CircuitBreaker.make({ name, settings: CircuitSettings.mes })
  const system = HttpClient.make((request) =>
    Effect.gen(function* () {
      const key = request.headers["idempotency-key"]
      if (key !== undefined) {
        yield* Ref.update(received, (all) =>
          all.has(key) ? all : new Map(all).set(key, request.url.split("/").at(-1) ?? "")
        )
        yield* Queue.offer(arrivals, undefined)
      }
      return HttpClientResponse.fromWeb(request, Response.json({ ok: true }))
    })
  )
  const faulty = faults.wrap(system)
  const outbound = OutboundHttp.make({
    adapter: name,
    baseUrl: `http://${name}.test`,
    httpClient: HttpClient.mapRequestEffect(faulty, (request) =>
      request.method === "POST"
        ? Effect.as(
            Ref.update(posts, (n) => n + 1),
            request
          )
        : Effect.succeed(request)
    ),
    breaker
  })
  const adapter: Adapter<typeof Noted> = {
    name,
    mode: "sandbox",
    breaker,
    events: [{ definition: Noted, retry: orderDispatch }],
    handle: ({ metadata, payload }) =>
      outbound.call(
        "POST /values/{value}",
        Effect.flatMap(
          outbound.client.post(`/values/${payload.value}`, { headers: { "idempotency-key": metadata.id } }),
          (response) => response.json
        )
      ),
    healthCheck: Effect.as(
      outbound.probe(
        "GET /health",
        Effect.flatMap(outbound.client.get("/health"), (response) => response.json)
      ),
      true
    ),
    ...options
  }
  return {
    adapter,
    /** Attempts, handled or not. */
    posts: Ref.get(posts),
    faults,
    values: Effect.map(Ref.get(received), (all) => [...all.values()].map(Number)),
    /** Waits for this many requests that were handled. */
    arrived: (count: number) => Queue.takeN(arrivals, count)
  }
})

const publish = (key: string, value: number) => EventBus.use((bus) => bus.publish(Noted, { key, value }))

const deadLetters = DeadLetters.use((letters) => letters.list({}, { page: 1, limit: 100 }))

describe("isolation", () => {
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  const outages: ReadonlyArray<readonly [string, FaultInjection.Fault]> = [
    ["refuses", { _tag: "Refuse" }],
    ["resets", { _tag: "Reset" }],
    ["hangs", { _tag: "Hang" }],
    ["is in trouble", { _tag: "Status", status: 503 }],
    ["answers garbage", { _tag: "Garbage" }],
    ["loses its answers", { _tag: "LostAnswer" }]
  ]
  for (const [what, fault] of outages) {
    test(
      `AC-ISOL-001..003 a system that ${what} for 90 minutes: the other gets its events at once, nothing is dead-lettered, all arrives in order afterwards`,
      Effect.gen(function* () {
        const registry = yield* AdapterRegistry
        const down = yield* makeSystem("down")
        const well = yield* makeSystem("well")
        yield* registry.register(down.adapter)
        yield* registry.register(well.adapter)
        yield* down.faults.set([{ fault }])

        for (let value = 1; value <= 20; value++) yield* publish("key", value)
        yield* well.arrived(20)
        assert.deepStrictEqual(
          yield* well.values,
          Array.from({ length: 20 }, (_, index) => index + 1)
        )

        for (let minute = 0; minute < 90; minute++) yield* TestClock.adjust("1 minute")
        const statuses = yield* registry.statuses
        assert.deepStrictEqual(
          statuses.map(({ healthy, name }) => [name, healthy]),
          [
            ["down", false],
            ["well", true]
          ]
        )
        assert.strictEqual((yield* deadLetters).total, 0)

        yield* down.faults.clear
        yield* TestClock.adjust("2 minutes")
        yield* Delivery.use((delivery) => delivery.drained("down"))
        assert.deepStrictEqual(
          yield* down.values,
          Array.from({ length: 20 }, (_, index) => index + 1)
        )
        assert.strictEqual((yield* deadLetters).total, 0)
        assert.strictEqual((yield* registry.status("down")).circuit, "CLOSED")
      })
    )
  }

  test(
    "AC-ISOL-004 AC-REG-004 a defect in one adapter's handler dead-letters its event and leaves the other working",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const well = yield* makeSystem("well")
      const broken = yield* makeSystem("broken", {
        handle: () => Effect.die(new Error("a bug")),
        healthCheck: Effect.die(new Error("another bug"))
      })
      yield* registry.register(broken.adapter)
      yield* registry.register(well.adapter)
      for (let value = 1; value <= 5; value++) yield* publish("key", value)
      yield* well.arrived(5)
      yield* Delivery.use((delivery) => delivery.drained("broken"))
      const { data } = yield* deadLetters
      assert.deepStrictEqual(
        data.map(({ adapterName, errorClass }) => [adapterName, errorClass]),
        Array.from({ length: 5 }, () => ["broken", "Defect"])
      )
      assert.deepStrictEqual(
        (yield* registry.checkAll).map(({ healthy, name }) => [name, healthy]),
        [
          ["broken", false],
          ["well", true]
        ]
      )
    })
  )

  test(
    "AC-ERR-007 a Retry-After pauses the whole adapter, is not shortened, and uses up no retry",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const system = yield* makeSystem("limited")
      yield* registry.register(system.adapter)
      yield* system.faults.set([
        {
          fault: { _tag: "Status", status: 429, retryAfter: "600" },
          when: (request) => request.method === "POST"
        }
      ])
      yield* publish("one", 1)
      yield* TestClock.adjust("1 second")
      // Another key: paused too.
      yield* publish("two", 2)
      yield* TestClock.adjust("598 seconds")
      assert.strictEqual(yield* system.posts, 1)
      // Far more answers than there are retries.
      yield* TestClock.adjust("6000 seconds")
      assert.strictEqual((yield* deadLetters).total, 0)
      yield* system.faults.clear
      yield* TestClock.adjust("20 minutes")
      yield* Delivery.use((delivery) => delivery.drained("limited"))
      assert.deepStrictEqual((yield* system.values).toSorted(), [1, 2])
    })
  )

  test(
    "an adapter that comes back after 8 days off skips what is older than 7 days and gets the rest",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const system = yield* makeSystem("mes")
      yield* registry.register({ ...system.adapter, mode: "off" })
      yield* publish("key", 1)
      yield* TestClock.adjust("2 days")
      yield* publish("key", 2)
      yield* TestClock.adjust("6 days")
      assert.deepStrictEqual(yield* system.values, [])
      yield* registry.unregister("mes")
      yield* registry.register(system.adapter)
      yield* system.arrived(1)
      yield* Delivery.use((delivery) => delivery.drained("mes"))
      assert.deepStrictEqual(yield* system.values, [2])
    })
  )

  test(
    "AC-REG-002 what is published while an adapter is unregistered waits for its return",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const system = yield* makeSystem("mes")
      yield* registry.register(system.adapter)
      yield* publish("key", 1)
      yield* system.arrived(1)
      yield* registry.unregister("mes")
      yield* publish("key", 2)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* system.values, [1])
      yield* registry.register(system.adapter)
      yield* system.arrived(1)
      assert.deepStrictEqual(yield* system.values, [1, 2])
    })
  )
})
