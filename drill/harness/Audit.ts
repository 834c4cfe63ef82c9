/** What the hub says at the end, read over its API: its orders, the order of its events, what waits, what is dead. */
import { Effect, Schema } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import { until } from "../../test/support/Scene.ts"
import { expectStatus } from "../../test/support/Shop.ts"

const Order = Schema.Struct({
  id: Schema.String,
  source: Schema.String,
  externalOrderId: Schema.NullOr(Schema.String),
  status: Schema.String,
  needsAttention: Schema.Boolean,
  customer: Schema.Struct({ name: Schema.String }),
  history: Schema.Array(Schema.Struct({ from: Schema.NullOr(Schema.String), to: Schema.String }))
})
export type Order = typeof Order.Type

/** The name that its customer gave it. */
export const nameOf = ({ customer, externalOrderId }: Order): string => externalOrderId ?? customer.name

const decodeOrders = Schema.decodeUnknownEffect(
  Schema.Struct({ data: Schema.Array(Order), meta: Schema.Struct({ totalPages: Schema.Int }) })
)

/** Every order of the hub. */
export const orders = Effect.fnUntraced(function* (hub: HubProcess) {
  const all: Array<Order> = []
  for (let page = 1, pages = 1; page <= pages; page++) {
    const answer = expectStatus(200)(yield* hub.request("GET", `/api/v1/orders?page=${page}&limit=100`))
    const { data, meta } = yield* Effect.orDie(decodeOrders(answer.body))
    all.push(...data)
    pages = meta.totalPages
  }
  return all
})

const Change = Schema.Struct({ orderId: Schema.String, from: Schema.String, to: Schema.String })

const decodeChanges = Schema.decodeUnknownEffect(
  Schema.Struct({
    data: Schema.Array(Schema.Struct({ data: Change })),
    meta: Schema.Struct({ next: Schema.String })
  })
)

/** Every order.status.changed of the log, oldest first. */
export const statusChanges = Effect.fnUntraced(function* (hub: HubProcess) {
  const all: Array<typeof Change.Type> = []
  for (let after = ""; ;) {
    const path = `/api/v1/events?type=order.status.changed&limit=100${after}`
    const { data, meta } = yield* Effect.orDie(decodeChanges(expectStatus(200)(yield* hub.request("GET", path)).body))
    if (data.length === 0) return all
    all.push(...data.map((event) => event.data))
    after = `&after=${encodeURIComponent(meta.next)}`
  }
})

const decodeIntegrations = Schema.decodeUnknownEffect(
  Schema.Struct({
    data: Schema.Array(Schema.Struct({ name: Schema.String, lag: Schema.Int, parked: Schema.Int, dead: Schema.Int }))
  })
)

/** Waits until no adapter has an event left; gives a violation for each that has dead letters. */
export const settled = Effect.fnUntraced(function* (hub: HubProcess) {
  const look = Effect.flatMap(hub.request("GET", "/api/v1/integrations"), ({ body }) =>
    Effect.orDie(decodeIntegrations(body))
  )
  const { data } = yield* until(look, (now) => now.data.every(({ lag, parked }) => lag === 0 && parked === 0))
  return data.flatMap(({ dead, name }) => (dead === 0 ? [] : [`${dead} dead letters of ${name}`]))
})
