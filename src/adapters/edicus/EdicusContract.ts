/**
 * The part of the Edicus server API that the hub uses (specification, section 8.3). Pure wire shapes; `EdicusMapper` says
 * what they mean to the hub.
 *
 * Every request carries `edicus-api-key` and `edicus-uid` (the outbound client adds them). A logical error arrives as a
 * 200 with `LogicalError` as its body: it is part of no endpoint here, because the outbound client takes it out before
 * an answer is decoded.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { EdicusOrderId, EdicusProjectId } from "../../domain/Design.ts"

/** What any request may be answered with, under status 200. */
export const LogicalError = Schema.Struct({
  err: Schema.Struct({
    code: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))),
    message: Schema.optionalKey(Schema.NullOr(Schema.String)),
    info: Schema.optionalKey(Schema.Unknown)
  })
})

/** In Edicus' words: `render-fail` is a render that failed. */
export const OrderStatus = Schema.Literals(["ordering", "ordered", "rendering", "rendered", "render-fail"])

export const TentativeOrder = Schema.Struct({
  order_count: Schema.Int,
  /** KRW. */
  total_price: Schema.Int,
  partner_order_id: Schema.optionalKey(Schema.String),
  order_name: Schema.optionalKey(Schema.String)
})

export const OrderQuery = Schema.Union([
  Schema.Struct({ by_order_id: Schema.Struct({ order_id: EdicusOrderId }) }),
  Schema.Struct({ by_partner_order_id: Schema.Struct({ partner_order_id: Schema.String }) })
])

/** An order in the answer of a query. */
export const OrderRecord = Schema.Struct({
  id: EdicusOrderId,
  project_id: EdicusProjectId,
  partner_order_id: Schema.optionalKey(Schema.NullOr(Schema.String)),
  status: OrderStatus,
  /** When it was placed. */
  ctime: Schema.optionalKey(Schema.Unknown)
})

const projectParams = { projectId: EdicusProjectId }
const orderParams = { orderId: Schema.FiniteFromString.pipe(Schema.decodeTo(EdicusOrderId)) }

/** That it is a 200 without an error says it all. */
const anything = [Schema.Json, HttpApiSchema.Empty(200)] as const

const projects = HttpApiGroup.make("projects").add(
  HttpApiEndpoint.get("get", "/api/projects/:projectId", { params: projectParams, success: Schema.Json }),
  HttpApiEndpoint.get("previewUrls", "/api/projects/:projectId/preview_urls", {
    params: projectParams,
    success: Schema.Json
  }),
  HttpApiEndpoint.post("tentative", "/api/projects/:projectId/order/tentative", {
    params: projectParams,
    payload: TentativeOrder,
    success: Schema.Struct({ order_id: EdicusOrderId, status: OrderStatus })
  }),
  HttpApiEndpoint.post("definitive", "/api/projects/:projectId/order/definitive", {
    params: projectParams,
    success: Schema.Struct({ order_id: EdicusOrderId, status: OrderStatus })
  })
)

const orders = HttpApiGroup.make("orders").add(
  HttpApiEndpoint.post("query", "/api/order/query", {
    payload: OrderQuery,
    success: Schema.Struct({ result: Schema.Array(OrderRecord) })
  }),
  HttpApiEndpoint.post("cancel", "/api/orders/:orderId/cancel", {
    params: orderParams,
    success: anything
  }),
  HttpApiEndpoint.put("reset", "/api/orders/:orderId/status/reset_as_ordered", {
    params: orderParams,
    success: anything
  })
)

export const EdicusContract = HttpApi.make("edicus").add(projects).add(orders)
