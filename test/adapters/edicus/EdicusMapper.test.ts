import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  OrderFromEdicus,
  OrderLookup,
  OrderLookupFromEdicus,
  OrderRequest,
  OrderRequestFromEdicus,
  OrderStatusFromEdicus
} from "../../../src/adapters/edicus/EdicusMapper.ts"
import { EdicusOrder } from "../../../src/domain/RenderStep.ts"

const roundTrip =
  <A, I>(schema: Schema.Codec<A, I>) =>
  (value: A) =>
    Effect.gen(function* () {
      const body = yield* Schema.encodeEffect(Schema.fromJsonString(schema))(value)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Schema.fromJsonString(schema))(body), value)
    })

describe("EdicusMapper", () => {
  it.effect.prop("an order survives the way to Edicus and back", [EdicusOrder], ([order]) =>
    roundTrip(OrderFromEdicus)(order)
  )

  it.effect.prop("an order to be placed survives", [OrderRequest], ([request]) =>
    roundTrip(OrderRequestFromEdicus)(request)
  )

  it.effect.prop("what is asked for survives", [OrderLookup], ([lookup]) => roundTrip(OrderLookupFromEdicus)(lookup))

  it.effect("AC-EDICUS-005 writes an order as section 8.3 has it", () =>
    Effect.gen(function* () {
      const encode = Schema.encodeEffect(OrderRequestFromEdicus)
      const request = { count: 1, totalPrice: 0, partnerOrderId: "rnd_1", name: null }
      assert.deepStrictEqual(yield* encode(request), { order_count: 1, total_price: 0, partner_order_id: "rnd_1" })
      assert.deepStrictEqual(yield* encode({ ...request, partnerOrderId: null, name: "Card" }), {
        order_count: 1,
        total_price: 0,
        order_name: "Card"
      })
    })
  )

  it.effect("writes a query by either name", () =>
    Effect.gen(function* () {
      const encode = Schema.encodeEffect(OrderLookupFromEdicus)
      assert.deepStrictEqual(yield* encode({ _tag: "ById", orderId: 5 }), { by_order_id: { order_id: 5 } })
      assert.deepStrictEqual(yield* encode({ _tag: "ByPartnerOrderId", partnerOrderId: "rnd_1" }), {
        by_partner_order_id: { partner_order_id: "rnd_1" }
      })
    })
  )

  it.effect("AC-EDICUS-006 reads a record, with what it leaves out and what nobody needs", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(OrderFromEdicus)
      const order = { orderId: 5, projectId: "p-1", partnerOrderId: null, status: "failed" } as const
      assert.deepStrictEqual(
        yield* decode({ id: 5, project_id: "p-1", status: "render-fail", ctime: "2026-01-01", more: 1 }),
        order
      )
      assert.deepStrictEqual(
        yield* decode({ id: 5, project_id: "p-1", partner_order_id: "rnd_1", status: "ordering", ctime: 1 }),
        { ...order, partnerOrderId: "rnd_1", status: "tentative" }
      )
    })
  )

  it.effect("has a word for each status, and takes no other", () =>
    Effect.gen(function* () {
      const words = ["ordering", "ordered", "rendering", "rendered", "render-fail"] as const
      const statuses = yield* Effect.forEach(words, (word) => Schema.decodeEffect(OrderStatusFromEdicus)(word))
      assert.deepStrictEqual(statuses, ["tentative", "ordered", "rendering", "rendered", "failed"])
      yield* Effect.flip(Schema.decodeUnknownEffect(OrderStatusFromEdicus)("cancelled"))
    })
  )

  it.effect("an order without a number of its own is none", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(OrderFromEdicus)
      for (const id of [undefined, null, "5", 0, 1.5, 2 ** 53]) {
        yield* Effect.flip(decode({ id, project_id: "p-1", status: "ordered" }))
      }
    })
  )
})
