/**
 * Orders of the shop: taking them in, and what the shop is to be told of them (specification, sections 4, 7 and 9,
 * endpoints 3 and 4).
 *
 * Guarantees: the same orderNo is one order, also when it comes twice at the same moment; what cannot be translated
 * loses nothing: the order is kept, marked, with its raw body; order, history and events are written together or not at
 * all; what the shop has confirmed, or has told the hub itself, is never told to it again, nor is anything older than
 * that. An order belongs to the mode it came in: orders of the sandbox do not exist in live mode.
 *
 * Does not talk to the shop, and does not check prices.
 */
import { Context, Effect, Layer } from "effect"
import type { OrderId } from "../../domain/Ids.ts"
import type { StatusChange } from "../../domain/MesJob.ts"
import type { Order } from "../../domain/Order.ts"
import type { OrderStatus } from "../../domain/OrderStatus.ts"
import type { ShopMode } from "../../domain/ShopListing.ts"
import type { ShopOrder, ShopStatus } from "../../domain/ShopOrder.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import type { InvalidStateTransition, OrderNotFound } from "../orders/Orders.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { makeShopOrderChanges } from "./ShopOrderChanges.ts"
import type { NotAShopOrder, NotRetranslatable } from "./ShopOrderErrors.ts"
import { makeShopOrderIntake } from "./ShopOrderIntake.ts"
import { makeShopOrderSteps } from "./ShopOrderSteps.ts"

export interface ReceivedShopOrder {
  readonly orderId: OrderId
  /** The shop's orderNo. */
  readonly externalOrderId: string
  readonly source: "shopby"
  readonly status: OrderStatus
  readonly needsAttention: boolean
  /** False: it was here already. */
  readonly created: boolean
}

/** What the shop is to be told. */
export interface OutboundStatus {
  readonly orderId: OrderId
  /** The shop's orderNo. */
  readonly externalOrderId: string
  readonly correlationId: string
  readonly status: ShopStatus
  /** Null: not known yet; the shop must be asked. Never empty. */
  readonly shippingNos: ReadonlyArray<string> | null
  readonly trackingNumber: string | null
  readonly carrier: string | null
}

/** What became of a status that the shop shows. */
export type ShopReport =
  /** The order has not been received in this mode. */
  | { readonly _tag: "UnknownOrder" }
  /** Noted, if it says anything; the order stays as it is. */
  | { readonly _tag: "Unchanged"; readonly orderId: OrderId; readonly status: OrderStatus }
  | { readonly _tag: "Changed"; readonly orderId: OrderId; readonly from: OrderStatus; readonly to: OrderStatus }
  /**
   * Marked, and an operator told: cancelled in the shop, but too far on (`cancelled-in-shop`); or further on there than
   * paid before the hub knew of the payment, so that other hands may be making it (`ahead-in-shop:…`).
   */
  | { readonly _tag: "NeedsAttention"; readonly orderId: OrderId; readonly status: OrderStatus }

export class ShopOrders extends Context.Service<
  ShopOrders,
  {
    /**
     * Takes in an order in one transaction; never fails for what cannot be translated. The same orderNo again gives the
     * order that is there, and sets a PENDING one CONFIRMED when that is what comes.
     */
    readonly receive: (
      order: ShopOrder,
      options: {
        readonly mode: ShopMode
        /** What the order was read from, as received. */
        readonly raw: string
        readonly via: "webhook" | "sweep"
        /** Default CONFIRMED. */
        readonly status?: "PENDING" | "CONFIRMED"
      }
    ) => Effect.Effect<ReceivedShopOrder>
    /**
     * Translates the order anew. When nothing is left that needs attention, a CONFIRMED order goes to the plant: mark and
     * dispatch command in one transaction. Harmless when there is nothing to translate anew. Leaves reasons that are not
     * about the translation: see `resolveAttention`.
     */
    readonly retranslate: (orderId: OrderId) => Effect.Effect<Order, OrderNotFound | NotRetranslatable>
    /**
     * An operator has dealt with what needed attention; a CONFIRMED order with nothing left goes to the plant. Reasons for
     * which lines are missing stay as long as the order could still go there: those are for `retranslate`. When nothing
     * is left, the notifications about it count as acknowledged.
     */
    readonly resolveAttention: (orderId: OrderId, by: { readonly name: string }) => Effect.Effect<Order, OrderNotFound>
    /** Endpoint 4: an operator's change, and what is told of the parcel; a field that is left out stays. */
    readonly changeStatus: (
      orderId: OrderId,
      change: { readonly status: OrderStatus; readonly trackingNumber?: string; readonly carrier?: string },
      by: {
        /** Goes into the history: name of the API key. */
        readonly name: string
      }
    ) => Effect.Effect<StatusChange, OrderNotFound | NotAShopOrder | InvalidStateTransition>
    /** Null: nothing to tell; not an order of the shop in this mode, or the shop knows it all. */
    readonly outbound: (orderId: OrderId, mode: ShopMode) => Effect.Effect<OutboundStatus | null>
    /** The order's shipping numbers, as the shop told them. An empty list changes nothing. */
    readonly shippingNos: (orderId: OrderId, nos: ReadonlyArray<string>) => Effect.Effect<void>
    /** The shop has confirmed just this. An order that it cancelled meanwhile stays cancelled there. */
    readonly confirmed: (
      orderId: OrderId,
      told: Pick<OutboundStatus, "status" | "trackingNumber" | "carrier">
    ) => Effect.Effect<void>
    /** The shop shows this `orderStatusType` for the order; words that mean nothing to the hub change nothing. */
    readonly reported: (externalOrderId: string, mode: ShopMode, status: string) => Effect.Effect<ShopReport>
    /** Up to when the sweep has seen all orders: ISO-8601 UTC; null before the first one. */
    readonly position: (mode: ShopMode) => Effect.Effect<string | null>
    /** Never goes back. */
    readonly savePosition: (mode: ShopMode, position: string) => Effect.Effect<void>
  }
>()("hub/services/shop/ShopOrders") {
  static readonly layer = Layer.effect(
    ShopOrders,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const changes = yield* makeShopOrderChanges
  const { sql } = changes.database

  const position: ShopOrders["Service"]["position"] = Effect.fn("ShopOrders.position")(function* (mode) {
    const [row] = yield* positions(sql`select position from shop_sweeps where mode = ${mode}`)
    return row?.position ?? null
  })

  const savePosition: ShopOrders["Service"]["savePosition"] = Effect.fn("ShopOrders.savePosition")((mode, at) =>
    Effect.asVoid(
      Effect.orDie(sql`
        insert into shop_sweeps (mode, position) values (${mode}, ${at}::timestamptz)
        on conflict (mode) do update set position = greatest(shop_sweeps.position, excluded.position)`)
    )
  )

  return ShopOrders.of({ ...makeShopOrderIntake(changes), ...makeShopOrderSteps(changes), position, savePosition })
})

const positions = rowsOf({ position: IsoFromDate })
