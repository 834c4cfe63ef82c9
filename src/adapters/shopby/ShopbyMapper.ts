/**
 * Between the hub's terms and Shopby's, both ways, as Schemas: `decode(encode(x))` is `x` for every x of the hub.
 *
 * Lost on purpose, on the way out: nothing but what Shopby wants and the hub does not have (stock, which a printing
 * shop has no end of). On the way in: Shopby's own numbers of options; which of its fields the amount came from; a mail
 * address or telephone number that is no text (blank). A mapper looks nothing up.
 */
import { Schema, SchemaTransformation } from "effect"
import { optionSeparator } from "../../domain/OptionMatrix.ts"
import { ShopListing } from "../../domain/ShopListing.ts"
import { ShopStatus } from "../../domain/ShopOrder.ts"
import {
  NewProduct,
  OrderDetail,
  type ProductOption,
  ProductPatch,
  SaleStatus,
  StatusChanges
} from "./ShopbyContract.ts"

/** Shopby's words for the sale of a product. */
const sale = { on: "ONSALE", stopped: "STOP" } as const

/** Printed to order: never out of stock. */
const endlessStock = 999_999

type Options = NonNullable<typeof ShopListing.Encoded.options>

const optionsToShopby = ({ name, rows }: Options): ReadonlyArray<typeof ProductOption.Type> =>
  rows.map(({ addPrice, managementCode, value }) => ({
    optionName: name,
    optionValue: value,
    addPrice,
    stockQuantity: endlessStock,
    managementCode,
    usable: true
  }))

const optionsFromShopby = (options: ReadonlyArray<typeof ProductOption.Type>): Options | null =>
  options[0] === undefined
    ? null
    : {
        name: options[0].optionName,
        rows: options.map(({ addPrice, managementCode, optionValue }) => ({
          value: optionValue,
          addPrice,
          managementCode
        }))
      }

/** A product of the shop ↔ body of `POST /products/`. */
export const ListingFromShopby = NewProduct.pipe(
  Schema.decodeTo(
    ShopListing,
    SchemaTransformation.transform<typeof ShopListing.Encoded, typeof NewProduct.Type>({
      decode: ({ displayCategoryNos, managementCode, option, price, productName, saleStatusType }) => ({
        managementCode,
        name: productName,
        categoryNo: displayCategoryNos[0] ?? 0,
        salePrice: price.salePrice,
        onSale: saleStatusType === sale.on,
        options: optionsFromShopby(option?.options ?? [])
      }),
      encode: ({ categoryNo, managementCode, name, onSale, options, salePrice }) => ({
        productName: name,
        managementCode,
        price: { salePrice },
        displayCategoryNos: [categoryNo],
        saleStatusType: onSale ? sale.on : sale.stopped,
        ...(options === null
          ? { optionType: "NONE" as const }
          : { optionType: "COMBINATION" as const, option: { options: optionsToShopby(options) } })
      })
    })
  )
)

/** What of a listing is to be changed; what is left out stays. */
export const ListingChanges = Schema.Struct({
  name: Schema.optionalKey(ShopListing.fields.name),
  salePrice: Schema.optionalKey(ShopListing.fields.salePrice),
  categoryNo: Schema.optionalKey(ShopListing.fields.categoryNo),
  options: Schema.optionalKey(ShopListing.fields.options)
})
export type ListingChanges = typeof ListingChanges.Type

const isSameOptions = Schema.toEquivalence(ShopListing.fields.options)

/** What has to be sent so that the shop shows `wanted`. `confirmed` null: everything. */
export const changesOf = (wanted: ShopListing, confirmed: ShopListing | null): ListingChanges => ({
  ...(confirmed?.name === wanted.name ? {} : { name: wanted.name }),
  ...(confirmed?.salePrice === wanted.salePrice ? {} : { salePrice: wanted.salePrice }),
  ...(confirmed?.categoryNo === wanted.categoryNo ? {} : { categoryNo: wanted.categoryNo }),
  ...(confirmed !== null && isSameOptions(confirmed.options, wanted.options) ? {} : { options: wanted.options })
})

/** Changes of a listing ↔ body of `PATCH /products/{no}`. No options: an empty list. */
export const ListingChangesFromShopby = ProductPatch.pipe(
  Schema.decodeTo(
    ListingChanges,
    SchemaTransformation.transform<typeof ListingChanges.Encoded, typeof ProductPatch.Type>({
      decode: ({ displayCategoryNos, options, productName, salePrice }) => ({
        ...(productName === undefined ? {} : { name: productName }),
        ...(salePrice === undefined ? {} : { salePrice }),
        ...(displayCategoryNos?.[0] === undefined ? {} : { categoryNo: displayCategoryNos[0] }),
        ...(options === undefined ? {} : { options: optionsFromShopby(options) })
      }),
      encode: ({ categoryNo, name, options, salePrice }) => ({
        ...(name === undefined ? {} : { productName: name }),
        ...(salePrice === undefined ? {} : { salePrice }),
        ...(categoryNo === undefined ? {} : { displayCategoryNos: [categoryNo] }),
        ...(options === undefined ? {} : { options: options === null ? [] : optionsToShopby(options) })
      })
    })
  )
)

/** Is it sold? ↔ body of `PUT /products/{no}/status`. */
export const OnSaleFromShopby = SaleStatus.pipe(
  Schema.decodeTo(
    Schema.Struct({ onSale: Schema.Boolean }),
    SchemaTransformation.transform({
      decode: ({ saleStatusType }) => ({ onSale: saleStatusType === sale.on }),
      encode: ({ onSale }) => ({
        saleStatusType: onSale ? sale.on : sale.stopped,
        display: onSale,
        soldout: false
      })
    })
  )
)

