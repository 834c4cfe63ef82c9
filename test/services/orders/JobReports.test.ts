import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { OrderId } from "../../../src/domain/Ids.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { JobReports } from "../../../src/services/orders/JobReports.ts"
import { Orders } from "../../../src/services/orders/Orders.ts"
import { Production } from "../../../src/services/orders/Production.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as OrderDesk from "../../support/OrderDesk.ts"

const nobody = OrderId.make("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV")

const statusesOf = (id: OrderId) =>
  Effect.map(OrderDesk.eventsOf(id), (events) =>
    OrderDesk.brief(events).flatMap(({ from, to, type }) => (type === "order.status.changed" ? [[from, to]] : []))
  )

/** A shop with one order, of one job, at the plant. */
const cardAtThePlant = Effect.gen(function* () {
  const shop = yield* OrderDesk.open()
  const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
  const [mesJobId = ""] = yield* OrderDesk.dispatchAll(id)
  return { id, mesJobId, reports: yield* JobReports }
})

describeDatabases("JobReports", (database) => {
  const layer = OrderDesk.coreWithLog.pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-MES-003 each of the plant's statuses moves the order, with from and to in the event, under the order's correlation id",
    Effect.gen(function* () {
      const { id, mesJobId, reports } = yield* cardAtThePlant
      const report = (status: "PRODUCTION_WAITING" | "PRODUCING" | "PRODUCTION_DONE" | "SHIPPED") =>
        reports
          .apply(id, "sandbox", { mesJobId, status })
          .pipe(
            Effect.provideService(EventContext, { correlationId: "of-the-callback", causationId: null, source: "api" })
          )
      assert.deepStrictEqual(yield* report("PRODUCTION_WAITING"), {
        orderId: id,
        previousStatus: "PRODUCTION_WAITING",
        status: "PRODUCTION_WAITING",
        changed: false
      })
      assert.deepStrictEqual(yield* report("PRODUCING"), {
        orderId: id,
        previousStatus: "PRODUCTION_WAITING",
        status: "PRODUCING",
        changed: true
      })
      yield* report("PRODUCTION_DONE")
      yield* report("SHIPPED")
      assert.deepStrictEqual(yield* statusesOf(id), [
        ["CONFIRMED", "PRODUCTION_WAITING"],
        ["PRODUCTION_WAITING", "PRODUCING"],
        ["PRODUCING", "PRODUCTION_DONE"],
        ["PRODUCTION_DONE", "SHIPPED"]
      ])
      const events = yield* OrderDesk.eventsOf(id)
      assert.deepStrictEqual(new Set(events.map((event) => event.correlationId)), new Set(["trace-123"]))
      assert.strictEqual(events.at(-1)?.source, "mes")
      const order = yield* OrderDesk.get(id)
      assert.deepStrictEqual(order.items[0]?.jobs, [{ part: null, mesJobId, status: "SHIPPED" }])
      assert.deepStrictEqual(
        order.history.map((entry) => [entry.to, entry.actor]),
        [
          ["CONFIRMED", "shop"],
          ["PRODUCTION_WAITING", "mes"],
          ["PRODUCING", "mes"],
          ["PRODUCTION_DONE", "mes"],
          ["SHIPPED", "mes"]
        ]
      )
    })
  )

  test(
    "a job may jump forward, and never goes back",
    Effect.gen(function* () {
      const { id, mesJobId, reports } = yield* cardAtThePlant
      const jumped = yield* reports.apply(id, "sandbox", { mesJobId, status: "SHIPPED" })
      assert.deepInclude(jumped, { previousStatus: "PRODUCTION_WAITING", status: "SHIPPED", changed: true })
      const before = yield* OrderDesk.get(id)
      const back = yield* Effect.flip(reports.apply(id, "sandbox", { mesJobId, status: "PRODUCING" }))
      assert.deepInclude(back, { _tag: "InvalidStateTransition", mesJobId, from: "SHIPPED", to: "PRODUCING" })
      assert.deepStrictEqual(yield* OrderDesk.get(id), before)
    })
  )

  test(
    "AC-MES-008 a book is as far as its slower part",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const reports = yield* JobReports
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      const [inner = "", cover = ""] = yield* OrderDesk.dispatchAll(id)
      const report = (mesJobId: string, status: "PRODUCING" | "PRODUCTION_DONE" | "SHIPPED") =>
        Effect.map(reports.apply(id, "sandbox", { mesJobId, status }), (change) => [change.status, change.changed])
      assert.deepStrictEqual(yield* report(inner, "PRODUCTION_DONE"), ["PRODUCTION_WAITING", true])
      assert.deepStrictEqual(yield* report(cover, "PRODUCING"), ["PRODUCING", true])
      assert.deepStrictEqual(yield* report(inner, "PRODUCTION_DONE"), ["PRODUCING", false])
      assert.deepStrictEqual(yield* report(cover, "SHIPPED"), ["PRODUCTION_DONE", true])
      assert.strictEqual((yield* Effect.flip(report(cover, "PRODUCING")))._tag, "InvalidStateTransition")
      assert.deepStrictEqual(yield* report(inner, "SHIPPED"), ["SHIPPED", true])
      assert.deepStrictEqual(yield* statusesOf(id), [
        ["CONFIRMED", "PRODUCTION_WAITING"],
        ["PRODUCTION_WAITING", "PRODUCING"],
        ["PRODUCING", "PRODUCTION_DONE"],
        ["PRODUCTION_DONE", "SHIPPED"]
      ])
    })
  )

  test(
    "a report before the dispatch is finished must come again",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const reports = yield* JobReports
      const production = yield* Production
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      const [inner] = yield* OrderDesk.readyJobs(id)
      assert(inner !== undefined)
      yield* production.begin(inner.id, "sandbox")
      const early = reports.apply(id, "sandbox", { mesJobId: "MJ-1", status: "PRODUCING" })
      assert.deepInclude(yield* Effect.flip(early), { _tag: "DispatchNotFinished", retryAfterSeconds: 5 })
      yield* production.accepted(inner.id, "sandbox", "MJ-1")
      assert.strictEqual((yield* Effect.flip(early))._tag, "DispatchNotFinished")
      yield* OrderDesk.dispatchAll(id)
      assert.deepInclude(yield* early, { status: "PRODUCTION_WAITING", changed: true })
    })
  )

  test(
    "of a cancelled order only a job that was begun is in doubt: a report for another need not come again",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const reports = yield* JobReports
      const production = yield* Production
      const orders = yield* Orders
      const [untouched, begun] = [
        yield* OrderDesk.place(OrderDesk.cardOrder(shop)),
        yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      ]
      yield* OrderDesk.readyJobs(untouched.id)
      for (const { id } of yield* OrderDesk.readyJobs(begun.id)) yield* production.begin(id, "sandbox")
      const tags: Array<string> = []
      for (const { id } of [untouched, begun]) {
        yield* orders.changeStatus(id, "CANCELLED", { actor: "operator", name: "Lee" })
        const error = yield* Effect.flip(reports.apply(id, "sandbox", { mesJobId: "MJ-9", status: "PRODUCING" }))
        tags.push(error._tag)
      }
      assert.deepStrictEqual(tags, ["JobNotFound", "DispatchNotFinished"])

      const book = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      for (const { id } of yield* OrderDesk.readyJobs(book.id)) yield* production.begin(id, "sandbox")
      const [known] = yield* OrderDesk.readyJobs(book.id)
      assert(known !== undefined)
      yield* production.accepted(known.id, "sandbox", "MJ-1")
      yield* orders.changeStatus(book.id, "CANCELLED", { actor: "operator", name: "Lee" })
      assert.deepInclude(yield* reports.apply(book.id, "sandbox", { mesJobId: "MJ-1", status: "PRODUCING" }), {
        status: "CANCELLED",
        changed: true
      })
    })
  )

  test(
    "knows no order, job or mode but its own",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const reports = yield* JobReports
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const other = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const [mesJobId = ""] = yield* OrderDesk.dispatchAll(id)
      yield* OrderDesk.dispatchAll(other.id)
      const tag = (order: OrderId, mode: "sandbox" | "live", job: string) =>
        Effect.map(
          Effect.flip(reports.apply(order, mode, { mesJobId: job, status: "PRODUCING" })),
          (error) => error._tag
        )
      assert.strictEqual(yield* tag(nobody, "sandbox", mesJobId), "OrderNotFound")
      assert.strictEqual(yield* tag(id, "sandbox", "MJ-none"), "JobNotFound")
      assert.strictEqual(yield* tag(other.id, "sandbox", mesJobId), "JobNotFound")
      assert.strictEqual(yield* tag(id, "live", mesJobId), "JobNotFound")
      const unpaid = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { paid: false }))
      assert.strictEqual(yield* tag(unpaid.id, "sandbox", "MJ-1"), "JobNotFound")
    })
  )

  test(
    "AC-DLQ-006 a report never sets an order back that an operator moved on or cancelled",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const reports = yield* JobReports
      const orders = yield* Orders
      const by = { actor: "operator", name: "Lee" } as const

      const moved = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const [first = ""] = yield* OrderDesk.dispatchAll(moved.id)
      yield* orders.changeStatus(moved.id, "SHIPPED", by)
      assert.deepStrictEqual(yield* reports.apply(moved.id, "sandbox", { mesJobId: first, status: "PRODUCING" }), {
        orderId: moved.id,
        previousStatus: "SHIPPED",
        status: "SHIPPED",
        changed: true
      })

      const cancelled = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const [second = ""] = yield* OrderDesk.dispatchAll(cancelled.id)
      yield* orders.changeStatus(cancelled.id, "CANCELLED", by)
      assert.deepInclude(yield* reports.apply(cancelled.id, "sandbox", { mesJobId: second, status: "SHIPPED" }), {
        status: "CANCELLED",
        changed: true
      })
      assert.strictEqual((yield* OrderDesk.get(cancelled.id)).items[0]?.jobs[0]?.status, "SHIPPED")
    })
  )

  test(
    "keeps barcode and time of the plant",
    Effect.gen(function* () {
      const { id, mesJobId, reports } = yield* cardAtThePlant
      const { sql } = yield* Database
      const report = {
        mesJobId,
        status: "PRODUCING",
        barcode: "8801",
        occurredAt: "2026-10-01T09:00:00+09:00"
      } as const
      assert.isTrue((yield* reports.apply(id, "sandbox", report)).changed)
      assert.isFalse((yield* reports.apply(id, "sandbox", report)).changed)
      assert.isFalse((yield* reports.apply(id, "sandbox", { mesJobId, status: "PRODUCING" })).changed)
      const { barcode, ...later } = report
      assert.isTrue((yield* reports.apply(id, "sandbox", { ...later, barcode: `${barcode}-B` })).changed)
      const rows = yield* sql`select barcode, occurred_at = '2026-10-01T00:00:00Z' as "sameTime" from mes_jobs`
      assert.deepEqual(rows, [{ barcode: "8801-B", sameTime: true }])
    })
  )

  test(
    "ten reports at the same moment change a job once",
    Effect.gen(function* () {
      const { id, mesJobId, reports } = yield* cardAtThePlant
      const changes = yield* Effect.all(
        Array.from({ length: 10 }, () => reports.apply(id, "sandbox", { mesJobId, status: "PRODUCING" })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(changes.filter((change) => change.changed).length, 1)
      assert.strictEqual((yield* statusesOf(id)).length, 2)
    })
  )

  test(
    "lists the jobs that are still open, in pages, of one mode",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const reports = yield* JobReports
      const orders = yield* Orders
      const open = (after: number, limit = 100) => reports.openJobs("sandbox", { after, limit })
      const book = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      const card = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const gone = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      assert.deepStrictEqual(yield* open(0), [])
      const [inner = "", cover = ""] = yield* OrderDesk.dispatchAll(book.id)
      const [only = ""] = yield* OrderDesk.dispatchAll(card.id)
      yield* OrderDesk.dispatchAll(gone.id)
      yield* orders.changeStatus(gone.id, "CANCELLED", { actor: "operator", name: "Lee" })
      yield* reports.apply(book.id, "sandbox", { mesJobId: inner, status: "SHIPPED" })

      const all = yield* open(0)
      assert.deepStrictEqual(
        all.map((job) => [job.orderId, job.mesJobId, job.status, job.correlationId]),
        [
          [book.id, cover, "PRODUCTION_WAITING", "trace-123"],
          [card.id, only, "PRODUCTION_WAITING", "trace-123"]
        ]
      )
      const [first] = yield* open(0, 1)
      assert.strictEqual(first?.mesJobId, cover)
      assert.deepStrictEqual(
        (yield* open(first?.id ?? 0)).map((job) => job.mesJobId),
        [only]
      )
      assert.deepStrictEqual(yield* reports.openJobs("live", { after: 0, limit: 100 }), [])
    })
  )

  test(
    "a job stays open while its order is with the plant, however far an operator has moved the order",
    Effect.gen(function* () {
      const { id, mesJobId, reports } = yield* cardAtThePlant
      const orders = yield* Orders
      const open = Effect.map(reports.openJobs("sandbox", { after: 0, limit: 100 }), (jobs) =>
        jobs.map((job) => [job.mesJobId, job.status])
      )
      for (const status of ["PRODUCING", "PRODUCTION_DONE", "SHIPPED"] as const) {
        yield* orders.changeStatus(id, status, { actor: "operator", name: "Lee" })
        assert.deepStrictEqual(yield* open, [[mesJobId, "PRODUCTION_WAITING"]], status)
      }
      assert.deepStrictEqual(yield* reports.apply(id, "sandbox", { mesJobId, status: "PRODUCING" }), {
        orderId: id,
        previousStatus: "SHIPPED",
        status: "SHIPPED",
        changed: true
      })
      yield* orders.changeStatus(id, "DELIVERED", { actor: "operator", name: "Lee" })
      assert.deepStrictEqual(yield* open, [])
    })
  )

  test(
    "a report that says no time keeps the time of the one before",
    Effect.gen(function* () {
      const { id, mesJobId, reports } = yield* cardAtThePlant
      const { sql } = yield* Database
      yield* reports.apply(id, "sandbox", { mesJobId, status: "PRODUCING", occurredAt: "2026-10-01T09:00:00+09:00" })
      yield* reports.apply(id, "sandbox", { mesJobId, status: "SHIPPED" })
      const rows = yield* sql`select occurred_at = '2026-10-01T00:00:00Z' as "isKept" from mes_jobs`
      assert.deepStrictEqual(rows, [{ isKept: true }])
    })
  )
})
