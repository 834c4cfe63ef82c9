/**
 * Tells the shop how far an order is (specification, sections 4 and 7, Shopby).
 *
 * Guarantees: what the shop has confirmed, or said itself, is not sent (`ShopOrders.outbound`); every parcel of the order
 * is told; the order counts as told only when all of them are. Parcels that refuse because they are as they should be
 * already (a lost answer, a part of an earlier try) are no failure: the shop is asked what it shows.
 */
import { Array, Effect } from "effect"
import type { OrderId } from "../../domain/Ids.ts"
import { Invalid, Rejected } from "../../domain/IntegrationError.ts"
import type { ShopMode } from "../../domain/ShopListing.ts"
import { underCorrelation } from "../../services/events/EventContext.ts"
import { type OutboundStatus, ShopOrders } from "../../services/shop/ShopOrders.ts"
import { shippingNosOf, shows } from "./SeenOrders.ts"
import { name, operations, type ShopbyClient } from "./ShopbyClient.ts"
import { describe } from "./ShopbyFailure.ts"

/** Parcels in one request. */
const batch = 100

export const make = Effect.fnUntraced(function* (shopby: ShopbyClient) {
  const orders = yield* ShopOrders

  const parcelsOf = Effect.fnUntraced(function* ({ externalOrderId, orderId, shippingNos }: OutboundStatus) {
    if (shippingNos !== null) return shippingNos
    const nos = shippingNosOf(yield* shopby.order(externalOrderId))
    if (nos.length === 0) {
      return yield* new Invalid({
        adapter: name,
        operation: operations.order,
        message: `The shop shows no parcel of order ${externalOrderId}`,
        issues: []
      })
    }
    yield* orders.shippingNos(orderId, nos)
    return nos
  })

  const tell = Effect.fnUntraced(function* (news: OutboundStatus) {
    const { carrier, externalOrderId, orderId, status, trackingNumber } = news
    const shippingNos = yield* parcelsOf(news)
    const answers = yield* Effect.forEach(Array.chunksOf(shippingNos, batch), (nos) =>
      shopby.changeStatus({ status, shippingNos: nos, trackingNumber, carrier })
    )
    const failed = answers.reduce((sum, { failCount, failures }) => sum + Math.max(failCount, failures.length), 0)
    if (failed > 0 && !shows(yield* shopby.order(externalOrderId), news)) {
      const failures = answers.flatMap((answer) => answer.failures)
      const code = failures[0]?.errorCode ?? null
      return yield* new Rejected({
        adapter: name,
        operation: operations.changeStatus,
        message: `${failed} of ${shippingNos.length} parcels were not set to ${status}: ${describe(failures)}`,
        ...(code === null ? {} : { code: String(code) })
      })
    }
    yield* orders.confirmed(orderId, { status, trackingNumber, carrier })
    yield* Effect.logInfo(`Shopby shows ${status} for order ${externalOrderId}`)
  })

  return Effect.fn("ShopbyParcels.sync")(
    function* (orderId: OrderId, mode: ShopMode) {
      const news = yield* orders.outbound(orderId, mode)
      if (news !== null) yield* tell(news).pipe(underCorrelation(news.correlationId, name))
    },
    (effect, orderId) => Effect.annotateLogs(effect, { orderId })
  )
})
