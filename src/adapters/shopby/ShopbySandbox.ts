/**
 * A Shopby in the process: the contract of section 8.2 implemented with its state in memory (`SandboxMall`). Mounted as
 * the adapter's HttpClient in sandbox mode; its `routes` can be served on a port for a demonstration.
 *
 * Wants a valid token, gives one to everybody, and knows the headers' versions; it does not check the system key, nor
 * what a status may follow on. It makes no faults of the wire: see FaultInjection. Failures inside a 200 and webhooks
 * that do not arrive are on demand.
 */
import { Context, Effect, Layer, Ref, Schema } from "effect"
import { type HttpClient, HttpRouter, HttpServer, HttpServerResponse, type HttpServerRequest } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import type { ShopListing } from "../../domain/ShopListing.ts"
import { ShopStatus } from "../../domain/ShopOrder.ts"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { Basket, make as makeMall, NotInSandbox, SandboxFailure, SandboxOrder, SandboxProduct } from "./SandboxMall.ts"
import { ShopbyContract } from "./ShopbyContract.ts"
import { ListingChangesFromShopby, ListingFromShopby, OnSaleFromShopby, SeenOrderFromShopby } from "./ShopbyMapper.ts"

/** Tells the hub of a new order; see ShopbySandboxReporter. False: it did not take it. Default: nobody is told. */
export const SandboxReporter = Context.Reference<(order: SandboxOrder) => Effect.Effect<boolean>>(
  "hub/adapters/shopby/ShopbySandbox/SandboxReporter",
  { defaultValue: () => () => Effect.succeed(true) }
)

const Switch = Schema.Struct({ fail: Schema.Boolean })

/** The sandbox's own handles, for whoever demonstrates with it. Not part of Shopby's interface. */
const SandboxApi = HttpApi.make("shopby-sandbox").add(
  HttpApiGroup.make("sandbox").add(
    HttpApiEndpoint.get("products", "/sandbox/products", {
      success: Schema.Struct({ data: Schema.Array(SandboxProduct) })
    }),
    HttpApiEndpoint.get("orders", "/sandbox/orders", { success: Schema.Struct({ data: Schema.Array(SandboxOrder) }) }),
    HttpApiEndpoint.post("place", "/sandbox/orders", {
      payload: Basket,
      success: SandboxOrder.pipe(HttpApiSchema.status(201)),
      error: NotInSandbox
    }),
    HttpApiEndpoint.put("setStatus", "/sandbox/orders/:orderNo/status", {
      params: { orderNo: Schema.String },
      payload: Schema.Struct({ status: ShopStatus }),
      success: SandboxOrder,
      error: NotInSandbox
    }),
    HttpApiEndpoint.put("webhooks", "/sandbox/webhooks", { payload: Switch, success: Switch }),
    HttpApiEndpoint.put("failures", "/sandbox/status-changes", {
      payload: Schema.Struct({ failure: Schema.NullOr(SandboxFailure) }),
      success: Schema.Struct({ failure: Schema.NullOr(SandboxFailure) })
    }),
    HttpApiEndpoint.post("expireTokens", "/sandbox/tokens/expire", { success: HttpApiSchema.NoContent })
  )
)

export class ShopbySandbox extends Context.Service<
  ShopbySandbox,
  {
    /** Transport to this sandbox, in the process. */
    readonly httpClient: HttpClient.HttpClient
    /** Shopby's interface and the handles under /sandbox, to be served on a port. */
    readonly routes: Layer.Layer<never, never, HttpRouter.HttpRouter>
    readonly products: Effect.Effect<ReadonlyArray<SandboxProduct>>
    /** Oldest first. */
    readonly orders: Effect.Effect<ReadonlyArray<SandboxOrder>>
    /** A customer orders; the hub is told by webhook unless the basket says otherwise. */
    readonly place: (basket: Basket) => Effect.Effect<SandboxOrder, NotInSandbox>
    /** The customer (CANCEL_DONE) or the shop's people change an order: only the order list tells. */
    readonly setStatus: (orderNo: string, status: ShopStatus) => Effect.Effect<SandboxOrder, NotInSandbox>
    /** Products that somebody entered in the shop by hand. */
    readonly register: (listing: ShopListing) => Effect.Effect<SandboxProduct>
    /** From now on webhooks do not arrive, and are found under the failed ones. */
    readonly failWebhooks: (fail: boolean) => Effect.Effect<void>
    /** From now on status changes (of these parcels) are answered with this inside the 200; null = done again. */
    readonly failStatusChanges: (
      failure: SandboxFailure | null,
      shippingNos?: ReadonlyArray<string>
    ) => Effect.Effect<void>
    /** No token is valid any more. */
    readonly expireTokens: Effect.Effect<void>
    /** As after a restart: products and orders are gone. */
    readonly forget: Effect.Effect<void>
  }
