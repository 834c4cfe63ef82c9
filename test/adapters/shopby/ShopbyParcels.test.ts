import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as ShopbyClient from "../../../src/adapters/shopby/ShopbyClient.ts"
import * as ShopbyParcels from "../../../src/adapters/shopby/ShopbyParcels.ts"
import { ShopbySandbox } from "../../../src/adapters/shopby/ShopbySandbox.ts"
import { makeOrderId } from "../../../src/domain/Ids.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { book, Faults, OrderBook, orders, requested, shop, tell } from "./ShopbyRig.ts"
import { card, shipped } from "./ShopbySamples.ts"

const layer = orders.pipe(Layer.provideMerge(Layer.mergeAll(OrderBook.layer, shop(), CircuitBreakers.layer)))

const test = (
  name: string,
  body: (
    sync: Effect.Success<ReturnType<typeof ShopbyParcels.make>>
  ) => Effect.Effect<void, unknown, Layer.Success<typeof layer>>
) =>
  it.effect(name, () =>
    ShopbyClient.make.pipe(Effect.flatMap(ShopbyParcels.make), Effect.flatMap(body), Effect.provide(layer))
  )

/** A paid order of the shop with these parcels. */
const place = Effect.fnUntraced(function* (parcels = 1) {
  const sandbox = yield* ShopbySandbox
  yield* sandbox.register(card)
  const { order } = yield* sandbox.place({
    lines: Array.from({ length: parcels }, () => ({ managementCode: card.managementCode })),
    split: true,
    webhook: false
  })
  return order
})

const told = Effect.map(
  Effect.flatMap(ShopbySandbox, (sandbox) => sandbox.orders),
  (all) => all.flatMap(({ history }) => history)
)

test("AC-SHOPBY-004 every parcel is told, with the tracking number, under the order's correlation id", (sync) =>
  Effect.gen(function* () {
    const { orderNo, parcels } = yield* place(2)
    const shippingNos = parcels.map(({ shippingNo }) => shippingNo)
    const id = yield* tell(shipped({ externalOrderId: orderNo, shippingNos }))
    yield* sync(id, "sandbox")
    assert.deepStrictEqual(
      yield* told,
      shippingNos.map((shippingNo) => ({
        status: "DELIVERY_ING",
        shippingNo,
        trackingNumber: "T-1",
        carrier: "CJ",
        correlationId: "trace-123"
      }))
    )
    assert.deepStrictEqual((yield* book).confirmed, [{ status: "DELIVERY_ING", trackingNumber: "T-1", carrier: "CJ" }])
    assert.deepStrictEqual(yield* requested, ["PUT /orders/change-status/by-shipping-no"])
  }))

test("AC-SHOPBY-004 nothing to tell: no request", (sync) =>
  Effect.gen(function* () {
    yield* sync(yield* makeOrderId, "sandbox")
    assert.deepStrictEqual(yield* requested, [])
    assert.deepStrictEqual((yield* book).confirmed, [])
  }))

test("AC-SHOPBY-004 parcels that the webhook did not tell are asked for, and kept", (sync) =>
  Effect.gen(function* () {
    const { orderNo, parcels } = yield* place(3)
    const id = yield* tell(shipped({ externalOrderId: orderNo }))
    yield* sync(id, "sandbox")
    assert.strictEqual((yield* told).length, 3)
    assert.deepStrictEqual(
      (yield* book).orders.get(orderNo)?.shippingNos,
      parcels.map(({ shippingNo }) => shippingNo)
    )
  }))

test("250 parcels go in three requests", (sync) =>
  Effect.gen(function* () {
    const shippingNos = Array.from({ length: 250 }, (_, index) => `9000-${index}`)
    const id = yield* tell(shipped({ externalOrderId: "big", shippingNos }))
    yield* sync(id, "sandbox")
    assert.strictEqual((yield* requested).length, 3)
    assert.strictEqual((yield* book).confirmed.length, 1)
  }))

test("AC-SHOPBY-008 a failure inside a 200 is final and confirms nothing; one that may pass is tried again", (sync) =>
  Effect.gen(function* () {
    const sandbox = yield* ShopbySandbox
    const { orderNo, parcels } = yield* place(2)
    const shippingNos = parcels.map(({ shippingNo }) => shippingNo)
    const id = yield* tell(shipped({ externalOrderId: orderNo, shippingNos }))
    yield* sandbox.failStatusChanges({ errorCode: "OD0010", errorMessage: "not now" })
    const rejected = yield* Effect.flip(sync(id, "sandbox"))
    assert.deepInclude(rejected, { _tag: "Rejected", code: "OD0010" })
    assert.include(rejected.message, "2 of 2")
    yield* sandbox.failStatusChanges({ errorCode: "TIMEOUT", errorMessage: "later" })
    assert.strictEqual((yield* Effect.flip(sync(id, "sandbox")))._tag, "Transient")
    assert.deepStrictEqual((yield* book).confirmed, [])
  }))

test("AC-SHOPBY-008 told in part is not told; what is as it should be already is no failure", (sync) =>
  Effect.gen(function* () {
    const sandbox = yield* ShopbySandbox
    const { orderNo, parcels } = yield* place(2)
    const shippingNos = parcels.map(({ shippingNo }) => shippingNo)
    const id = yield* tell(shipped({ externalOrderId: orderNo, shippingNos }))
    const failure = { errorCode: "OD0010", errorMessage: "no" }
    yield* sandbox.failStatusChanges(failure, shippingNos.slice(1))
    const rejected = yield* Effect.flip(sync(id, "sandbox"))
    assert.include(rejected.message, "1 of 2")
    assert.deepStrictEqual((yield* book).confirmed, [])
    // The first parcel was told, and refuses to be told again.
    yield* sandbox.failStatusChanges(failure, shippingNos.slice(0, 1))
    yield* sync(id, "sandbox")
    assert.strictEqual((yield* book).confirmed.length, 1)
  }))

test("a lost answer is repeated; an order that the shop has not got is final", (sync) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const { orderNo, parcels } = yield* place()
    const id = yield* tell(shipped({ externalOrderId: orderNo, shippingNos: [parcels[0]?.shippingNo ?? ""] }))
    for (const fault of [{ _tag: "LostAnswer" }, { _tag: "Garbage", handled: true }] as const) {
      yield* faults.set([{ fault, when: ({ method }) => method === "PUT" }])
      assert.strictEqual((yield* Effect.flip(sync(id, "sandbox")))._tag, "Transient")
    }
    assert.deepStrictEqual((yield* book).confirmed, [])
    yield* faults.clear
    yield* sync(id, "sandbox")
    assert.strictEqual((yield* book).confirmed.length, 1)
    const lost = yield* tell(shipped({ externalOrderId: "lost" }))
    assert.deepInclude(yield* Effect.flip(sync(lost, "sandbox")), { _tag: "Rejected", status: 404 })
  }))
