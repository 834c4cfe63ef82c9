/**
 * The demonstration, step by step. Everything is done as the hub's users and the outside systems do it: through its API,
 * by signed webhooks, by closing the plant's port. What is told was read from the answers, the events and the systems.
 */
import { Duration, Effect, Schedule, Schema } from "effect"
import { EdicusProjectId } from "../domain/Design.ts"
import type { Order } from "../domain/Order.ts"
import { ShopbySandbox } from "../adapters/shopby/ShopbySandbox.ts"
import { HubClient } from "../http/api/HubClient.ts"
import { readCatalogDirectory } from "../services/catalog/CatalogDirectory.ts"
import { Plant } from "./Plant.ts"
import { heading, say } from "./Teller.ts"
import { Watch } from "./Watch.ts"

/** Something that should have happened by now has not. */
export class DemoStuck extends Schema.TaggedError<DemoStuck>()("DemoStuck", { message: Schema.String }) {}

const page = { page: 1, limit: 100 } as const

/** Looks again and again until it is so, for half a minute. */
const until = <A, E, R>(what: string, look: Effect.Effect<A, E, R>, isDone: (value: A) => boolean) =>
  look.pipe(
    Effect.repeat({ until: isDone, schedule: Schedule.spaced("50 millis") }),
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => Effect.fail(new DemoStuck({ message: `waited 30 seconds: ${what}` }))
    })
  )

/** The catalogue comes in, is verified and priced, and appears in the shop. */
export const openShop = Effect.fn("Story.openShop")(function* (directory: string) {
  const hub = yield* HubClient
  const shop = yield* ShopbySandbox
  yield* heading("The catalogue comes in and appears in the shop")
  const { files } = yield* readCatalogDirectory(directory)
  const report = yield* hub.catalog.importFiles({ payload: { files } })
  const sum = (count: (file: (typeof report.files)[number]) => number) =>
    report.files.reduce((total, file) => total + count(file), 0)
  yield* say(
    "hub",
    `imported ${report.files.length} files: ${sum((file) => file.inserted)} records inserted, ${sum((file) => file.rejected.length)} rejected`
  )
  const mapped = yield* hub.mes.choiceMappings({ query: { ...page, status: "mapped" } })
  for (const { choiceId } of mapped.data) yield* hub.mes.verifyChoice({ params: { choiceId } })
  yield* say("hub", `${mapped.data.length} choices verified for the plant`)

  const products = (yield* hub.products.list({ query: page })).data
  for (const [huniCode, sellingPrice] of [
    ["50003", 7_900],
    ["50004", 9_900]
  ] as const) {
    const product = products.find((one) => one.huniCode === huniCode)
    if (product === undefined) continue
    yield* hub.products.setPrice({ params: { id: product.id }, payload: { sellingPrice } })
    yield* say("hub", `${product.name} costs ${sellingPrice} won now`)
  }
  const categories = (yield* hub.shopby.categories({ query: page })).data
  for (const [index, { categoryId, name }] of categories.entries()) {
    const shopbyCategoryNo = 101 + index
    yield* hub.shopby.mapCategory({ params: { id: categoryId }, payload: { shopbyCategoryNo } })
    yield* say("hub", `category ${name} is the shop's no. ${shopbyCategoryNo}`)
  }
  const synced = yield* until(
    "the products are in the shop",
    hub.shopby.products({ query: { ...page, status: "synced" } }),
    ({ data }) => data.length === products.length
  )
  for (const { listing, mallProductNo } of yield* shop.products) {
    const rows = listing.options?.rows.length ?? 0
    const options = rows === 0 ? "no options" : `${rows} options`
    yield* say("shop", `product ${mallProductNo}: ${listing.name}, from ${listing.salePrice} won, ${options}`)
  }
  return synced.data
})

/** A customer orders in the shop; gives the hub's order. */
const order = Effect.fnUntraced(function* (
  lines: ReadonlyArray<{ readonly managementCode: string; readonly count: number }>
) {
  const hub = yield* HubClient
  const shop = yield* ShopbySandbox
  const placed = yield* shop.place({ lines })
  const found = yield* until(
    "the shop's order is in the hub",
    hub.orders.list({ query: { ...page, source: "shopby" } }),
    ({ data }) => data.some((one) => one.externalOrderId === placed.order.orderNo)
  )
  const [own] = found.data.filter((one) => one.externalOrderId === placed.order.orderNo)
  return own ?? (yield* new DemoStuck({ message: "no order" }))
})

const reached = (wanted: Order, status: Order["status"]) =>
  HubClient.use((hub) =>
    until(
      `order ${wanted.id} is ${status}`,
      hub.orders.get({ params: { id: wanted.id } }),
      (one) => one.status === status
    )
  )

