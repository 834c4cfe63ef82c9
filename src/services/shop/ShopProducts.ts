/**
 * What the shop should have of each product, and what it has confirmed (specification, sections 7 and 9, endpoints 1
 * and 2).
 *
 * Guarantees: a plan is one consistent read of the present state; ids and confirmed state are those of the mode asked
 * for, so an id of the sandbox is never used in live mode, nor lost by trying the other; state and event of a
 * confirmation are written together, and the same confirmation again changes and publishes nothing.
 *
 * Does not talk to the shop. Why a product is not ready is told as things stand, not as they stood at the last attempt.
 */
import { PgTypes } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { SyncProductToShopby } from "../../domain/events/Commands.ts"
import { SyncShopbyCompleted } from "../../domain/events/DomainEvents.ts"
import { type EventId, now, ProductId } from "../../domain/Ids.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import {
  makeListing,
  type NotReadyReason,
  ShopListing,
  type ShopMode,
  type ShopProductState,
  type ShopProductStatus,
  type WidgetOnlyCombination
} from "../../domain/ShopListing.ts"
import { CatalogNotFound } from "../catalog/CatalogError.ts"
import { EventBus } from "../events/EventBus.ts"
import { escapeText } from "../events/FailureText.ts"
import { Database } from "../storage/Database.ts"
import { makeShopProductRows } from "./ShopProductRows.ts"

/** The shop gives this number to two products. */
export class ShopbyIdTaken extends Schema.TaggedError<ShopbyIdTaken>()("ShopbyIdTaken", {
  productId: ProductId,
  shopbyId: Schema.Int
}) {}

/** What the shop has of a product already; both null until it is registered there. */
interface ShopState {
  /** `mallProductNo` */
  readonly shopbyId: number | null
  /** What the shop has confirmed last. */
  readonly confirmed: ShopListing | null
}

export type ShopPlan =
  | { readonly _tag: "Unknown" }
  | ({ readonly _tag: "NotReady"; readonly reasons: ReadonlyArray<NotReadyReason> } & ShopState)
  | ({ readonly _tag: "Ready"; readonly listing: ShopListing } & ShopState)

export class ShopProducts extends Context.Service<
  ShopProducts,
  {
    readonly plan: (productId: ProductId, mode: ShopMode) => Effect.Effect<ShopPlan>
    /**
     * The shop has the product as `listing` says, under this number (1 to 2 147 483 647): synced. Publishes
     * sync.shopby.completed, unless the product was synced with just that already. Also for a sale that was stopped
     * (`onSale: false`). Notes which priced combinations the listing leaves out.
     */
    readonly confirmed: (
      productId: ProductId,
      mode: ShopMode,
      state: { readonly shopbyId: number; readonly listing: ShopListing }
    ) => Effect.Effect<void, ShopbyIdTaken>
    /** There was nothing to be done, e.g. since the product is not ready: synced where the shop has it, else never. */
    readonly skipped: (productId: ProductId, mode: ShopMode) => Effect.Effect<void>
    /** An attempt failed; what the shop confirmed before stays. Of `message` 4000 characters are kept. */
    readonly failed: (productId: ProductId, mode: ShopMode, message: string) => Effect.Effect<void>
    /**
     * Asks for a sync, in one transaction with the state pending. `force`: all of it, changed or not. Mode null: the
     * integration is switched off; the command waits for its return and the state stays.
     */
    readonly requestSync: (
      productId: ProductId,
      options: { readonly force: boolean; readonly mode: ShopMode | null }
    ) => Effect.Effect<EventId, CatalogNotFound>
    /** By product id. Mode null: each product's state in the mode that was in use last. */
    readonly list: (
      status: ShopProductStatus,
      mode: ShopMode | null,
      page: PageRequest
    ) => Effect.Effect<Page<ShopProductState>>
    /** Combinations that the confirmed listing leaves out, cheapest first. Mode null: as for `list`. */
    readonly widgetOnly: (
      productId: ProductId,
      mode: ShopMode | null,
      page: PageRequest
    ) => Effect.Effect<Page<WidgetOnlyCombination>, CatalogNotFound>
  }
>()("hub/services/shop/ShopProducts") {
  static readonly layer = Layer.effect(
    ShopProducts,
    Effect.suspend(() => make)
  )
}

const isSameListing = Schema.toEquivalence(ShopListing)

