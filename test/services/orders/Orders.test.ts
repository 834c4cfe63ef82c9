import { assert, it } from "@effect/vitest"
import { Effect, Layer, Struct } from "effect"
import { OrderId, ProductId } from "../../../src/domain/Ids.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { Notifications } from "../../../src/services/orders/Notifications.ts"
import { Orders } from "../../../src/services/orders/Orders.ts"
import { Production } from "../../../src/services/orders/Production.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as OrderDesk from "../../support/OrderDesk.ts"

const nobody = OrderId.make("ord_01ARZ3NDEKTSV4RRFFQ69G5FAV")
const ids = (page: { readonly data: ReadonlyArray<{ readonly id: OrderId }> }) => page.data.map((order) => order.id)
const operator = { actor: "operator", name: "Lee" } as const

describeDatabases("Orders", (database) => {
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))
  const layer = OrderDesk.coreWithLog.pipe(Layer.provideMerge(database))

  test(
    "takes in a paid order: CONFIRMED, with history and order.created under the inbound correlation id",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const order = yield* OrderDesk.place(
        OrderDesk.cardOrder(shop, {
          customer: { name: "Kim", email: "kim@example.com" },
          memo: "rush"
        })
      )
      const [item] = order.items
      assert.deepStrictEqual(order, {
        id: order.id,
        source: "widget",
        status: "CONFIRMED",
        externalOrderId: null,
        customer: { name: "Kim", email: "kim@example.com" },
        items: [
          {
            id: item?.id ?? assert.fail("no item"),
            productId: shop.card,
            quantity: 250,
            choiceIds: [shop.coating, shop.size, shop.paper],
            jobs: []
          }
        ],
        totalPrice: 12_000,
        correlationId: "trace-123",
        needsAttention: false,
        reasons: [],
        blockedChoiceIds: [],
        history: [{ from: null, to: "CONFIRMED", actor: "shop", reason: null, at: "1970-01-01T00:00:00.000Z" }],
        createdAt: "1970-01-01T00:00:00.000Z",
        updatedAt: "1970-01-01T00:00:00.000Z",
        trackingNumber: null,
        carrier: null
      })
      assert.deepStrictEqual(yield* OrderDesk.get(order.id), order)
      const events = yield* OrderDesk.eventsOf(order.id)
      assert.deepStrictEqual(OrderDesk.brief(events), [{ type: "order.created", source: "widget" }])
      assert.strictEqual(events[0]?.correlationId, "trace-123")
    })
  )

  test(
    "takes in an unpaid order as PENDING; without a request it makes a correlation id",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const order = yield* Orders.use((orders) => orders.create(OrderDesk.cardOrder(shop, { paid: false }), "shop"))
      assert.strictEqual(order.status, "PENDING")
      assert.match(order.correlationId, /^[0-9a-f-]{36}$/)
      assert.strictEqual((yield* OrderDesk.eventsOf(order.id))[0]?.correlationId, order.correlationId)
    })
  )

  test(
    "keeps items and choices in the order given, and large amounts exact",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const order = yield* OrderDesk.place({
        ...OrderDesk.cardOrder(shop),
        totalPrice: Number.MAX_SAFE_INTEGER,
        items: [
          { productId: shop.book, quantity: 2, choiceIds: [shop.coverPaper, shop.innerPaper] },
          { productId: shop.card, quantity: 1, choiceIds: [shop.paper, shop.coating] },
          { productId: shop.book, quantity: 3, choiceIds: [] }
        ]
      })
      assert.strictEqual(order.totalPrice, Number.MAX_SAFE_INTEGER)
      assert.deepStrictEqual(
        order.items.map((item) => [item.productId, item.quantity, item.choiceIds]),
        [
          [shop.book, 2, [shop.coverPaper, shop.innerPaper]],
          [shop.card, 1, [shop.paper, shop.coating]],
          [shop.book, 3, []]
        ]
      )
    })
  )

  test(
    "AC-API-004 refuses what the catalogue does not offer, with every path, and stores nothing",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      yield* Products.use((products) => products.deactivate(shop.book))
      const refused = yield* Effect.flip(
        OrderDesk.place({
          ...OrderDesk.cardOrder(shop),
          items: [
            { productId: ProductId.make(2_000_000), quantity: 1, choiceIds: [] },
            { productId: shop.book, quantity: 1, choiceIds: [] },
            {
              productId: shop.card,
              quantity: 1,
              choiceIds: [shop.paper, shop.coverPaper, OrderDesk.unknownChoice, shop.paper]
            }
          ]
        })
      )
      assert.deepStrictEqual(
        refused.issues.map((issue) => issue.path),
        ["items.0.productId", "items.1.productId", "items.2.choiceIds.1", "items.2.choiceIds.2", "items.2.choiceIds.3"]
      )
      assert.strictEqual((yield* Orders.use((orders) => orders.list({}, { page: 1, limit: 20 }))).total, 0)
    })
  )

  test(
    "is not seen, and nor is its event, when the transaction around it rolls back",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const { transaction } = yield* Database
      const id = yield* Effect.flip(
        transaction(Effect.flatMap(OrderDesk.place(OrderDesk.cardOrder(shop)), (order) => Effect.fail(order.id)))
      )
      assert(typeof id === "string")
      assert.strictEqual((yield* Effect.flip(OrderDesk.get(id)))._tag, "OrderNotFound")
      assert.deepStrictEqual(yield* OrderDesk.eventsOf(id), [])
    })
  )

  test(
    "lists newest first, by status and source, in pages",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const orders = yield* Orders
      const [a, b, c] = [
        yield* OrderDesk.place(OrderDesk.cardOrder(shop)),
        yield* OrderDesk.place(OrderDesk.cardOrder(shop, { source: "admin", paid: false })),
        yield* OrderDesk.place(OrderDesk.bookOrder(shop))
      ]
      const all = yield* orders.list({}, { page: 1, limit: 2 })
      assert.strictEqual(all.total, 3)
      assert.deepStrictEqual(ids(all), [c.id, b.id])
      assert.deepStrictEqual(ids(yield* orders.list({}, { page: 2, limit: 2 })), [a.id])
      assert.deepStrictEqual(ids(yield* orders.list({}, { page: 3, limit: 2 })), [])
      assert.deepStrictEqual(ids(yield* orders.list({ status: "PENDING" }, { page: 1, limit: 20 })), [b.id])
      assert.deepStrictEqual(ids(yield* orders.list({ source: "widget" }, { page: 1, limit: 20 })), [c.id, a.id])
      assert.deepStrictEqual(ids(yield* orders.list({ needsAttention: true }, { page: 1, limit: 20 })), [])
      assert.deepStrictEqual(all.data[0], c)
    })
  )

  test(
    "changes a status with history and event; the same again changes nothing",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const orders = yield* Orders
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { paid: false }))
      const paid = yield* orders.changeStatus(id, "CONFIRMED", { ...operator, reason: "paid by transfer" })
      assert.deepStrictEqual(paid, { orderId: id, previousStatus: "PENDING", status: "CONFIRMED", changed: true })
      const again = yield* orders.changeStatus(id, "CONFIRMED", operator)
      assert.deepStrictEqual(again, { orderId: id, previousStatus: "CONFIRMED", status: "CONFIRMED", changed: false })
      const order = yield* OrderDesk.get(id)
      assert.deepStrictEqual(order.history.map(Struct.omit(["at"])), [
        { from: null, to: "PENDING", actor: "shop", reason: null },
        { from: "PENDING", to: "CONFIRMED", actor: "Lee", reason: "paid by transfer" }
      ])
      assert.deepStrictEqual(OrderDesk.brief(yield* OrderDesk.eventsOf(id)), [
        { type: "order.created", source: "widget" },
        { type: "order.status.changed", from: "PENDING", to: "CONFIRMED" }
      ])
    })
  )

  test(
    "refuses an illegal change and an unknown order, changing nothing",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const orders = yield* Orders
      const order = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const refused = yield* Effect.flip(orders.changeStatus(order.id, "SHIPPED", operator))
      assert.deepInclude(refused, { _tag: "InvalidStateTransition", from: "CONFIRMED", to: "SHIPPED", mesJobId: null })
      assert.deepStrictEqual(yield* OrderDesk.get(order.id), order)
      assert.strictEqual((yield* OrderDesk.eventsOf(order.id)).length, 1)
      assert.strictEqual((yield* Effect.flip(orders.changeStatus(nobody, "SHIPPED", operator)))._tag, "OrderNotFound")
      assert.strictEqual((yield* Effect.flip(orders.get(nobody)))._tag, "OrderNotFound")
    })
  )

  test(
    "judges changes at the same moment one after the other",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const orders = yield* Orders
      const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      const changes = yield* Effect.all(
        Array.from({ length: 10 }, () => orders.changeStatus(id, "CANCELLED", operator)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(changes.filter((change) => change.changed).length, 1)
      assert.strictEqual((yield* OrderDesk.get(id)).history.length, 2)
      assert.strictEqual((yield* OrderDesk.eventsOf(id)).length, 2)
    })
  )

  test(
    "tells the operator when an order is cancelled that the MES may know",
    Effect.gen(function* () {
      const shop = yield* OrderDesk.open()
      const orders = yield* Orders
      const production = yield* Production
      const notifications = yield* Notifications
      const cancel = (id: OrderId) => orders.changeStatus(id, "CANCELLED", operator)
      const page = { page: 1, limit: 20 }

      const early = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      yield* OrderDesk.readyJobs(early.id)
      yield* cancel(early.id)
      assert.strictEqual((yield* notifications.list({}, page)).total, 0)

      const dispatched = yield* OrderDesk.place(OrderDesk.cardOrder(shop), "trace-7")
      const [mesJobId] = yield* OrderDesk.dispatchAll(dispatched.id)
      yield* cancel(dispatched.id)
      const {
        data: [first]
      } = yield* notifications.list({ kind: "order-cancelled-with-jobs" }, page)
      assert.deepInclude(first, { subject: `order:${dispatched.id}`, correlationId: "trace-7", acknowledgedBy: null })
      assert.include(first?.message, mesJobId)

      const inDoubt = yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      for (const { id } of yield* OrderDesk.readyJobs(inDoubt.id)) yield* production.begin(id, "sandbox")
      yield* cancel(inDoubt.id)
      const {
        data: [second]
      } = yield* notifications.list({}, page)
      assert.deepInclude(second, { kind: "order-cancelled-with-jobs", subject: `order:${inDoubt.id}` })
    })
  )
})
