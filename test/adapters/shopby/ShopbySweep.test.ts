import { assert, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Option, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as ShopbyClient from "../../../src/adapters/shopby/ShopbyClient.ts"
import { ShopbySandbox } from "../../../src/adapters/shopby/ShopbySandbox.ts"
import * as ShopbySweep from "../../../src/adapters/shopby/ShopbySweep.ts"
import type { ShopStatus } from "../../../src/domain/ShopOrder.ts"
import { ShopOrder } from "../../../src/domain/ShopOrder.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { book, Faults, OrderBook, orders, requested, shop } from "./ShopbyRig.ts"
import { card } from "./ShopbySamples.ts"

const layer = orders.pipe(Layer.provideMerge(Layer.mergeAll(OrderBook.layer, shop(), CircuitBreakers.layer)))

const test = (
  name: string,
  body: (sweep: Effect.Effect<void>) => Effect.Effect<void, unknown, Layer.Success<typeof layer>>
) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      yield* (yield* ShopbySandbox).register(card)
      const sweep = yield* ShopbySweep.make(yield* ShopbyClient.make)
      yield* body(sweep("sandbox"))
    }).pipe(Effect.provide(layer))
  )

const start = DateTime.toEpochMillis(DateTime.makeUnsafe("2026-11-21T00:00:00Z"))

const place = Effect.fnUntraced(function* (
  more: { readonly paid?: boolean; readonly webhook?: boolean; readonly split?: boolean; readonly lines?: number } = {}
) {
  const { lines = 1, ...options } = more
  const { order } = yield* (yield* ShopbySandbox).place({
    lines: Array.from({ length: lines }, () => ({
      managementCode: card.managementCode,
      option: "90x50|스노우지",
      count: 2
    })),
    webhook: false,
    ...options
  })
  return order
})
const change = (orderNo: string, status: ShopStatus) =>
  ShopbySandbox.use((sandbox) => sandbox.setStatus(orderNo, status))
const known = Effect.map(book, (all) => [...all.orders.values()])
const position = Effect.map(book, (all) => all.position)

test("AC-SHOPBY-009 an order that no webhook told of is found, with all that a webhook would have told", (sweep) =>
  Effect.gen(function* () {
    const { orderNo, parcels } = yield* place({ split: true, lines: 2 })
    yield* sweep
    const [found, ...rest] = yield* known
    assert.deepStrictEqual(rest, [])
    const shippingNos = parcels.map(({ shippingNo }) => shippingNo)
    assert.deepInclude(found, { begun: "CONFIRMED", shippingNos, reports: [] })
    const item = {
      productNo: 100_010_001,
      quantity: 2,
      price: 10_500,
      optionManagementCd: "10001-100-b",
      optionValues: [
        { name: "사이즈", value: "90x50" },
        { name: "용지", value: "스노우지" }
      ]
    }
    assert.deepStrictEqual(found?.order, {
      orderNo,
      orderAmount: 42_000,
      orderer: { name: "홍길동" },
      shippingNo: shippingNos[0] ?? "",
      items: [item, item]
    })
    assert.include(found?.raw, orderNo)
    assert.strictEqual(yield* position, "2026-11-21T00:00:00.000Z")
  }))

test("AC-SHOPBY-009 unpaid orders begin so; payment and cancellation are reported as the shop shows them", (sweep) =>
  Effect.gen(function* () {
    const { orderNo } = yield* place({ paid: false })
    yield* sweep
    yield* TestClock.adjust("5 minutes")
    yield* change(orderNo, "PAY_DONE")
    yield* sweep
    yield* TestClock.adjust("1 hour")
    yield* change(orderNo, "CANCEL_DONE")
    yield* sweep
    const [found] = yield* known
    assert.deepInclude(found, { begun: "PENDING", reports: ["PAY_DONE", "CANCEL_DONE"] })
  }))

test("what is cancelled, or on its way by other hands, is not taken in", (sweep) =>
  Effect.gen(function* () {
    for (const status of ["CANCEL_DONE", "PRODUCT_PREPARE", "DELIVERY_DONE"] as const) {
      const { orderNo } = yield* place()
      yield* change(orderNo, status)
    }
    yield* sweep
    assert.deepStrictEqual(yield* known, [])
  }))

