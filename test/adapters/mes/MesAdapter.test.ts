import { assert, it } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { Context, Duration, Effect, Layer, Logger, Option, Redacted, Ref } from "effect"
import { TestClock } from "effect/testing"
import { MesAdapter } from "../../../src/adapters/mes/MesAdapter.ts"
import { MesSandbox } from "../../../src/adapters/mes/MesSandbox.ts"
import { MesSettings, MesTransport } from "../../../src/adapters/mes/MesTransport.ts"
import type { OrderId } from "../../../src/domain/Ids.ts"
import type { OrderStatus } from "../../../src/domain/OrderStatus.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { DeliverySettings } from "../../../src/services/events/DeliverySettings.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import * as Events from "../../../src/services/events/Events.ts"
import { AdapterRegistry } from "../../../src/services/integrations/AdapterRegistry.ts"
import * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"
import { JobReports } from "../../../src/services/orders/JobReports.ts"
import { Notifications } from "../../../src/services/orders/Notifications.ts"
import { Orders } from "../../../src/services/orders/Orders.ts"
import { Production } from "../../../src/services/orders/Production.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as MesPlant from "../../support/MesPlant.ts"
import * as OrderDesk from "../../support/OrderDesk.ts"

class Faults extends Context.Service<Faults, FaultInjection.FaultInjection>()("test/Faults") {
  static readonly layer = Layer.effect(Faults, FaultInjection.make())
}

/** What was logged: level, message and annotations. */
class Logged extends Context.Service<Logged, Ref.Ref<ReadonlyArray<string>>>()("test/Logged") {
  static readonly layer = Layer.effect(Logged, Ref.make<ReadonlyArray<string>>([]))
}

const logging = Layer.unwrap(
  Effect.map(Logged, (logged) =>
    Logger.layer([
      Logger.make((options) => {
        Effect.runSync(Ref.update(logged, (lines) => [...lines, Logger.formatJson.log(options)]))
      })
    ])
  )
)

const settings = (mode: "sandbox" | "live" | "off", more: Partial<Context.Service.Shape<typeof MesSettings>> = {}) =>
  Layer.succeed(MesSettings, {
    mode,
    baseUrl: mode === "live" ? "http://plant" : null,
    timeout: Duration.seconds(10),
    breaker: { failures: 5, openFor: Duration.seconds(60), halfOpenLimit: Duration.seconds(30) },
    retries: null,
    apiKey: null,
    sweep: Duration.minutes(5),
    ...more
  })

const transport = Layer.effect(
  MesTransport,
  Effect.gen(function* () {
    return (yield* Faults).wrap((yield* MesSandbox).httpClient)
  })
)

/** The core around an adapter. */
const core = <A, E, R>(adapter: Layer.Layer<A, E, R>) =>
  adapter.pipe(
    Layer.provideMerge(Layer.mergeAll(OrderDesk.core, AdapterRegistry.layer, CircuitBreakers.layer)),
    Layer.provideMerge(Events.layerSql),
    // The end of a subscription waits for no running handler: it is the crash of a process. Virtual time runs ahead of
    // the database, so the lease must not run out meanwhile.
    Layer.provide(
      Layer.succeed(DeliverySettings, {
        ...DeliverySettings.defaultValue(),
        shutdownMillis: 0,
        leaseMillis: Duration.toMillis("2 days"),
        renewMillis: Duration.toMillis("1 day")
      })
    ),
    Layer.provideMerge(logging),
    Layer.provideMerge(Logged.layer)
  )

const hub = (mode: "sandbox" | "live" | "off" = "sandbox") =>
  core(
    MesAdapter.layerRegistered.pipe(
      Layer.provideMerge(transport),
      Layer.provideMerge(Layer.mergeAll(settings(mode), MesSandbox.layer, Faults.layer))
    )
  )

