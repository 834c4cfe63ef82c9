import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { OrderId } from "../../../src/domain/Ids.ts"
import { managementCodeOf } from "../../../src/domain/OptionMatrix.ts"
import type { OrderStatus } from "../../../src/domain/OrderStatus.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { JobReports } from "../../../src/services/orders/JobReports.ts"
import { Orders } from "../../../src/services/orders/Orders.ts"
import { Production } from "../../../src/services/orders/Production.ts"
import { ShopOrders } from "../../../src/services/shop/ShopOrders.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as OrderDesk from "../../support/OrderDesk.ts"
import * as ShopDesk from "../../support/ShopDesk.ts"

const nobody = OrderId.make("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV")
const operator = { name: "Kang" }

const eventsOf = (id: OrderId) => Effect.map(OrderDesk.eventsOf(id), OrderDesk.brief)
const created = { type: "order.created", source: "shopby" }
const dispatch = { type: "command.mes.dispatch-order", memo: null }
const tell = { type: "command.shopby.sync-order" }
const changed = (from: OrderStatus, to: OrderStatus) => ({ type: "order.status.changed", from, to })

/** The plant takes the order and reports this of its only job. */
const produce = Effect.fnUntraced(function* (id: OrderId, status?: "PRODUCING" | "PRODUCTION_DONE" | "SHIPPED") {
  const [mesJobId] = yield* OrderDesk.dispatchAll(id)
  assert(mesJobId !== undefined)
  if (status !== undefined) yield* JobReports.use((reports) => reports.apply(id, "sandbox", { mesJobId, status }))
})

const changeStatus = (id: OrderId, change: { status: OrderStatus; trackingNumber?: string; carrier?: string }) =>
  ShopOrders.use((orders) => orders.changeStatus(id, change, operator))
const outbound = (id: OrderId, mode: "sandbox" | "live" = "sandbox") =>
  ShopOrders.use((orders) => orders.outbound(id, mode))
const reported = (orderNo: string, status: string, mode: "sandbox" | "live" = "sandbox") =>
  ShopOrders.use((orders) => orders.reported(orderNo, mode, status))
const retranslate = (id: OrderId) => ShopOrders.use((orders) => orders.retranslate(id))
const resolve = (id: OrderId) => ShopOrders.use((orders) => orders.resolveAttention(id, operator))