const make = Effect.gen(function* () {
  const database = yield* Database
  const { sql, transaction } = database
  const bus = yield* EventBus
  const rows = makeShopProductRows(database)

  const plan: ShopProducts["Service"]["plan"] = Effect.fn("ShopProducts.plan")(function* (productId, mode) {
    const found = yield* rows.facts(productId, mode)
    if (found === undefined) return { _tag: "Unknown" }
    const { confirmed, shopbyId, ...facts } = found
    return { ...makeListing(facts), shopbyId, confirmed }
  })

  const confirmed: ShopProducts["Service"]["confirmed"] = Effect.fn("ShopProducts.confirmed")(function* (
    productId,
    mode,
    { listing, shopbyId }
  ) {
    if (!(yield* rows.lock(productId))) return
    const before = yield* rows.confirmed(productId, mode)
    const isNews =
      before?.syncStatus !== "synced" ||
      before.shopbyId !== shopbyId ||
      before.confirmed === null ||
      !isSameListing(before.confirmed, listing)
    if (isNews) {
      const at = yield* now
      yield* sql`
          insert into shop_products
            (product_id, mode, shopby_id, sync_status, listing, error, last_synced_at, updated_at)
          values (
            ${productId}, ${mode}, ${shopbyId}, 'synced', ${PgTypes.jsonb(listing)}, null, ${at}::timestamptz,
            ${at}::timestamptz
          )
          on conflict (product_id, mode) do update set shopby_id = excluded.shopby_id, sync_status = 'synced',
            listing = excluded.listing, error = null, last_synced_at = excluded.last_synced_at,
            updated_at = excluded.updated_at`.pipe(taken(productId, shopbyId))
      yield* sql`
          update products set shopby_id = ${shopbyId}, shopby_mode = ${mode}
          where id = ${productId} and (shopby_id, shopby_mode) is distinct from (${shopbyId}::integer, ${mode}::text)`.pipe(
        taken(productId, shopbyId)
      )
      yield* Effect.orDie(bus.publish(SyncShopbyCompleted, { productId, shopbyId }))
    }
    yield* noteWidgetOnly(productId, mode, listing)
  }, transaction)

  const noteWidgetOnly = Effect.fnUntraced(function* (productId: ProductId, mode: ShopMode, listing: ShopListing) {
    const count = yield* rows.noteWidgetOnly(productId, mode, listing)
    if (count > 0) {
      yield* Effect.logWarning(`${count} priced combinations of product ${productId} have no room in the shop`)
    }
  })

  const skipped: ShopProducts["Service"]["skipped"] = Effect.fn("ShopProducts.skipped")(function* (productId, mode) {
    yield* rows.lock(productId)
    yield* Effect.orDie(sql`
      update shop_products
      set sync_status = case when shopby_id is null then 'never' else 'synced' end, error = null, updated_at = ${yield* now}
      where product_id = ${productId} and mode = ${mode} and sync_status in ('pending', 'failed')`)
    const listing = (yield* rows.confirmed(productId, mode))?.confirmed ?? null
    if (listing !== null) yield* noteWidgetOnly(productId, mode, listing)
  }, transaction)

  const failed: ShopProducts["Service"]["failed"] = Effect.fn("ShopProducts.failed")(function* (
    productId,
    mode,
    message
  ) {
    if (!(yield* rows.lock(productId))) return
    yield* setStatus(
      productId,
      mode,
      "failed",
      escapeText(message.trim() === "" ? "failed without saying why" : message)
    )
  }, transaction)

  /** Leaves what the shop has confirmed. */
  const setStatus = Effect.fnUntraced(function* (
    productId: ProductId,
    mode: ShopMode,
    status: "pending" | "failed",
    error: string | null
  ) {
    yield* sql`
      insert into shop_products (product_id, mode, sync_status, error, updated_at)
      values (${productId}, ${mode}, ${status}, ${error}::text, ${yield* now}::timestamptz)
      on conflict (product_id, mode)
      do update set sync_status = excluded.sync_status, error = excluded.error, updated_at = excluded.updated_at`
  }, Effect.orDie)

  const requestSync: ShopProducts["Service"]["requestSync"] = Effect.fn("ShopProducts.requestSync")(function* (
    productId,
    { force, mode }
  ) {
    if (!(yield* rows.lock(productId))) return yield* new CatalogNotFound({ resource: "product", id: productId })
    if (mode !== null) yield* setStatus(productId, mode, "pending", null)
    const event = yield* Effect.orDie(bus.publish(SyncProductToShopby, { productId, force }))
    return event.metadata.id
  }, transaction)

  const widgetOnly: ShopProducts["Service"]["widgetOnly"] = Effect.fn("ShopProducts.widgetOnly")(
    function* (productId, mode, page) {
      if (yield* rows.exists(productId)) return yield* rows.widgetOnly(productId, mode, page)
      return yield* new CatalogNotFound({ resource: "product", id: productId })
    }
  )

  return ShopProducts.of({
    plan,
    confirmed,
    skipped,
    failed,
    requestSync,
    list: Effect.fn("ShopProducts.list")(rows.list),
    widgetOnly
  })
})

/** The unique number is the only thing that a confirmation can be refused for. */
const taken = (productId: ProductId, shopbyId: number) => (statement: Effect.Effect<unknown, SqlError.SqlError>) =>
  Effect.catchReason(
    statement,
    "SqlError",
    "UniqueViolation",
    () => new ShopbyIdTaken({ productId, shopbyId }),
    Effect.die
  )
