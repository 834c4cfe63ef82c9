/**
 * Shopby as the hub talks to it: each operation in the hub's terms, through the guarded connection, with a valid token.
 * What comes of repeating a call, and when, is for the caller to know.
 */
import { Effect, Redacted, Schema } from "effect"
import type { ShopListing } from "../../domain/ShopListing.ts"
import { Invalid } from "../../domain/IntegrationError.ts"
import * as OutboundHttp from "../../services/integrations/OutboundHttp.ts"
import { CallRecorder } from "../../services/providers/CallRecorder.ts"
import { CircuitBreakers } from "../../services/resilience/CircuitBreakers.ts"
import { CircuitSettings } from "../../services/resilience/CircuitSettings.ts"
import { ShopbyContract } from "./ShopbyContract.ts"
import { verdictOf } from "./ShopbyFailure.ts"
import {
  type ListingChanges,
  ListingChangesFromShopby,
  ListingFromShopby,
  OnSaleFromShopby,
  type ParcelNotice,
  ParcelNoticeFromShopby,
  SeenOrderFromShopby
} from "./ShopbyMapper.ts"
import * as ShopbyToken from "./ShopbyToken.ts"
import { ShopbySettings, ShopbyTransport } from "./ShopbyTransport.ts"

/** Name of the adapter. */
export const name = "shopby"

const liveUrl = "https://server-api.e-ncp.com"

/** Most entries of a page. */
export const pageSize = 200

/** From and to in seconds since 1970, both included; pages from 1. */
export interface Window {
  readonly from: number
  readonly to: number
}

export type ShopbyClient = Effect.Success<typeof make>

export const make = Effect.gen(function* () {
  const settings = yield* ShopbySettings
  const breakers = yield* CircuitBreakers
  const breaker = yield* breakers.make({
    name,
    settings: CircuitSettings.make({
      failures: settings.breaker.failures,
      openFor: settings.breaker.openFor,
      halfOpenLimit: settings.breaker.halfOpenLimit
    })
  })
  const outbound = OutboundHttp.make({
    adapter: name,
    baseUrl: settings.baseUrl ?? (settings.mode === "live" ? liveUrl : "http://shopby.sandbox"),
    httpClient: ShopbyToken.withToken(yield* ShopbyTransport),
    breaker,
    timeout: settings.timeout,
    headers: { version: "1.0", ...(settings.systemKey === null ? {} : { systemkey: settings.systemKey }) },
    checkAnswer: verdictOf,
    mode: settings.mode === "live" ? "live" : "sandbox",
    recorder: yield* CallRecorder
  })
  const shopby = yield* outbound.api(ShopbyContract)

  const issue = Effect.fnUntraced(function* (via: OutboundHttp.Attempt) {
    const answer = yield* via(
      "POST /auth/token/long-lived",
      shopby.auth.token({
        payload: {
          grant_type: "refresh_token",
          client_id: settings.systemKey === null ? "sandbox" : Redacted.value(settings.systemKey),
          refresh_token: settings.accessToken === null ? "sandbox" : Redacted.value(settings.accessToken)
        }
      })
    )
    yield* Effect.logInfo("Shopby gave a new token")
    return { value: Redacted.make(answer.access_token), endsAt: answer.expire_in }
  })
  const authorized = yield* ShopbyToken.make({
    call: outbound.call,
    probe: outbound.probe,
    issue,
    configured: settings.accessToken
  })

  return {
    breaker,

    /** Numbers of the products that have this management code, the oldest first. */
    find: Effect.fn("ShopbyClient.find")(function* (managementCode: string) {
      const { productDetailResponses } = yield* authorized.call(
        "GET /products",
        shopby.products.find({ query: { productManagementCd: managementCode } })
      )
      return productDetailResponses
        .map(({ mallProduct }) => mallProduct)
        .filter(({ productManagementCd }) => (productManagementCd ?? managementCode) === managementCode)
        .map(({ mallProductNo }) => mallProductNo)
        .toSorted((a, b) => a - b)
    }),

    /** Its number. Not to be repeated without `find`. */
    create: Effect.fn("ShopbyClient.create")(function* (listing: ShopListing) {
      const operation = "POST /products/"
      const payload = yield* written(operation, encodeListing(listing))
      return (yield* authorized.call(operation, shopby.products.create({ payload }))).mallProductNo
    }),

    /** Sends nothing when nothing changed. */
    patch: Effect.fn("ShopbyClient.patch")(function* (mallProductNo: number, changes: ListingChanges) {
      if (Object.keys(changes).length === 0) return
      const operation = "PATCH /products/{mallProductNo}"
      const payload = yield* written(operation, encodeChanges(changes))
      yield* authorized.call(operation, shopby.products.patch({ params: { mallProductNo }, payload }))
    }),

    setOnSale: Effect.fn("ShopbyClient.setOnSale")(function* (mallProductNo: number, onSale: boolean) {
      const payload = yield* Effect.orDie(encodeOnSale({ onSale }))
      yield* authorized.call(
        "PUT /products/{mallProductNo}/status",
        shopby.products.status({ params: { mallProductNo }, payload })
      )
    }),

    /** The failures inside the answer. Those that are worth another try come as an error. */
    changeStatus: Effect.fn("ShopbyClient.changeStatus")(function* (notice: typeof ParcelNotice.Type) {
      const payload = yield* written(operations.changeStatus, encodeNotice(notice))
      const { failCount, failures } = yield* authorized.call(
        operations.changeStatus,
        shopby.orders.changeStatus({ payload })
      )
      return { failCount, failures: failures ?? [] }
    }),

    order: Effect.fn("ShopbyClient.order")(function* (orderNo: string) {
      const answer = yield* authorized.call(operations.order, shopby.orders.get({ params: { orderNo } }))
      return yield* Effect.orDie(decodeSeen(answer))
    }),

    /** Orders whose status changed in the window, as received; see `SeenOrderFromShopby`. */
    orders: (window: Window, pageNumber: number) =>
      authorized.call(
        "GET /orders",
        shopby.orders.list({
          headers: { version: "1.1" },
          query: {
            startYmdt: window.from,
            endYmdt: window.to,
            searchDateType: "STATUS_CHANGE",
            pageNumber,
            pageSize
          }
        })
      ),

    /** At most 7 days. */
    failedWebhooks: (window: Window, page: number) =>
      authorized.call(
        "GET /webhooks/failed",
        shopby.webhooks.failed({ query: { startDateTime: window.from, endDateTime: window.to, page, pageSize } })
      ),

    /** A cheap read that needs a valid token. */
    health: Effect.as(authorized.probe("GET /categories/display-categories", shopby.products.categories()), true)
  }
})

export const operations = {
  changeStatus: "PUT /orders/change-status/by-shipping-no",
  order: "GET /orders/{orderNo}"
} as const

const encodeListing = Schema.encodeEffect(ListingFromShopby)
const encodeChanges = Schema.encodeEffect(ListingChangesFromShopby)
const encodeOnSale = Schema.encodeEffect(OnSaleFromShopby)
const encodeNotice = Schema.encodeEffect(ParcelNoticeFromShopby)
const decodeSeen = Schema.decodeEffect(SeenOrderFromShopby)

const written = <A>(operation: string, encoded: Effect.Effect<A, Schema.SchemaError>) =>
  Effect.mapError(
    encoded,
    (error) =>
      new Invalid({ adapter: name, operation, message: "This cannot be written for Shopby", issues: [error.message] })
  )
