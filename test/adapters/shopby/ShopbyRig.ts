/** What the tests of the Shopby adapter share: settings, a sandbox behind faults, orders that live in memory. */
import { Context, Duration, Effect, Layer, Ref } from "effect"
import { HttpClient } from "effect/http"
import { ShopbySandbox } from "../../../src/adapters/shopby/ShopbySandbox.ts"
import { ShopbySettings, ShopbyTransport } from "../../../src/adapters/shopby/ShopbyTransport.ts"
import { makeOrderId, type OrderId } from "../../../src/domain/Ids.ts"
import type { ShopOrder } from "../../../src/domain/ShopOrder.ts"
import * as FaultInjection from "../../../src/services/integrations/FaultInjection.ts"
import { type OutboundStatus, ShopOrders, type ShopReport } from "../../../src/services/shop/ShopOrders.ts"

export class Faults extends Context.Service<Faults, FaultInjection.FaultInjection>()("test/shopby/Faults") {
  static readonly layer = Layer.effect(Faults, FaultInjection.make())
}

interface Request {
  readonly line: string
  readonly token: string | undefined
}

/** Method and path of every request that was made, with its token. */
export class Requests extends Context.Service<Requests, Ref.Ref<ReadonlyArray<Request>>>()("test/shopby/Requests") {
  static readonly layer = Layer.effect(Requests, Ref.make<ReadonlyArray<Request>>([]))
}

export const settings = (
  mode: "sandbox" | "live" | "off" = "sandbox",
  more: Partial<Context.Service.Shape<typeof ShopbySettings>> = {}
) =>
  Layer.succeed(ShopbySettings, {
    mode,
    baseUrl: mode === "live" ? "http://mall" : null,
    timeout: Duration.seconds(10),
    breaker: { failures: 5, openFor: Duration.seconds(60), halfOpenLimit: Duration.seconds(30) },
    retries: null,
    systemKey: null,
    accessToken: null,
    sweep: Duration.minutes(5),
    ...more
  })

/** The sandbox behind faults, every request noted. */
export const transport = Layer.effect(
  ShopbyTransport,
  Effect.gen(function* () {
    const requests = yield* Requests
    const faulty = (yield* Faults).wrap((yield* ShopbySandbox).httpClient)
    return HttpClient.transform(faulty, (send, request) =>
      Effect.andThen(
        Ref.update(requests, (lines) => [
          ...lines,
          { line: `${request.method} ${new URL(request.url).pathname}`, token: request.headers["authorization"] }
        ]),
        send
      )
    )
  })
)

export const shop = (...args: Parameters<typeof settings>) =>
  transport.pipe(
    Layer.provideMerge(Layer.mergeAll(settings(...args), ShopbySandbox.layer, Faults.layer, Requests.layer))
  )

/** The requests so far, without those for tokens; then forgotten. */
export const requested = Effect.gen(function* () {
  const requests = yield* Ref.getAndSet(yield* Requests, [])
  return requests.map(({ line }) => line).filter((line) => !line.includes("/auth/"))
})

export interface KnownOrder {
  readonly orderId: OrderId
  readonly order: ShopOrder
  readonly raw: string
  readonly begun: "PENDING" | "CONFIRMED"
  readonly shippingNos: ReadonlyArray<string>
  /** What the shop was reported to show. */
  readonly reports: ReadonlyArray<string>
  /** What is to be told; null = nothing. */
  readonly news: OutboundStatus | null
}

interface Known {
  readonly orders: ReadonlyMap<string, KnownOrder>
  readonly position: string | null
  readonly confirmed: ReadonlyArray<Pick<OutboundStatus, "status" | "trackingNumber" | "carrier">>
}

/** What the hub knows of orders. */
export class OrderBook extends Context.Service<OrderBook, Ref.Ref<Known>>()("test/shopby/OrderBook") {
  static readonly layer = Layer.effect(OrderBook, Ref.make<Known>({ orders: new Map(), position: null, confirmed: [] }))
}

const put = (known: Known, order: KnownOrder): Known => ({
  ...known,
  orders: new Map(known.orders).set(order.order.orderNo, order)
})

/** `ShopOrders` over the order book, as far as the adapter uses it. */
export const orders = Layer.effect(
  ShopOrders,
  Effect.gen(function* () {
    const book = yield* OrderBook
    const byId = (known: Known, orderId: OrderId) =>
      [...known.orders.values()].find((order) => order.orderId === orderId)
    return yield* ShopOrders.pipe(
      Effect.provide(
        Layer.mock(ShopOrders)({
          receive: Effect.fnUntraced(function* (order, { raw, status = "CONFIRMED" }) {
            const orderId = yield* makeOrderId
            return yield* Ref.modify(book, (known) => {
              const before = known.orders.get(order.orderNo)
              const kept = before ?? { orderId, order, raw, begun: status, shippingNos: [], reports: [], news: null }
              return [
                {
                  orderId: kept.orderId,
                  externalOrderId: order.orderNo,
                  source: "shopby" as const,
                  status: kept.begun,
                  needsAttention: false,
                  created: before === undefined
                },
                put(known, kept)
              ]
            })
          }),
          reported: (externalOrderId, _mode, status) =>
            Ref.modify(book, (known): [ShopReport, Known] => {
              const order = known.orders.get(externalOrderId)
              return order === undefined
                ? [{ _tag: "UnknownOrder" }, known]
                : [
                    { _tag: "Unchanged", orderId: order.orderId, status: order.begun },
                    put(known, { ...order, reports: [...order.reports, status] })
                  ]
            }),
          shippingNos: (orderId, shippingNos) =>
            Ref.update(book, (known) => {
              const order = byId(known, orderId)
              return order === undefined ? known : put(known, { ...order, shippingNos })
            }),
          outbound: (orderId) => Effect.map(Ref.get(book), (known) => byId(known, orderId)?.news ?? null),
          confirmed: (_orderId, told) =>
            Ref.update(book, (known) => ({ ...known, confirmed: [...known.confirmed, told] })),
          position: () => Effect.map(Ref.get(book), ({ position }) => position),
          savePosition: (_mode, position) => Ref.update(book, (known) => ({ ...known, position }))
        })
      )
    )
  })
)

export const book = Effect.flatMap(OrderBook, Ref.get)

/** The hub has something to tell of this order. */
export const tell = Effect.fnUntraced(function* (news: Omit<OutboundStatus, "orderId" | "correlationId">) {
  const orderId = yield* makeOrderId
  yield* Ref.update(yield* OrderBook, (known) =>
    put(known, {
      orderId,
      order: { orderNo: news.externalOrderId, orderAmount: 0, orderer: { name: "Kim" }, items: [] },
      raw: "",
      begun: "CONFIRMED",
      shippingNos: [],
      reports: [],
      news: { ...news, orderId, correlationId: "trace-123" }
    })
  )
  return orderId
})
