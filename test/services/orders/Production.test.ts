import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { OrderId } from "../../../src/domain/Ids.ts"
import { MesItems } from "../../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { Notifications } from "../../../src/services/orders/Notifications.ts"
import { Orders } from "../../../src/services/orders/Orders.ts"
import { Production } from "../../../src/services/orders/Production.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases, hasServer, server } from "../../support/Databases.ts"
import * as OrderDesk from "../../support/OrderDesk.ts"

const nobody = OrderId.make("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV")
const page = { page: 1, limit: 100 }
const cancel = (id: OrderId) =>
  Orders.use((orders) => orders.changeStatus(id, "CANCELLED", { actor: "operator", name: "Lee" }))
const commandsOf = (id: OrderId) =>
  Effect.map(OrderDesk.eventsOf(id), (events) => events.filter((event) => event.type === "command.mes.dispatch-order"))

/** A shop with one order of a book, and the two jobs that it will be. */
const bookToMake = Effect.gen(function* () {
  const shop = yield* OrderDesk.open()
  const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
  const [inner, cover] = yield* OrderDesk.readyJobs(id)
  assert(inner !== undefined && cover !== undefined)
  return { id, inner, cover, production: yield* Production }
})

describeDatabases("Production", (database) => {
  const layer = OrderDesk.coreWithLog.pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-MES-001 plans the job of an order with item, codes in the order chosen, quantity and memo",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { memo: "rush" }))
      const jobs = yield* OrderDesk.readyJobs(id)
      assert.deepStrictEqual(
        jobs.map(({ job }) => job),
        [
          {
            orderId: id,
            itemCode: "001-0001",
            part: null,
            materialCodes: ["M-100"],
            processCodes: ["P-200"],
            quantity: 250,
            memo: "rush"
          }
        ]
      )
    })
  )

  test(
    "what a combination of the shop says beyond choices goes into the memo, after the customer's",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { sql } = yield* Database
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      const memos = Effect.map(OrderDesk.readyJobs(id), (jobs) => jobs.map(({ job }) => job.memo))
      const set = (size: string | null, label: string | null, memo: string | null) =>
        Effect.andThen(
          sql`update order_items set size_code = ${size}::text, option_label = ${label}::text`,
          sql`update orders set memo = ${memo}::text`
        )
      yield* sql`
        insert into product_sizes (product_id, code, display_name, is_active)
        values (${shop.book}, 'S1', '210 x 297 mm', true)`
      assert.deepStrictEqual(yield* memos, [null, null])
      yield* set("S1", "Gold", "rush")
      const [memo] = yield* memos
      assert.match(memo ?? "", /^rush\n.*210 x 297 mm.*Gold$/)
      // Each part of a book is told.
      assert.deepStrictEqual(yield* memos, [memo, memo])
      yield* set(null, "Gold", null)
      assert.deepStrictEqual(yield* memos, ["Gold", "Gold"])
      // A size that the catalogue has not got any more is told by its code.
      yield* set("S9", null, null)
      assert.deepStrictEqual(yield* memos, ["S9", "S9"])
    })
  )

  test(
    "AC-MES-001 the last acceptance brings PRODUCTION_WAITING, order.dispatched.mes per job and the history, at once",
    Effect.gen(function* () {
      const { cover, id, inner, production } = yield* bookToMake

      yield* production.begin(inner.id, "sandbox")
      yield* production.accepted(inner.id, "sandbox", "MJ-1")
      const half = yield* OrderDesk.get(id)
      assert.strictEqual(half.status, "CONFIRMED")
      assert.deepStrictEqual(half.items[0]?.jobs, [
        { part: "inner", mesJobId: "MJ-1", status: "PRODUCTION_WAITING" },
        { part: "cover", mesJobId: null, status: null }
      ])
      assert.deepStrictEqual(
        (yield* OrderDesk.readyJobs(id)).map((one) => one.id),
        [cover.id]
      )

      yield* production.begin(cover.id, "sandbox")
      yield* production.accepted(cover.id, "sandbox", "MJ-2")
      yield* production.accepted(cover.id, "sandbox", "MJ-2")
      const order = yield* OrderDesk.get(id)
      assert.strictEqual(order.status, "PRODUCTION_WAITING")
      assert.deepInclude(order.history.at(-1), { from: "CONFIRMED", to: "PRODUCTION_WAITING", actor: "mes" })
      const events = yield* OrderDesk.eventsOf(id)
      assert.deepStrictEqual(OrderDesk.brief(events), [
        { type: "order.created", source: "widget" },
        { type: "order.dispatched.mes", mesJobId: "MJ-1" },
        { type: "order.dispatched.mes", mesJobId: "MJ-2" },
        { type: "order.status.changed", from: "CONFIRMED", to: "PRODUCTION_WAITING" }
      ])
      assert.deepStrictEqual(new Set(events.map((event) => event.correlationId)), new Set(["trace-123"]))
      assert.deepStrictEqual(yield* production.plan(id, "sandbox"), { _tag: "Skip", reason: "not-confirmed" })
    })
  )

  test(
    "AC-MES-008 a book gives an inner and a cover job, each with the choices of its part",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      assert.deepStrictEqual(
        (yield* OrderDesk.readyJobs(id)).map(({ job }) => [
          job.part,
          job.itemCode,
          job.materialCodes,
          job.processCodes
        ]),
        [
          ["inner", "001-5001", ["M-300"], ["P-200"]],
          ["cover", "001-5002", ["M-400"], ["P-200"]]
        ]
      )
    })
  )

  test(
    "AC-MES-009 the key of a job stays until it is rejected, and is its own",
    Effect.gen(function* () {
      const { cover, id, inner, production } = yield* bookToMake
      const first = yield* production.begin(inner.id, "sandbox")
      assert(first !== null)
      assert.deepStrictEqual(
        (yield* OrderDesk.readyJobs(id)).map((one) => one.id),
        [inner.id, cover.id]
      )
      assert.deepStrictEqual(yield* production.begin(inner.id, "sandbox"), first)
      assert.notDeepEqual(yield* production.begin(cover.id, "sandbox"), first)

      yield* production.rejected(inner.id, first.attempt)
      const second = yield* production.begin(inner.id, "sandbox")
      assert(second !== null)
      assert.notStrictEqual(second.idempotencyKey, first.idempotencyKey)
      // A rejection that is told twice, or late, is one rejection.
      yield* production.rejected(inner.id, first.attempt)
      assert.deepStrictEqual(yield* production.begin(inner.id, "sandbox"), second)
    })
  )

  test(
    "AC-MES-009 a product mapped anew in between does not split or change a job that the plant may know",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const production = yield* Production
      const mappings = yield* MesMappings
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const [plain] = yield* OrderDesk.readyJobs(id)
      assert(plain !== undefined)
      // Not begun yet: the new mapping counts.
      yield* mappings.setProduct(shop.card, { itemCode: "001-5002", coverType: "cover" })
      const [inner, cover] = yield* OrderDesk.readyJobs(id)
      assert.deepStrictEqual([inner?.job.part, inner?.job.itemCode, cover?.job.part], ["inner", "001-0001", "cover"])
      assert.isNull(yield* production.begin(plain.id, "sandbox"))

      const other = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      const [begun] = yield* OrderDesk.readyJobs(other.id)
      assert(begun !== undefined)
      yield* production.begin(begun.id, "sandbox")
      yield* mappings.setProduct(shop.book, { itemCode: "001-0001" })
      assert.deepStrictEqual(
        (yield* OrderDesk.readyJobs(other.id)).map((one) => one.job.part),
        ["inner", "cover"]
      )
    })
  )

  test(
    "AC-MES-002 an unverified choice blocks, names the choices and tells the operator once",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["paper", "coating"] })
      const production = yield* Production
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const expected = {
        _tag: "Blocked",
        correlationId: "trace-123",
        choiceIds: [shop.coating, shop.paper],
        productIds: []
      } as const
      assert.deepStrictEqual(yield* production.plan(id, "sandbox"), expected)
      assert.deepStrictEqual(yield* production.plan(id, "sandbox"), expected)
      const order = yield* OrderDesk.get(id)
      assert.deepInclude(order, { status: "CONFIRMED", needsAttention: false, reasons: [] })
      assert.sameMembers([...order.blockedChoiceIds], [shop.coating, shop.paper])
      assert.deepStrictEqual(order.items[0]?.jobs, [])
      const notified = yield* Notifications.use((notifications) => notifications.list({}, page))
      assert.strictEqual(notified.total, 1)
      assert.deepInclude(notified.data[0], {
        kind: "order-blocked",
        subject: `order:${id}`,
        correlationId: "trace-123"
      })
      assert.include(notified.data[0]?.message, String(shop.paper))
      assert.include(notified.data[0]?.message, String(shop.coating))
    })
  )

  test(
    "AC-MES-007 verification releases the blocked orders, under their own correlation ids",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["paper", "coating"] })
      const production = yield* Production
      const mappings = yield* MesMappings
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const other = yield* OrderDesk.place(OrderDesk.bookOrder(shop), "trace-456")
      yield* production.plan(id, "sandbox")
      yield* production.plan(other.id, "sandbox")

      yield* mappings.verify(shop.paper, "verifier")
      const released = yield* production
        .releaseByChoice(shop.paper)
        .pipe(Effect.provideService(EventContext, { correlationId: "verify", causationId: "event-1", source: "mes" }))
      assert.deepStrictEqual(released, [id])
      const [command] = yield* commandsOf(id)
      assert.deepInclude(command, { correlationId: "trace-123", causationId: "event-1" })
      assert.deepInclude(yield* production.plan(id, "sandbox"), { _tag: "Blocked", choiceIds: [shop.coating] })

      yield* mappings.verify(shop.coating, "verifier")
      assert.sameMembers([...(yield* production.releaseByChoice(shop.coating))], [id, other.id])
      assert.strictEqual((yield* production.plan(id, "sandbox"))._tag, "Ready")
      assert.deepStrictEqual((yield* OrderDesk.get(id)).blockedChoiceIds, [])
      assert.deepStrictEqual(yield* production.releaseByChoice(shop.paper), [])
      const notified = yield* Notifications.use((notifications) => notifications.list({}, page))
      assert.strictEqual(notified.total, 2)
    })
  )

  test(
    "no MES item, or an inactive one, blocks with no-mes-item until the product is mapped",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unmapped: true })
      const production = yield* Production
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      assert.deepInclude(yield* production.plan(id, "sandbox"), {
        _tag: "Blocked",
        choiceIds: [],
        productIds: [shop.card]
      })
      assert.deepInclude(yield* OrderDesk.get(id), {
        reasons: ["no-mes-item"],
        blockedChoiceIds: [],
        needsAttention: false
      })

      const items = yield* MesItems
      const { data } = yield* items.list({ q: "001-0001" }, page)
      const [item] = data
      assert(item !== undefined)
      yield* items.patch(item.id, { isActive: false })
      yield* MesMappings.use((mappings) => mappings.setProduct(shop.card, { itemCode: "001-0001" }))
      assert.deepStrictEqual(yield* production.releaseByProduct(shop.card), [id])
      assert.deepInclude(yield* production.plan(id, "sandbox"), { _tag: "Blocked", productIds: [shop.card] })

      yield* items.patch(item.id, { isActive: true })
      assert.deepStrictEqual(yield* production.releaseByProduct(shop.card), [id])
      assert.strictEqual((yield* production.plan(id, "sandbox"))._tag, "Ready")
      assert.deepStrictEqual((yield* OrderDesk.get(id)).reasons, [])
      assert.deepStrictEqual(yield* production.releaseByProduct(shop.card), [])
    })
  )

  test(
    "skips what is unknown, unpaid or cancelled, and begins nothing for it",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const production = yield* Production
      assert.deepStrictEqual(yield* production.plan(nobody, "sandbox"), { _tag: "Skip", reason: "unknown-order" })
      const unpaid = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { paid: false }))
      assert.deepStrictEqual(yield* production.plan(unpaid.id, "sandbox"), { _tag: "Skip", reason: "not-confirmed" })
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const [job] = yield* OrderDesk.readyJobs(id)
      assert(job !== undefined)
      yield* cancel(id)
      assert.isNull(yield* production.begin(job.id, "sandbox"))
      assert.deepStrictEqual(yield* production.plan(id, "sandbox"), { _tag: "Skip", reason: "not-confirmed" })
    })
  )

  test(
    "keeps the job of an order that was cancelled during the call, and tells the operator",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const production = yield* Production
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const [job] = yield* OrderDesk.readyJobs(id)
      assert(job !== undefined)
      yield* production.begin(job.id, "sandbox")
      yield* cancel(id)
      yield* production.accepted(job.id, "sandbox", "MJ-1")
      const order = yield* OrderDesk.get(id)
      assert.strictEqual(order.status, "CANCELLED")
      assert.deepStrictEqual(order.items[0]?.jobs, [{ part: null, mesJobId: "MJ-1", status: "PRODUCTION_WAITING" }])
      const notified = yield* Notifications.use((notifications) =>
        notifications.list({ kind: "job-of-closed-order" }, page)
      )
      assert.include(notified.data[0]?.message, "MJ-1")
    })
  )

  test(
    "does not store a job id that the plant gave to another job of the order",
    Effect.gen(function* () {
      const { cover, id, inner, production } = yield* bookToMake
      yield* production.accepted(inner.id, "sandbox", "MJ-1")
      assert.strictEqual((yield* Effect.flip(production.accepted(cover.id, "sandbox", "MJ-1")))._tag, "DuplicateJobId")
      assert.strictEqual((yield* Effect.flip(production.accepted(inner.id, "sandbox", "MJ-9")))._tag, "DuplicateJobId")
      assert.strictEqual((yield* OrderDesk.get(id)).status, "CONFIRMED")
    })
  )

  test(
    "a job of the sandbox does not exist for the real plant; one of the real plant stops the sandbox",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const production = yield* Production
      const { id } = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      const [inner] = yield* OrderDesk.readyJobs(id)
      assert(inner !== undefined)
      yield* production.accepted(inner.id, "sandbox", "MJ-sandbox")

      const live = yield* production.plan(id, "live")
      assert(live._tag === "Ready")
      assert.deepStrictEqual(
        live.jobs.map(({ job }) => job.part),
        ["inner", "cover"]
      )
      assert.deepStrictEqual(
        (yield* OrderDesk.get(id)).items[0]?.jobs.map((job) => job.mesJobId),
        [null, null]
      )
      // Planned, not begun: the sandbox may have it back.
      assert.strictEqual((yield* production.plan(id, "sandbox"))._tag, "Ready")
      const again = yield* production.plan(id, "live")
      assert(again._tag === "Ready" && again.jobs[0] !== undefined)
      yield* production.begin(again.jobs[0].id, "live")
      assert.deepStrictEqual(yield* production.plan(id, "sandbox"), { _tag: "Skip", reason: "live-jobs" })
      const notified = yield* Notifications.use((notifications) =>
        notifications.list({ kind: "order-has-live-jobs" }, page)
      )
      assert.strictEqual(notified.total, 1)
    })
  )

  test(
    "a manual dispatch is a command; it says why it makes no sense",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["innerPaper"] })
      const production = yield* Production
      const request = (id: OrderId) => production.requestDispatch(id, { memo: "by hand" })

      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const eventId = yield* request(id)
      const [command] = yield* commandsOf(id)
      assert.strictEqual(command?.id, eventId)
      assert.strictEqual((yield* OrderDesk.readyJobs(id))[0]?.job.memo, "by hand")
      yield* OrderDesk.dispatchAll(id)
      assert.deepInclude(yield* Effect.flip(request(id)), { _tag: "NotDispatchable", reason: "already-dispatched" })

      const book = yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      assert.deepInclude(yield* Effect.flip(request(book.id)), {
        _tag: "MappingUnverified",
        choiceIds: [shop.innerPaper]
      })
      yield* cancel(book.id)
      assert.deepInclude(yield* Effect.flip(request(book.id)), { _tag: "NotDispatchable", reason: "not-confirmed" })
      const unpaid = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { paid: false }))
      assert.deepInclude(yield* Effect.flip(request(unpaid.id)), { _tag: "NotDispatchable", reason: "not-confirmed" })
      assert.strictEqual((yield* Effect.flip(request(nobody)))._tag, "OrderNotFound")
      assert.strictEqual((yield* commandsOf(book.id)).length, 0)
    })
  )
})

