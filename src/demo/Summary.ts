/**
 * What is there in the end: counted in the systems themselves and compared with each other, not remembered by the
 * demonstration.
 */
import { Effect, Stream } from "effect"
import { ShopbySandbox } from "../adapters/shopby/ShopbySandbox.ts"
import { shopStatusOf } from "../domain/ShopOrder.ts"
import { HubClient, items } from "../http/api/HubClient.ts"
import { Plant } from "./Plant.ts"
import { heading, table } from "./Teller.ts"
import { Watch } from "./Watch.ts"

/** Prints the summary; true when nothing was lost and nothing is left to be done. */
export const summary = Effect.fn("Summary.summary")(function* () {
  const hub = yield* HubClient
  const shop = yield* ShopbySandbox
  const plant = yield* Plant
  const watch = yield* Watch

  const orders = yield* Stream.runCollect(items((query) => hub.orders.list({ query })))
  const inShop = yield* shop.orders
  const made = yield* plant.sandbox.jobs
  const letters = yield* Stream.runCollect(items((query) => hub.deadLetters.list({ query })))
  const integrations = (yield* hub.integrations.list()).data
  const events = yield* watch.events
  const delivered = deliveries(yield* hub.health.metrics())

  const jobs = orders.flatMap((order) => order.items.flatMap((item) => item.jobs))
  const shown = (orderNo: string) => inShop.find(({ order }) => order.orderNo === orderNo)?.history.at(-1)?.status
  const waiting = integrations.reduce((sum, { lag, parked }) => sum + lag + parked, 0)
  const pending = letters.filter(({ status }) => status === "pending").length
  const losses: ReadonlyArray<readonly [string, number]> = [
    [
      "orders of the shop that the hub has not",
      inShop.filter(({ order }) => !orders.some((own) => own.externalOrderId === order.orderNo)).length
    ],
    ["orders without a job", orders.filter((order) => order.items.some((item) => item.jobs.length === 0)).length],
    ["jobs that the plant has not", jobs.filter((job) => made.every((one) => one.mesJobId !== job.mesJobId)).length],
    ["jobs made twice", made.length - new Set(made.map((job) => `${job.orderId} ${job.itemCode} ${job.part}`)).size],
    ["jobs that no order knows", made.filter((one) => jobs.every((job) => job.mesJobId !== one.mesJobId)).length],
    [
      "orders that the shop shows otherwise",
      orders.filter(
        ({ externalOrderId, status }) => externalOrderId !== null && shown(externalOrderId) !== shopStatusOf(status)
      ).length
    ],
    ["events not delivered", waiting]
  ]
  const lost = losses.reduce((sum, [, count]) => sum + count, 0)

  yield* heading("Summary")
  yield* table([
    ["orders", `${orders.length}: ${counts(orders.map(({ status }) => status))}`],
    ["jobs at the plant", `${made.length}: ${counts(made.map(({ status }) => status))}`],
    ["products in the shop", String((yield* shop.products).length)],
    ["events", String(events.length)],
    ["deliveries", delivered],
    ["dead letters", letters.length === 0 ? "0" : `${letters.length}: ${counts(letters.map(({ status }) => status))}`],
    ["lost", String(lost)],
    ...losses.filter(([, count]) => count > 0).map(([what, count]) => [`  ${count}`, what] as const)
  ])
  return lost === 0 && pending === 0
})

/** `SHIPPED 9, CANCELLED 1` */
const counts = (values: ReadonlyArray<string>): string => {
  const found = new Map<string, number>()
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1)
  return [...found].map(([value, count]) => `${value} ${count}`).join(", ")
}

/** Attempts to deliver, by what became of them, from the hub's own metrics. */
const deliveries = (metrics: string): string => {
  const byOutcome = new Map<string, number>()
  for (const [, outcome = "", count] of metrics.matchAll(
    /^event_deliveries_total\{[^}]*outcome="([^"]+)"[^}]*\} (\d+)/gm
  )) {
    byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + Number(count))
  }
  return [...byOutcome].map(([outcome, count]) => `${outcome} ${count}`).join(", ")
}
