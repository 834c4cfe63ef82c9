/**
 * Shoppers who do not give up: each sends an order with an Idempotency-Key until it is answered 201, then the next one.
 * What they were told is one list of the ledger. What a hub must not answer them, even without its database, is
 * written down: anything but a 503 or a 409 as a problem document, nothing at all, or nothing for too long.
 */
import { Effect, Fiber } from "effect"
import * as HubProcess from "../../test/support/HubProcess.ts"
import { at } from "../../test/support/Shop.ts"

export interface KeyedOrders {
  /** Keys that were used. */
  readonly keys: () => number
  /** Ids of the orders that were answered 201. */
  readonly taken: () => ReadonlyArray<string>
  readonly violations: () => ReadonlyArray<string>
  /** Answers other than 201, by status. */
  readonly refusals: () => Readonly<Record<string, number>>
  /** Milliseconds that the slowest answer took. */
  readonly longest: () => number
  /** Waits until everything that was under way when it is asked has its 201; gives the milliseconds. */
  readonly settle: Effect.Effect<number>
  /** No more new orders; returns when the last has its 201. */
  readonly finish: Effect.Effect<void>
}

/** Shoppers at once. */
const shoppers = 20

/** Milliseconds from a shopper's 201 to the next order: some 150 orders a second at most. */
const pause = 120

/** Milliseconds after which a request counts as hanging. */
const patience = 20_000

/** Starts the shoppers, who end with the scope. */
export const start = Effect.fnUntraced(function* (
  hub: HubProcess.HubProcess,
  item: { readonly productId: number; readonly choiceIds: ReadonlyArray<number> }
) {
  const taken: Array<string> = []
  const violations: Array<string> = []
  const refusals: Record<string, number> = {}
  const open = new Set<string>()
  let keys = 0
  let longest = 0
  let isOver = false

  const payload = JSON.stringify({
    source: "widget",
    customer: { name: "Kim" },
    items: [{ quantity: 100, ...item }],
    totalPrice: 10_000
  })

  /** True: it is taken. */
  const send = async (key: string): Promise<boolean> => {
    const started = performance.now()
    try {
      const response = await fetch(`${hub.url}/api/v1/orders`, {
        method: "POST",
        headers: {
          "x-api-key": HubProcess.adminKey,
          "content-type": "application/json",
          "idempotency-key": key
        },
        body: payload,
        signal: AbortSignal.timeout(patience)
      })
      const body: unknown = await response.json()
      if (response.status === 201) {
        taken.push(String(at(body, "id")))
        return true
      }
      const type = response.headers.get("content-type") ?? ""
      refusals[response.status] = (refusals[response.status] ?? 0) + 1
      if (!/^application\/problem\+json\b/.test(type) || (response.status !== 503 && response.status !== 409)) {
        violations.push(`${key} was answered ${response.status} ${type}: ${JSON.stringify(body)}`)
      }
      return false
    } catch (error) {
      const waited = Math.round(performance.now() - started)
      const why = error instanceof Error && error.cause !== undefined ? error.cause : error
      violations.push(`${key} was not answered in ${waited} ms: ${String(why)}`)
      return false
    } finally {
      longest = Math.max(longest, performance.now() - started)
    }
  }

  const shopper = Effect.gen(function* () {
    while (!isOver) {
      const key = `order-${++keys}`
      open.add(key)
      while (!(yield* Effect.promise(() => send(key)))) yield* Effect.sleep(pause)
      open.delete(key)
      yield* Effect.sleep(pause)
    }
  })
  const running = yield* Effect.forkScoped(
    Effect.all(
      Array.from({ length: shoppers }, () => shopper),
      { concurrency: "unbounded", discard: true }
    )
  )

  const settle = Effect.gen(function* () {
    const started = performance.now()
    const asked = [...open]
    while (asked.some((key) => open.has(key))) yield* Effect.sleep(20)
    return performance.now() - started
  })

  const load: KeyedOrders = {
    keys: () => keys,
    taken: () => taken,
    violations: () => violations,
    refusals: () => refusals,
    longest: () => longest,
    settle,
    finish: Effect.suspend(() => {
      isOver = true
      return Fiber.join(running)
    })
  }
  return load
})
