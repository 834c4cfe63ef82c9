/**
 * Brings a product to the shop as it should be there now (specification, section 7, Shopby).
 *
 * Guarantees: no second product, whatever is repeated, lost or interrupted: before one is created the shop is asked for
 * its management code, and what is found is taken over; only what the shop has not confirmed is sent, and what it
 * confirms is recorded with the number it gave; a product that may not be sold any more (inactive, unpriced) is stopped.
 * The price goes out before a sale begins again.
 *
 * A product that somebody removed from the shop is entered again. Shopby has no way to change a management code: a
 * product keeps the one it was registered by.
 */
import { Effect } from "effect"
import type { ProductId } from "../../domain/Ids.ts"
import { type IntegrationError, Invalid } from "../../domain/IntegrationError.ts"
import type { ShopListing, ShopMode } from "../../domain/ShopListing.ts"
import { Products } from "../../services/catalog/Products.ts"
import { type ShopPlan, ShopProducts } from "../../services/shop/ShopProducts.ts"
import { name, type ShopbyClient } from "./ShopbyClient.ts"
import { changesOf } from "./ShopbyMapper.ts"

export interface SyncOptions {
  readonly mode: ShopMode
  /** Send everything, changed or not. */
  readonly force: boolean
  /** The product has just been deactivated. */
  readonly deactivated: boolean
}

type NotReady = Extract<ShopPlan, { readonly _tag: "NotReady" }>
type Ready = Extract<ShopPlan, { readonly _tag: "Ready" }>

export const make = Effect.fnUntraced(function* (shopby: ShopbyClient) {
  const shop = yield* ShopProducts
  const products = yield* Products

  const confirm = (productId: ProductId, mode: ShopMode, shopbyId: number, listing: ShopListing) =>
    shop.confirmed(productId, mode, { shopbyId, listing }).pipe(
      Effect.catchTag("ShopbyIdTaken", () =>
        Effect.fail(
          new Invalid({
            adapter: name,
            operation: "POST /products/",
            message: `The shop gives the number ${shopbyId} to two products`,
            issues: []
          })
        )
      )
    )

  /** The product's number in the shop, which shows something else than `listing` or (null) just that. */
  const findOrCreate = Effect.fnUntraced(function* (listing: ShopListing) {
    const [found, ...others] = yield* shopby.find(listing.managementCode)
    if (found === undefined) return { shopbyId: yield* shopby.create(listing), isNew: true }
    if (others.length > 0) {
      yield* Effect.logWarning(
        `The shop has ${others.length + 1} products ${listing.managementCode}: number ${found} is used`
      )
    }
    return { shopbyId: found, isNew: false }
  })

  /** Makes an existing product what it should be. False: the shop has no such product. */
  const update = (shopbyId: number, listing: ShopListing, confirmed: ShopListing | null) =>
    Effect.gen(function* () {
      yield* shopby.patch(shopbyId, changesOf(listing, confirmed))
      if (confirmed?.onSale !== listing.onSale) yield* shopby.setOnSale(shopbyId, listing.onSale)
      return true
    }).pipe(ifKnown(false))

  const sell = Effect.fnUntraced(function* (
    productId: ProductId,
    { confirmed, listing, shopbyId }: Ready,
    { force, mode }: SyncOptions
  ) {
    if (shopbyId !== null) {
      const known = force ? null : confirmed
      if (known !== null && known.onSale && Object.keys(changesOf(listing, known)).length === 0) {
        return yield* shop.skipped(productId, mode)
      }
      if (yield* update(shopbyId, listing, known)) return yield* confirm(productId, mode, shopbyId, listing)
      yield* Effect.logWarning(`The shop has lost product ${shopbyId}: it is entered again`)
    }
    const there = yield* findOrCreate(listing)
    if (!there.isNew && !(yield* update(there.shopbyId, listing, null))) {
      return yield* new Invalid({
        adapter: name,
        operation: "GET /products",
        message: `The shop finds product ${there.shopbyId} and does not know it`,
        issues: []
      })
    }
    yield* confirm(productId, mode, there.shopbyId, listing)
  })

  const stop = Effect.fnUntraced(function* (
    productId: ProductId,
    { confirmed, reasons, shopbyId }: NotReady,
    { deactivated, force, mode }: SyncOptions
  ) {
    if (shopbyId === null || confirmed === null) {
      // The answer of a creation may have been lost before.
      if (deactivated) yield* stopStray(productId)
      yield* Effect.logDebug(`Not in the shop: ${reasons.join(", ")}`)
      return yield* shop.skipped(productId, mode)
    }
    const mayBeSold = !reasons.includes("inactive") && !reasons.includes("unpriced")
    if (mayBeSold || (!confirmed.onSale && !force)) return yield* shop.skipped(productId, mode)
    const known = yield* shopby.setOnSale(shopbyId, false).pipe(Effect.as(true), ifKnown(false))
    if (!known) yield* Effect.logWarning(`The shop has no product ${shopbyId} any more: nothing to stop`)
    yield* confirm(productId, mode, shopbyId, { ...confirmed, onSale: false })
  })

  /** Stops what the hub does not know to be in the shop. */
  const stopStray = Effect.fnUntraced(function* (productId: ProductId) {
    const huniCode = yield* products.get(productId).pipe(
      Effect.map((product) => product.huniCode),
      Effect.catchTag("CatalogNotFound", () => Effect.succeed(null))
    )
    if (huniCode === null) return
    const strays = yield* shopby.find(huniCode)
    yield* Effect.forEach(strays, (shopbyId) => Effect.andThen(shopby.setOnSale(shopbyId, false), stray(shopbyId)))
  })

  /** What went wrong is kept for the operator to see; waiting is no failure. */
  const noteFailure = (productId: ProductId, mode: ShopMode) => (error: IntegrationError) =>
    error._tag === "CircuitOpen" || error._tag === "RateLimited"
      ? Effect.void
      : shop.failed(productId, mode, `${error.operation}: ${error.message}`)

  return Effect.fn("ShopbyProducts.sync")(
    function* (productId: ProductId, options: SyncOptions) {
      const plan = yield* shop.plan(productId, options.mode)
      switch (plan._tag) {
        case "Unknown":
          return
        case "NotReady":
          return yield* stop(productId, plan, options)
        case "Ready":
          return yield* sell(productId, plan, options)
      }
    },
    (effect, productId, { mode }) =>
      effect.pipe(Effect.tapError(noteFailure(productId, mode)), Effect.annotateLogs({ productId }))
  )
})

const stray = (shopbyId: number) => Effect.logWarning(`Stopped the sale of product ${shopbyId}, unknown to the hub`)

/** What to go on with when the shop does not know the product. */
const ifKnown =
  <B>(otherwise: B) =>
  <A, R>(effect: Effect.Effect<A, IntegrationError, R>): Effect.Effect<A | B, IntegrationError, R> =>
    Effect.catchIf(
      effect,
      (error) => error._tag === "Rejected" && error.status === 404,
      () => Effect.succeed(otherwise)
    )
