/**
 * Shopby's Server API, as far as the hub uses it (specification, section 8.2): the one definition that our client and
 * the sandbox work from. Pure wire shapes; `ShopbyMapper` says what they mean to the hub. Fields that are not named here
 * may come and are passed over.
 *
 * Every request carries `systemKey`, `Version: 1.0` (the order list: 1.1) and `Authorization: Bearer` (the outbound
 * client adds them), but for the request for a token, whose body names app and credential. Dates are Korean time
 * without a zone.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { maxInt } from "../../domain/Ids.ts"
import { KstIso, KstYmdt } from "./KoreanTime.ts"

/** Shopby writes numbers of its own now as text, now as numbers. */
const TextOrNumber = Schema.Union([Schema.String, Schema.Int])

const MallProductNo = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt }))

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

export const TokenRequest = Schema.Struct({
  grant_type: Schema.Literal("refresh_token"),
  client_id: Schema.String,
  refresh_token: Schema.String
})

export const TokenAnswer = Schema.Struct({
  access_token: Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,4096}$/)),
  /** When it ends: a date-time, whatever the name says. */
  expire_in: KstIso
})

export const ProductOption = Schema.Struct({
  /** Names of the axes, joined by `|`. */
  optionName: Schema.String,
  optionValue: Schema.String,
  addPrice: Schema.Int,
  stockQuantity: Schema.Int,
  managementCode: Schema.String,
  usable: Schema.Boolean
})

export const NewProduct = Schema.Struct({
  productName: Schema.String,
  managementCode: Schema.String,
  price: Schema.Struct({ salePrice: Schema.Int }),
  displayCategoryNos: Schema.Array(Schema.Int),
  saleStatusType: Schema.String,
  optionType: Schema.Literals(["COMBINATION", "NONE"]),
  option: Schema.optionalKey(Schema.Struct({ options: Schema.Array(ProductOption) }))
})

export const CreatedProduct = Schema.Struct({
  mallProductNo: MallProductNo,
  mallProductOptionNos: nullable(Schema.Array(Schema.Int))
})

/** Only what changed. */
export const ProductPatch = Schema.Struct({
  productName: Schema.optionalKey(Schema.String),
  salePrice: Schema.optionalKey(Schema.Int),
  displayCategoryNos: Schema.optionalKey(Schema.Array(Schema.Int)),
  options: Schema.optionalKey(Schema.Array(ProductOption))
})

export const SaleStatus = Schema.Struct({
  saleStatusType: Schema.String,
  display: Schema.Boolean,
  soldout: Schema.Boolean
})

const FoundProducts = Schema.Struct({
  productDetailResponses: Schema.Array(
    Schema.Struct({
      mallProduct: Schema.Struct({
        mallProductNo: MallProductNo,
        productManagementCd: nullable(Schema.String),
        saleStatusType: nullable(Schema.String)
      })
    })
  )
})

export const StatusChanges = Schema.Struct({
  orderStatusType: Schema.String,
  changeStatusList: Schema.Array(
    Schema.Struct({
      shippingNo: TextOrNumber,
      deliveryCompanyType: Schema.optionalKey(Schema.String),
      invoiceNo: Schema.optionalKey(Schema.String)
    })
  ).check(Schema.isMinLength(1), Schema.isMaxLength(100))
})

/** Comes with 200 also when nothing was changed. */
export const StatusChangesAnswer = Schema.Struct({
  successCount: Schema.Int,
  failCount: Schema.Int,
  failures: nullable(
    Schema.Array(Schema.Struct({ errorCode: nullable(TextOrNumber), errorMessage: nullable(Schema.String) }))
  )
})

const OrderProductOption = Schema.Struct({
  orderStatusType: Schema.String,
  optionManagementCd: nullable(Schema.String),
  optionName: nullable(Schema.String),
  optionValue: nullable(Schema.String),
  orderCnt: Schema.Int,
  salePrice: Schema.Int,
  addPrice: nullable(Schema.Int)
})

