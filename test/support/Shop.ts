/** A small made-up shop, set up through the HTTP API alone: a plain product, a book, options of each class. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Answer, HubProcess } from "./HubProcess.ts"

export interface Shop {
  readonly cardId: number
  readonly bookId: number
  readonly paperId: number
  readonly coatingId: number
  readonly innerPaperId: number
  readonly coverPaperId: number
}

/** The value at a path of a JSON body; undefined when there is none. */
export const at = (body: unknown, ...path: ReadonlyArray<string | number>): unknown => {
  let value = body
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

export const numberAt = (body: unknown, ...path: ReadonlyArray<string | number>): number => {
  const value = at(body, ...path)
  assert(typeof value === "number", `number expected at ${path.join(".")} of ${JSON.stringify(body)}`)
  return value
}

export const stringAt = (body: unknown, ...path: ReadonlyArray<string | number>): string => {
  const value = at(body, ...path)
  assert(typeof value === "string", `text expected at ${path.join(".")} of ${JSON.stringify(body)}`)
  return value
}

/** The answer, if it has this status. */
export const expectStatus =
  (status: number) =>
  (answer: Answer): Answer => {
    assert.strictEqual(answer.status, status, JSON.stringify(answer.body))
    return answer
  }

export const setUp = Effect.fnUntraced(function* (hub: HubProcess, options: { readonly verify?: boolean } = {}) {
  const api = (status: number, method: string, path: string, body?: unknown) =>
    Effect.map(hub.request(method, `/api/v1${path}`, { body }), expectStatus(status))
  const product = (name: string, huniCode: string) =>
    Effect.map(api(201, "POST", "/products", { name, huniCode, productType: "card" }), ({ body }) =>
      numberAt(body, "id")
    )
  const choice = Effect.fnUntraced(function* (key: string, optionClass: string, code: string, mesCode: string) {
    const option = yield* api(201, "POST", "/options", { key, name: key, optionClass })
    const made = yield* api(201, "POST", `/options/${numberAt(option.body, "id")}/choices`, { code, name: code })
    const id = numberAt(made.body, "id")
    yield* api(200, "PUT", `/integration/mes/choice-mappings/${id}`, { mesCode })
    if (options.verify !== false) yield* api(200, "POST", `/integration/mes/choice-mappings/${id}/verify`)
    return id
  })
  const item = (itemCode: string, itemType: string) =>
    api(201, "POST", "/integration/mes/items", { itemCode, name: `item ${itemCode}`, itemType, unit: "EA" })

  yield* item("001-0001", "finished")
  yield* item("002-5001", "semi_finished")
  yield* item("002-5002", "semi_finished")
  const cardId = yield* product("Card", "10001")
  const bookId = yield* product("Book", "10002")
  yield* api(200, "PUT", `/integration/mes/mappings/${cardId}`, { itemCode: "001-0001" })
  yield* api(200, "PUT", `/integration/mes/mappings/${bookId}`, { itemCode: "002-5001", coverType: "inner" })
  yield* api(200, "PUT", `/integration/mes/mappings/${bookId}`, { itemCode: "002-5002", coverType: "cover" })
  const paperId = yield* choice("paper", "material", "matte", "M-100")
  const coatingId = yield* choice("coating", "process", "gloss", "P-200")
  const innerPaperId = yield* choice("innerPaper", "material", "cream", "M-300")
  const coverPaperId = yield* choice("coverPaper", "material", "board", "M-400")
  yield* api(200, "PUT", `/products/${cardId}/options`, { choiceIds: [paperId, coatingId] })
  yield* api(200, "PUT", `/products/${bookId}/options`, { choiceIds: [innerPaperId, coverPaperId, coatingId] })
  const shop: Shop = { cardId, bookId, paperId, coatingId, innerPaperId, coverPaperId }
  return shop
})

/** Places an order over HTTP and gives its id. */
export const order = (
  hub: HubProcess,
  item: { readonly productId: number; readonly choiceIds: ReadonlyArray<number>; readonly quantity?: number },
  headers: Readonly<Record<string, string>> = {}
) =>
  Effect.map(
    hub.request("POST", "/api/v1/orders", {
      headers,
      body: {
        source: "widget",
        customer: { name: "Kim" },
        items: [{ quantity: 100, ...item }],
        totalPrice: 10_000
      }
    }),
    (answer) => stringAt(expectStatus(201)(answer).body, "id")
  )

/** Asks until the order has the status. Bounded by the test's time limit. */
export const awaitStatus = Effect.fnUntraced(function* (hub: HubProcess, orderId: string, status: string) {
  for (;;) {
    const answer = expectStatus(200)(yield* hub.request("GET", `/api/v1/orders/${orderId}`))
    if (at(answer.body, "status") === status) return answer
    yield* Effect.sleep(50)
  }
})