/** Orders come from the shop; the way of the first is told to its end. */
export const wayOfAnOrder = Effect.fn("Story.wayOfAnOrder")(function* () {
  const watch = yield* Watch
  yield* heading("The way of one order: shop → hub → plant → hub → shop")
  const first = yield* order([{ managementCode: "50001", count: 3 }])
  yield* say("shop", `webhook: order ${first.externalOrderId}, 3 posters`, first.correlationId)
  yield* watch.tell(first)
  // Others come in meanwhile; a notebook is made in two parts.
  for (const huniCode of ["50002", "50003", "50004", "50002"]) yield* order([{ managementCode: huniCode, count: 2 }])
  const { correlationId } = yield* reached(first, "SHIPPED")
  const shop = yield* ShopbySandbox
  yield* until("the shop shows that it is on its way", shop.orders, (orders) =>
    orders.some(
      ({ history, order: { orderNo } }) =>
        orderNo === first.externalOrderId && history.some(({ status }) => status === "DELIVERY_ING")
    )
  )
  yield* Effect.sleep("100 millis")
  const hub = yield* HubClient
  const chain = yield* hub.events.list({ query: { limit: 100, correlationId } })
  yield* say("hub", `${chain.data.length} events carry its correlation id`, correlationId)
})

/** A design is rendered; runs beside the rest. */
export const startRender = Effect.fn("Story.startRender")(function* () {
  const hub = yield* HubClient
  const [product] = (yield* hub.edicus.products({ query: page })).data
  if (product === undefined) return yield* new DemoStuck({ message: "no product for the editor" })
  const design = yield* hub.edicus.createDesign({
    payload: {
      productId: product.productId,
      designData: { pages: [{ text: "Hello" }] },
      editorSessionId: "demo-session",
      edicusProjectId: EdicusProjectId.make("demo-project")
    }
  })
  const job = yield* hub.edicus.render({ payload: { designId: design.designId } })
  yield* say("hub", `design of a ${product.name} stored; render ${job.renderJobId} is ${job.status}`)
  return job.renderJobId
})

/** Waits for the render and tells how it went. */
export const finishRender = Effect.fn("Story.finishRender")(function* (
  renderJobId: Effect.Success<ReturnType<typeof startRender>>
) {
  const hub = yield* HubClient
  yield* heading("The render that was begun above")
  const done = yield* until(
    "the render ends",
    hub.edicus.renderStatus({ params: { id: renderJobId } }),
    ({ status }) => status === "completed" || status === "failed"
  )
  yield* say("edicus", `${done.status}: ${done.renderedFileUrl ?? done.error ?? ""}`)
})

/** The plant is down and comes back. */
export const outage = Effect.fn("Story.outage")(function* () {
  const hub = yield* HubClient
  const plant = yield* Plant
  yield* heading("The plant goes down, and comes back")
  yield* plant.close
  yield* say("plant", "closed: it refuses every connection")
  const orders: Array<Order> = []
  for (const count of [1, 2, 3, 4]) orders.push(yield* order([{ managementCode: "50002", count }]))
  yield* say("shop", `${orders.length} orders came in meanwhile`)
  yield* until(
    "the circuit opens",
    hub.integrations.get({ params: { name: "mes" } }),
    ({ circuit }) => circuit === "OPEN"
  )
  const [took] = yield* Effect.timed(Effect.replicateEffect(hub.products.list({ query: page }), 20))
  const dead = (yield* hub.deadLetters.list({ query: { ...page, status: "pending" } })).meta.total
  yield* say(
    "hub",
    `the core does not notice: 20 lists of products in ${Math.round(Duration.toMillis(took))} ms; dead letters: ${dead}`
  )
  yield* plant.open
  yield* say("plant", "open again")
  for (const one of orders) yield* reached(one, "SHIPPED")
  yield* say("plant", `all ${orders.length} of them are made and shipped`)
})

/** The plant refuses one order; an operator looks at the dead letter and replays it. */
export const refusal = Effect.fn("Story.refusal")(function* () {
  const hub = yield* HubClient
  const plant = yield* Plant
  const watch = yield* Watch
  yield* heading("The plant refuses an order: a dead letter, and its replay")
  yield* plant.sandbox.refuse("no such paper in stock")
  const refused = yield* order([{ managementCode: "50001", count: 1 }])
  yield* watch.tell(refused)
  const { data } = yield* until(
    "the refused order is a dead letter",
    hub.deadLetters.list({ query: { ...page, status: "pending" } }),
    ({ meta }) => meta.total > 0
  )
  for (const letter of data) yield* say("hub", `dead letter: ${letter.errorMessage}`, letter.correlationId)
  yield* plant.sandbox.refuse(null)
  yield* say("plant", "the paper has arrived")
  for (const { correlationId, id } of data) {
    const replayed = yield* hub.deadLetters.replay({ params: { id }, query: {} })
    yield* say(
      "hub",
      `dead letter ${replayed.id}: ${"status" in replayed ? replayed.status : "not run"}`,
      correlationId
    )
  }
  yield* reached(refused, "SHIPPED")
})

/** Waits until every integration has done what there is to do. */
export const settle = Effect.fn("Story.settle")(function* () {
  const hub = yield* HubClient
  yield* until("the integrations have nothing left to do", hub.integrations.list(), ({ data }) =>
    data.every(({ lag, parked }) => lag === 0 && parked === 0)
  )
})
