import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { EdicusOrderId } from "../../src/domain/Design.ts"
import { EdicusOrder, EdicusOrderStatus, leadingOrder, nextAction, RenderStep } from "../../src/domain/RenderStep.ts"

const Situation = Schema.Struct({
  step: RenderStep,
  order: Schema.NullOr(Schema.Struct({ orderId: EdicusOrderId, status: EdicusOrderStatus })),
  known: Schema.Boolean,
  late: Schema.Boolean
})

const orderId = 7
const at = (step: RenderStep, status: EdicusOrderStatus | null, more: { known?: boolean; late?: boolean } = {}) =>
  nextAction({ step, order: status === null ? null : { orderId, status }, known: false, late: false, ...more })

describe("nextAction", () => {
  it("AC-EDICUS-005 takes a job from nothing to a file", () => {
    assert.deepStrictEqual(at("waiting", null), { _tag: "Place" })
    assert.deepStrictEqual(at("ordering", "tentative"), { _tag: "Confirm", orderId })
    assert.deepStrictEqual(at("ordering", "ordered"), { _tag: "Wait", orderId })
    assert.deepStrictEqual(at("rendering", "rendering"), { _tag: "Wait", orderId })
    assert.deepStrictEqual(at("rendering", "rendered"), { _tag: "Complete", orderId })
  })

  it("has an order of an earlier job rendered again, and takes a render that is under way", () => {
    assert.deepStrictEqual(at("waiting", "rendered"), { _tag: "Repeat", orderId })
    assert.deepStrictEqual(at("waiting", "failed"), { _tag: "Repeat", orderId })
    assert.deepStrictEqual(at("waiting", "tentative"), { _tag: "Confirm", orderId })
    assert.deepStrictEqual(at("waiting", "rendering"), { _tag: "Wait", orderId })
  })

  it("never places a second order where Edicus has given the id of one", () => {
    assert.deepStrictEqual(at("ordering", null), { _tag: "Place" })
    for (const step of RenderStep.literals) {
      assert.deepStrictEqual(at(step, null, { known: true }), { _tag: "Vanished" })
    }
  })

  it("takes what is there after the deadline", () => {
    assert.deepStrictEqual(at("rendering", "rendered", { late: true }), { _tag: "Complete", orderId })
    assert.deepStrictEqual(at("rendering", "failed", { late: true }), { _tag: "Fail", reason: "render-failed" })
    assert.deepStrictEqual(at("rendering", "rendering", { late: true }), { _tag: "Fail", reason: "deadline" })
    assert.deepStrictEqual(at("waiting", null, { late: true }), { _tag: "Fail", reason: "deadline" })
  })

  it.prop("begins nothing after the deadline, and ends only what it has begun", [Situation], ([situation]) => {
    const action = nextAction(situation)
    const { known, late, order, step } = situation
    const ours = step !== "waiting"
    switch (action._tag) {
      case "Place":
        assert.isTrue(order === null && !known && !late)
        break
      case "Confirm":
        assert.isTrue(order?.status === "tentative" && !late)
        break
      case "Repeat":
        assert.isTrue((order?.status === "rendered" || order?.status === "failed") && !ours && !late)
        break
      case "Wait":
        assert.isTrue((order?.status === "ordered" || order?.status === "rendering") && !late)
        break
      case "Complete":
        assert.isTrue(order?.status === "rendered" && ours)
        break
      case "Fail":
        assert.isTrue(action.reason === "deadline" ? late : order?.status === "failed" && ours)
        break
      case "Vanished":
        assert.isTrue(order === null && known && !late)
    }
    if ("orderId" in action) assert.strictEqual(action.orderId, order?.orderId)
  })
})

describe("leadingOrder", () => {
  it.prop(
    "is the same in any order, and definitive if there is a definitive one",
    [Schema.Array(EdicusOrder)],
    ([all]) => {
      const orders = all.filter((order, index) => all.findIndex((one) => one.orderId === order.orderId) === index)
      const leading = leadingOrder(orders)
      assert.strictEqual(leading === null, orders.length === 0)
      assert.deepStrictEqual(leadingOrder(orders.toReversed()), leading)
      if (orders.some((order) => order.status !== "tentative")) assert.notStrictEqual(leading?.status, "tentative")
    }
  )

  it("of two tentative ones is the older", () => {
    const order = (orderId: number) => ({ orderId, status: "tentative" }) as const
    assert.deepStrictEqual(leadingOrder([order(9), order(3), order(5)]), order(3))
  })
})
