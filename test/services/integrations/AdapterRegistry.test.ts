import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Option, Ref, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { defineEvent } from "../../../src/domain/events/Event.ts"
import { Transient } from "../../../src/domain/IntegrationError.ts"
import { Delivery, DuplicateSubscription, type Subscription } from "../../../src/services/events/Delivery.ts"
import type { Adapter } from "../../../src/services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../../src/services/integrations/AdapterRegistry.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { productSync } from "../../../src/services/resilience/RetryPolicy.ts"

const Happened = defineEvent("test.happened", { payload: Schema.Struct({ id: Schema.Int }), key: ({ id }) => `${id}` })

/** A Delivery that delivers nothing by itself and says what it was asked for. */
class Subscriptions extends Context.Service<
  Subscriptions,
  {
    readonly active: Effect.Effect<ReadonlyArray<string>>
    readonly suspended: Effect.Effect<ReadonlyArray<string>>
    readonly of: (name: string) => Effect.Effect<Pick<Subscription, "maxAgeMillis" | "from" | "healthCheck">>
  }
>()("test/Subscriptions") {
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const active = yield* Ref.make<ReadonlyMap<string, Pick<Subscription, "maxAgeMillis" | "from" | "healthCheck">>>(
        new Map()
      )
      const suspended = yield* Ref.make<ReadonlyArray<string>>([])
      const delivery = Delivery.of({
        subscribe: Effect.fnUntraced(function* (subscription) {
          if ((yield* Ref.get(active)).has(subscription.name)) {
            return yield* new DuplicateSubscription({ name: subscription.name })
          }
          // As the real one does: reads the definitions.
          for (const { definition } of subscription.events) assert.isString(definition.type)
          yield* Effect.acquireRelease(
            Ref.update(active, (all) => new Map(all).set(subscription.name, subscription)),
            () => Ref.update(active, (all) => new Map([...all].filter(([name]) => name !== subscription.name)))
          )
        }),
        suspend: (name) => Ref.update(suspended, (all) => [...all, name]),
        status: (name) =>
          Effect.succeed({
            name,
            owner: true,
            lag: 0,
            parked: 0,
            dead: 0,
            lastSuccessAt: "2026-11-01T00:00:00.000Z",
            lastFailureAt: null,
            consecutiveFailures: 2
          }),
        drained: () => Effect.void,
        floor: Effect.succeed([])
      })
      return Context.make(Delivery, delivery).pipe(
        Context.add(Subscriptions, {
          active: Effect.map(Ref.get(active), (all) => [...all.keys()]),
          suspended: Ref.get(suspended),
          of: (name) => Effect.map(Ref.get(active), (all) => all.get(name) ?? {})
        })
      )
    })
  )
}

const layer = Layer.provideMerge(AdapterRegistry.layer, Subscriptions.layer)

const makeAdapter = Effect.fnUntraced(function* (name: string, options: Partial<Adapter<typeof Happened>> = {}) {
  const adapter: Adapter<typeof Happened> = {
    name,
    mode: "sandbox",
    breaker: yield* CircuitBreaker.make({ name, settings: CircuitSettings.mes }),
    events: [{ definition: Happened, retry: productSync }],
    handle: () => Effect.void,
    healthCheck: Effect.succeed(true),
    ...options
  }
  return adapter
})

const down = new Transient({ adapter: "test", operation: "GET /health", message: "answered 503" })

/** Lets forked fibers run until they wait. */
const settle = TestClock.adjust(0)

it.effect("AC-REG-001 three registered are three listed and found by name; a duplicate name is refused", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    for (const name of ["shopby", "mes", "edicus"]) yield* registry.register(yield* makeAdapter(name))
    assert.deepStrictEqual(
      (yield* registry.list).map(({ name }) => name),
      ["shopby", "mes", "edicus"]
    )
    assert.strictEqual(Option.map(yield* registry.get("mes"), ({ name }) => name)._tag, "Some")
    assert.isTrue(Option.isNone(yield* registry.get("other")))

    const duplicate = yield* Effect.flip(registry.register(yield* makeAdapter("mes")))
    assert.deepStrictEqual([duplicate._tag, duplicate.name], ["DuplicateAdapter", "mes"])
    assert.strictEqual((yield* registry.list).length, 3)
    assert.deepStrictEqual(yield* (yield* Subscriptions).active, ["shopby", "mes", "edicus"])
  }).pipe(Effect.provide(layer))
)