/** Lets the database answer: virtual time does not wait for it. */
const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Until everything committed so far, and what that led to, is handled, parked or dead-lettered. */
const settle = Effect.gen(function* () {
  const delivery = yield* Delivery
  yield* delivery.drained("mes")
  yield* delivery.drained("mes")
})

const jobs = Effect.flatMap(MesSandbox, (sandbox) => sandbox.jobs)
const statusOf = (id: OrderId) => Effect.map(OrderDesk.get(id), (order) => order.status)
const deadLetters = Effect.flatMap(DeadLetters, (letters) =>
  Effect.map(letters.list({ adapter: "mes" }, { page: 1, limit: 100 }), (page) => page.data)
)
const parked = Effect.flatMap(Delivery, (delivery) => Effect.map(delivery.status("mes"), (status) => status.parked))
const posts = (request: { readonly method: string }) => request.method === "POST"

describeDatabases("MesAdapter", (database) => {
  const layer = hub().pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-MES-001 an order with everything verified becomes a job: item, codes, quantity, order.dispatched.mes, PRODUCTION_WAITING",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { memo: "rush" }))
      yield* settle
      const [job, ...rest] = yield* jobs
      assert.deepStrictEqual(rest, [])
      assert.deepInclude(job, {
        orderId: id,
        itemCode: "001-0001",
        part: null,
        materialCodes: ["M-100"],
        processCodes: ["P-200"],
        quantity: 250,
        memo: "rush",
        correlationId: "trace-123"
      })
      const order = yield* OrderDesk.get(id)
      assert.strictEqual(order.status, "PRODUCTION_WAITING")
      assert.deepStrictEqual(order.items[0]?.jobs, [
        { part: null, mesJobId: job?.mesJobId ?? "", status: "PRODUCTION_WAITING" }
      ])
      const events = yield* OrderDesk.eventsOf(id)
      assert.deepStrictEqual(OrderDesk.brief(events), [
        { type: "order.created", source: "widget" },
        { type: "order.dispatched.mes", mesJobId: job?.mesJobId },
        { type: "order.status.changed", from: "CONFIRMED", to: "PRODUCTION_WAITING" }
      ])
      assert.deepStrictEqual(
        events.map((event) => [event.correlationId, event.causationId]),
        [
          ["trace-123", null],
          ["trace-123", events[0]?.id ?? ""],
          ["trace-123", events[0]?.id ?? ""]
        ]
      )
      const lines = yield* Effect.flatMap(Logged, Ref.get)
      const accepted = lines.find((line) => line.includes(`accepted job ${job?.mesJobId}`))
      assert.include(accepted, "trace-123")
      assert.include(accepted, id)
    })
  )

  test(
    "dispatches a PENDING order when it is confirmed, not before",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { paid: false }))
      yield* settle
      assert.deepStrictEqual(yield* jobs, [])
      yield* Orders.use((orders) => orders.changeStatus(id, "CONFIRMED", { actor: "operator", name: "Lee" }))
      yield* settle
      assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
    })
  )

  test(
    "AC-MES-002 an unverified choice: no call, a warning, a notification, the choice ids named",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["paper"] })
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      assert.deepStrictEqual(yield* jobs, [])
      assert.deepInclude(yield* OrderDesk.get(id), { status: "CONFIRMED", blockedChoiceIds: [shop.paper] })
      const lines = yield* Effect.flatMap(Logged, Ref.get)
      const warning = lines.find((line) => line.includes("Not dispatched"))
      assert.isDefined(warning)
      assert.deepInclude(JSON.parse(warning ?? ""), { level: "WARN" })
      assert.deepInclude(JSON.parse(warning ?? "").annotations, {
        orderId: id,
        choiceIds: [shop.paper],
        correlationId: "trace-123"
      })
      const { data } = yield* Notifications.use((notifications) => notifications.list({}, { page: 1, limit: 20 }))
      assert.deepStrictEqual(
        data.map((one) => [one.kind, one.subject]),
        [["order-blocked", `order:${id}`]]
      )
      assert.deepStrictEqual(yield* deadLetters, [])
    })
  )

  test(
    "AC-MES-005 AC-MES-007 mapping and verifying the last choice dispatches by itself, under the order's correlation id",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["paper", "coating"] })
      const mappings = yield* MesMappings
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const waiting = yield* OrderDesk.place(OrderDesk.bookOrder(shop), "trace-456")
      yield* settle
      const verify = (choice: keyof OrderDesk.Shop) =>
        mappings
          .verify(shop[choice === "paper" ? "paper" : "coating"], "verifier")
          .pipe(
            Effect.provideService(EventContext, { correlationId: "of-the-verifier", causationId: null, source: "api" })
          )
      yield* verify("paper")
      yield* settle
      assert.deepStrictEqual([yield* statusOf(id), yield* statusOf(waiting.id)], ["CONFIRMED", "CONFIRMED"])
      assert.deepStrictEqual((yield* OrderDesk.get(id)).blockedChoiceIds, [shop.coating])
      assert.deepStrictEqual(yield* jobs, [])
      yield* verify("coating")
      yield* settle
      const made = yield* jobs
      assert.sameDeepMembers(
        made.map((job) => [job.orderId, job.part, job.correlationId]),
        [
          [id, null, "trace-123"],
          [waiting.id, "inner", "trace-456"],
          [waiting.id, "cover", "trace-456"]
        ]
      )
      assert.deepInclude(yield* OrderDesk.get(id), { status: "PRODUCTION_WAITING", blockedChoiceIds: [] })
      const events = yield* OrderDesk.eventsOf(id)
      assert.deepStrictEqual(new Set(events.map((event) => event.correlationId)), new Set(["trace-123"]))
    })
  )

  test(
    "an order without a MES item goes by itself when its product is mapped",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unmapped: true })
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      assert.deepInclude(yield* OrderDesk.get(id), { status: "CONFIRMED", reasons: ["no-mes-item"] })
      yield* MesMappings.use((mappings) => mappings.setProduct(shop.card, { itemCode: "001-0001" }))
      yield* settle
      assert.deepInclude(yield* OrderDesk.get(id), { status: "PRODUCTION_WAITING", reasons: [] })
    })
  )

  test(
    "a manual dispatch goes the same way",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["paper"] })
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      const faults = yield* Faults
      yield* faults.set([{ fault: { _tag: "Status", status: 400 }, when: posts }])
      yield* MesMappings.use((mappings) => mappings.verify(shop.paper, "verifier"))
      yield* settle
      assert.deepStrictEqual(
        (yield* deadLetters).map((letter) => letter.errorClass),
        ["Rejected"]
      )
      yield* faults.clear
      yield* Production.use((production) => production.requestDispatch(id, { memo: "now it works" }))
      yield* settle
      assert.deepStrictEqual(
        (yield* jobs).map((job) => job.memo),
        ["now it works"]
      )
      assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
    })
  )

  test(
    "AC-MES-008 a book makes two jobs with the choices of each part, and follows the slower one",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const sandbox = yield* MesSandbox
      const { sweep } = yield* MesAdapter
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      yield* settle
      const [inner, cover] = yield* jobs
      assert(inner !== undefined && cover !== undefined)
      assert.deepStrictEqual(
        [inner, cover].map((job) => [job.part, job.itemCode, job.materialCodes, job.processCodes]),
        [
          ["inner", "001-5001", ["M-300"], ["P-200"]],
          ["cover", "001-5002", ["M-400"], ["P-200"]]
        ]
      )
      const steps: Array<OrderStatus> = []
      for (const job of [inner, inner, cover, cover, cover, inner]) {
        yield* sandbox.advance(job.mesJobId)
        yield* sweep
        steps.push(yield* statusOf(id))
      }
      assert.deepStrictEqual(steps, [
        "PRODUCTION_WAITING",
        "PRODUCTION_WAITING",
        "PRODUCING",
        "PRODUCTION_DONE",
        "PRODUCTION_DONE",
        "SHIPPED"
      ])
    })
  )

  for (const fault of [
    { _tag: "LostAnswer" },
    { _tag: "Garbage", handled: true },
    { _tag: "Hang", handled: true }
  ] satisfies ReadonlyArray<FaultInjection.Fault>) {
    test(
      `AC-MES-009 an answer lost after the plant accepted (${fault._tag}) makes no second job`,
      Effect.gen(function* () {
        const shop = yield* OrderDesk.open()
        const faults = yield* Faults
        yield* faults.set([{ fault, times: 1, when: posts }])
        const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
        if (fault._tag === "Hang") {
          yield* Effect.repeat(nextTurn, { until: () => Effect.map(jobs, (made) => made.length === 1) })
          yield* TestClock.adjust("10 seconds")
        }
        yield* settle
        assert.strictEqual((yield* jobs).length, 1)
        assert.strictEqual(yield* statusOf(id), "CONFIRMED")
        assert.strictEqual(yield* parked, 1)
        yield* TestClock.adjust("2 seconds")
        yield* settle
        const made = yield* jobs
        assert.deepStrictEqual(
          made.map((job) => job.part),
          ["inner", "cover"]
        )
        const order = yield* OrderDesk.get(id)
        assert.strictEqual(order.status, "PRODUCTION_WAITING")
        assert.deepStrictEqual(
          order.items[0]?.jobs.map((job) => job.mesJobId),
          made.map((job) => job.mesJobId)
        )
      })
    )
  }

  test(
    "AC-MES-009 a crash after the plant accepted makes no second job: the same event again, the same key",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const faults = yield* Faults
      const registry = yield* AdapterRegistry
      const { adapter } = yield* MesAdapter
      // The answer never comes, and the adapter is ended while it waits.
      yield* faults.set([{ fault: { _tag: "Hang", handled: true }, when: posts }])
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* Effect.repeat(nextTurn, { until: () => Effect.map(jobs, (made) => made.length === 1) })
      yield* registry.unregister("mes")
      assert.strictEqual(yield* parked, 0)
      yield* faults.clear
      yield* registry.register(adapter)
      yield* settle
      assert.strictEqual((yield* jobs).length, 1)
      assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
    })
  )

  test(
    "AC-MES-010 a refusal is a dead letter at once; after the cause is gone a replay dispatches, under a new key",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const sandbox = yield* MesSandbox
      const letters = yield* DeadLetters
      yield* sandbox.refuse("out of paper")
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      const [letter, ...rest] = yield* deadLetters
      assert.deepStrictEqual(rest, [])
      assert(letter !== undefined)
      assert.deepInclude(letter, {
        eventType: "order.created",
        errorClass: "Rejected",
        retryCount: 0,
        status: "pending",
        correlationId: "trace-123"
      })
      assert.include(letter.errorMessage, "out of paper")
      assert.strictEqual(yield* statusOf(id), "CONFIRMED")

      const still = yield* letters.replay(letter.id)
      assert.deepInclude(Option.getOrThrow(still), { status: "pending", replayCount: 1 })
      yield* sandbox.refuse(null)
      const replayed = yield* letters.replay(letter.id)
      assert.deepInclude(Option.getOrThrow(replayed), { status: "replayed", replayCount: 2 })
      assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
      const [job] = yield* jobs
      assert.match(job?.idempotencyKey ?? "", /-3$/)
    })
  )

  test(
    "AC-DLQ-006 what is replayed or repeated late sets nothing back and makes no second job",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const sandbox = yield* MesSandbox
      const letters = yield* DeadLetters
      const { adapter } = yield* MesAdapter
      yield* sandbox.refuse("out of paper")
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      yield* sandbox.refuse(null)
      yield* Production.use((production) => production.requestDispatch(id, { memo: null }))
      yield* settle
      const [job] = yield* jobs
      assert(job !== undefined)
      yield* JobReports.use((reports) => reports.apply(id, "sandbox", { mesJobId: job.mesJobId, status: "SHIPPED" }))
      const before = yield* OrderDesk.get(id)
      const events = (yield* OrderDesk.eventsOf(id)).length

      const [letter] = yield* deadLetters
      const replayed = yield* letters.replay(letter?.id ?? "")
      assert.strictEqual(Option.getOrThrow(replayed).status, "replayed")
      for (const record of yield* OrderDesk.eventsOf(id)) {
        if (record.type !== "order.created") continue
        yield* adapter.handle({
          type: "order.created",
          payload: { orderId: id, source: "widget" },
          metadata: record
        })
      }
      yield* settle
      assert.deepStrictEqual(yield* OrderDesk.get(id), before)
      assert.strictEqual((yield* OrderDesk.eventsOf(id)).length, events)
      assert.strictEqual((yield* jobs).length, 1)
    })
  )

  for (const count of [1, 10]) {
    test(
      `AC-ERR-002 an outage of an hour with ${count} waiting dead-letters nothing, and everything goes out once afterwards`,
      Effect.gen(function* () {
        const shop = yield* OrderDesk.open()
        const faults = yield* Faults
        const { adapter } = yield* MesAdapter
        const { breaker } = adapter
        const generation = Effect.map(breaker.snapshot, (snapshot) => snapshot.generation)
        yield* faults.set([{ fault: { _tag: "Refuse" } }])
        const orders = yield* Effect.forEach(Array.from({ length: count }), () =>
          OrderDesk.place(OrderDesk.cardOrder(shop))
        )
        // Every minute a trial, which fails: half-open and open again.
        for (let minute = 0; minute < 60; minute++) {
          const before = yield* generation
          yield* TestClock.adjust("55 seconds")
          yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), nextTurn), {
            until: () => Effect.map(generation, (now) => now >= before + 2)
          })
        }
        assert.deepStrictEqual(yield* deadLetters, [])
        assert.deepStrictEqual(yield* jobs, [])
        yield* faults.clear
        yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), nextTurn), {
          until: () => Effect.map(jobs, (made) => made.length === orders.length)
        })
        yield* settle
        for (const { id } of orders) assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
        assert.sameMembers(
          (yield* jobs).map((job) => job.orderId),
          orders.map((order) => order.id)
        )
        assert.deepStrictEqual(yield* deadLetters, [])
      })
    )
  }

  test(
    "cancelling during the call: the job is kept, the operator is told, the rest is not made",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const faults = yield* Faults
      yield* faults.set([{ fault: { _tag: "Delay", millis: 5000 }, times: 1, when: posts }])
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      yield* Effect.repeat(nextTurn, {
        until: () => Effect.map(OrderDesk.get(id), (order) => order.items[0]?.jobs.length === 2)
      })
      yield* Orders.use((orders) => orders.changeStatus(id, "CANCELLED", { actor: "operator", name: "Lee" }))
      yield* TestClock.adjust("5 seconds")
      yield* settle
      const order = yield* OrderDesk.get(id)
      assert.strictEqual(order.status, "CANCELLED")
      assert.isAtMost((yield* jobs).length, 1)
      assert.deepStrictEqual(
        order.items[0]?.jobs.map((job) => job.mesJobId !== null),
        [(yield* jobs).length === 1, false]
      )
      assert.deepStrictEqual(yield* deadLetters, [])
    })
  )

  test(
    "AC-MES-003 the sweep brings home what no callback told, every five minutes",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const sandbox = yield* MesSandbox
      const faults = yield* Faults
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      const [job] = yield* jobs
      yield* sandbox.advance(job?.mesJobId ?? "", "PRODUCTION_DONE")
      yield* TestClock.adjust("299 seconds")
      assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
      yield* TestClock.adjust("1 second")
      yield* Effect.repeat(nextTurn, {
        until: () => Effect.map(statusOf(id), (status) => status === "PRODUCTION_DONE")
      })
      const [, , , changed] = yield* OrderDesk.eventsOf(id)
      assert.deepInclude(changed, { type: "order.status.changed", correlationId: "trace-123" })

      // A plant that does not answer, or forgot the job, disturbs nothing.
      const { sweep } = yield* MesAdapter
      yield* faults.set([{ fault: { _tag: "Refuse" } }])
      yield* sweep
      yield* faults.set([{ fault: { _tag: "Status", status: 404 } }])
      yield* sweep
      yield* faults.set([
        {
          fault: {
            _tag: "Garbage",
            body: JSON.stringify({ mesJobId: job?.mesJobId, orderId: "ord_other", status: "출고완료" })
          }
        }
      ])
      yield* sweep
      assert.strictEqual(yield* statusOf(id), "PRODUCTION_DONE")
    })
  )

  test(
    "its health is the plant's",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      const faults = yield* Faults
      assert.isTrue((yield* registry.checkHealth("mes")).healthy)
      yield* faults.set([{ fault: { _tag: "Status", status: 503 } }])
      assert.isFalse((yield* registry.checkHealth("mes")).healthy)
    })
  )
})

