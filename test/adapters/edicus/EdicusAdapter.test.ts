import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Layer, Logger, Redacted, Ref } from "effect"
import { HttpBody, type HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { EdicusAdapter } from "../../../src/adapters/edicus/EdicusAdapter.ts"
import { EdicusSandbox } from "../../../src/adapters/edicus/EdicusSandbox.ts"
import { EdicusSettings, EdicusTransport } from "../../../src/adapters/edicus/EdicusTransport.ts"
import { Designs } from "../../../src/services/designs/Designs.ts"
import { RenderQueue } from "../../../src/services/designs/RenderQueue.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { DeliverySettings } from "../../../src/services/events/DeliverySettings.ts"
import * as Events from "../../../src/services/events/Events.ts"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { AdapterRegistry } from "../../../src/services/integrations/AdapterRegistry.ts"
import * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"
import { Notifications } from "../../../src/services/orders/Notifications.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as DesignDesk from "../../support/DesignDesk.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

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

type Settings = Context.Service.Shape<typeof EdicusSettings>

const settings = (mode: "sandbox" | "live" | "off", more: Partial<Settings> = {}) =>
  Layer.succeed(EdicusSettings, {
    mode,
    baseUrl: null,
    timeout: Duration.seconds(10),
    breaker: { failures: 3, openFor: Duration.seconds(30), halfOpenLimit: Duration.seconds(30) },
    retries: null,
    apiKey: null,
    uid: null,
    renderedUrlTemplate: "https://files.example.com/{orderId}.{format}",
    renderDeadline: Duration.minutes(30),
    ...more
  })

const transport = Layer.effect(
  EdicusTransport,
  Effect.gen(function* () {
    return (yield* Faults).wrap((yield* EdicusSandbox).httpClient)
  })
)

/** One hub's part: its registry, its adapter, its worker. */
const process = (mode: "sandbox" | "live" | "off", more: Partial<Settings> = {}) =>
  EdicusAdapter.layerRegistered.pipe(
    Layer.provide(settings(mode, more)),
    Layer.provideMerge(AdapterRegistry.layer),
    Layer.provideMerge(CircuitBreakers.layer),
    // The end of a worker waits for no running attempt: it is the crash of a process.
    Layer.provide(Layer.succeed(DeliverySettings, { ...DeliverySettings.defaultValue(), shutdownMillis: 0 }))
  )

/** What outlives a process: the core's state, and Edicus. */
const world = DesignDesk.core.pipe(
  Layer.provideMerge(transport),
  Layer.provideMerge(Layer.mergeAll(EdicusSandbox.layer, Faults.layer)),
  Layer.provideMerge(Events.layerSql),
  Layer.provideMerge(logging),
  Layer.provideMerge(Logged.layer)
)

const orders = Effect.flatMap(EdicusSandbox, (sandbox) => sandbox.orders)
const set = (change: Parameters<EdicusSandbox["Service"]["set"]>[0]) =>
  Effect.flatMap(EdicusSandbox, (sandbox) => sandbox.set(change))
const inject = (...rules: ReadonlyArray<FaultInjection.FaultRule>) =>
  Effect.flatMap(Faults, (faults) => faults.set(rules))
const heal = Effect.flatMap(Faults, (faults) => faults.clear)
const to = (part: string) => (request: HttpClientRequest.HttpClientRequest) => request.url.includes(part)
/** Was an order placed twice, and the second one cancelled? */
const placedTwice = Effect.map(Effect.flatMap(Logged, Ref.get), (lines) =>
  lines.some((line) => line.includes("placed twice"))
)
const notices = Effect.map(
  Notifications.use((notifications) => notifications.list({}, { page: 1, limit: 100 })),
  ({ data }) => data.map((one) => [one.kind, one.subject, one.correlationId])
)

describeDatabases("EdicusAdapter", (database) => {
  const layer = process("sandbox").pipe(Layer.provideMerge(world), Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-EDICUS-005 AC-EDICUS-006 a render becomes an order: tentative, definitive, asked for until it is rendered",
    Effect.gen(function* () {
      const designId = yield* DesignDesk.design()
      const id = yield* DesignDesk.render({ designId, outputFormat: "png", quality: "preview" })
      assert.deepInclude(yield* DesignDesk.get(id), { status: "queued", renderedFileUrl: null, error: null })
      yield* DesignDesk.quiet
      assert.deepInclude(yield* DesignDesk.get(id), { status: "processing", completedAt: null })
      const begun = yield* Clock.currentTimeMillis
      const job = yield* DesignDesk.finish(id)
      const [order, ...rest] = yield* orders
      assert.deepStrictEqual(rest, [])
      assert.deepInclude(order, {
        projectId: "project-1",
        partnerOrderId: id,
        count: 1,
        totalPrice: 0,
        status: "rendered",
        renders: 1,
        correlationId: "trace-123"
      })
      const url = `https://files.example.com/${order?.orderId}.png`
      assert.deepInclude(job, {
        status: "completed",
        renderedFileUrl: url,
        error: null,
        outputFormat: "png",
        quality: "preview"
      })
      assert.isNotNull(job.completedAt)
      assert.strictEqual((yield* Designs.use((designs) => designs.get(designId))).renderedFileUrl, url)
      // Asked after about 2 and 4 seconds.
      const took = (yield* Clock.currentTimeMillis) - begun
      assert.isTrue(took >= 4800 && took <= 7202, String(took))
      assert.deepStrictEqual(yield* notices, [])
      const lines = yield* Effect.flatMap(Logged, Ref.get)
      assert.include(
        lines.find((line) => line.includes("render completed")),
        "trace-123"
      )
    })
  )

  test(
    "AC-EDICUS-006 a render that fails at Edicus ends as failed, with the reason, and the operator is told",
    Effect.gen(function* () {
      yield* set({ rendersFail: true })
      const designId = yield* DesignDesk.design()
      const id = yield* DesignDesk.render({ designId })
      const job = yield* DesignDesk.finish(id)
      assert.deepInclude(job, { status: "failed", renderedFileUrl: null })
      assert.match(job.error ?? "", /could not render order \d+/)
      assert.isNotNull(job.completedAt)
      assert.deepStrictEqual(yield* notices, [["render-failed", `render:${id}`, "trace-123"]])
      const letters = yield* DeadLetters.use((dead) => dead.list({}, { page: 1, limit: 10 }))
      assert.strictEqual(letters.total, 0)
      // The same design again: the order that is there is rendered again.
      yield* set({ rendersFail: false })
      const again = yield* DesignDesk.finish(yield* DesignDesk.render({ designId }))
      assert.strictEqual(again.status, "completed")
      assert.deepStrictEqual(
        (yield* orders).map((order) => [order.partnerOrderId, order.renders]),
        [[id, 2]]
      )
    })
  )

  test(
    "AC-EDICUS-008 an error inside a 200 is a failure: a refusal at once, with Edicus' words",
    Effect.gen(function* () {
      yield* set({ error: { code: "project-locked", message: "somebody is editing" } })
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      const job = yield* DesignDesk.finish(id)
      assert.deepInclude(job, { status: "failed" })
      assert.include(job.error, "project-locked: somebody is editing")
      // Nothing is left of it: the next job begins afresh, under its own name.
      yield* set({ error: null })
      const next = yield* DesignDesk.render({ designId: job.designId })
      assert.strictEqual((yield* DesignDesk.finish(next)).status, "completed")
      assert.deepStrictEqual(
        (yield* orders).map((order) => order.partnerOrderId),
        [next]
      )
    })
  )

  test(
    "AC-EDICUS-008 an error inside a 200 that passes is tried again, five times, about 2, 4, 8, 16 and 32 s apart",
    Effect.gen(function* () {
      yield* inject({
        fault: { _tag: "Garbage", body: `{"err":{"code":"unavailable","message":"busy"}}` },
        when: to("tentative")
      })
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      const waits: Array<number> = []
      yield* DesignDesk.quiet
      for (;;) {
        const { dueAt } = yield* DesignDesk.state
        if (dueAt === null) break
        const wait = dueAt - (yield* Clock.currentTimeMillis)
        waits.push(wait)
        yield* TestClock.adjust(wait)
        yield* DesignDesk.quiet
      }
      const nominal = [2000, 4000, 8000, 16_000, 32_000]
      assert.strictEqual(waits.length, nominal.length)
      waits.forEach((wait, index) => {
        const about = nominal[index] ?? 0
        assert.isTrue(wait >= about * 0.8 && wait <= about * 1.2 + 1, `${wait} is not about ${about}`)
      })
      const job = yield* DesignDesk.get(id)
      assert.deepInclude(job, { status: "failed" })
      assert.include(job.error, "unavailable: busy")
    })
  )

  for (const fault of [
    { _tag: "LostAnswer" },
    { _tag: "Garbage", handled: true },
    { _tag: "Hang", handled: true },
    { _tag: "Reset" },
    { _tag: "Status", status: 503 }
  ] satisfies ReadonlyArray<FaultInjection.Fault>) {
    const handled = fault._tag === "Hang" || fault._tag === "LostAnswer" || fault._tag === "Garbage"
    for (const step of ["tentative", "definitive", "query"] as const) {
      test(
        `AC-EDICUS-009 ${fault._tag} at ${step}, ${handled ? "after" : "before"} Edicus has handled it: one order, rendered once`,
        Effect.gen(function* () {
          const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
          yield* inject({ fault, times: 1, when: to(step) })
          const job = yield* fault._tag === "Hang"
            ? Effect.gen(function* () {
                yield* DesignDesk.pass(Effect.map(DesignDesk.get(id), DesignDesk.isOver))
                return yield* DesignDesk.get(id)
              })
            : DesignDesk.finish(id)
          assert.strictEqual(job.status, "completed")
          assert.deepStrictEqual(
            (yield* orders).map((order) => [order.partnerOrderId, order.status, order.renders]),
            [[id, "rendered", 1]]
          )
          assert.isFalse(yield* placedTwice)
        })
      )
    }

    test(
      `AC-EDICUS-009 ${fault._tag} when an order is to be rendered again: no second order`,
      Effect.gen(function* () {
        const designId = yield* DesignDesk.design()
        const first = yield* DesignDesk.render({ designId })
        yield* DesignDesk.finish(first)
        const second = yield* DesignDesk.render({ designId })
        yield* inject({ fault, times: 1, when: to("reset_as_ordered") })
        yield* DesignDesk.pass(Effect.map(DesignDesk.get(second), DesignDesk.isOver))
        assert.strictEqual((yield* DesignDesk.get(second)).status, "completed")
        const [order, ...rest] = yield* orders
        assert.deepStrictEqual(rest, [])
        assert.strictEqual(order?.partnerOrderId, first)
        assert.isAtLeast(order?.renders ?? 0, 2)
      })
    )
  }

  for (const takesSecond of [true, false]) {
    test(
      `a request that was believed lost and arrives later: ${takesSecond ? "what was placed twice is cancelled" : "its order is taken where Edicus takes no second one"}`,
      Effect.gen(function* () {
        const { httpClient } = yield* EdicusSandbox
        const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
        yield* inject({ fault: { _tag: "Reset" }, times: 1, when: to("tentative") })
        yield* DesignDesk.quiet
        assert.deepStrictEqual(yield* orders, [])
        // The first request arrives between the look for its order and the second one.
        const arrives = httpClient.post("http://edicus/api/projects/project-1/order/tentative", {
          body: HttpBody.jsonUnsafe({ order_count: 1, total_price: 0, partner_order_id: id })
        })
        let arrived = false
        yield* inject({
          fault: { _tag: "Garbage", body: `{"err":{"code":"already-ordered","message":"there is an order"}}` },
          when: (request) => {
            if (arrived || !to("tentative")(request)) return false
            arrived = true
            Effect.runFork(arrives)
            return !takesSecond
          }
        })
        const job = yield* DesignDesk.finish(id)
        assert.deepInclude(job, { status: "completed", error: null })
        assert.isTrue(arrived)
        assert.deepStrictEqual(
          (yield* orders).map((order) => [order.partnerOrderId, order.status, order.renders]),
          [[id, "rendered", 1]]
        )
        assert.strictEqual(yield* placedTwice, takesSecond)
      })
    )
  }

  test(
    "two renders of one design at once: one order, rendered for one job after the other",
    Effect.gen(function* () {
      const designId = yield* DesignDesk.design()
      const first = yield* DesignDesk.render({ designId })
      yield* TestClock.adjust("1 milli")
      const second = yield* DesignDesk.render({ designId, outputFormat: "png" })
      yield* DesignDesk.until(Effect.map(DesignDesk.get(first), (job) => job.status === "processing"))
      assert.strictEqual((yield* DesignDesk.get(second)).status, "queued")
      yield* DesignDesk.pass(Effect.map(DesignDesk.get(second), DesignDesk.isOver))
      const [one, two] = [yield* DesignDesk.get(first), yield* DesignDesk.get(second)]
      assert.deepStrictEqual([one.status, two.status], ["completed", "completed"])
      const [order, ...rest] = yield* orders
      assert.deepStrictEqual(rest, [])
      assert.deepInclude(order, { partnerOrderId: first, renders: 2 })
      assert.strictEqual(one.renderedFileUrl?.replace(".pdf", ".png"), two.renderedFileUrl)
    })
  )

  test(
    "two designs of one project share its order; another project has its own",
    Effect.gen(function* () {
      const renders = yield* Effect.forEach(["project-1", "project-1", "project-2"], (edicusProjectId) =>
        Effect.flatMap(DesignDesk.design({ edicusProjectId }), (designId) => DesignDesk.render({ designId }))
      )
      for (const id of renders) {
        yield* DesignDesk.pass(Effect.map(DesignDesk.get(id), DesignDesk.isOver))
        assert.strictEqual((yield* DesignDesk.get(id)).status, "completed")
      }
      assert.sameDeepMembers(
        (yield* orders).map((order) => [order.projectId, order.renders]),
        [
          ["project-1", 2],
          ["project-2", 1]
        ]
      )
    })
  )

  test(
    "a render that is not done by its deadline fails, and says so; what Edicus has by then is taken",
    Effect.gen(function* () {
      const sandbox = yield* EdicusSandbox
      yield* set({ automatic: false })
      const [slow, quick] = yield* Effect.forEach(["project-1", "project-2"], (edicusProjectId) =>
        Effect.flatMap(DesignDesk.design({ edicusProjectId }), (designId) => DesignDesk.render({ designId }))
      )
      assert(slow !== undefined && quick !== undefined)
      yield* DesignDesk.quiet
      const began = yield* Clock.currentTimeMillis
      // To the last time it is asked for before the deadline.
      for (;;) {
        const { dueAt } = yield* DesignDesk.state
        assert(dueAt !== null)
        if (dueAt - began >= Duration.toMillis("30 minutes")) break
        yield* TestClock.adjust(dueAt - (yield* Clock.currentTimeMillis))
        yield* DesignDesk.quiet
      }
      const order = (yield* orders).find((one) => one.projectId === "project-2")
      yield* sandbox.advance(order?.orderId ?? 0, "rendered")
      assert.deepInclude(yield* DesignDesk.finish(quick), { status: "completed" })
      const job = yield* DesignDesk.finish(slow)
      assert.strictEqual((yield* Clock.currentTimeMillis) - began, Duration.toMillis("30 minutes"))
      assert.deepInclude(job, { status: "failed", error: "not rendered within 30m" })
      // It is still being rendered: the next job takes that.
      const next = yield* DesignDesk.render({ designId: job.designId })
      yield* set({ automatic: true })
      assert.strictEqual((yield* DesignDesk.finish(next)).status, "completed")
      assert.deepStrictEqual(
        (yield* orders).map((one) => one.renders),
        [1, 1]
      )
    })
  )

  test(
    "AC-ERR-005 three failures in a row open the circuit for 30 s; jobs wait, no retry is used up, nothing is sent",
    Effect.gen(function* () {
      const { adapter } = yield* EdicusAdapter
      const { breaker } = adapter
      const faults = yield* Faults
      yield* inject({ fault: { _tag: "Refuse" }, when: to("tentative") })
      const sent = yield* Ref.make(0)
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* DesignDesk.quiet
      assert.strictEqual((yield* breaker.snapshot).consecutiveFailures, 1)
      // From now on everything is refused, also the look for the order.
      yield* inject({ fault: { _tag: "Refuse" } })
      yield* DesignDesk.pass(Effect.map(breaker.snapshot, (snapshot) => snapshot.state === "OPEN"))
      assert.strictEqual((yield* breaker.snapshot).consecutiveFailures, 3)
      const opened = (yield* breaker.snapshot).openUntil ?? 0
      assert.isTrue(opened - (yield* Clock.currentTimeMillis) <= 30_000)
      assert.isTrue(opened - (yield* Clock.currentTimeMillis) > 28_000)
      // Whatever comes out now would count.
      yield* faults.set([
        {
          fault: { _tag: "Refuse" },
          when: () => {
            Effect.runSync(Ref.update(sent, (n) => n + 1))
            return true
          }
        }
      ])
      const waiting = yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "project-2" }) })
      yield* TestClock.adjust(opened - (yield* Clock.currentTimeMillis) - 1)
      yield* DesignDesk.turn
      // Health checks go past the breaker: one every 30 s.
      assert.isAtMost(yield* Ref.get(sent), 1)
      assert.strictEqual((yield* DesignDesk.get(waiting)).status, "queued")
      yield* heal
      yield* DesignDesk.pass(
        Effect.map(Effect.all([DesignDesk.get(id), DesignDesk.get(waiting)]), (jobs) => jobs.every(DesignDesk.isOver))
      )
      for (const one of [id, waiting]) assert.strictEqual((yield* DesignDesk.get(one)).status, "completed")
      assert.strictEqual((yield* breaker.snapshot).state, "CLOSED")
      assert.strictEqual((yield* orders).length, 2)
    })
  )

  test(
    "an outage of 20 minutes fails no job; one of 40 minutes fails those whose deadline it outlasts, with the reason",
    Effect.gen(function* () {
      yield* inject({ fault: { _tag: "Refuse" } })
      const early = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* DesignDesk.turn
      const minutes = Effect.fnUntraced(function* (count: number) {
        for (let step = 0; step < count * 4; step++) {
          yield* TestClock.adjust("15 seconds")
          yield* DesignDesk.turn
        }
      })
      yield* minutes(20)
      assert.isFalse(DesignDesk.isOver(yield* DesignDesk.get(early)))
      const late = yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "project-2" }) })
      yield* DesignDesk.turn
      yield* minutes(20)
      const job = yield* DesignDesk.get(early)
      assert.deepInclude(job, { status: "failed" })
      assert.match(job.error ?? "", /^not rendered within 30m; last problem: .*(ECONNREFUSED|circuit)/)
      assert.isFalse(DesignDesk.isOver(yield* DesignDesk.get(late)))
      yield* heal
      yield* DesignDesk.pass(Effect.map(DesignDesk.get(late), DesignDesk.isOver))
      assert.strictEqual((yield* DesignDesk.get(late)).status, "completed")
      assert.strictEqual((yield* orders).length, 1)
    })
  )

  test(
    "a job that was asked for during a pause has a deadline too, and is failed without a call",
    Effect.gen(function* () {
      yield* inject({ fault: { _tag: "Status", status: 429, retryAfter: "3600" }, times: 1, when: to("tentative") })
      const first = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* DesignDesk.quiet
      const second = yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "project-2" }) })
      yield* TestClock.adjust("29 minutes")
      yield* DesignDesk.turn
      for (const id of [first, second]) assert.isFalse(DesignDesk.isOver(yield* DesignDesk.get(id)))
      for (let minute = 0; minute < 10; minute++) {
        yield* TestClock.adjust("10 seconds")
        yield* DesignDesk.turn
      }
      assert.match((yield* DesignDesk.get(first)).error ?? "", /^not rendered within 30m; last problem: .*429/)
      assert.strictEqual(
        (yield* DesignDesk.get(second)).error,
        "not rendered within 30m; last problem: the system was not available"
      )
      assert.deepStrictEqual(yield* orders, [])
    })
  )

  test(
    "AC-ERR-006 a 429 pauses all jobs for as long as it says, and uses up no retry",
    Effect.gen(function* () {
      yield* inject({ fault: { _tag: "Status", status: 429, retryAfter: "120" }, times: 1, when: to("tentative") })
      const first = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* DesignDesk.quiet
      const second = yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "project-2" }) })
      yield* TestClock.adjust("119 seconds")
      yield* DesignDesk.turn
      assert.deepStrictEqual(yield* orders, [])
      yield* DesignDesk.pass(
        Effect.map(Effect.all([DesignDesk.get(first), DesignDesk.get(second)]), (jobs) => jobs.every(DesignDesk.isOver))
      )
      assert.deepStrictEqual(
        [(yield* DesignDesk.get(first)).status, (yield* DesignDesk.get(second)).status],
        ["completed", "completed"]
      )
      const { breaker } = (yield* EdicusAdapter).adapter
      assert.strictEqual((yield* breaker.snapshot).consecutiveFailures, 0)
    })
  )

  test(
    "it is registered without events: status, health every 30 s, no lag",
    Effect.gen(function* () {
      const registry = yield* AdapterRegistry
      yield* DesignDesk.turn
      assert.deepStrictEqual(yield* registry.status("edicus"), {
        name: "edicus",
        mode: "sandbox",
        healthy: true,
        circuit: "CLOSED",
        lastSuccessAt: null,
        lastFailureAt: null,
        consecutiveFailures: 0
      })
      yield* inject({ fault: { _tag: "Status", status: 503 } })
      yield* TestClock.adjust("29 seconds")
      assert.isTrue((yield* registry.status("edicus")).healthy)
      yield* TestClock.adjust("1 second")
      assert.isFalse((yield* registry.status("edicus")).healthy)
      // A refusal is an answer.
      yield* heal
      yield* set({ error: { code: "order-not-found", message: "no" } })
      assert.isTrue((yield* registry.checkHealth("edicus")).healthy)
      yield* set({ error: null })
      yield* DesignDesk.finish(yield* DesignDesk.render({ designId: yield* DesignDesk.design() }))
      const status = yield* registry.status("edicus")
      assert.isNotNull(status.lastSuccessAt)
      assert.deepInclude(yield* Delivery.use((delivery) => delivery.status("edicus")), { lag: 0, parked: 0, dead: 0 })
    })
  )
})

