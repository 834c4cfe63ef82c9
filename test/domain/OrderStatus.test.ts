import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  JobStatus,
  JobStatusFromMes,
  jobTransition,
  type OrderActor,
  OrderStatus,
  orderStatusFromJobs,
  transition
} from "../../src/domain/OrderStatus.ts"

/** Section 4's table, sentence by sentence: each entry gives an actor the edges of its sentence. */
const chain: ReadonlyArray<OrderStatus> = [
  "PENDING",
  "CONFIRMED",
  "PRODUCTION_WAITING",
  "PRODUCING",
  "PRODUCTION_DONE",
  "SHIPPED",
  "DELIVERED"
]
const isForwardInProduction = (from: OrderStatus, to: OrderStatus): boolean => {
  const [a, b] = [chain.indexOf(from), chain.indexOf(to)]
  return a >= chain.indexOf("PRODUCTION_WAITING") && b > a && b <= chain.indexOf("SHIPPED")
}
const isCancelInTime = (from: OrderStatus, to: OrderStatus): boolean =>
  to === "CANCELLED" && ["PENDING", "CONFIRMED", "PRODUCTION_WAITING"].includes(from)
const isPayment = (from: OrderStatus, to: OrderStatus): boolean => from === "PENDING" && to === "CONFIRMED"
const isDelivery = (from: OrderStatus, to: OrderStatus): boolean => from === "SHIPPED" && to === "DELIVERED"
const isAcceptance = (from: OrderStatus, to: OrderStatus): boolean =>
  from === "CONFIRMED" && to === "PRODUCTION_WAITING"

const may: Readonly<Record<OrderActor, ReadonlyArray<(from: OrderStatus, to: OrderStatus) => boolean>>> = {
  operator: [isPayment, isForwardInProduction, isDelivery, isCancelInTime],
  mes: [isAcceptance, isForwardInProduction],
  shopby: [isPayment, isCancelInTime]
}

const Actor = Schema.Literals(["operator", "mes", "shopby"])

describe("transition", () => {
  it("knows the statuses of section 4, and no others", () => {
    const known: ReadonlyArray<OrderStatus> = OrderStatus.literals
    assert.deepStrictEqual(known, [...chain, "CANCELLED"])
  })

  it("judges every (actor, from, to) as section 4 does", () => {
    for (const actor of Actor.literals) {
      for (const from of OrderStatus.literals) {
        for (const to of OrderStatus.literals) {
          const expected = from === to ? "Unchanged" : may[actor].some((rule) => rule(from, to)) ? "Changed" : "Illegal"
          assert.strictEqual(transition(actor, from, to), expected, `${actor}: ${from} → ${to}`)
        }
      }
    }
  })

  it("never leaves DELIVERED or CANCELLED", () => {
    for (const actor of Actor.literals) {
      for (const to of OrderStatus.literals) {
        assert.notStrictEqual(transition(actor, "DELIVERED", to), "Changed")
        assert.notStrictEqual(transition(actor, "CANCELLED", to), "Changed")
      }
    }
  })

  it("lets a job jump forward and never back", () => {
    assert.strictEqual(jobTransition("PRODUCING", "SHIPPED"), "Changed")
    assert.strictEqual(jobTransition("SHIPPED", "PRODUCING"), "Illegal")
    assert.strictEqual(jobTransition("PRODUCING", "PRODUCING"), "Unchanged")
  })
})

const rank = (status: OrderStatus | null) => chain.indexOf(status ?? "CONFIRMED")

describe("orderStatusFromJobs", () => {
  it.prop(
    "AC-MES-008 an order is as far as its slowest job; one not accepted is slowest",
    [Schema.Array(Schema.NullOr(JobStatus)).check(Schema.isMinLength(1), Schema.isMaxLength(6))],
    ([jobs]) => {
      assert.strictEqual(rank(orderStatusFromJobs(jobs)), Math.min(...jobs.map(rank)))
    }
  )

  it("gives an order without jobs no progress", () => assert.strictEqual(orderStatusFromJobs([]), "CONFIRMED"))
})

describe("JobStatusFromMes", () => {
  it("AC-MES-003 maps the four statuses as tabled, both ways", () => {
    const table = [
      ["제작대기", "PRODUCTION_WAITING"],
      ["제작중", "PRODUCING"],
      ["제작완료", "PRODUCTION_DONE"],
      ["출고완료", "SHIPPED"]
    ] as const
    for (const [mes, hub] of table) {
      assert.strictEqual(Schema.decodeSync(JobStatusFromMes)(mes), hub)
      assert.strictEqual(Schema.encodeSync(JobStatusFromMes)(hub), mes)
    }
    assert.throws(() => Schema.decodeUnknownSync(JobStatusFromMes)("출고"))
    assert.throws(() => Schema.decodeUnknownSync(JobStatusFromMes)("SHIPPED"))
  })
})
