/** The rows that `ShopOrders` reads and writes. */
import { Effect, Schema } from "effect"
import type { Statement } from "effect/sql"
import { ChoiceId, OrderId, ProductId } from "../../domain/Ids.ts"
import { OrderStatus } from "../../domain/OrderStatus.ts"
import type { ShopMode } from "../../domain/ShopListing.ts"
import { ShopOrder, ShopStatus } from "../../domain/ShopOrder.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import type { Database } from "../storage/Database.ts"
import type { ShopProductOffer } from "./ShopOrderTranslation.ts"

const orderRows = rowsOf({
  orderId: OrderId,
  source: Schema.String,
  externalOrderId: Schema.NullOr(Schema.String),
  mode: Schema.NullOr(Schema.Literals(["sandbox", "live"])),
  status: OrderStatus,
  correlationId: Schema.String,
  reasons: Schema.Array(Schema.String),
  order: Schema.NullOr(Schema.toEncoded(ShopOrder)),
  shopStatus: Schema.NullOr(ShopStatus),
  shippingNos: Schema.Array(Schema.String),
  trackingNumber: Schema.NullOr(Schema.String),
  carrier: Schema.NullOr(Schema.String),
  shownTrackingNumber: Schema.NullOr(Schema.String),
  shownCarrier: Schema.NullOr(Schema.String),
  /** The plant may know of it. */
  atPlant: Schema.Boolean
})
export type ShopOrderRow = Effect.Success<ReturnType<typeof orderRows>>[number]

const offerRows = rowsOf({
  productNo: Schema.Finite,
  productId: ProductId,
  huniCode: Schema.NullOr(Schema.String),
  isActive: Schema.Boolean,
  prices: Schema.Array(
    Schema.Struct({
      sizeCode: Schema.NullOr(Schema.String),
      sizeName: Schema.NullOr(Schema.String),
      label: Schema.NullOr(Schema.String),
      baseQty: Schema.Int,
      price: Schema.Int,
      /** Its size is still made. */
      isSold: Schema.Boolean
    })
  ),
  choices: Schema.Array(
    Schema.Struct({
      choiceId: ChoiceId,
      code: Schema.String,
      name: Schema.String,
      optionName: Schema.String
    })
  )
})

export const makeShopOrderRows = ({ sql }: Database["Service"]) => {
  const select = Effect.fnUntraced(function* (where: Statement.Fragment) {
    const [row] = yield* orderRows(sql`
      select id as "orderId", source, external_order_id as "externalOrderId", shopby_mode as mode, status,
        correlation_id as "correlationId", attention_reasons as reasons, shopby_order as order,
        shopby_status as "shopStatus", shopby_shipping_nos as "shippingNos", tracking_number as "trackingNumber",
        carrier, shopby_tracking_number as "shownTrackingNumber", shopby_carrier as "shownCarrier",
        exists(select from mes_jobs j where j.order_id = orders.id and j.begun_at is not null) as "atPlant"
      from orders where ${where}`)
    return row
  })

  // Two statements: what one reads besides the row that it waits for is older than the wait.
  const lock = Effect.fnUntraced(function* (where: Statement.Fragment) {
    yield* Effect.orDie(sql`select id from orders where ${where} for update`)
    return yield* select(where)
  })

  return {
    /** Locked: all changes of the order queue here. */
    lock: (orderId: OrderId) => lock(sql`id = ${orderId}`),
    find: (orderId: OrderId) => select(sql`id = ${orderId}`),
    lockExternal: (externalOrderId: string, mode: ShopMode) =>
      lock(sql`source = 'shopby' and shopby_mode = ${mode} and external_order_id = ${externalOrderId}`),

    /** What the products with these numbers of the shop offer. */
    offers: Effect.fnUntraced(function* (mode: ShopMode, productNos: ReadonlyArray<number>) {
      const rows = yield* offerRows(sql`
        select s.shopby_id::float8 as "productNo", p.id as "productId", p.huni_code as "huniCode",
          p.is_active as "isActive",
          (
            select coalesce(jsonb_agg(jsonb_build_object('sizeCode', f.size_code, 'sizeName', z.display_name,
              'label', f.option_label, 'baseQty', f.base_qty, 'price', f.selling_price,
              'isSold', z.id is null or z.is_active)), '[]')
            from fixed_prices f left join product_sizes z on z.product_id = f.product_id and z.code = f.size_code
            where f.product_id = p.id
          ) as prices,
          (
            select coalesce(jsonb_agg(jsonb_build_object('choiceId', c.id, 'code', c.code, 'name', c.name,
              'optionName', d.name) order by d.display_order, c.display_order, c.id), '[]')
            from product_option_choices o join option_choices c on c.id = o.choice_id
            join option_definitions d on d.id = o.option_id
            where o.product_id = p.id
          ) as choices
        from shop_products s join products p on p.id = s.product_id
        where s.mode = ${mode} and s.shopby_id = any(${productNos}::bigint[])`)
      return new Map(rows.map(({ productNo, ...offer }): [number, ShopProductOffer] => [productNo, offer]))
    })
  }
}
