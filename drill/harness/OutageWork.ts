/**
 * Work for all three systems at once, and the two lists of each: what the hub said it had taken, and what the systems
 * recorded. Orders make jobs at the plant, changes of an order of the shop are told to the shop, renders become orders
 * of the editor.
 */
import { Effect } from "effect"
import * as Latency from "../../test/support/Latency.ts"
import * as Scene from "../../test/support/Scene.ts"
import { at, expectStatus, stringAt } from "../../test/support/Shop.ts"
import * as Ledger from "./Ledger.ts"
import type { System } from "./SystemFaults.ts"

export interface OutageWork {
  /** What users do, timed: products read and changed, orders placed and listed. Each order is taken by the plant's list. */
  readonly core: Effect.Effect<Latency.Latencies>
  /** Orders of the shop, dispatched, whose next step can be told to the shop. */
  readonly prepare: Effect.Effect<Prepared>
  /** The next step of what was prepared, and a render. */
  readonly move: (prepared: Prepared) => Effect.Effect<void>
  /** Has the last render failed? */
  readonly isRenderRefused: Effect.Effect<boolean>
  /** Renders again what was refused. */
  readonly renderAgain: (prepared: Prepared) => Effect.Effect<void>
  /** Taken for this system and not yet there. */
  readonly missing: (system: System) => ReadonlyArray<string>
  /** Effects that this system has recorded. */
  readonly recorded: (system: System) => number
  /** Looks until the renders since the last look have ended; gives those that did not end well. */
  readonly renders: Effect.Effect<ReadonlyArray<string>>
  /** Is what the shop shows of the product what the hub has? */
  readonly isShopRight: Effect.Effect<boolean>
  readonly ledger: () => Ledger.Ledger
}

export interface Prepared {
  readonly orders: ReadonlyArray<{ readonly orderId: string; readonly shippingNo: string }>
  readonly projectId: string
  readonly designId: string
}

/** Of each kind of request, in one measurement. */
const requestsPerKind = 12
const ordersOfTheShop = 2