test("the position stands still until everything is handled, and each sweep begins a little before it", (sweep) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* sweep
    const before = yield* position
    yield* TestClock.adjust("5 minutes")
    const { orderNo } = yield* place()
    for (const fault of [
      { _tag: "Refuse" },
      { _tag: "Status", status: 429, retryAfter: "60" },
      { _tag: "Status", status: 401 },
      { _tag: "Garbage" }
    ] as const) {
      yield* faults.set([{ fault, when: ({ url }) => url.includes("/orders") }])
      yield* sweep
      assert.strictEqual(yield* position, before)
    }
    yield* faults.clear
    // Written late: at a time that the position is past.
    yield* TestClock.adjust("9 minutes")
    yield* Ref.update(yield* OrderBook, (all) => ({ ...all, position: "2026-11-21T00:14:00Z" }))
    yield* sweep
    assert.deepStrictEqual(
      (yield* known).map(({ order }) => order.orderNo),
      [orderNo]
    )
  }))

test("after a long time the sweep goes day by day, and one that ends early goes on where it stood", (sweep) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* sweep
    const placed = yield* place()
    yield* TestClock.adjust("60 hours")
    yield* requested
    yield* faults.set([
      { fault: { _tag: "Delay", millis: 0 }, times: 1, when: ({ url }) => url.endsWith("/orders") },
      { fault: { _tag: "Status", status: 503 }, when: ({ url }) => url.endsWith("/orders") }
    ])
    yield* sweep
    assert.strictEqual(yield* position, "2026-11-21T23:50:00.000Z")
    assert.strictEqual((yield* known)[0]?.order.orderNo, placed.orderNo)
    yield* faults.clear
    yield* requested
    yield* sweep
    assert.deepStrictEqual(
      (yield* requested).filter((line) => line === "GET /orders"),
      Array.from({ length: 2 }, () => "GET /orders")
    )
    assert.strictEqual(yield* position, "2026-11-23T12:00:00.000Z")
  }))

test("more orders than a page holds are all found", (sweep) =>
  Effect.gen(function* () {
    for (let count = 0; count < 450; count++) yield* place()
    yield* sweep
    assert.strictEqual((yield* known).length, 450)
  }))

test("two hubs may sweep at once, and again: every order once", (sweep) =>
  Effect.gen(function* () {
    for (let count = 0; count < 5; count++) yield* place()
    yield* Effect.all([sweep, sweep], { concurrency: "unbounded" })
    yield* sweep
    assert.strictEqual((yield* known).length, 5)
  }))

test("AC-SHOPBY-009 a webhook that nobody took is found, by its own words and the order's own state", (sweep) =>
  Effect.gen(function* () {
    const sandbox = yield* ShopbySandbox
    yield* sandbox.failWebhooks(true)
    // Too old for the order list.
    const kept = yield* place({ webhook: true })
    const cancelled = yield* place({ webhook: true })
    yield* change(cancelled.orderNo, "CANCEL_DONE")
    yield* TestClock.adjust("3 days")
    yield* sweep
    const [found, ...rest] = yield* known
    assert.deepStrictEqual(rest, [])
    assert.strictEqual(found?.order.orderNo, kept.orderNo)
    const told = Schema.decodeOption(Schema.fromJsonString(ShopOrder))(found?.raw ?? "")
    assert.deepStrictEqual(Option.getOrNull(told), found?.order)
    // Done with: not asked for again.
    yield* requested
    yield* sweep
    assert.notInclude((yield* requested).join(" "), kept.orderNo)
  }))

test("what cannot be read holds up nothing", (sweep) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const body = JSON.stringify({ contents: [null, { orderNo: 1 }, "x", { data: "{" }], totalCount: 4 })
    yield* faults.set([{ fault: { _tag: "Garbage", body }, when: ({ url }) => /\/orders$|failed$/.test(url) }])
    yield* sweep
    assert.deepStrictEqual(yield* known, [])
    assert.strictEqual(yield* position, "2026-11-21T00:00:00.000Z")
  }))
