/**
 * Customers, 20 at a time, who order until they have an answer: on the site (`POST /orders`, under an Idempotency-Key)
 * and, one in five, in the shop (a signed webhook). Each order carries a name of its own, by which it is found again.
 */
import { Effect } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import type { Scene } from "../../test/support/Scene.ts"
import * as SceneOf from "../../test/support/Scene.ts"
import { stringAt } from "../../test/support/Shop.ts"
import * as ShopbyMall from "../../test/support/ShopbyMall.ts"
import { deliver, send, type Target } from "./Sender.ts"

const concurrency = 20
const everyShopOrder = 5
/** The hub gives a key free this many seconds after the process that worked on it died. */
const leaseSeconds = 60

export interface Customers {
  /** Places this many orders. Ends when each is answered, or known to wait for its key. */
  readonly place: (orders: number) => Effect.Effect<void>
  /** Waits for the keys that a dead hub holds, and repeats those orders too. */
  readonly insist: Effect.Effect<void>
  /** Ids of the orders that were answered 201 or 200, by name. */
  readonly answered: ReadonlyMap<string, string>
  /** Names of those that are not. */
  readonly unanswered: () => ReadonlyArray<string>
  /** Orders that are answered, or known to wait for their key. */
  readonly settled: () => number
  readonly awaitSettled: (count: number) => Effect.Effect<void>
  /** Answers that must not be. */
  readonly violations: ReadonlyArray<string>
}

export const make = Effect.fnUntraced(function* (scene: Scene, target: Target) {
  const { card, cardId } = yield* SceneOf.openShop(scene)
  const choiceId = yield* SceneOf.choiceIdOf(scene.hub, "matt")
  const answered = new Map<string, string>()
  const waiting = new Map<string, Effect.Effect<void>>()
  const violations: Array<string> = []
  let placed = 0
  const settled = () => answered.size + waiting.size

  const note = (name: string, orderId: string) => {
    const before = answered.get(name)
    if (before !== undefined && before !== orderId) violations.push(`${name} is both ${before} and ${orderId}`)
    answered.set(name, orderId)
    waiting.delete(name)
  }

  const onSite = Effect.fnUntraced(function* (name: string) {
    const body = {
      source: "widget",
      customer: { name },
      items: [{ productId: cardId, quantity: 100, choiceIds: [choiceId] }],
      totalPrice: 8_000
    }
    const attempt = (hub: HubProcess) =>
      hub.request("POST", "/api/v1/orders", { body, headers: { "idempotency-key": name } })
    const answer = yield* send(target, attempt)
    if (answer.status === 201) note(name, stringAt(answer.body, "id"))
    // A hub that died held the key: whether it stored the order is known when the lease ends.
    else if (answer.status === 409) waiting.set(name, onSite(name))
    else violations.push(`${name} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  })

  const inShop = Effect.fnUntraced(function* () {
    const order = yield* scene.mall.place([
      { mallProductNo: card.mallProductNo, optionManagementCd: card.options[0]?.managementCode ?? "" }
    ])
    const name = order.orderNo
    const body = ShopbyMall.webhookOf(order)
    const path = "/api/v1/integration/shopby/orders"
    const answer = yield* deliver(target, { method: "POST", path, body, id: `msg_${name}` })
    if (answer.status === 201 || answer.status === 200) note(name, stringAt(answer.body, "orderId"))
    else violations.push(`${name} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  })

  const customers: Customers = {
    answered,
    unanswered: () => [...waiting.keys()],
    violations,
    place: (orders) =>
      Effect.forEach(
        Array.from({ length: orders }),
        () =>
          Effect.suspend(() => {
            placed++
            return placed % everyShopOrder === 0 ? inShop() : onSite(`order ${placed}`)
          }),
        { concurrency, discard: true }
      ),
    insist: Effect.gen(function* () {
      for (let waited = 0; waiting.size > 0 && waited <= leaseSeconds + 15; waited += 3) {
        yield* Effect.forEach([...waiting.values()], (again) => again, { concurrency, discard: true })
        if (waiting.size > 0) yield* Effect.sleep("3 seconds")
      }
      for (const name of waiting.keys()) violations.push(`${name} was not answered ${leaseSeconds} s after its lease`)
    }),
    settled,
    awaitSettled: (count) => Effect.asVoid(SceneOf.until(Effect.sync(settled), (now) => now >= count))
  }
  return customers
})