/** Runs with a hub process of its own, which ends when the body does. */
const during = <A, E, R>(
  start: ReturnType<typeof process>,
  body: Effect.Effect<A, E, R | Layer.Success<ReturnType<typeof process>>>
) => Effect.provide(body, Layer.fresh(start))

describeDatabases("EdicusAdapter over several processes", (database) => {
  const layer = world.pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  for (const step of ["tentative", "definitive", "query"] as const) {
    for (const handled of [true, false]) {
      test(
        `AC-EDICUS-009 a process that ends during ${step}, ${handled ? "after" : "before"} Edicus has handled it: the next one goes on, with one order`,
        Effect.gen(function* () {
          const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
          const arrived = yield* Ref.make(false)
          yield* during(
            process("sandbox"),
            Effect.gen(function* () {
              yield* inject({
                fault: { _tag: "Hang", handled },
                when: (request) => {
                  const hit = request.url.includes(step) && request.headers["x-correlation-id"] === "trace-123"
                  if (hit) Effect.runSync(Ref.set(arrived, true))
                  return hit
                }
              })
              yield* step === "query" ? DesignDesk.pass(Ref.get(arrived)) : DesignDesk.until(Ref.get(arrived))
              yield* DesignDesk.turn
            })
          )
          assert.strictEqual((yield* DesignDesk.get(id)).status, "processing")
          yield* heal
          const job = yield* during(process("sandbox"), DesignDesk.finish(id))
          assert.strictEqual(job.status, "completed")
          assert.deepStrictEqual(
            (yield* orders).map((order) => [order.partnerOrderId, order.status, order.renders]),
            [[id, "rendered", 1]]
          )
          assert.isFalse(yield* placedTwice)
        })
      )
    }
  }

  test(
    "AC-EDICUS-009 a back-off goes on after a restart, with the retries that were used up",
    Effect.gen(function* () {
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* inject({ fault: { _tag: "Status", status: 503 }, when: to("tentative") })
      const next = Effect.gen(function* () {
        yield* DesignDesk.quiet
        const { dueAt } = yield* DesignDesk.state
        return dueAt === null ? null : dueAt - (yield* Clock.currentTimeMillis)
      })
      const waits: Array<number> = []
      for (;;) {
        const wait = yield* during(process("sandbox"), next)
        if (wait === null) break
        waits.push(wait)
        yield* TestClock.adjust(wait)
      }
      assert.strictEqual(waits.length, 5)
      assert.isTrue((waits[4] ?? 0) >= 25_600 && (waits[4] ?? 0) <= 38_401, String(waits))
      assert.deepInclude(yield* DesignDesk.get(id), { status: "failed" })
    })
  )

  test(
    "AC-EDICUS-009 after a long downtime a job that Edicus has rendered is completed, and one that waited has its full time",
    Effect.gen(function* () {
      const begun = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* during(process("sandbox"), DesignDesk.quiet)
      assert.strictEqual((yield* DesignDesk.state).step, "rendering")
      const waiting = yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "project-2" }) })
      const [order] = yield* orders
      yield* Effect.flatMap(EdicusSandbox, (sandbox) => sandbox.advance(order?.orderId ?? 0, "rendered"))
      yield* TestClock.adjust("3 hours")
      yield* during(
        process("sandbox"),
        Effect.gen(function* () {
          assert.strictEqual((yield* DesignDesk.finish(begun)).status, "completed")
          assert.strictEqual((yield* DesignDesk.finish(waiting)).status, "completed")
        })
      )
    })
  )

  test(
    "two processes at once: every job is rendered once, whoever carries it",
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(Array.from({ length: 12 }), (_, index) =>
        Effect.flatMap(DesignDesk.design({ edicusProjectId: `project-${index}` }), (designId) =>
          DesignDesk.render({ designId })
        )
      )
      yield* during(
        process("sandbox"),
        during(
          process("sandbox"),
          DesignDesk.pass(
            Effect.map(Effect.forEach(ids, DesignDesk.get), (jobs) => jobs.every((job) => job.status === "completed"))
          )
        )
      )
      const made = yield* orders
      assert.strictEqual(made.length, ids.length)
      assert.deepStrictEqual(new Set(made.map((order) => order.renders)), new Set([1]))
      assert.sameMembers(
        made.map((order) => order.partnerOrderId),
        ids
      )
    })
  )

  test(
    "AC-EDICUS-009 a process that dies without a word leaves its job to another: at once where it was alone, else when its claim has run out",
    Effect.gen(function* () {
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      const [dead] = yield* RenderQueue.use((queue) => queue.claim({ mode: "sandbox", limit: 1, leaseMillis: 20_000 }))
      assert(dead !== undefined)
      const { kind } = yield* Database
      yield* during(
        process("sandbox"),
        Effect.gen(function* () {
          yield* TestClock.adjust("19 seconds")
          yield* DesignDesk.turn
          assert.strictEqual((yield* orders).length, kind === "embedded" ? 1 : 0)
          yield* DesignDesk.pass(Effect.map(DesignDesk.get(id), DesignDesk.isOver))
        })
      )
      assert.strictEqual((yield* DesignDesk.get(id)).status, "completed")
      const late = yield* Effect.flip(RenderQueue.use((queue) => queue.place(dead, 1000)))
      assert.strictEqual(late._tag, "ClaimLost")
    })
  )

  test(
    "a job that was begun in the sandbox is not carried on in live mode; the design is ordered anew there",
    Effect.gen(function* () {
      yield* set({ automatic: false })
      const designId = yield* DesignDesk.design()
      const id = yield* DesignDesk.render({ designId })
      yield* during(process("sandbox"), DesignDesk.quiet)
      const edicus = yield* EdicusSandbox
      // Another Edicus: it knows nothing of the orders of the sandbox.
      const live = process("live", { apiKey: Redacted.make("key"), uid: Redacted.make("uid") })
      yield* TestClock.adjust("10 seconds")
      yield* during(
        live,
        Effect.gen(function* () {
          const job = yield* DesignDesk.finish(id)
          assert.deepInclude(job, {
            status: "failed",
            error: "begun in sandbox mode, and the hub is in live mode now"
          })
        })
      )
      const [order] = yield* edicus.orders
      assert.deepInclude(order, { status: "ordered", renders: 1 })
    })
  )

  test(
    "a file of the sandbox does not take the place of a real one",
    Effect.gen(function* () {
      const designId = yield* DesignDesk.design()
      const url = Effect.map(
        Designs.use((designs) => designs.get(designId)),
        (design) => design.renderedFileUrl
      )
      const render = Effect.flatMap(DesignDesk.render({ designId }), DesignDesk.finish)
      const template = "https://sandbox.example.com/{orderId}.{format}"
      yield* during(process("sandbox", { renderedUrlTemplate: template }), render)
      assert.match((yield* url) ?? "", /^https:\/\/sandbox/)
      // The one Edicus there is plays the real one too: it must be asked to order the project anew.
      const refused = yield* during(process("live"), render)
      assert.include(refused.error, "already-ordered")
      const second = yield* DesignDesk.design({ edicusProjectId: "project-2" })
      const real = yield* during(
        process("live"),
        Effect.flatMap(DesignDesk.render({ designId: second }), DesignDesk.finish)
      )
      assert.match(real.renderedFileUrl ?? "", /^https:\/\/files/)
    })
  )

  test(
    "off: nothing is sent, jobs wait, and have their full time when it is back",
    Effect.gen(function* () {
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      yield* during(
        process("off"),
        Effect.gen(function* () {
          yield* TestClock.adjust("10 hours")
          yield* DesignDesk.turn
          assert.deepInclude(yield* AdapterRegistry.use((registry) => registry.status("edicus")), {
            mode: "off",
            healthy: false
          })
        })
      )
      assert.deepStrictEqual(yield* orders, [])
      assert.strictEqual((yield* DesignDesk.get(id)).status, "queued")
      const job = yield* during(process("sandbox"), DesignDesk.finish(id))
      assert.strictEqual(job.status, "completed")
    })
  )

  test(
    "without a template a sandbox gives a URL of its own",
    Effect.gen(function* () {
      const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design() })
      const job = yield* during(process("sandbox", { renderedUrlTemplate: null }), DesignDesk.finish(id))
      assert.match(job.renderedFileUrl ?? "", /^http:\/\/edicus\.sandbox\/sandbox\/files\/\d+\.pdf$/)
    })
  )

  test(
    "a sandbox that forgot everything is given the order again",
    Effect.gen(function* () {
      const designId = yield* DesignDesk.design()
      const first = yield* during(
        process("sandbox"),
        Effect.flatMap(DesignDesk.render({ designId }), DesignDesk.finish)
      )
      const forgetful = EdicusAdapter.layerRegistered.pipe(
        Layer.provide(EdicusTransport.layer),
        Layer.provide(NodeHttpClient.layerUndici),
        Layer.provide(settings("sandbox")),
        Layer.provideMerge(Layer.fresh(EdicusSandbox.layer)),
        Layer.provideMerge(AdapterRegistry.layer),
        Layer.provideMerge(CircuitBreakers.layer)
      )
      const again = yield* Effect.provide(
        Effect.flatMap(DesignDesk.render({ designId }), DesignDesk.finish),
        Layer.fresh(forgetful)
      )
      assert.deepStrictEqual([again.status, again.renderedFileUrl], ["completed", first.renderedFileUrl])
    })
  )
})

