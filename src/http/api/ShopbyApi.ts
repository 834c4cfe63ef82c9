/** The shop: endpoints 1 to 5, and how categories map (specification, section 9). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Category, ShopbyCategoryNo } from "../../domain/Category.ts"
import { CategoryId, EventId, OrderId, ProductId } from "../../domain/Ids.ts"
import { StatusChange } from "../../domain/MesJob.ts"
import { OrderStatus } from "../../domain/OrderStatus.ts"
import { ShopProductState, ShopProductStatus, WidgetOnlyCombination } from "../../domain/ShopListing.ts"
import { ShopOrderFromWebhook } from "../../domain/ShopOrder.ts"
import { text } from "../../domain/Text.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope, SignedWebhook, WebhookOf } from "./Access.ts"
import { ConflictProblem, InvalidStateTransitionProblem, NotFoundProblem } from "./Problems.ts"
import { filter, fromDigits, list, pageQuery } from "./Queries.ts"

const productParams = { id: fromDigits(ProductId) }

export const ShopbyApi = HttpApiGroup.make("shopby")
  .add(
    HttpApiEndpoint.get("products", "/integration/shopby/products", {
      query: { ...pageQuery, status: filter(ShopProductStatus) },
      success: list(ShopProductState)
    }),
    HttpApiEndpoint.post("syncProduct", "/integration/shopby/products/:id/sync", {
      params: productParams,
      // Null: no body at all.
      payload: [Schema.Struct({ force: Schema.optionalKey(Schema.Boolean) }), Schema.Null],
      success: Schema.Struct({ productId: ProductId, eventId: EventId, status: Schema.Literal("accepted") }).pipe(
        HttpApiSchema.status(202)
      ),
      error: NotFoundProblem
    }).middleware(Idempotent),
    HttpApiEndpoint.get("widgetOnly", "/integration/shopby/products/:id/widget-only", {
      params: productParams,
      query: pageQuery,
      success: list(WidgetOnlyCombination),
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("categories", "/integration/shopby/categories", {
      query: pageQuery,
      success: list(Category)
    }),
    HttpApiEndpoint.put("mapCategory", "/integration/shopby/categories/:id", {
      params: { id: fromDigits(CategoryId) },
      payload: Schema.Struct({ shopbyCategoryNo: Schema.NullOr(ShopbyCategoryNo) }),
      success: Category,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.put("changeOrderStatus", "/integration/shopby/orders/:id/status", {
      params: { id: OrderId },
      payload: Schema.Struct({
        status: OrderStatus,
        trackingNumber: Schema.optionalKey(text(100)),
        /** Shopby's `deliveryCompanyType`, e.g. CJ. */
        carrier: Schema.optionalKey(text(100))
      }),
      success: StatusChange,
      error: [NotFoundProblem, ConflictProblem, InvalidStateTransitionProblem]
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "shopby")
  .annotate(OpenApi.Title, "Shopby")

const TakenOrder = Schema.Struct({
  orderId: OrderId,
  /** The shop's orderNo. */
  externalOrderId: Schema.String,
  source: Schema.Literal("shopby"),
  status: OrderStatus,
  /** It could not be translated in full: see the order's reasons. */
  needsAttention: Schema.Boolean
})

/** What the shop calls. */
export const ShopbyWebhooksApi = HttpApiGroup.make("shopbyWebhooks")
  .add(
    HttpApiEndpoint.post("takeOrder", "/integration/shopby/orders", {
      payload: ShopOrderFromWebhook,
      success: [TakenOrder.pipe(HttpApiSchema.status(201)), TakenOrder.pipe(HttpApiSchema.status(200))]
    }).annotate(OpenApi.Description, "201: a new order. 200: the order with this orderNo, which was here already.")
  )
  .middleware(RequestChecks)
  .middleware(SignedWebhook)
  .annotate(WebhookOf, "shopby")
  .annotate(OpenApi.Title, "Shopby webhooks")