export const make = Effect.fnUntraced(function* (scene: Scene.Scene) {
  const { edicus, hub, mall, plant } = scene
  const { card, cardId } = yield* Scene.openShop(scene)
  const choiceId = yield* Scene.choiceIdOf(hub, "matt")
  yield* edicus.renderAfter(1)
  const taken: Record<System, Array<string>> = { shopby: [], mes: [], edicus: [] }
  const renders: Array<string> = []
  let names = 0
  let projects = 0

  const ask = (status: number, method: string, path: string, body?: unknown) =>
    Effect.map(hub.request(method, path, body === undefined ? {} : { body }), expectStatus(status))
  const order = Effect.map(
    ask(201, "POST", "/api/v1/orders", {
      source: "widget",
      customer: { name: "Kim" },
      items: [{ productId: cardId, quantity: 100, choiceIds: [choiceId] }],
      totalPrice: 8_000
    }),
    (answer) => {
      taken.mes.push(stringAt(answer.body, "id"))
      return answer
    }
  )

  const core = Effect.suspend(() =>
    Latency.measure(
      Array.from({ length: requestsPerKind }, () => [
        order,
        ask(200, "GET", `/api/v1/products/${cardId}`),
        ask(200, "PATCH", `/api/v1/products/${cardId}`, { name: `Card ${++names}` }),
        ask(200, "GET", "/api/v1/orders?limit=20"),
        ask(200, "GET", "/api/v1/products?q=Card")
      ]).flat(),
      8
    )
  )

  const changes = () => Effect.runSync(mall.statusChanges)
  const recordedBy: Record<System, () => ReadonlyArray<Ledger.Recorded>> = {
    mes: () => Effect.runSync(plant.jobs).map(({ orderId }) => ({ id: orderId })),
    shopby: () =>
      changes().map(({ orderStatusType, shippingNo }) => ({
        id: `${shippingNo} ${orderStatusType}`,
        series: shippingNo,
        place: steps.indexOf(orderStatusType)
      })),
    edicus: () =>
      Effect.runSync(edicus.orders)
        .filter(({ isCancelled }) => !isCancelled)
        .flatMap(({ projectId, starts }) => Array.from({ length: starts }, () => ({ id: projectId })))
  }
  const missing = (system: System) => {
    const there = new Set(recordedBy[system]().map(({ id }) => id))
    return taken[system].filter((id) => !there.has(id))
  }

  const prepare = Effect.gen(function* () {
    const orders = yield* Effect.forEach(Array.from({ length: ordersOfTheShop }), () =>
      Effect.gen(function* () {
        const line = { mallProductNo: card.mallProductNo, optionManagementCd: card.options[0]?.managementCode ?? "" }
        const placed = yield* mall.place([line])
        const told = expectStatus(201)(yield* Scene.tellOfOrder(hub, placed))
        taken.mes.push(stringAt(told.body, "orderId"))
        taken.shopby.push(`${placed.shippingNo} ${steps[0]}`)
        return { orderId: stringAt(told.body, "orderId"), shippingNo: placed.shippingNo }
      })
    )
    const projectId = `project-${++projects}`
    yield* edicus.addProject(projectId)
    const design = yield* ask(201, "POST", "/api/v1/integration/edicus/designs", {
      productId: cardId,
      designData: {},
      editorSessionId: projectId,
      edicusProjectId: projectId
    })
    yield* Scene.until(
      Effect.sync(() => missing("shopby")),
      (left) => left.length === 0
    )
    return { orders, projectId, designId: stringAt(design.body, "designId") }
  })

  const render = ({ designId }: Prepared) =>
    Effect.map(ask(202, "POST", "/api/v1/integration/edicus/render", { designId }), ({ body }) =>
      renders.push(stringAt(body, "renderJobId"))
    )

  const work: OutageWork = {
    core,
    prepare,
    move: Effect.fnUntraced(function* (prepared) {
      for (const { orderId, shippingNo } of prepared.orders) {
        const path = `/api/v1/integration/shopby/orders/${orderId}/status`
        yield* ask(200, "PUT", path, { status: "PRODUCTION_DONE" })
        taken.shopby.push(`${shippingNo} ${steps[1]}`)
      }
      yield* render(prepared)
      taken.edicus.push(prepared.projectId)
    }),
    isRenderRefused: Effect.suspend(() =>
      Effect.map(
        hub.request("GET", `/api/v1/integration/edicus/render/${renders.at(-1) ?? ""}/status`),
        ({ body }) => at(body, "status") === "failed"
      )
    ),
    renderAgain: Effect.fnUntraced(function* (prepared) {
      renders.pop()
      yield* render(prepared)
    }),
    missing,
    recorded: (system) => recordedBy[system]().length,
    renders: Effect.gen(function* () {
      const failed: Array<string> = []
      for (const renderJobId of renders.splice(0)) {
        const { body } = yield* Scene.until(
          hub.request("GET", `/api/v1/integration/edicus/render/${renderJobId}/status`),
          (answer) => /completed|failed/.test(String(at(answer.body, "status")))
        )
        if (at(body, "status") !== "completed") failed.push(`${renderJobId}: ${String(at(body, "error"))}`)
      }
      return failed
    }),
    isShopRight: Effect.gen(function* () {
      const { body } = yield* hub.request("GET", `/api/v1/products/${cardId}`)
      const shown = (yield* mall.products).find(({ mallProductNo }) => mallProductNo === card.mallProductNo)
      return shown?.productName === at(body, "name")
    }),
    ledger: () =>
      Ledger.merge(
        Ledger.settle(taken.mes, recordedBy.mes()),
        Ledger.settle(taken.shopby, recordedBy.shopby()),
        Ledger.settle(taken.edicus, recordedBy.edicus())
      )
  }
  return work
})

/** What the shop is told of an order, in this order. */
const steps: ReadonlyArray<string> = ["PRODUCT_PREPARE", "DELIVERY_PREPARE"]