describeDatabases("EdicusAdapter in live mode", (database) => {
  /** A hub in live mode over this Edicus, with its world. */
  const liveHub = (baseUrl: string) =>
    EdicusAdapter.layerRegistered.pipe(
      Layer.provide(EdicusTransport.layer),
      Layer.provide(NodeHttpClient.layerUndici),
      Layer.provide(
        settings("live", { baseUrl, apiKey: Redacted.make("secret-key"), uid: Redacted.make("secret-uid") })
      ),
      Layer.provideMerge(AdapterRegistry.layer),
      Layer.provideMerge(CircuitBreakers.layer),
      Layer.provideMerge(world),
      Layer.provideMerge(database)
    )

  for (const [what, record] of [
    ["does not know the order any more", []],
    ["tells of another project", [{ id: 77, project_id: "p-9", status: "rendered" }]]
  ] as const) {
    it.effect(`an Edicus that ${what} is given no second order`, () =>
      Effect.gen(function* () {
        const edicus = yield* HttpSimulator.make
        yield* edicus.respond((request) =>
          Effect.succeed(
            request.path === "/api/order/query"
              ? HttpSimulator.json(200, { result: record })
              : HttpSimulator.json(200, { order_id: 77, status: "ordered" })
          )
        )
        yield* Effect.gen(function* () {
          const id = yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "p-1" }) })
          const job = yield* DesignDesk.finish(id)
          assert.strictEqual(job.status, "failed")
          assert.match(job.error ?? "", /order 77 any more|another project than p-1/)
          const placed = (yield* edicus.requests).filter((request) => request.path.endsWith("/tentative"))
          assert.strictEqual(placed.length, 1)
        }).pipe(Effect.provide(liveHub(edicus.url)))
      })
    )
  }

  it.effect("AC-EDICUS-008 over HTTP to any Edicus, with its headers; no credential comes out again", () =>
    Effect.gen(function* () {
      const edicus = yield* HttpSimulator.make
      const answers: Record<string, unknown> = {
        "/api/projects/p-1/order/tentative": { order_id: 77, status: "ordering" },
        "/api/projects/p-1/order/definitive": { order_id: 77, status: "ordered", extra: true },
        "/api/projects/p-2/order/tentative": {
          err: { code: 1001, message: "key secret-key is not that of secret-uid", info: { key: "secret-key" } }
        },
        "/api/order/query": {
          result: [{ id: 77, project_id: "p-1", partner_order_id: null, status: "rendered", ctime: 1_700_000_000 }]
        },
        "/api/orders/77/status/reset_as_ordered": null
      }
      yield* edicus.respond((request) =>
        Effect.succeed(
          request.path in answers
            ? answers[request.path] === null
              ? { _tag: "Answer", status: 200 }
              : HttpSimulator.json(200, answers[request.path])
            : HttpSimulator.json(404, { err: { code: "not-found" } })
        )
      )
      yield* Effect.gen(function* () {
        const designId = yield* DesignDesk.design({ edicusProjectId: "p-1" })
        const id = yield* DesignDesk.render({ designId })
        const job = yield* DesignDesk.finish(id)
        assert.deepInclude(job, { status: "completed", renderedFileUrl: "https://files.example.com/77.pdf" })
        assert.strictEqual((yield* DesignDesk.finish(yield* DesignDesk.render({ designId }))).error, null)
        const refused = yield* DesignDesk.finish(
          yield* DesignDesk.render({ designId: yield* DesignDesk.design({ edicusProjectId: "p-2" }) })
        )
        assert.deepInclude(refused, { status: "failed" })
        assert.include(refused.error, "1001: key … is not that of …")

        const requests = (yield* edicus.requests).filter((request) => request.headers["x-correlation-id"] !== undefined)
        assert.deepStrictEqual(
          requests.map((request) => [request.method, request.path, request.body]),
          [
            [
              "POST",
              "/api/projects/p-1/order/tentative",
              `{"order_count":1,"total_price":0,"partner_order_id":"${id}","order_name":"${designId}"}`
            ],
            ["POST", "/api/projects/p-1/order/definitive", ""],
            ["POST", "/api/order/query", `{"by_order_id":{"order_id":77}}`],
            ["POST", "/api/order/query", `{"by_order_id":{"order_id":77}}`],
            ["PUT", "/api/orders/77/status/reset_as_ordered", ""],
            ["POST", "/api/order/query", `{"by_order_id":{"order_id":77}}`],
            [
              "POST",
              "/api/projects/p-2/order/tentative",
              `{"order_count":1,"total_price":0,"partner_order_id":"${refused.renderJobId}","order_name":"${refused.designId}"}`
            ]
          ]
        )
        for (const request of requests) {
          assert.strictEqual(request.headers["edicus-api-key"], "secret-key")
          assert.strictEqual(request.headers["edicus-uid"], "secret-uid")
          assert.strictEqual(request.headers["x-correlation-id"], "trace-123")
        }
        const lines = (yield* Effect.flatMap(Logged, Ref.get)).join("\n")
        assert.notInclude(lines, "secret-")
        assert.notInclude(String(yield* notices), "secret-")
      }).pipe(Effect.provide(liveHub(edicus.url)))
    })
  )
})
