/**
 * The core around orders on a real database, with a small made-up catalogue: a card (plain item), a book (inner and
 * cover), choices of each class. Everything is mapped and verified unless a test says otherwise.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, type Schema } from "effect"
import { ChoiceId, type OrderId, type ProductId } from "../../src/domain/Ids.ts"
import type { NewOrder } from "../../src/domain/Order.ts"
import { MesItems } from "../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../src/services/catalog/MesMappings.ts"
import { Options } from "../../src/services/catalog/Options.ts"
import { Products } from "../../src/services/catalog/Products.ts"
import { EventBus } from "../../src/services/events/EventBus.ts"
import { EventContext } from "../../src/services/events/EventContext.ts"
import { EventLog } from "../../src/services/events/EventLog.ts"
import { JobReports } from "../../src/services/orders/JobReports.ts"
import { Notifications } from "../../src/services/orders/Notifications.ts"
import { Orders } from "../../src/services/orders/Orders.ts"
import { Production } from "../../src/services/orders/Production.ts"

export const catalogue = Layer.mergeAll(Products.layer, Options.layer, MesItems.layer, MesMappings.layer)

/** Orders and all they stand on, but the database and the events. */
export const core = Layer.mergeAll(Orders.layer, Production.layer, JobReports.layer).pipe(
  Layer.provideMerge(Layer.merge(Notifications.layer, catalogue))
)

/** With the log alone: events are written, nobody follows them. */
export const coreWithLog = core.pipe(Layer.provideMerge(EventBus.layer), Layer.provideMerge(EventLog.layerSql))

export interface Shop {
  readonly card: ProductId
  readonly book: ProductId
  readonly size: ChoiceId
  readonly paper: ChoiceId
  readonly coating: ChoiceId
  readonly innerPaper: ChoiceId
  readonly coverPaper: ChoiceId
}

/** Opens the shop. `unverified`: these choices stay mapped. `unmapped`: the products get no MES item. */
export const open = Effect.fnUntraced(function* (
  options: { readonly unverified?: ReadonlyArray<keyof Shop>; readonly unmapped?: boolean } = {}
) {
  const products = yield* Products
  const definitions = yield* Options
  const items = yield* MesItems
  const mappings = yield* MesMappings

  const choice = Effect.fnUntraced(function* (
    name: keyof Shop,
    optionClass: "material" | "process" | "setting",
    mesCode: string
  ) {
    const option = yield* definitions.create({ key: name, name, optionClass })
    const { id } = yield* definitions.addChoice(option.id, { code: `${name}-1`, name: `${name} one` })
    if (optionClass === "setting") return id
    yield* mappings.map(id, { mesCode }, "mapper")
    if (!(options.unverified ?? []).includes(name)) yield* mappings.verify(id, "verifier")
    return id
  })

  yield* items.create({ itemCode: "001-0001", name: "Card", itemType: "finished", unit: "EA" })
  yield* items.create({ itemCode: "001-5001", name: "Book inner", itemType: "semi_finished", unit: "EA" })
  yield* items.create({ itemCode: "001-5002", name: "Book cover", itemType: "semi_finished", unit: "EA" })
  const card = (yield* products.create({ name: "Card", huniCode: "10001", productType: "card" })).id
  const book = (yield* products.create({ name: "Book", huniCode: "10002", productType: "book" })).id
  if (options.unmapped !== true) {
    yield* mappings.setProduct(card, { itemCode: "001-0001" })
    yield* mappings.setProduct(book, { itemCode: "001-5001", coverType: "inner" })
    yield* mappings.setProduct(book, { itemCode: "001-5002", coverType: "cover" })
  }
  const shop: Shop = {
    card,
    book,
    size: yield* choice("size", "setting", ""),
    paper: yield* choice("paper", "material", "M-100"),
    coating: yield* choice("coating", "process", "P-200"),
    innerPaper: yield* choice("innerPaper", "material", "M-300"),
    coverPaper: yield* choice("coverPaper", "material", "M-400")
  }
  yield* products.setOptions(card, [shop.size, shop.paper, shop.coating])
  yield* products.setOptions(book, [shop.size, shop.coating, shop.innerPaper, shop.coverPaper])
  return shop
})

export const cardOrder = (shop: Shop, more: Partial<NewOrder> = {}): NewOrder => ({
  source: "widget",
  customer: { name: "Kim" },
  items: [{ productId: shop.card, quantity: 250, choiceIds: [shop.coating, shop.size, shop.paper] }],
  totalPrice: 12_000,
  ...more
})

export const bookOrder = (shop: Shop, more: Partial<NewOrder> = {}): NewOrder => ({
  ...cardOrder(shop),
  items: [{ productId: shop.book, quantity: 30, choiceIds: [shop.innerPaper, shop.coverPaper, shop.coating] }],
  ...more
})

/** Places an order under a correlation id. */
export const place = (order: NewOrder, correlationId = "trace-123") =>
  Orders.use((orders) => orders.create(order, "shop")).pipe(
    Effect.provideService(EventContext, { correlationId, causationId: null, source: "api" })
  )

export const get = (orderId: OrderId) => Orders.use((orders) => orders.get(orderId))

/** Events of this order in the log, in order. */
export const eventsOf = Effect.fnUntraced(function* (orderId: OrderId) {
  const log = yield* EventLog
  const { records } = yield* log.read({
    after: log.origin,
    partitions: [log.partitionOf(`order:${orderId}`)],
    limit: 1000
  })
  return records.map((logged) => logged.record).filter((record) => record.key === `order:${orderId}`)
})

/** Type and payload of each, without the order's id: for short comparisons. */
export const brief = (
  records: ReadonlyArray<{ readonly type: string; readonly payload: Schema.Json }>
): ReadonlyArray<Record<string, unknown>> =>
  records.map(({ payload, type }) => {
    assert(typeof payload === "object" && payload !== null)
    return { type, ...Object.fromEntries(Object.entries(payload).filter(([name]) => name !== "orderId")) }
  })

/** Ready jobs of a plan; fails the test when the order is not ready. */
export const readyJobs = Effect.fnUntraced(function* (orderId: OrderId) {
  const plan = yield* Production.use((production) => production.plan(orderId, "sandbox"))
  assert(plan._tag === "Ready", `expected Ready, got ${JSON.stringify(plan)}`)
  return plan.jobs
})

/** Hands every job of the order to an obliging plant; gives the job ids. */
export const dispatchAll = Effect.fnUntraced(function* (orderId: OrderId) {
  const production = yield* Production
  const ids: Array<string> = []
  for (const { id, job } of yield* readyJobs(orderId)) {
    const leave = yield* production.begin(id, "sandbox")
    assert(leave !== null)
    const mesJobId = `MJ-${job.part ?? "whole"}-${id}`
    yield* production.accepted(id, "sandbox", mesJobId)
    ids.push(mesJobId)
  }
  return ids
})

/** An id of the right form that nothing has. */
export const unknownChoice = ChoiceId.make(2_000_000)