it.effect("AC-REG-001 of many registrations of one name at once, one wins", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const adapters = yield* Effect.forEach(Array.from({ length: 20 }), () => makeAdapter("mes"))
    const exits = yield* Effect.forEach(adapters, (adapter) => Effect.exit(registry.register(adapter)), {
      concurrency: "unbounded"
    })
    assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
  }).pipe(Effect.provide(layer))
)

it.effect("a name that is subscribed past the registry is refused, and not listed", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const delivery = yield* Delivery
    yield* delivery.subscribe({ name: "mes", events: [], handle: () => Effect.void })
    const error = yield* Effect.flip(registry.register(yield* makeAdapter("mes")))
    assert.strictEqual(error._tag, "DuplicateAdapter")
    assert.deepStrictEqual(yield* registry.list, [])
  }).pipe(Effect.provide(layer))
)

it.effect("AC-REG-002 unregister ends the subscription and the checks, and look-up is then empty", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const subscriptions = yield* Subscriptions
    const checks = yield* Ref.make(0)
    yield* registry.register(
      yield* makeAdapter("mes", {
        healthCheck: Effect.as(
          Ref.update(checks, (n) => n + 1),
          true
        )
      })
    )
    yield* registry.register(yield* makeAdapter("shopby"))
    yield* settle
    yield* registry.unregister("mes")
    assert.deepStrictEqual(
      (yield* registry.list).map(({ name }) => name),
      ["shopby"]
    )
    assert.isTrue(Option.isNone(yield* registry.get("mes")))
    assert.deepStrictEqual(yield* subscriptions.active, ["shopby"])
    assert.strictEqual((yield* Effect.flip(registry.status("mes")))._tag, "AdapterNotFound")
    assert.strictEqual((yield* Effect.flip(registry.unregister("mes")))._tag, "AdapterNotFound")
    yield* TestClock.adjust("1 hour")
    assert.strictEqual(yield* Ref.get(checks), 1)

    yield* registry.register(yield* makeAdapter("mes"))
    assert.deepStrictEqual(yield* subscriptions.active, ["shopby", "mes"])
  }).pipe(Effect.provide(layer))
)

it.effect(
  "AC-REG-003 false, failure, time-out and defect of a check mean unhealthy, the others stay healthy; checks run in parallel",
  () =>
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const checks: ReadonlyArray<readonly [string, Effect.Effect<boolean, Transient>]> = [
        ["false", Effect.succeed(false)],
        ["failure", Effect.fail(down)],
        ["defect", Effect.die(new Error("bug"))],
        ["interruption", Effect.interrupt],
        ["timeout", Effect.never],
        // One after the other, all these would take longer than the limit of one.
        ["slow", Effect.delay(Effect.succeed(true), "4 seconds")],
        ["also slow", Effect.delay(Effect.succeed(true), "4 seconds")]
      ]
      for (const [name, healthCheck] of checks) yield* registry.register(yield* makeAdapter(name, { healthCheck }))
      const checking = yield* Effect.forkChild(registry.checkAll)
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(checking.pollUnsafe())
      const statuses = yield* Fiber.join(checking)
      assert.deepStrictEqual(Object.fromEntries(statuses.map(({ healthy, name }) => [name, healthy])), {
        false: false,
        failure: false,
        defect: false,
        interruption: false,
        timeout: false,
        slow: true,
        "also slow": true
      })
      assert.deepStrictEqual(yield* registry.statuses, statuses)
    }).pipe(Effect.provide(layer))
)

