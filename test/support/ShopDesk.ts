/** The order desk with a shop before it: products that the shop sells, and orders of it. */
import { Effect, Layer } from "effect"
import type { ShopOrder } from "../../src/domain/ShopOrder.ts"
import type { ShopMode } from "../../src/domain/ShopListing.ts"
import type { ProductId } from "../../src/domain/Ids.ts"
import { EventBus } from "../../src/services/events/EventBus.ts"
import { EventContext } from "../../src/services/events/EventContext.ts"
import { EventLog } from "../../src/services/events/EventLog.ts"
import { Notifications } from "../../src/services/orders/Notifications.ts"
import { ShopOrders } from "../../src/services/shop/ShopOrders.ts"
import { Database } from "../../src/services/storage/Database.ts"
import * as OrderDesk from "./OrderDesk.ts"

/** With the log alone: events are written, nobody follows them. */
export const coreWithLog = ShopOrders.layer.pipe(
  Layer.provideMerge(OrderDesk.core),
  Layer.provideMerge(EventBus.layer),
  Layer.provideMerge(EventLog.layerSql)
)

/** The shop's numbers of the products. */
export const cardNo = 7001
export const bookNo = 7002

/** As after a sync. */
export const sell = Effect.fnUntraced(function* (productId: ProductId, shopbyId: number, mode: ShopMode = "sandbox") {
  const { sql } = yield* Database
  yield* Effect.orDie(sql`
    insert into shop_products (product_id, mode, shopby_id, sync_status, listing, last_synced_at, updated_at)
    values (${productId}, ${mode}, ${shopbyId}, 'synced', '{}', now(), now())`)
})

export const size = Effect.fnUntraced(function* (productId: ProductId, code: string, name: string) {
  const { sql } = yield* Database
  yield* Effect.orDie(sql`
    insert into product_sizes (product_id, code, display_name, is_active) values (${productId}, ${code}, ${name}, true)`)
})

export const price = Effect.fnUntraced(function* (
  productId: ProductId,
  row: { readonly size?: string; readonly label?: string; readonly baseQty: number; readonly price: number }
) {
  const { sql } = yield* Database
  yield* Effect.orDie(sql`
    insert into fixed_prices (product_id, size_code, option_label, base_qty, selling_price, vat_included)
    values (${productId}, ${row.size ?? null}::text, ${row.label ?? null}::text, ${row.baseQty}, ${row.price}, true)`)
})

/** The desk's card and book, sold in the shop of the sandbox. The card is sold without options. */
export const open = Effect.fnUntraced(function* (options: Parameters<typeof OrderDesk.open>[0] = {}) {
  const shop = yield* OrderDesk.open(options)
  yield* sell(shop.card, cardNo)
  yield* sell(shop.book, bookNo)
  return shop
})

export const paperOfCard = { name: "paper", value: "paper one" }

export const order = (orderNo: string, more: Partial<ShopOrder> = {}): ShopOrder => ({
  orderNo,
  orderAmount: 12_000,
  orderer: { name: "Lee", email: "lee@example.com" },
  items: [{ productNo: cardNo, quantity: 3, price: 4_000, optionValues: [paperOfCard] }],
  ...more
})

/** A line that cannot be translated. */
export const unknownLine = { productNo: 9999, quantity: 1, price: 1 }

type Options = Parameters<ShopOrders["Service"]["receive"]>[1]

/** Under a correlation id, as a webhook. */
export const receive = (placed: ShopOrder, options: Partial<Options> = {}, correlationId = "trace-123") =>
  ShopOrders.use((orders) =>
    orders.receive(placed, { mode: "sandbox", via: "webhook", raw: JSON.stringify(placed), ...options })
  ).pipe(Effect.provideService(EventContext, { correlationId, causationId: null, source: "api" }))

/** Kinds and subjects of what an operator has not seen to, newest first. */
export const openNotes = Effect.map(
  Notifications.use((notes) => notes.list({ acknowledged: false }, { page: 1, limit: 100 })),
  ({ data }) => data.map(({ kind, subject }) => `${kind} ${subject}`)
)