describeDatabases("MesAdapter in other modes", (database) => {
  it.effect("off: makes no call", () =>
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const { sweep } = yield* MesAdapter
      yield* TestClock.adjust("1 hour")
      yield* sweep
      assert.deepStrictEqual(yield* jobs, [])
      assert.strictEqual(yield* statusOf(id), "CONFIRMED")
    }).pipe(Effect.provide(hub("off").pipe(Layer.provideMerge(database))))
  )

  it.effect("live: jobs are marked live", () =>
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* settle
      const [job] = yield* jobs
      const report = { mesJobId: job?.mesJobId ?? "", status: "PRODUCING" } as const
      const reports = yield* JobReports
      assert.strictEqual((yield* Effect.flip(reports.apply(id, "sandbox", report)))._tag, "JobNotFound")
      assert.isTrue((yield* reports.apply(id, "live", report)).changed)
    }).pipe(Effect.provide(hub("live").pipe(Layer.provideMerge(database))))
  )

  it.effect("AC-MES-001 live: over HTTP to any plant, with API key, idempotency key and correlation id", () =>
    Effect.gen(function* () {
      const plant = yield* MesPlant.make
      const live = core(
        MesAdapter.layerRegistered.pipe(
          Layer.provide(MesTransport.layer),
          Layer.provideMerge(MesSandbox.layer),
          Layer.provide(NodeHttpClient.layerUndici),
          Layer.provide(settings("live", { baseUrl: plant.url, apiKey: Redacted.make("plant-key") }))
        )
      )
      yield* Effect.gen(function* () {
        const shop = yield* OrderDesk.open()
        const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
        yield* settle
        const [job, ...rest] = yield* plant.jobs
        assert.deepStrictEqual(rest, [])
        assert.deepInclude(job, {
          orderId: id,
          itemCode: "001-0001",
          part: null,
          materialCodes: ["M-100"],
          processCodes: ["P-200"],
          quantity: 250,
          correlationId: "trace-123"
        })
        const requests = yield* plant.simulator.requests
        const dispatched = requests.find((request) => request.path === "/dispatch")
        assert.strictEqual(dispatched?.headers["x-api-key"], "plant-key")
        assert.match(job?.idempotencyKey ?? "", new RegExp(`^${id}-`))
        assert.strictEqual(yield* statusOf(id), "PRODUCTION_WAITING")
        assert.deepStrictEqual(yield* jobs, [])
      }).pipe(Effect.provide(live.pipe(Layer.provideMerge(database))))
    })
  )
})
