/**
 * A product as the shop should have it, and what is known of its state there (specification, sections 7 and 9,
 * endpoint 1). Money is integer KRW; times are ISO-8601 UTC.
 */
import { Schema } from "effect"
import { ShopbyCategoryNo } from "./Category.ts"
import { HuniCode, ProductId } from "./Ids.ts"
import { axisNames, makeOptionMatrix, optionSeparator, type PricedCombination } from "./OptionMatrix.ts"
import { Money, Quantity } from "./Product.ts"
import { name } from "./Text.ts"

/** What an external id and a confirmed state belong to: those of the sandbox mean nothing in live mode. */
export type ShopMode = "sandbox" | "live"

/** What one shop product consists of; can be stored as JSON. */
export const ShopListing = Schema.Struct({
  /** The huniCode. */
  managementCode: HuniCode,
  name,
  categoryNo: ShopbyCategoryNo,
  salePrice: Money,
  onSale: Schema.Boolean,
  /** Null: no options. */
  options: Schema.NullOr(
    Schema.Struct({
      /** Names of the axes, joined by `|`. */
      name: Schema.String,
      /** Cheapest first. */
      rows: Schema.Array(
        Schema.Struct({
          /** Values in the order of the axes, joined by `|`. */
          value: Schema.String,
          /** Over `salePrice`. */
          addPrice: Money,
          managementCode: Schema.String
        })
      )
    })
  )
})
export type ShopListing = typeof ShopListing.Type

/** Why a product cannot be in the shop. */
export const NotReadyReason = Schema.Literals(["inactive", "unpriced", "category-not-mapped", "no-huni-code"])
export type NotReadyReason = typeof NotReadyReason.Type

/** What a listing is made of. */
export interface ShopProductFacts {
  readonly huniCode: string | null
  readonly name: string
  readonly isActive: boolean
  /** Of the product's category. */
  readonly shopbyCategoryNo: number | null
  readonly sellingPrice: number | null
  /** Rows of the price table that can be ordered. */
  readonly prices: ReadonlyArray<PricedCombination>
}

export type MadeListing =
  | { readonly _tag: "NotReady"; readonly reasons: ReadonlyArray<NotReadyReason> }
  | { readonly _tag: "Ready"; readonly listing: ShopListing }

/** The price table decides the price; a product with only a selling price has no options. */
export const makeListing = ({
  huniCode,
  isActive,
  name: productName,
  prices,
  sellingPrice,
  shopbyCategoryNo
}: ShopProductFacts): MadeListing => {
  const isPriced = prices.length > 0 || sellingPrice !== null
  if (!isActive || !isPriced || shopbyCategoryNo === null || huniCode === null) {
    return { _tag: "NotReady", reasons: notReadyReasons({ isActive, isPriced, shopbyCategoryNo, huniCode }) }
  }
  const { axes, basePrice, rows } = makeOptionMatrix(huniCode, prices)
  return {
    _tag: "Ready",
    listing: {
      managementCode: huniCode,
      name: productName,
      categoryNo: shopbyCategoryNo,
      salePrice: prices.length > 0 ? basePrice : (sellingPrice ?? 0),
      onSale: true,
      options:
        axes.length === 0
          ? null
          : {
              name: axes.map((axis) => axisNames[axis]).join(optionSeparator),
              rows: rows.map(({ addPrice, managementCode, values }) => ({
                value: values.join(optionSeparator),
                addPrice,
                managementCode
              }))
            }
    }
  }
}

/** Nothing: the product is ready. */
export const notReadyReasons = (product: {
  readonly isActive: boolean
  readonly isPriced: boolean
  readonly shopbyCategoryNo: number | null
  readonly huniCode: string | null
}): ReadonlyArray<NotReadyReason> => [
  ...(product.isActive ? [] : (["inactive"] as const)),
  ...(product.isPriced ? [] : (["unpriced"] as const)),
  ...(product.shopbyCategoryNo === null ? (["category-not-mapped"] as const) : []),
  ...(product.huniCode === null ? (["no-huni-code"] as const) : [])
]

/** `never`: the shop has not got it; `pending`: asked for, not done yet; `failed`: the last attempt. */
export const ShopSyncStatus = Schema.Literals(["never", "pending", "synced", "failed"])
export type ShopSyncStatus = typeof ShopSyncStatus.Type

/** Which products endpoint 1 lists: those that can be in the shop, those of one sync status, or all. */
export const ShopProductStatus = Schema.Literals(["ready", "synced", "failed", "all"])
export type ShopProductStatus = typeof ShopProductStatus.Type

/** A product and its state in the shop (endpoint 1). */
export const ShopProductState = Schema.Struct({
  productId: ProductId,
  huniCode: Schema.NullOr(HuniCode),
  name,
  /** Shopby's `mallProductNo`; null until it is registered. */
  shopbyId: Schema.NullOr(Schema.Int),
  syncStatus: ShopSyncStatus,
  /** When the shop last confirmed it. */
  lastSyncedAt: Schema.NullOr(Schema.String),
  /** Why it cannot be in the shop as things stand; empty = ready. */
  reasons: Schema.Array(NotReadyReason),
  /** What went wrong in the last attempt, when that failed. */
  error: Schema.NullOr(Schema.String),
  /** Priced combinations that the shop cannot hold: sold in the widget only. */
  widgetOnly: Schema.Int
})
export type ShopProductState = typeof ShopProductState.Type

/** A priced combination that is not in the shop. */
export const WidgetOnlyCombination = Schema.Struct({
  managementCode: Schema.String,
  sizeCode: Schema.NullOr(Schema.String),
  optionLabel: Schema.NullOr(Schema.String),
  baseQty: Quantity,
  sellingPrice: Money
})
export type WidgetOnlyCombination = typeof WidgetOnlyCombination.Type