/** An order, in the list and by itself. Who ordered and what is paid: where Shopby tells it. */
export const OrderDetail = Schema.Struct({
  orderNo: TextOrNumber,
  ordererName: nullable(Schema.String),
  ordererEmail: nullable(Schema.String),
  ordererContact1: nullable(Schema.String),
  firstPayAmt: nullable(Schema.Int),
  lastPayAmt: nullable(Schema.Int),
  deliveryGroups: Schema.Array(
    Schema.Struct({
      shippingNo: TextOrNumber,
      invoiceNo: nullable(Schema.String),
      orderProducts: Schema.Array(
        Schema.Struct({
          mallProductNo: Schema.optionalKey(Schema.NullOr(Schema.Int)),
          orderProductOptions: Schema.Array(OrderProductOption)
        })
      )
    })
  )
})

/** Each entry is read by itself: one that cannot be read must not hold up the others. */
const Listing = Schema.Struct({ contents: Schema.Array(Schema.Json), totalCount: Schema.Int })

/** One entry of the failed webhooks: the body that nobody took is in `data`, or in `requestBody`. */
export const FailedWebhook = Schema.Struct({
  eventType: nullable(Schema.String),
  data: nullable(Schema.Json),
  requestBody: nullable(Schema.Json)
})

const PositiveFromString = Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(1))
const PageSize = Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 200 }))
const productParams = { mallProductNo: Schema.FiniteFromString.pipe(Schema.decodeTo(MallProductNo)) }

/** Done, whatever is written about it. */
const Done = [HttpApiSchema.Empty(204), HttpApiSchema.Empty(200)] as const

const auth = HttpApiGroup.make("auth").add(
  HttpApiEndpoint.post("token", "/auth/token/long-lived", { payload: TokenRequest, success: TokenAnswer })
)

const products = HttpApiGroup.make("products").add(
  HttpApiEndpoint.get("find", "/products", {
    query: { productManagementCd: Schema.String },
    success: FoundProducts
  }),
  HttpApiEndpoint.post("create", "/products/", { payload: NewProduct, success: CreatedProduct }),
  HttpApiEndpoint.patch("patch", "/products/:mallProductNo", {
    params: productParams,
    payload: ProductPatch,
    success: Done
  }),
  HttpApiEndpoint.put("status", "/products/:mallProductNo/status", {
    params: productParams,
    payload: SaleStatus,
    success: Done
  }),
  HttpApiEndpoint.get("categories", "/categories/display-categories", { success: Schema.Json })
)

const orders = HttpApiGroup.make("orders").add(
  HttpApiEndpoint.put("changeStatus", "/orders/change-status/by-shipping-no", {
    payload: StatusChanges,
    success: StatusChangesAnswer
  }).annotate(OpenApi.Description, "Up to 100 parcels; what could not be changed is told inside the 200."),
  HttpApiEndpoint.get("get", "/orders/:orderNo", { params: { orderNo: Schema.String }, success: OrderDetail }),
  HttpApiEndpoint.get("list", "/orders", {
    headers: { version: Schema.Literal("1.1") },
    query: {
      startYmdt: KstYmdt,
      endYmdt: KstYmdt,
      searchDateType: Schema.String,
      pageNumber: PositiveFromString,
      pageSize: PageSize
    },
    success: Listing
  })
)

const webhooks = HttpApiGroup.make("webhooks").add(
  HttpApiEndpoint.get("failed", "/webhooks/failed", {
    query: { startDateTime: KstYmdt, endDateTime: KstYmdt, page: PositiveFromString, pageSize: PageSize },
    success: Listing
  }).annotate(OpenApi.Description, "Webhooks that nobody took, of at most 7 days.")
)

export const ShopbyContract = HttpApi.make("shopby").add(auth).add(products).add(orders).add(webhooks)
