/**
 * Finds what no webhook told: orders whose status changed in the shop, and webhooks that nobody took (specification,
 * section 8.2).
 *
 * Guarantees: the position moves only over what was handled, and each time begins again a little before it; nothing that
 * is handled twice, here or in another hub at the same moment, does anything twice (`ShopOrders`). The sweep ends early
 * when the shop does not answer. An order that cannot be read, or is on its way by other hands already, is logged for an
 * operator, once as long as it stays the same.
 *
 * An order that the hub has not got is taken in only unpaid or paid. What is paid is told by the order's own state, also
 * for a webhook that nobody took: it may be cancelled since.
 */
import { Clock, DateTime, Effect, Option, Ref, Schema } from "effect"
import { type IntegrationError } from "../../domain/IntegrationError.ts"
import type { ShopMode } from "../../domain/ShopListing.ts"
import { ShopOrder } from "../../domain/ShopOrder.ts"
import { ShopOrders } from "../../services/shop/ShopOrders.ts"
import { beginningOf, isPartlyCancelled, shippingNosOf, shopOrderOf, statusOf } from "./SeenOrders.ts"
import { pageSize, type ShopbyClient, type Window } from "./ShopbyClient.ts"
import { FailedWebhook } from "./ShopbyContract.ts"
import { type SeenOrder, SeenOrderFromShopby } from "./ShopbyMapper.ts"

/** Seconds that a sweep begins before the position: the shop's clock, and what was still being written. */
const overlap = 600

/** Seconds that the first sweep goes back, and the most in one request. */
const day = 86_400

/** Seconds that webhooks are kept in view: the most that the shop shows at once. */
const webhookDays = 7 * day - 60

/** A page of a list: entries, and how many there are in all. */
interface Listing {
  readonly contents: ReadonlyArray<Schema.Json>
  readonly totalCount: number
}