/** What the shop is told of the parcels of an order. */
export const ParcelNotice = Schema.Struct({
  status: ShopStatus,
  shippingNos: Schema.Array(Schema.String).check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  trackingNumber: Schema.NullOr(Schema.String),
  carrier: Schema.NullOr(Schema.String)
})

/** News of an order's parcels ↔ body of `PUT /orders/change-status/by-shipping-no`. */
export const ParcelNoticeFromShopby = StatusChanges.pipe(
  Schema.decodeTo(
    ParcelNotice,
    SchemaTransformation.transform<typeof ParcelNotice.Encoded, typeof StatusChanges.Type>({
      decode: ({ changeStatusList, orderStatusType }) => ({
        status: Schema.is(ShopStatus)(orderStatusType) ? orderStatusType : "DEPOSIT_WAIT",
        shippingNos: changeStatusList.map(({ shippingNo }) => String(shippingNo)),
        trackingNumber: changeStatusList[0]?.invoiceNo ?? null,
        carrier: changeStatusList[0]?.deliveryCompanyType ?? null
      }),
      encode: ({ carrier, shippingNos, status, trackingNumber }) => ({
        orderStatusType: status,
        changeStatusList: shippingNos.map((shippingNo) => ({
          shippingNo,
          ...(carrier === null ? {} : { deliveryCompanyType: carrier }),
          ...(trackingNumber === null ? {} : { invoiceNo: trackingNumber })
        }))
      })
    })
  )
)

/** One line of an order, as the shop shows it. Money is KRW. */
const SeenLine = Schema.Struct({
  /** Null: the shop does not say. */
  productNo: Schema.NullOr(Schema.Int),
  /** `orderStatusType` */
  status: Schema.String,
  count: Schema.Int,
  salePrice: Schema.Int,
  addPrice: Schema.Int,
  managementCode: Schema.NullOr(Schema.String),
  /** Empty for a product without options. */
  options: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String }))
})

/** An order, as the shop shows it. */
export const SeenOrder = Schema.Struct({
  orderNo: Schema.String,
  /** KRW; null: the shop does not say. */
  amount: Schema.NullOr(Schema.Int),
  orderer: Schema.Struct({
    name: Schema.NullOr(Schema.String),
    email: Schema.NullOr(Schema.String),
    phone: Schema.NullOr(Schema.String)
  }),
  parcels: Schema.Array(
    Schema.Struct({
      shippingNo: Schema.String,
      trackingNumber: Schema.NullOr(Schema.String),
      lines: Schema.Array(SeenLine)
    })
  )
})
export type SeenOrder = typeof SeenOrder.Type

type OrderLine =
  (typeof OrderDetail.Type.deliveryGroups)[number]["orderProducts"][number]["orderProductOptions"][number]

/** `사이즈|용지` and `A4|아트지` → the pairs; what does not pair stays whole. */
const optionsOf = ({ optionName, optionValue }: OrderLine): (typeof SeenLine.Encoded)["options"] => {
  if ((optionName ?? "") === "" && (optionValue ?? "") === "") return []
  const names = (optionName ?? "").split(optionSeparator)
  const values = (optionValue ?? "").split(optionSeparator)
  return names.length === values.length
    ? names.map((name, index) => ({ name, value: values[index] ?? "" }))
    : [{ name: optionName ?? "", value: optionValue ?? "" }]
}

/** An order of the shop ↔ answer of `GET /orders/{orderNo}`, and an entry of `GET /orders`. */
export const SeenOrderFromShopby = OrderDetail.pipe(
  Schema.decodeTo(
    SeenOrder,
    SchemaTransformation.transform<typeof SeenOrder.Encoded, typeof OrderDetail.Type>({
      decode: ({ deliveryGroups, firstPayAmt, lastPayAmt, ordererContact1, ordererEmail, ordererName, orderNo }) => ({
        orderNo: String(orderNo),
        amount: lastPayAmt ?? firstPayAmt ?? null,
        orderer: { name: ordererName ?? null, email: ordererEmail ?? null, phone: ordererContact1 ?? null },
        parcels: deliveryGroups.map(({ invoiceNo, orderProducts, shippingNo }) => ({
          shippingNo: String(shippingNo),
          trackingNumber: invoiceNo ?? null,
          lines: orderProducts.flatMap(({ mallProductNo, orderProductOptions }) =>
            orderProductOptions.map((line) => ({
              productNo: mallProductNo ?? null,
              status: line.orderStatusType,
              count: line.orderCnt,
              salePrice: line.salePrice,
              addPrice: line.addPrice ?? 0,
              managementCode: line.optionManagementCd ?? null,
              options: optionsOf(line)
            }))
          )
        }))
      }),
      encode: ({ amount, orderer, orderNo, parcels }) => ({
        orderNo,
        ordererName: orderer.name,
        ordererEmail: orderer.email,
        ordererContact1: orderer.phone,
        lastPayAmt: amount,
        deliveryGroups: parcels.map(({ lines, shippingNo, trackingNumber }) => ({
          shippingNo,
          invoiceNo: trackingNumber,
          orderProducts: lines.map((line) => ({
            mallProductNo: line.productNo,
            orderProductOptions: [
              {
                orderStatusType: line.status,
                optionManagementCd: line.managementCode,
                optionName: line.options.length === 0 ? null : joined(line.options.map(({ name }) => name)),
                optionValue: line.options.length === 0 ? null : joined(line.options.map(({ value }) => value)),
                orderCnt: line.count,
                salePrice: line.salePrice,
                addPrice: line.addPrice
              }
            ]
          }))
        }))
      })
    })
  )
)

const joined = (parts: ReadonlyArray<string>): string => parts.join(optionSeparator)