it.effect("AC-REG-003 a check never trips the breaker", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    yield* registry.register(yield* makeAdapter("mes", { healthCheck: Effect.fail(down) }))
    for (let count = 0; count < 20; count++) yield* registry.checkHealth("mes")
    const { circuit, healthy } = yield* registry.status("mes")
    assert.deepStrictEqual([circuit, healthy], ["CLOSED", false])
  }).pipe(Effect.provide(layer))
)

it.effect("AC-REG-004 an adapter that cannot start stays listed as unhealthy, is logged, and the others work", () =>
  Effect.gen(function* () {
    const lines: Array<unknown> = []
    const logger = Logger.make((options) => void lines.push([options.logLevel, options.message]))
    const registry = yield* AdapterRegistry
    const broken: Adapter<typeof Happened> = Object.defineProperty(yield* makeAdapter("broken"), "events", {
      get: () => {
        throw new Error("bug")
      }
    })
    yield* registry.register(broken).pipe(Effect.provide(Logger.layer([logger])))
    yield* registry.register(yield* makeAdapter("mes"))
    const statuses = yield* registry.checkAll
    assert.deepStrictEqual(
      statuses.map(({ healthy, name }) => [name, healthy]),
      [
        ["broken", false],
        ["mes", true]
      ]
    )
    assert.deepStrictEqual(yield* (yield* Subscriptions).active, ["mes"])
    assert.include(JSON.stringify(lines), "Adapter could not be started")
    yield* registry.unregister("broken")
    assert.strictEqual((yield* registry.list).length, 1)
  }).pipe(Effect.provide(layer))
)

it.effect("AC-NFR-003 the first check is made at once, then on the adapter's interval; changes are logged once", () =>
  Effect.gen(function* () {
    const times: Array<string> = []
    const lines: Array<string> = []
    const logger = Logger.make((options) => void lines.push(`${options.logLevel} ${String(options.message)}`))
    const well = yield* Ref.make(true)
    const check = (name: string) =>
      Effect.gen(function* () {
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        times.push(`${name} ${now / 1000}`)
        if (yield* Ref.get(well)) return true
        return yield* down
      })
    yield* Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      yield* registry.register(yield* makeAdapter("mes", { healthCheck: check("mes"), healthIntervalMillis: 60_000 }))
      yield* registry.register(
        yield* makeAdapter("edicus", { healthCheck: check("edicus"), healthIntervalMillis: 30_000 })
      )
      yield* settle
      assert.isTrue((yield* registry.status("mes")).healthy)
      yield* TestClock.adjust("59 seconds")
      yield* Ref.set(well, false)
      assert.isTrue((yield* registry.status("mes")).healthy)
      yield* TestClock.adjust("1 second")
      assert.isFalse((yield* registry.status("mes")).healthy)
      yield* TestClock.adjust("60 seconds")
    }).pipe(Effect.provide(layer), Effect.provide(Logger.layer([logger])))
    assert.deepStrictEqual(
      times.filter((time) => time.startsWith("mes")),
      ["mes 0", "mes 60", "mes 120"]
    )
    assert.deepStrictEqual(
      times.filter((time) => time.startsWith("edicus")),
      [0, 30, 60, 90, 120].map((time) => `edicus ${time}`)
    )
    assert.deepStrictEqual(lines, [
      "Info Health check: answered",
      "Info Health check: answered",
      "Warn Health check: failed: answered 503",
      "Warn Health check: failed: answered 503"
    ])
  })
)

it.effect("a check that hangs does not keep the next one from coming", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const calls = yield* Ref.make(0)
    const healthCheck = Effect.flatMap(
      Ref.updateAndGet(calls, (n) => n + 1),
      (count): Effect.Effect<boolean> => (count === 1 ? Effect.never : Effect.succeed(true))
    )
    yield* registry.register(yield* makeAdapter("mes", { healthCheck }))
    yield* TestClock.adjust("59 seconds")
    assert.isFalse((yield* registry.status("mes")).healthy)
    yield* TestClock.adjust("1 second")
    assert.isTrue((yield* registry.status("mes")).healthy)
  }).pipe(Effect.provide(layer))
)