>()("hub/adapters/shopby/ShopbySandbox") {
  static readonly layer: Layer.Layer<ShopbySandbox> = Layer.effect(
    ShopbySandbox,
    Effect.suspend(() => make)
  )

  /** Serves the sandbox on a port, as a process of its own. */
  static readonly layerServed = Layer.unwrap(Effect.map(ShopbySandbox, ({ routes }) => HttpRouter.serve(routes)))
}

const make = Effect.gen(function* () {
  const report = yield* SandboxReporter
  const mall = yield* makeMall
  const webhooksFail = yield* Ref.make(false)

  const place: ShopbySandbox["Service"]["place"] = Effect.fnUntraced(function* (basket) {
    const order = yield* mall.place(basket)
    if (basket.webhook === false) return order
    const delivered = (yield* Ref.get(webhooksFail)) ? false : yield* report(order)
    if (!delivered) yield* mall.miss(order)
    return order
  })

  /** Only with a valid token. */
  const guarded = Effect.fnUntraced(function* <A, E, R>(
    request: HttpServerRequest.HttpServerRequest,
    answer: Effect.Effect<A, E, R>
  ) {
    const valid = yield* mall.isValid(request.headers["authorization"])
    return valid ? yield* answer : refusal(401, "CO0401", "the token is not valid")
  })

  const authHandlers = HttpApiBuilder.group(ShopbyContract, "auth", (handlers) =>
    handlers.handle("token", () => mall.issueToken())
  )

  const productHandlers = HttpApiBuilder.group(ShopbyContract, "products", (handlers) =>
    handlers
      .handle("find", ({ query, request }) =>
        guarded(
          request,
          Effect.map(mall.products, (products) => ({
            productDetailResponses: products
              .filter(({ listing }) => listing.managementCode === query.productManagementCd)
              .map(({ listing, mallProductNo }) => ({
                mallProduct: { mallProductNo, productManagementCd: listing.managementCode }
              }))
          }))
        )
      )
      .handle("create", ({ payload, request }) =>
        guarded(
          request,
          decodeListing(payload).pipe(
            Effect.flatMap(mall.register),
            Effect.map(({ listing, mallProductNo }) => ({
              mallProductNo,
              mallProductOptionNos: (listing.options?.rows ?? []).map((_, index) => index + 1)
            })),
            Effect.catchTag("SchemaError", () => Effect.succeed(refusal(400, "PD0400", "not a product")))
          )
        )
      )
      .handle("patch", ({ params, payload, request }) =>
        guarded(
          request,
          decodeChanges(payload).pipe(
            Effect.flatMap((changes) => mall.changeProduct(params.mallProductNo, changes)),
            Effect.map((changed) => (changed === null ? noProduct : undefined)),
            Effect.catchTag("SchemaError", () => Effect.succeed(refusal(400, "PD0400", "not a change")))
          )
        )
      )
      .handle("status", ({ params, payload, request }) =>
        guarded(
          request,
          decodeOnSale(payload).pipe(
            Effect.orDie,
            Effect.flatMap(({ onSale }) => mall.changeProduct(params.mallProductNo, { onSale })),
            Effect.map((changed) => (changed === null ? noProduct : undefined))
          )
        )
      )
      .handle("categories", ({ request }) =>
        guarded(request, Effect.succeed([{ displayCategoryNo: 1, displayCategoryName: "인쇄물" }]))
      )
  )

  const orderHandlers = HttpApiBuilder.group(ShopbyContract, "orders", (handlers) =>
    handlers
      .handle("changeStatus", ({ payload, request }) =>
        guarded(
          request,
          Effect.gen(function* () {
            const correlationId = request.headers["x-correlation-id"] ?? null
            const outcomes = yield* Effect.forEach(payload.changeStatusList, (change) =>
              mall.changeParcel({
                shippingNo: String(change.shippingNo),
                status: payload.orderStatusType,
                trackingNumber: change.invoiceNo ?? null,
                carrier: change.deliveryCompanyType ?? null,
                correlationId
              })
            )
            const failures = outcomes.filter((failure) => failure !== null)
            return { successCount: outcomes.length - failures.length, failCount: failures.length, failures }
          })
        )
      )
      .handle("get", ({ params, request }) =>
        guarded(
          request,
          Effect.gen(function* () {
            const found = (yield* mall.orders).find(({ order }) => order.orderNo === params.orderNo)
            return found === undefined
              ? refusal(404, "OD0404", "no such order")
              : yield* Effect.orDie(encodeDetail(found.order))
          })
        )
      )
      .handle("list", ({ query, request }) =>
        guarded(
          request,
          Effect.gen(function* () {
            const found = (yield* mall.orders).filter(({ changedAt, placedAt }) => {
              const at = query.searchDateType === "STATUS_CHANGE" ? changedAt : placedAt
              return at >= query.startYmdt && at <= query.endYmdt
            })
            const contents = yield* Effect.forEach(pageOf(found, query.pageNumber, query.pageSize), ({ order }) =>
              Effect.orDie(encodeDetail(order))
            )
            return { contents, totalCount: found.length }
          })
        )
      )
  )

  const webhookHandlers = HttpApiBuilder.group(ShopbyContract, "webhooks", (handlers) =>
    handlers.handle("failed", ({ query, request }) =>
      guarded(
        request,
        Effect.map(mall.missed, (missed) => {
          const found = missed.filter(({ at }) => at >= query.startDateTime && at <= query.endDateTime)
          return {
            contents: pageOf(found, query.page, query.pageSize).map(({ data }) => ({ eventType: "ORDER", data })),
            totalCount: found.length
          }
        })
      )
    )
  )

  const sandboxHandlers = HttpApiBuilder.group(SandboxApi, "sandbox", (handlers) =>
    handlers
      .handle("products", () => Effect.map(mall.products, (data) => ({ data })))
      .handle("orders", () => Effect.map(mall.orders, (data) => ({ data })))
      .handle("place", ({ payload }) => place(payload))
      .handle("setStatus", ({ params, payload }) => mall.setStatus(params.orderNo, payload.status))
      .handle("webhooks", ({ payload }) => Effect.as(Ref.set(webhooksFail, payload.fail), payload))
      .handle("failures", ({ payload }) => Effect.as(mall.failStatusChanges(payload.failure), payload))
      .handle("expireTokens", () => mall.expireTokens)
  )

  const routes = Layer.mergeAll(
    HttpApiBuilder.layer(ShopbyContract).pipe(
      Layer.provide([authHandlers, productHandlers, orderHandlers, webhookHandlers])
    ),
    HttpApiBuilder.layer(SandboxApi).pipe(Layer.provide(sandboxHandlers))
  ).pipe(Layer.provide(HttpServer.layerServices))

  const handler = yield* HttpRouter.toHttpEffect(routes)
  return ShopbySandbox.of({
    httpClient: InProcessClient.fromHttpEffect(handler),
    routes,
    products: mall.products,
    orders: mall.orders,
    place,
    setStatus: mall.setStatus,
    register: mall.register,
    failWebhooks: (fail) => Ref.set(webhooksFail, fail),
    failStatusChanges: mall.failStatusChanges,
    expireTokens: mall.expireTokens,
    forget: mall.forget
  })
})

const refusal = (status: number, code: string, message: string) =>
  HttpServerResponse.jsonUnsafe({ code, message }, { status })

const noProduct = refusal(404, "PD0404", "no such product")

const pageOf = <A>(all: ReadonlyArray<A>, page: number, size: number): ReadonlyArray<A> =>
  all.slice((page - 1) * size, page * size)

const decodeListing = Schema.decodeEffect(ListingFromShopby)
const decodeChanges = Schema.decodeEffect(ListingChangesFromShopby)
const decodeOnSale = Schema.decodeEffect(OnSaleFromShopby)
const encodeDetail = Schema.encodeEffect(SeenOrderFromShopby)
