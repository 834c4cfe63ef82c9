/** Waves of 50 signed webhooks at once about 25 matters: each is told, and told again in one of two ways. */
import { Effect } from "effect"
import type { Answer } from "../../test/support/HubProcess.ts"
import type { PlantJob } from "../../test/support/MesPlant.ts"
import * as Scene from "../../test/support/Scene.ts"
import { stringAt } from "../../test/support/Shop.ts"
import * as ShopbyMall from "../../test/support/ShopbyMall.ts"
import { deliver, type Target } from "./Sender.ts"

export const atOnce = 50

/** What the plant tells of each job, in this order. */
export const steps = ["제작중", "제작완료", "출고완료"]

export interface Webhooks {
  /** 25 new orders of the shop. */
  readonly orders: Effect.Effect<void>
  /** This status of these jobs. */
  readonly reports: (jobs: ReadonlyArray<PlantJob>, status: string) => Effect.Effect<void>
  /** Webhooks answered so far. */
  readonly answers: () => number
  /** The hub's id of each order of the shop. */
  readonly answered: ReadonlyMap<string, string>
  /** Answers that must not be. */
  readonly violations: ReadonlyArray<string>
}

/** In a random order. */
export const shuffled = <A>(all: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  all
    .map((value) => ({ value, at: random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ value }) => value)

export const make = Effect.fnUntraced(function* (scene: Scene.Scene, target: Target, random: () => number) {
  const { card } = yield* Scene.openShop(scene)
  const answered = new Map<string, string>()
  const violations: Array<string> = []
  let answers = 0

  /** Sends each twice at the same time, every other one under another id the second time; all of them in any order. */
  const wave = (
    matters: ReadonlyArray<{
      readonly id: string
      readonly method: "POST" | "PUT"
      readonly path: string
      readonly body: string
      readonly take: (answer: Answer) => void
    }>
  ) => {
    const twice = matters.flatMap((matter, index) => [
      matter,
      index % 2 === 0 ? matter : { ...matter, id: `${matter.id}_again` }
    ])
    return Effect.forEach(
      shuffled(twice, random),
      (matter) =>
        Effect.map(deliver(target, matter), (answer) => {
          answers++
          if (answer.status === 200 || answer.status === 201) return matter.take(answer)
          violations.push(`${matter.id} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
        }),
      { concurrency: "unbounded", discard: true }
    )
  }

  const orders = Effect.gen(function* () {
    const basket = [{ mallProductNo: card.mallProductNo, optionManagementCd: card.options[0]?.managementCode ?? "" }]
    const placed = yield* Effect.forEach(Array.from({ length: atOnce / 2 }), () => scene.mall.place(basket))
    yield* wave(
      placed.map((order) => ({
        id: `msg_${order.orderNo}`,
        method: "POST",
        path: "/api/v1/integration/shopby/orders",
        body: ShopbyMall.webhookOf(order),
        take: ({ body }) => {
          const orderId = stringAt(body, "orderId")
          const before = answered.get(order.orderNo)
          if (before !== undefined && before !== orderId) {
            violations.push(`${order.orderNo} is both ${before} and ${orderId}`)
          }
          answered.set(order.orderNo, orderId)
        }
      }))
    )
  })

  const webhooks: Webhooks = {
    orders,
    reports: (jobs, status) =>
      wave(
        jobs.map(({ mesJobId, orderId }) => ({
          id: `msg_${mesJobId}_${steps.indexOf(status)}`,
          method: "PUT",
          path: `/api/v1/integration/mes/orders/${orderId}/status`,
          body: JSON.stringify({ mesJobId, status }),
          take: () => {}
        }))
      ),
    answers: () => answers,
    answered,
    violations
  }
  return webhooks
})