it.effect.skipIf(!hasServer)(
  "AC-MES-007 a verification at the very moment an order is marked blocked never loses it",
  () =>
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open({ unverified: ["paper"] })
      const production = yield* Production
      const mappings = yield* MesMappings
      for (let round = 0; round < 25; round++) {
        yield* mappings.map(shop.paper, { mesCode: `M-${round}` }, "mapper")
        const orders = yield* Effect.forEach(Array.from({ length: 4 }), () =>
          OrderDesk.place(OrderDesk.cardOrder(shop))
        )
        const [plans] = yield* Effect.all(
          [
            Effect.forEach(orders, (order) => production.plan(order.id, "sandbox"), { concurrency: "unbounded" }),
            // What Delivery does: the handler of the event runs after the verification has committed.
            Effect.andThen(mappings.verify(shop.paper, "verifier"), production.releaseByChoice(shop.paper))
          ],
          { concurrency: "unbounded" }
        )
        for (const [index, order] of orders.entries()) {
          const commands = (yield* commandsOf(order.id)).length
          assert(
            plans[index]?._tag === "Ready" || commands > 0,
            `round ${round}: a blocked order that nothing releases`
          )
          assert.strictEqual((yield* production.plan(order.id, "sandbox"))._tag, "Ready")
        }
      }
    }).pipe(Effect.provide(OrderDesk.coreWithLog.pipe(Layer.provideMerge(server))))
)
