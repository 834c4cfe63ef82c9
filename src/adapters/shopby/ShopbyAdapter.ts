/**
 * Keeps the shop in step with the hub (specification, section 7, Shopby): products and prices out, order status out,
 * and orders in that no webhook told of.
 *
 * Events only say that something changed: each time the present state is loaded and compared with what the shop has
 * confirmed (`ShopbyProducts`, `ShopbyParcels`), so a repeated, late or replayed event sets nothing back. Retries, waiting
 * and dead letters are Delivery's.
 */
import { Context, Effect, Layer, Schedule } from "effect"
import { SyncOrderToShopby, SyncProductToShopby } from "../../domain/events/Commands.ts"
import {
  OrderStatusChanged,
  PriceChanged,
  ProductCreated,
  ProductDeactivated,
  ProductUpdated
} from "../../domain/events/DomainEvents.ts"
import type { EventOf } from "../../domain/events/Event.ts"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import { type Adapter, makeAdapter } from "../../services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import * as RetryPolicy from "../../services/resilience/RetryPolicy.ts"
import * as ShopbyClient from "./ShopbyClient.ts"
import * as ShopbyParcels from "./ShopbyParcels.ts"
import * as ShopbyProducts from "./ShopbyProducts.ts"
import * as ShopbySweep from "./ShopbySweep.ts"
import { ShopbySettings } from "./ShopbyTransport.ts"

const productEvents = [ProductCreated, ProductUpdated, ProductDeactivated, PriceChanged, SyncProductToShopby] as const
const orderEvents = [OrderStatusChanged, SyncOrderToShopby] as const
type ShopbyEvents = (typeof productEvents)[number] | (typeof orderEvents)[number]

export class ShopbyAdapter extends Context.Service<
  ShopbyAdapter,
  {
    readonly adapter: Adapter<ShopbyEvents>
    /** Looks for orders that no webhook told of. Stops when the shop does not answer. Never fails. */
    readonly sweep: Effect.Effect<void>
  }
>()("hub/adapters/shopby/ShopbyAdapter") {
  static readonly layer = Layer.effect(
    ShopbyAdapter,
    Effect.suspend(() => make)
  )

  /** Registers the adapter, which starts its delivery, and sweeps on schedule (SHOPBY_SWEEP, default 5 minutes). */
  static readonly layerRegistered = Layer.effectDiscard(
    Effect.gen(function* () {
      const { adapter, sweep } = yield* ShopbyAdapter
      const registry = yield* AdapterRegistry
      const settings = yield* ShopbySettings
      yield* registry.register(adapter)
      if (settings.mode !== "off") {
        yield* Effect.forkScoped(Effect.schedule(sweep, Schedule.spaced(settings.sweep)))
      }
    })
  ).pipe(Layer.provideMerge(ShopbyAdapter.layer))
}

const make = Effect.gen(function* () {
  const settings = yield* ShopbySettings
  const shopby = yield* ShopbyClient.make
  const syncProduct = yield* ShopbyProducts.make(shopby)
  const syncOrder = yield* ShopbyParcels.make(shopby)
  const sweep = yield* ShopbySweep.make(shopby)
  const { mode } = settings

  const handle = (event: EventOf<ShopbyEvents>): Effect.Effect<void, IntegrationError> => {
    if (mode === "off") return Effect.void
    switch (event.type) {
      case "product.created":
      case "product.updated":
      case "price.changed":
        return syncProduct(event.payload.productId, { mode, force: false, deactivated: false })
      case "product.deactivated":
        return syncProduct(event.payload.productId, { mode, force: false, deactivated: true })
      case "command.shopby.sync-product":
        return syncProduct(event.payload.productId, { mode, force: event.payload.force, deactivated: false })
      case "order.status.changed":
      case "command.shopby.sync-order":
        return syncOrder(event.payload.orderId, mode)
    }
  }

  const withRetries = (policy: RetryPolicy.Backoff) =>
    settings.retries === null ? policy : { ...policy, retries: settings.retries }

  return ShopbyAdapter.of({
    adapter: makeAdapter<ShopbyEvents>({
      name: ShopbyClient.name,
      mode,
      breaker: shopby.breaker,
      events: [
        ...productEvents.map((definition) => ({ definition, retry: withRetries(RetryPolicy.productSync) })),
        ...orderEvents.map((definition) => ({ definition, retry: withRetries(RetryPolicy.statusCallback) }))
      ],
      handle,
      healthCheck: shopby.health
    }),
    sweep: mode === "off" ? Effect.void : sweep(mode)
  })
})