describeDatabases("ShopOrders", (database) => {
  const layer = ShopDesk.coreWithLog.pipe(Layer.provideMerge(database))
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-SHOPBY-003 AC-SHOPBY-006 an order of the shop is an order, as the shop told it",
    Effect.gen(function* () {
      const shop = yield* ShopDesk.open()
      const order = ShopDesk.order("2026-1", { shippingNo: "S-1" })
      const taken = yield* ShopDesk.receive(order, { raw: "as\0sent" })
      const { orderId } = taken
      assert.deepStrictEqual(taken, {
        orderId,
        externalOrderId: "2026-1",
        source: "shopby",
        status: "CONFIRMED",
        needsAttention: false,
        created: true
      })
      const stored = yield* OrderDesk.get(orderId)
      assert.deepInclude(stored, {
        source: "shopby",
        status: "CONFIRMED",
        externalOrderId: "2026-1",
        customer: { name: "Lee", email: "lee@example.com" },
        totalPrice: 12_000,
        correlationId: "trace-123",
        needsAttention: false,
        reasons: [],
        trackingNumber: null,
        carrier: null
      })
      assert.deepStrictEqual(
        stored.items.map(({ choiceIds, productId, quantity }) => ({ choiceIds, productId, quantity })),
        [{ productId: shop.card, quantity: 3, choiceIds: [shop.paper] }]
      )
      assert.deepStrictEqual(
        stored.history.map(({ actor, from, reason, to }) => ({ actor, from, reason, to })),
        [{ from: null, to: "CONFIRMED", actor: "shopby", reason: null }]
      )
      const events = yield* OrderDesk.eventsOf(orderId)
      assert.deepStrictEqual(OrderDesk.brief(events), [created])
      assert.deepInclude(events[0], { correlationId: "trace-123", source: "shopby" })
      const { sql } = yield* Database
      assert.deepStrictEqual(yield* sql`select raw_body as raw, shopby_order as "order" from orders`, [
        { raw: "as\uFFFDsent", order }
      ])
      // It goes to the plant as any other order.
      const [job] = yield* OrderDesk.readyJobs(orderId)
      assert.deepInclude(job?.job, { itemCode: "001-0001", materialCodes: ["M-100"], quantity: 3, memo: null })
    })
  )

  test(
    "the same orderNo again is the same order: one order, one event; another mode's is another order",
    Effect.gen(function* () {
      const { card } = yield* ShopDesk.open()
      yield* ShopDesk.sell(card, ShopDesk.cardNo, "live")
      const first = yield* ShopDesk.receive(ShopDesk.order("A"))
      assert.deepStrictEqual(yield* ShopDesk.receive(ShopDesk.order("A")), { ...first, created: false })
      assert.deepStrictEqual(yield* eventsOf(first.orderId), [created])
      const live = yield* ShopDesk.receive(ShopDesk.order("A"), { mode: "live" })
      assert.isTrue(live.created)
      assert.notStrictEqual(live.orderId, first.orderId)
      // What one mode is told of is not the other's.
      assert.deepInclude(yield* reported("A", "CANCEL_DONE", "live"), { _tag: "Changed", orderId: live.orderId })
      assert.strictEqual((yield* OrderDesk.get(first.orderId)).status, "CONFIRMED")
      yield* changeStatus(first.orderId, { status: "CANCELLED" })
      assert.isNull(yield* outbound(first.orderId, "live"))
      assert.isNotNull(yield* outbound(first.orderId, "sandbox"))
      // A product number of the sandbox means nothing in live mode.
      const foreign = ShopDesk.order("B", { items: [{ productNo: ShopDesk.bookNo, quantity: 1, price: 1 }] })
      assert.isTrue((yield* ShopDesk.receive(foreign, { mode: "live" })).needsAttention)
      assert.isFalse((yield* ShopDesk.receive(foreign)).needsAttention)
    })
  )

  test(
    "AC-NFR-004 50 at once with duplicates: one order each, one event each, none lost",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const numbers = Array.from({ length: 50 }, (_, index) => `N-${index % 20}`)
      const taken = yield* Effect.forEach(numbers, (orderNo) => ShopDesk.receive(ShopDesk.order(orderNo)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(taken.filter((one) => one.created).length, 20)
      const ids = new Set(taken.map(({ externalOrderId, orderId }) => `${externalOrderId} ${orderId}`))
      assert.strictEqual(ids.size, 20)
      for (const orderId of new Set(taken.map((one) => one.orderId))) {
        assert.deepStrictEqual(yield* eventsOf(orderId), [created])
        assert.strictEqual((yield* OrderDesk.get(orderId)).items.length, 1)
      }
    })
  )

  test(
    "what cannot be translated is kept and marked; a translation after the cause is gone releases it",
    Effect.gen(function* () {
      const shop = yield* ShopDesk.open()
      const products = yield* Products
      yield* products.setOptions(shop.card, [shop.coating])
      const order = ShopDesk.order("A", {
        items: [
          ...ShopDesk.order("").items,
          ShopDesk.unknownLine,
          { productNo: ShopDesk.bookNo, quantity: 2, price: 1 }
        ]
      })
      const { needsAttention, orderId, status } = yield* ShopDesk.receive(order)
      assert.deepStrictEqual([status, needsAttention], ["CONFIRMED", true])
      const marked = yield* OrderDesk.get(orderId)
      assert.deepStrictEqual(marked.reasons, ["unknown-option:paper=paper one", "unknown-product:9999"])
      assert.deepStrictEqual(
        marked.items.map(({ productId }) => productId),
        [shop.book]
      )
      assert.deepStrictEqual(yield* ShopDesk.openNotes, [`shop-order-needs-attention order:${orderId}`])
      const plan = Production.use((production) => production.plan(orderId, "sandbox"))
      assert.deepStrictEqual(yield* plan, { _tag: "Skip", reason: "needs-attention" })

      // Only one cause is gone: no dispatch yet. Nor can an operator wave through what is missing.
      yield* products.setOptions(shop.card, [shop.coating, shop.paper])
      assert.deepStrictEqual((yield* retranslate(orderId)).reasons, ["unknown-product:9999"])
      assert.deepStrictEqual((yield* resolve(orderId)).reasons, ["unknown-product:9999"])
      assert.deepStrictEqual(yield* eventsOf(orderId), [created])
      const late = yield* products.create({ name: "Late", huniCode: "10009", productType: "card" })
      yield* ShopDesk.sell(late.id, 9999)
      const released = yield* retranslate(orderId)
      assert.deepInclude(released, { needsAttention: false, reasons: [], status: "CONFIRMED" })
      assert.deepStrictEqual(
        released.items.map(({ choiceIds, productId, quantity }) => [productId, quantity, choiceIds]),
        [
          [shop.card, 3, [shop.paper]],
          [late.id, 1, []],
          [shop.book, 2, []]
        ]
      )
      assert.deepStrictEqual(yield* eventsOf(orderId), [created, dispatch])
      assert.strictEqual((yield* OrderDesk.eventsOf(orderId))[1]?.correlationId, "trace-123")
      // Again: nothing to do, and no second command.
      assert.deepStrictEqual(yield* retranslate(orderId), released)
      assert.deepStrictEqual(yield* eventsOf(orderId), [created, dispatch])
    })
  )

  test(
    "two translations at once release an order once",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const products = yield* Products
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A", { items: [ShopDesk.unknownLine] }))
      const late = yield* products.create({ name: "Late", huniCode: "10009", productType: "card" })
      yield* ShopDesk.sell(late.id, 9999)
      yield* Effect.all([retranslate(orderId), retranslate(orderId), resolve(orderId)], { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* eventsOf(orderId), [created, dispatch])
      assert.strictEqual((yield* OrderDesk.get(orderId)).items.length, 1)
    })
  )

  test(
    "an inactive product is kept with its line; an operator may have it made, or activate it",
    Effect.gen(function* () {
      const shop = yield* ShopDesk.open()
      const products = yield* Products
      yield* products.deactivate(shop.card)
      const first = yield* ShopDesk.receive(ShopDesk.order("A"))
      const second = yield* ShopDesk.receive(ShopDesk.order("B"))
      const marked = yield* OrderDesk.get(first.orderId)
      assert.deepStrictEqual(marked.reasons, [`inactive-product:${shop.card}`])
      assert.strictEqual(marked.items.length, 1)
      assert.isFalse((yield* resolve(first.orderId)).needsAttention)
      assert.deepStrictEqual(yield* eventsOf(first.orderId), [created, dispatch])
      assert.deepStrictEqual(yield* ShopDesk.openNotes, [`shop-order-needs-attention order:${second.orderId}`])
      assert.isTrue((yield* retranslate(second.orderId)).needsAttention)
      yield* products.activate(shop.card)
      assert.isFalse((yield* retranslate(second.orderId)).needsAttention)
      assert.deepStrictEqual(yield* eventsOf(second.orderId), [created, dispatch])
    })
  )

  test(
    "only an open order of the shop is translated anew",
    Effect.gen(function* () {
      const shop = yield* ShopDesk.open()
      assert.deepInclude(yield* Effect.flip(retranslate(nobody)), { _tag: "OrderNotFound" })
      const own = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      assert.deepInclude(yield* Effect.flip(retranslate(own.id)), {
        _tag: "NotRetranslatable",
        reason: "not-a-shop-order"
      })
      assert.deepInclude(yield* Effect.flip(resolve(nobody)), { _tag: "OrderNotFound" })
      assert.deepStrictEqual(yield* resolve(own.id), own)
      // Cancelled: nobody needs to look at it any more.
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A", { items: [ShopDesk.unknownLine] }))
      yield* changeStatus(orderId, { status: "CANCELLED" })
      assert.deepInclude(yield* OrderDesk.get(orderId), { status: "CANCELLED", needsAttention: false, reasons: [] })
      yield* retranslate(orderId)
      assert.deepStrictEqual(yield* eventsOf(orderId), [created, changed("CONFIRMED", "CANCELLED")])
    })
  )

  test(
    "an order first seen unpaid is confirmed by its webhook, once, also by two at the same moment; no echo",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const order = ShopDesk.order("A")
      const seen = yield* ShopDesk.receive(order, { via: "sweep", status: "PENDING" })
      assert.deepInclude(seen, { status: "PENDING", created: true })
      assert.strictEqual((yield* OrderDesk.get(seen.orderId)).history[0]?.reason, "found by the sweep")
      assert.isNull(yield* outbound(seen.orderId))
      // Unpaid once more: nothing. Paid: confirmed.
      assert.deepInclude(yield* ShopDesk.receive(order, { status: "PENDING" }), { status: "PENDING", created: false })
      const answers = yield* Effect.all(
        [ShopDesk.receive(order, {}, "other-1"), ShopDesk.receive(order, {}, "other-2"), reported("A", "PAY_DONE")],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([answers[0].status, answers[1].status], ["CONFIRMED", "CONFIRMED"])
      const events = yield* OrderDesk.eventsOf(seen.orderId)
      assert.deepStrictEqual(OrderDesk.brief(events), [created, changed("PENDING", "CONFIRMED")])
      assert.deepInclude(events[1], { source: "shopby", correlationId: "trace-123" })
      assert.isNull(yield* outbound(seen.orderId))
      // Late news of the unpaid order set nothing back.
      assert.deepInclude(yield* ShopDesk.receive(order, { status: "PENDING" }), { status: "CONFIRMED" })
    })
  )

  test(
    "an operator's confirmation is told to the shop, unless the shop says so itself",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const first = yield* ShopDesk.receive(ShopDesk.order("A"), { status: "PENDING" })
      yield* changeStatus(first.orderId, { status: "CONFIRMED" })
      assert.deepInclude(yield* outbound(first.orderId), { status: "PAY_DONE" })
      yield* ShopDesk.receive(ShopDesk.order("A"))
      assert.isNull(yield* outbound(first.orderId))
    })
  )

  test(
    "AC-MES-004 each change is told once, in the shop's words, and never sets the shop back",
    Effect.gen(function* () {
      const orders = yield* ShopOrders
      yield* ShopDesk.open()
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A"))
      assert.isNull(yield* outbound(orderId))
      yield* produce(orderId)
      const news = {
        orderId,
        externalOrderId: "A",
        correlationId: "trace-123",
        status: "PRODUCT_PREPARE",
        shippingNos: null,
        trackingNumber: null,
        carrier: null
      } as const
      assert.deepStrictEqual(yield* outbound(orderId), news)
      yield* orders.shippingNos(orderId, [])
      assert.isNull((yield* outbound(orderId))?.shippingNos)
      yield* orders.shippingNos(orderId, ["S-1", "S-2"])
      assert.deepStrictEqual(yield* outbound(orderId), { ...news, shippingNos: ["S-1", "S-2"] })
      yield* orders.confirmed(orderId, news)
      assert.isNull(yield* outbound(orderId))
      // The shop calls this by the same word.
      yield* changeStatus(orderId, { status: "PRODUCING" })
      assert.isNull(yield* outbound(orderId))
      // The shop is further on by other hands: it is not set back.
      yield* reported("A", "DELIVERY_ING")
      yield* changeStatus(orderId, { status: "PRODUCTION_DONE" })
      assert.isNull(yield* outbound(orderId))
      yield* changeStatus(orderId, { status: "SHIPPED" })
      assert.isNull(yield* outbound(orderId))
      yield* changeStatus(orderId, { status: "DELIVERED" })
      assert.deepInclude(yield* outbound(orderId), { status: "DELIVERY_DONE" })
      // Bought for good is delivered.
      yield* reported("A", "BUY_CONFIRM")
      assert.isNull(yield* outbound(orderId))
    })
  )

  test(
    "endpoint 4 keeps what is told of the parcel, and tells the shop what is new",
    Effect.gen(function* () {
      const orders = yield* ShopOrders
      const shop = yield* ShopDesk.open()
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A", { shippingNo: "S-1" }))
      yield* produce(orderId)
      const before = (yield* OrderDesk.eventsOf(orderId)).length
      const since = Effect.map(eventsOf(orderId), (events) => events.slice(before))
      const parcel = { trackingNumber: "6900", carrier: "CJ" }
      assert.deepStrictEqual(yield* changeStatus(orderId, { status: "SHIPPED", ...parcel }), {
        orderId,
        previousStatus: "PRODUCTION_WAITING",
        status: "SHIPPED",
        changed: true
      })
      assert.deepInclude(yield* OrderDesk.get(orderId), parcel)
      assert.deepInclude((yield* OrderDesk.get(orderId)).history.at(-1), { to: "SHIPPED", actor: "Kang" })
      assert.deepStrictEqual(yield* since, [changed("PRODUCTION_WAITING", "SHIPPED")])
      const news = yield* outbound(orderId)
      assert.deepInclude(news, { status: "DELIVERY_ING", shippingNos: ["S-1"], ...parcel })
      assert(news !== null)
      yield* orders.confirmed(orderId, news)
      assert.isNull(yield* outbound(orderId))
      // The same again: nothing. A new number with the same status: told, by a command.
      assert.deepInclude(yield* changeStatus(orderId, { status: "SHIPPED", ...parcel }), { changed: false })
      assert.isNull(yield* outbound(orderId))
      assert.deepInclude(yield* changeStatus(orderId, { status: "SHIPPED", trackingNumber: "6901" }), {
        previousStatus: "SHIPPED",
        changed: true
      })
      assert.deepStrictEqual(yield* since, [changed("PRODUCTION_WAITING", "SHIPPED"), tell])
      assert.deepInclude(yield* outbound(orderId), { trackingNumber: "6901", carrier: "CJ" })

      // What is refused leaves no number behind.
      const refused = yield* Effect.flip(changeStatus(orderId, { status: "PENDING", trackingNumber: "bad" }))
      assert.deepInclude(refused, { _tag: "InvalidStateTransition", from: "SHIPPED", to: "PENDING" })
      assert.strictEqual((yield* OrderDesk.get(orderId)).trackingNumber, "6901")
      const own = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      assert.deepInclude(yield* Effect.flip(changeStatus(own.id, { status: "CANCELLED" })), { _tag: "NotAShopOrder" })
      assert.strictEqual((yield* OrderDesk.get(own.id)).status, "CONFIRMED")
      assert.isNull(yield* outbound(own.id))
      assert.deepInclude(yield* Effect.flip(changeStatus(nobody, { status: "SHIPPED" })), { _tag: "OrderNotFound" })
      assert.isNull(yield* outbound(nobody))
    })
  )

  test(
    "a cancellation in the shop cancels where that is legal, and is not echoed",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const orders = yield* ShopOrders
      assert.deepStrictEqual(yield* reported("A", "CANCEL_DONE"), { _tag: "UnknownOrder" })
      for (const status of ["PENDING", "CONFIRMED"] as const) {
        const { orderId } = yield* ShopDesk.receive(ShopDesk.order(status), { status })
        const report = { _tag: "Changed", orderId, from: status, to: "CANCELLED" } as const
        assert.deepStrictEqual(yield* reported(status, "CANCEL_DONE"), report)
        assert.isNull(yield* outbound(orderId))
        assert.deepInclude(yield* reported(status, "CANCEL_DONE"), { _tag: "Unchanged" })
        assert.deepInclude((yield* OrderDesk.get(orderId)).history.at(-1), { to: "CANCELLED", actor: "shopby" })
        // A webhook that comes after it revives nothing.
        assert.deepInclude(yield* ShopDesk.receive(ShopDesk.order(status)), { status: "CANCELLED", created: false })
        assert.strictEqual((yield* OrderDesk.eventsOf(orderId)).length, 2)
      }
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("W"))
      yield* produce(orderId)
      const news = yield* outbound(orderId)
      assert.deepInclude(yield* reported("W", "PAY_CANCEL"), { _tag: "Changed", to: "CANCELLED" })
      assert.deepStrictEqual(yield* ShopDesk.openNotes, [`order-cancelled-with-jobs order:${orderId}`])
      // An answer to what was sent before comes late: the shop still shows it cancelled.
      assert(news !== null)
      yield* orders.confirmed(orderId, news)
      assert.isNull(yield* outbound(orderId))
    })
  )

  test(
    "a cancellation that comes too late marks the order, once, until an operator has dealt with it",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A"))
      yield* produce(orderId, "PRODUCING")
      const events = yield* eventsOf(orderId)
      const late = { _tag: "NeedsAttention", orderId, status: "PRODUCING" } as const
      assert.deepStrictEqual(yield* reported("A", "CANCEL_DONE"), late)
      assert.deepStrictEqual(yield* reported("A", "CANCEL_DONE"), late)
      assert.deepInclude(yield* OrderDesk.get(orderId), { needsAttention: true, reasons: ["cancelled-in-shop"] })
      assert.deepStrictEqual(yield* ShopDesk.openNotes, [`cancelled-in-shop order:${orderId}`])
      assert.deepStrictEqual(yield* eventsOf(orderId), events)
      // Not a matter of translation.
      assert.isTrue((yield* retranslate(orderId)).needsAttention)
      assert.isFalse((yield* resolve(orderId)).needsAttention)
      assert.deepStrictEqual(yield* ShopDesk.openNotes, [])
      yield* reported("A", "CANCEL_DONE")
      assert.isFalse((yield* OrderDesk.get(orderId)).needsAttention)
      // The plant goes on, and the shop is not told to take the order up again.
      yield* changeStatus(orderId, { status: "SHIPPED", trackingNumber: "1" })
      assert.isNull(yield* outbound(orderId))
      assert.notDeepInclude(yield* eventsOf(orderId), dispatch)
    })
  )

  test(
    "an unpaid order that is on its way in the shop already is paid, and waits for an operator",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A"), { status: "PENDING" })
      assert.deepInclude(yield* reported("A", "DEPOSIT_WAIT"), { _tag: "Unchanged", status: "PENDING" })
      assert.deepInclude(yield* reported("A", "something else"), { _tag: "Unchanged", status: "PENDING" })
      assert.deepInclude(yield* reported("A", "DELIVERY_ING"), { _tag: "NeedsAttention", status: "CONFIRMED" })
      assert.deepStrictEqual((yield* OrderDesk.get(orderId)).reasons, ["ahead-in-shop:DELIVERY_ING"])
      assert.deepStrictEqual(yield* ShopDesk.openNotes, [`ahead-in-shop order:${orderId}`])
      assert.isNull(yield* outbound(orderId))
      const plan = Production.use((production) => production.plan(orderId, "sandbox"))
      assert.deepStrictEqual(yield* plan, { _tag: "Skip", reason: "needs-attention" })
      assert.isFalse((yield* resolve(orderId)).needsAttention)
      assert.deepStrictEqual(yield* eventsOf(orderId), [created, changed("PENDING", "CONFIRMED"), dispatch])
    })
  )

  test(
    "an unpaid order that is translated anew goes to the plant when it is paid, not before",
    Effect.gen(function* () {
      const shop = yield* ShopDesk.open()
      const products = yield* Products
      yield* products.setOptions(shop.card, [])
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A"), { status: "PENDING" })
      yield* products.setOptions(shop.card, [shop.paper])
      assert.deepInclude(yield* retranslate(orderId), { status: "PENDING", needsAttention: false })
      assert.deepStrictEqual(yield* eventsOf(orderId), [created])
      yield* reported("A", "PAY_DONE")
      assert.deepStrictEqual(yield* eventsOf(orderId), [created, changed("PENDING", "CONFIRMED")])
    })
  )

  test(
    "AC-SHOPBY-006 a combination gives its quantity; its size and paper become choices or go to the plant in the memo",
    Effect.gen(function* () {
      const { card, coating, paper } = yield* ShopDesk.open()
      yield* ShopDesk.size(card, "S1", "90 x 50 mm")
      yield* ShopDesk.size(card, "S2", "86 x 54 mm")
      for (const size of ["S1", "S2"]) {
        for (const label of ["paper one", "Gold"]) {
          for (const baseQty of [100, 200]) yield* ShopDesk.price(card, { size, label, baseQty, price: baseQty * 10 })
        }
      }
      const code = managementCodeOf("10001", { sizeCode: "S2", label: "Gold", baseQty: 200 })
      const line = { productNo: ShopDesk.cardNo, price: 1 }
      const values = [
        { name: "사이즈|용지|수량", value: "90 x 50 mm|paper one|100" },
        { name: "coating", value: "coating one" }
      ]
      const { orderId } = yield* ShopDesk.receive(
        ShopDesk.order("A", {
          items: [
            { ...line, quantity: 2, optionManagementCd: code },
            { ...line, quantity: 1, optionValues: values },
            { ...line, quantity: 1 }
          ]
        })
      )
      const order = yield* OrderDesk.get(orderId)
      assert.deepStrictEqual(order.reasons, [`missing-option:${ShopDesk.cardNo}`])
      assert.deepStrictEqual(
        order.items.map(({ choiceIds, quantity }) => [quantity, choiceIds]),
        [
          [400, []],
          [100, [coating, paper]]
        ]
      )
      const { sql } = yield* Database
      yield* sql`update orders set needs_attention = false, attention_reasons = '{}', memo = 'rush'`
      assert.deepStrictEqual(
        (yield* OrderDesk.readyJobs(orderId)).map(({ job }) => [job.quantity, job.memo, job.materialCodes]),
        [
          [400, "rush\nS2 (86 x 54 mm) / Gold", []],
          [100, "rush\nS1 (90 x 50 mm)", ["M-100"]]
        ]
      )
      // A size that is no longer made is still what was ordered; the other is the only one that is sold.
      yield* sql`update product_sizes set is_active = false where code = 'S2'`
      const again = yield* ShopDesk.receive(
        ShopDesk.order("B", {
          items: [
            { ...line, quantity: 1, optionValues: [{ name: "사이즈|용지|수량", value: "86 x 54 mm|Gold|100" }] },
            { ...line, quantity: 1, optionValues: [{ name: "용지|수량", value: "Gold|200" }] }
          ]
        })
      )
      assert.isFalse(again.needsAttention)
      assert.deepStrictEqual(
        yield* sql`
          select size_code as size, option_label as label, quantity from order_items
          where order_id = ${again.orderId} order by position`,
        [
          { size: "S2", label: "Gold", quantity: 100 },
          { size: "S1", label: "Gold", quantity: 200 }
        ]
      )
    })
  )

  test(
    "a big order is kept whole",
    Effect.gen(function* () {
      const shop = yield* ShopDesk.open()
      const items = Array.from({ length: 1000 }, (_, index) => ({
        productNo: index % 2 === 0 ? ShopDesk.cardNo : ShopDesk.bookNo,
        quantity: index + 1,
        price: 1
      }))
      const { orderId } = yield* ShopDesk.receive(ShopDesk.order("A", { items }))
      assert.deepStrictEqual(
        (yield* OrderDesk.get(orderId)).items.map(({ productId, quantity }) => [productId, quantity]),
        items.map(({ quantity }, index) => [index % 2 === 0 ? shop.card : shop.book, quantity])
      )
    })
  )

  test(
    "the sweep's position is kept for each mode, and never goes back",
    Effect.gen(function* () {
      const orders = yield* ShopOrders
      assert.isNull(yield* orders.position("sandbox"))
      yield* orders.savePosition("sandbox", "2026-01-02T00:00:00.000Z")
      yield* orders.savePosition("sandbox", "2026-01-01T00:00:00.000Z")
      assert.strictEqual(yield* orders.position("sandbox"), "2026-01-02T00:00:00.000Z")
      assert.isNull(yield* orders.position("live"))
    })
  )

  test(
    "an order that fails to be stored leaves nothing",
    Effect.gen(function* () {
      yield* ShopDesk.open()
      const { sql } = yield* Database
      yield* sql`alter table order_items add constraint full_house check (quantity < 3)`
      assert.strictEqual((yield* Effect.exit(ShopDesk.receive(ShopDesk.order("A"))))._tag, "Failure")
      assert.deepStrictEqual(yield* sql`select id from orders`, [])
      yield* sql`alter table order_items drop constraint full_house`
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* ShopDesk.receive(ShopDesk.order("A"))).created)
      assert.strictEqual((yield* Orders.use((orders) => orders.list({}, { page: 1, limit: 5 }))).total, 1)
    })
  )
})