export const make = Effect.fnUntraced(function* (shopby: ShopbyClient) {
  const orders = yield* ShopOrders
  /** What was warned of, or done with: once is enough while it stays in view. */
  const known = yield* Ref.make<ReadonlySet<string>>(new Set())
  const once = (key: string) =>
    Ref.modify(known, (keys) => [!keys.has(key), keys.size >= mostKeys ? new Set([key]) : new Set([...keys, key])])
  const warnOnce = Effect.fnUntraced(function* (key: string, message: string) {
    if (yield* once(`warned ${key} ${message}`)) yield* Effect.logWarning(message)
  })

  /** What the shop shows for an order, and the order as it was told, where it was. */
  const take = Effect.fnUntraced(function* (
    seen: SeenOrder,
    mode: ShopMode,
    told: { readonly order: Option.Option<ShopOrder>; readonly raw: string }
  ) {
    const { orderNo } = seen
    const status = statusOf(seen)
    if (status === null) return yield* warnOnce(orderNo, `Order ${orderNo} of the shop has no lines`)
    if (isPartlyCancelled(seen)) yield* warnOnce(orderNo, `Order ${orderNo} of the shop is cancelled in part`)
    const report = yield* orders.reported(orderNo, mode, status)
    const nos = shippingNosOf(seen)
    if (report._tag !== "UnknownOrder") {
      // A webhook brings one number only.
      return nos.length > 1 ? yield* orders.shippingNos(report.orderId, nos) : undefined
    }
    const beginning = beginningOf(status)
    if (beginning === null) {
      return status === "CANCEL_DONE"
        ? undefined
        : yield* warnOnce(orderNo, `Order ${orderNo} was never received and is ${status} in the shop: not taken in`)
    }
    const order = Option.orElse(told.order, () => shopOrderOf(seen))
    if (Option.isNone(order)) return yield* warnOnce(orderNo, `Order ${orderNo} of the shop cannot be read`)
    const received = yield* orders.receive(order.value, { mode, raw: told.raw, via: "sweep", status: beginning })
    yield* orders.shippingNos(received.orderId, nos)
    if (received.created) yield* Effect.logInfo(`Order ${orderNo} was found in the shop: no webhook had told of it`)
  })

  const takeListed = Effect.fnUntraced(function* (entry: Schema.Json, mode: ShopMode) {
    const raw = yield* Effect.orDie(encodeJson(entry))
    const seen = decodeSeen(entry)
    if (Option.isSome(seen)) return yield* take(seen.value, mode, { order: Option.none(), raw })
    const orderNo = readOrderNo(entry)
    yield* warnOnce(orderNo, `The order list has an entry that cannot be read: order ${orderNo}`)
  })

  /** By the order's own state: what the webhook says may be old. */
  const takeMissed = Effect.fnUntraced(function* (entry: Schema.Json, mode: ShopMode) {
    const webhook = Option.getOrUndefined(decodeWebhook(entry))
    const body = webhook?.data ?? webhook?.requestBody ?? null
    const raw = typeof body === "string" ? body : yield* Effect.orDie(encodeJson(body))
    const content = typeof body === "string" ? Option.getOrNull(parseJson(body)) : body
    const orderNo = readOrderNo(content)
    if (orderNo === unreadable) return yield* warnOnce(raw.slice(0, 200), "A failed webhook names no order")
    const key = `webhook ${orderNo}`
    if ((yield* Ref.get(known)).has(key)) return
    yield* shopby.order(orderNo).pipe(
      Effect.flatMap((seen) => take(seen, mode, { order: decodeOrder(content), raw })),
      Effect.catchIf(
        (error) => error._tag === "Rejected" && error.status === 404,
        () => warnOnce(orderNo, `A failed webhook tells of order ${orderNo}, which the shop has not got`)
      )
    )
    yield* once(key)
  })

  /**
   * Every entry of a list. The last page first, the first once more at the end: what leaves the list meanwhile moves
   * the rest towards the front, so that nothing slips past.
   */
  const everyEntry = Effect.fnUntraced(function* <E>(
    page: (number: number) => Effect.Effect<Listing, IntegrationError>,
    each: (entry: Schema.Json) => Effect.Effect<void, E>
  ) {
    const first = yield* page(1)
    for (let number = Math.ceil(first.totalCount / pageSize); number > 1; number--) {
      yield* Effect.forEach((yield* page(number)).contents, each, { discard: true })
    }
    const again = first.totalCount > pageSize ? yield* page(1) : first
    yield* Effect.forEach(again.contents, each, { discard: true })
  })

  const sweepOrders = Effect.fnUntraced(function* (mode: ShopMode, now: number) {
    const position = yield* orders.position(mode)
    let from = position === null ? now - day : (secondsOf(position) ?? now - day) - overlap
    while (from < now) {
      const window: Window = { from: Math.max(from, 0), to: Math.min(from + day, now) }
      yield* everyEntry(
        (number) => shopby.orders(window, number),
        (entry) => takeListed(entry, mode)
      )
      yield* orders.savePosition(mode, DateTime.formatIso(DateTime.makeUnsafe(Math.max(window.to, 0) * 1000)))
      from = window.to
    }
  })

  return Effect.fn("ShopbySweep.sweep")(
    function* (mode: ShopMode) {
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      yield* sweepOrders(mode, now)
      const window: Window = { from: Math.max(now - webhookDays, 0), to: now }
      yield* everyEntry(
        (number) => shopby.failedWebhooks(window, number),
        (entry) => takeMissed(entry, mode)
      )
    },
    Effect.catch((error: IntegrationError) =>
      Effect.logWithLevel(waits.has(error._tag) ? "Debug" : "Warn")(`Sweep ended early: ${error.message}`)
    ),
    Effect.catchCause((cause) => Effect.logError("The Shopby sweep failed", cause))
  )
})

/** The shop is not there: the breaker and the health check tell of that. */
const waits: ReadonlySet<IntegrationError["_tag"]> = new Set(["Transient", "Ambiguous", "RateLimited", "CircuitOpen"])

/** Keys kept in memory; then it begins anew, and some are warned of once more. */
const mostKeys = 10_000

const unreadable = "?"

const decodeSeen = Schema.decodeUnknownOption(SeenOrderFromShopby)
const decodeWebhook = Schema.decodeUnknownOption(FailedWebhook)
const decodeOrder = Schema.decodeUnknownOption(ShopOrder)
const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))
const encodeJson = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))
const decodeOrderNo = Schema.decodeUnknownOption(
  Schema.Struct({ orderNo: Schema.Union([Schema.String.check(Schema.isPattern(/^[\w-]{1,100}$/)), Schema.Int]) })
)

const readOrderNo = (entry: unknown): string =>
  Option.match(decodeOrderNo(entry), { onNone: () => unreadable, onSome: ({ orderNo }) => String(orderNo) })

const secondsOf = (iso: string): number | undefined =>
  Option.getOrUndefined(Option.map(DateTime.make(iso), (time) => Math.floor(DateTime.toEpochMillis(time) / 1000)))
