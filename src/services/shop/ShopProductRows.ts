/** Reads and writes what the shop has of each product. */
import { PgTypes } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { ProductId } from "../../domain/Ids.ts"
import { makeOptionMatrix } from "../../domain/OptionMatrix.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import {
  notReadyReasons,
  ShopListing,
  type ShopMode,
  ShopProductState,
  type ShopProductStatus,
  ShopSyncStatus,
  WidgetOnlyCombination
} from "../../domain/ShopListing.ts"
import { rowsOf, totalOf } from "../catalog/CatalogSql.ts"
import { sqlArray } from "../events/Sql.ts"
import type { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

const Prices = Schema.Array(
  Schema.Struct({
    sizeCode: Schema.NullOr(Schema.String),
    sizeName: Schema.NullOr(Schema.String),
    label: Schema.NullOr(Schema.String),
    baseQty: Schema.Int,
    price: Schema.Int
  })
)

const factRows = rowsOf({
  huniCode: Schema.NullOr(Schema.String),
  name: Schema.String,
  isActive: Schema.Boolean,
  shopbyCategoryNo: Schema.NullOr(Schema.Int),
  sellingPrice: Schema.NullOr(Schema.Int),
  prices: Prices,
  shopbyId: Schema.NullOr(Schema.Int),
  confirmed: Schema.NullOr(ShopListing)
})

const { error, huniCode, lastSyncedAt: _time, reasons: _derived, ...stated } = ShopProductState.fields
const stateRows = rowsOf({
  ...stated,
  error,
  huniCode,
  lastSyncedAt: Schema.NullOr(IsoFromDate),
  isActive: Schema.Boolean,
  isPriced: Schema.Boolean,
  shopbyCategoryNo: Schema.NullOr(Schema.Int)
})

const confirmedRows = rowsOf({
  shopbyId: Schema.NullOr(Schema.Int),
  syncStatus: ShopSyncStatus,
  confirmed: Schema.NullOr(ShopListing)
})
const priceRows = rowsOf({ prices: Prices })
const widgetOnlyRows = rowsOf(WidgetOnlyCombination.fields)
const idRows = rowsOf({ id: ProductId })

/** Also of nothing but nulls. */
const texts = (values: ReadonlyArray<string | null>) => sqlArray(PgTypes.OID.text, values)

export const makeShopProductRows = ({ sql }: Database["Service"]) => {
  /** Rows `f` of a product `p` that can be ordered, with their size `z`. */
  const orderable = sql.literal(`
    from fixed_prices f left join product_sizes z on z.product_id = f.product_id and z.code = f.size_code
    where f.product_id = p.id and (z.id is null or z.is_active)`)
  const priced = sql`(p.selling_price is not null or exists(select ${orderable}))`
  const prices = sql`(
    select coalesce(jsonb_agg(jsonb_build_object('sizeCode', f.size_code, 'sizeName', z.display_name,
      'label', f.option_label, 'baseQty', f.base_qty, 'price', f.selling_price)), '[]') ${orderable})`

  const pageOf = ({ limit, page }: PageRequest) => sql`limit ${limit} offset ${(page - 1) * limit}`

  /** The state `s` of a product `p`. Null: of the mode that was in use last. */
  const inMode = (mode: ShopMode | null) => sql`
    left join lateral (
      select * from shop_products s
      where s.product_id = p.id and ${mode === null ? sql`true` : sql`s.mode = ${mode}`}
      order by s.updated_at desc, s.mode limit 1
    ) s on true`

  const wanted = (status: ShopProductStatus) => {
    switch (status) {
      case "all":
        return sql`true`
      case "ready":
        return sql`p.is_active and p.huni_code is not null and c.shopby_category_no is not null and ${priced}`
      case "synced":
      case "failed":
        return sql`s.sync_status = ${status}`
    }
  }

  const facts = Effect.fnUntraced(function* (id: ProductId, mode: ShopMode) {
    const [row] = yield* factRows(sql`
      select p.huni_code as "huniCode", p.name, p.is_active as "isActive", c.shopby_category_no as "shopbyCategoryNo",
        p.selling_price as "sellingPrice", s.shopby_id as "shopbyId", s.listing as confirmed, ${prices} as prices
      from products p left join categories c on c.id = p.category_id ${inMode(mode)}
      where p.id = ${id}`)
    return row
  })

  const list = Effect.fnUntraced(function* (
    status: ShopProductStatus,
    mode: ShopMode | null,
    request: PageRequest
  ): Effect.fn.Return<Page<ShopProductState>> {
    const from = sql`
      from products p left join categories c on c.id = p.category_id ${inMode(mode)} where ${wanted(status)}`
    const total = yield* totalOf(sql`select count(*)::int as total ${from}`)
    const data = yield* stateRows(sql`
      select p.id as "productId", p.huni_code as "huniCode", p.name, s.shopby_id as "shopbyId",
        coalesce(s.sync_status, 'never') as "syncStatus", s.last_synced_at as "lastSyncedAt", s.error,
        p.is_active as "isActive", c.shopby_category_no as "shopbyCategoryNo", ${priced} as "isPriced",
        (select count(*)::int from shop_widget_only w where w.product_id = p.id and w.mode = s.mode) as "widgetOnly"
      ${from} order by p.id ${pageOf(request)}`)
    return {
      data: data.map(({ isActive, isPriced, shopbyCategoryNo, ...state }) => ({
        ...state,
        reasons: notReadyReasons({ isActive, isPriced, shopbyCategoryNo, huniCode: state.huniCode })
      })),
      total
    }
  })

  /** Locks the product until the transaction ends: changes of its state follow one another. False = no such product. */
  const lock = (id: ProductId) =>
    Effect.map(idRows(sql`select id from products where id = ${id} for no key update`), (rows) => rows.length > 0)

  const confirmed = Effect.fnUntraced(function* (id: ProductId, mode: ShopMode) {
    const [row] = yield* confirmedRows(sql`
      select shopby_id as "shopbyId", sync_status as "syncStatus", listing as confirmed
      from shop_products where product_id = ${id} and mode = ${mode}`)
    return row
  })

  /** Notes anew which combinations a listing leaves out. */
  const noteWidgetOnly = Effect.fnUntraced(function* (id: ProductId, mode: ShopMode, listing: ShopListing) {
    yield* Effect.orDie(sql`delete from shop_widget_only where product_id = ${id} and mode = ${mode}`)
    if (listing.options === null) return 0
    const [row] = yield* priceRows(sql`select ${prices} as prices from products p where p.id = ${id}`)
    const listed = new Set(listing.options.rows.map(({ managementCode }) => managementCode))
    const matrix = makeOptionMatrix(listing.managementCode, row?.prices ?? [])
    const left = [...matrix.rows, ...matrix.widgetOnly].filter(({ managementCode }) => !listed.has(managementCode))
    if (left.length === 0) return 0
    yield* Effect.orDie(sql`
      insert into shop_widget_only
        (product_id, mode, position, management_code, size_code, option_label, base_qty, selling_price)
      select ${id}::integer, ${mode}::text, (r.nr - 1)::integer, r.code, r.size_code, r.label, r.base_qty, r.price
      from unnest(
        ${texts(left.map(({ managementCode }) => managementCode))}, ${texts(left.map(({ sizeCode }) => sizeCode))},
        ${texts(left.map(({ label }) => label))}, ${left.map(({ baseQty }) => baseQty)}::integer[],
        ${left.map(({ price }) => price)}::integer[]
      ) with ordinality as r(code, size_code, label, base_qty, price, nr)`)
    return left.length
  })

  const widgetOnly = Effect.fnUntraced(function* (
    id: ProductId,
    mode: ShopMode | null,
    request: PageRequest
  ): Effect.fn.Return<Page<WidgetOnlyCombination>> {
    const from = sql`
      from products p ${inMode(mode)} join shop_widget_only w on w.product_id = p.id and w.mode = s.mode
      where p.id = ${id}`
    const total = yield* totalOf(sql`select count(*)::int as total ${from}`)
    const data = yield* widgetOnlyRows(sql`
      select w.management_code as "managementCode", w.size_code as "sizeCode", w.option_label as "optionLabel",
        w.base_qty as "baseQty", w.selling_price as "sellingPrice"
      ${from} order by w.position ${pageOf(request)}`)
    return { data, total }
  })

  const exists = (id: ProductId) =>
    Effect.map(idRows(sql`select id from products where id = ${id}`), (rows) => rows.length > 0)

  return { facts, list, lock, confirmed, noteWidgetOnly, widgetOnly, exists }
}