it.effect("an adapter that is off is listed, not subscribed but suspended, not checked, not healthy", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const subscriptions = yield* Subscriptions
    yield* registry.register(yield* makeAdapter("mes", { mode: "off", healthCheck: Effect.die("must not be called") }))
    yield* TestClock.adjust("5 minutes")
    assert.deepStrictEqual([yield* subscriptions.active, yield* subscriptions.suspended], [[], ["mes"]])
    assert.deepStrictEqual(yield* registry.checkHealth("mes"), {
      name: "mes",
      mode: "off",
      healthy: false,
      circuit: "CLOSED",
      lastSuccessAt: null,
      lastFailureAt: null,
      consecutiveFailures: 0
    })
  }).pipe(Effect.provide(layer))
)

it.effect("the subscription skips what is older than 7 days from a time off, and asks the health check", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    yield* registry.register(yield* makeAdapter("mes", { from: "start", healthCheck: Effect.fail(down) }))
    const subscription = yield* (yield* Subscriptions).of("mes")
    assert.deepStrictEqual([subscription.maxAgeMillis, subscription.from], [7 * 24 * 3600 * 1000, "start"])
    assert.isFalse(yield* subscription.healthCheck ?? Effect.succeed(true))
  }).pipe(Effect.provide(layer))
)

it.effect("a status joins what delivery, health check and circuit say; without subscription the circuit counts", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    const mes = yield* makeAdapter("mes")
    const edicus = yield* makeAdapter("edicus", { events: [] })
    yield* registry.register(mes)
    yield* registry.register(edicus)
    yield* mes.breaker.forceOpen
    yield* Effect.exit(edicus.breaker.protect(Effect.fail(down)))
    yield* settle
    assert.deepStrictEqual(yield* registry.statuses, [
      {
        name: "mes",
        mode: "sandbox",
        healthy: true,
        circuit: "OPEN",
        lastSuccessAt: "2026-11-01T00:00:00.000Z",
        lastFailureAt: null,
        consecutiveFailures: 2
      },
      {
        name: "edicus",
        mode: "sandbox",
        healthy: true,
        circuit: "CLOSED",
        lastSuccessAt: null,
        lastFailureAt: null,
        consecutiveFailures: 1
      }
    ])
    assert.deepStrictEqual(yield* (yield* Subscriptions).active, ["mes"])
  }).pipe(Effect.provide(layer))
)

it.effect("closing the registry ends every subscription", () =>
  Effect.gen(function* () {
    const outer = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Subscriptions.layer, outer)
    const inner = yield* Scope.make()
    const registry = Context.get(
      yield* Layer.buildWithScope(Layer.provide(AdapterRegistry.layer, Layer.succeedContext(context)), inner),
      AdapterRegistry
    )
    yield* registry.register(yield* makeAdapter("mes"))
    yield* registry.register(yield* makeAdapter("shopby"))
    assert.strictEqual((yield* Context.get(context, Subscriptions).active).length, 2)
    yield* Scope.close(inner, Exit.void)
    assert.deepStrictEqual(yield* Context.get(context, Subscriptions).active, [])
    yield* Scope.close(outer, Exit.void)
  })
)

it.effect("AC-REG-003 what is not known is told apart from what is sick: no check yet, or switched off", () =>
  Effect.gen(function* () {
    const registry = yield* AdapterRegistry
    yield* registry.register(yield* makeAdapter("slow", { healthCheck: Effect.never }))
    yield* registry.register(yield* makeAdapter("sick", { healthCheck: Effect.fail(down) }))
    yield* registry.register(yield* makeAdapter("off", { mode: "off" }))
    yield* settle
    const last = Effect.map(registry.checks, (checks) => [...checks])
    assert.deepStrictEqual(yield* last, [
      ["slow", null],
      ["sick", false],
      ["off", null]
    ])
    yield* TestClock.adjust("5 seconds")
    assert.deepStrictEqual((yield* last)[0], ["slow", false])
  }).pipe(Effect.provide(layer))
)
