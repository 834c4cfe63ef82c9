/** Products (specification, sections 1, 2 and 9). Money is integer KRW; times are ISO-8601 UTC. */
import { Schema } from "effect"
import { HuniCode, maxInt, ProductId } from "./Ids.ts"
import { code, name } from "./Text.ts"

/** Where a customer's artwork comes from. */
export const OrderMethod = Schema.Literals(["upload", "editor", "both"])
export type OrderMethod = typeof OrderMethod.Type

/** KRW, without decimals. */
export const Money = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxInt }))

export const Quantity = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt }))

export const Product = Schema.Struct({
  id: ProductId,
  huniCode: Schema.NullOr(HuniCode),
  /** `HU_` and the huniCode: derived, never stored. */
  edicusCode: Schema.NullOr(Schema.String),
  name,
  /** Unique; does not change with the name. */
  slug: Schema.String,
  productType: code,
  categoryCode: Schema.NullOr(code),
  pricingModel: Schema.NullOr(code),
  orderMethod: OrderMethod,
  editorEnabled: Schema.Boolean,
  sellingPrice: Schema.NullOr(Money),
  minQty: Schema.NullOr(Quantity),
  maxQty: Schema.NullOr(Quantity),
  qtyStep: Schema.NullOr(Quantity),
  /** Shopby's `mallProductNo`. */
  shopbyId: Schema.NullOr(Schema.Int),
  isActive: Schema.Boolean,
  createdAt: Schema.String,
  updatedAt: Schema.String
})
export type Product = typeof Product.Type

/** Body of `POST /products`. Default: upload, no editor, no price, active. */
export const ProductCreate = Schema.Struct({
  name,
  huniCode: Schema.optionalKey(Schema.NullOr(HuniCode)),
  productType: code,
  categoryCode: Schema.optionalKey(Schema.NullOr(code)),
  pricingModel: Schema.optionalKey(Schema.NullOr(code)),
  orderMethod: Schema.optionalKey(OrderMethod),
  editorEnabled: Schema.optionalKey(Schema.Boolean),
  sellingPrice: Schema.optionalKey(Schema.NullOr(Money)),
  minQty: Schema.optionalKey(Schema.NullOr(Quantity)),
  maxQty: Schema.optionalKey(Schema.NullOr(Quantity)),
  qtyStep: Schema.optionalKey(Schema.NullOr(Quantity))
})
export type ProductCreate = typeof ProductCreate.Type

/** Body of `PATCH /products/:id`: what is left out stays. Takes neither price nor activity. */
export const ProductPatch = Schema.Struct({
  name: Schema.optionalKey(name),
  huniCode: Schema.optionalKey(Schema.NullOr(HuniCode)),
  productType: Schema.optionalKey(code),
  categoryCode: Schema.optionalKey(Schema.NullOr(code)),
  pricingModel: Schema.optionalKey(Schema.NullOr(code)),
  orderMethod: Schema.optionalKey(OrderMethod),
  editorEnabled: Schema.optionalKey(Schema.Boolean),
  minQty: Schema.optionalKey(Schema.NullOr(Quantity)),
  maxQty: Schema.optionalKey(Schema.NullOr(Quantity)),
  qtyStep: Schema.optionalKey(Schema.NullOr(Quantity))
})
export type ProductPatch = typeof ProductPatch.Type

/** Body of `PUT /products/:id/price`; null takes the price away. */
export const ProductPrice = Schema.Struct({ sellingPrice: Schema.NullOr(Money) })

/**
 * URL-friendly name: letters and digits of any script in lower case, everything else one hyphen, then the huniCode.
 *
 * @example
 * makeSlug("Photo card (20 pcs)", "14536") // "photo-card-20-pcs-14536"
 */
export const makeSlug = (productName: string, huniCode: string | null): string =>
  [slugText(productName), huniCode ?? ""].filter((part) => part !== "").join("-") || "product"

// Normal form and lower case may lengthen a name, so it is cut to 200 characters again.
const slugText = (value: string): string => {
  const words = value
    .normalize("NFC")
    .toLowerCase()
    .normalize("NFC")
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, "-")
  return [...words]
    .slice(0, 200)
    .join("")
    .replace(/^-+|-+$/g, "")
}
