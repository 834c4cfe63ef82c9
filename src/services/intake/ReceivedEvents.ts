/**
 * Events from the platform's other modules.
 *
 * Guarantees: an event is published once per (source, id), however often and however concurrently it is sent, and each
 * time the sender gets the same event id. It must be one of the twelve domain events, with a payload that fits and an
 * order or product that exists.
 */
import { Context, Effect, Layer, Predicate, Schema, SchemaIssue } from "effect"
import { domainEvents } from "../../domain/events/DomainEvents.ts"
import { EventId, makeEventId, now, OrderId, ProductId } from "../../domain/Ids.ts"
import { Products } from "../catalog/Products.ts"
import { EventBus } from "../events/EventBus.ts"
import { InvalidEvent } from "../events/EventCodec.ts"
import { Orders } from "../orders/Orders.ts"
import { Database } from "../storage/Database.ts"

export interface ReceivedEvent {
  /** Where it comes from, e.g. `/quotes`. */
  readonly source: string
  /** The sender's own id, unique within its source. */
  readonly id: string
  readonly type: string
  readonly data: unknown
  /** Default: EventContext's. */
  readonly correlationId?: string
  readonly causationId?: string
}

/** The order or product that the event is about does not exist. HTTP 404. */
export class UnknownSubject extends Schema.TaggedError<UnknownSubject>()("UnknownSubject", {
  /** E.g. `order ord_…`. */
  subject: Schema.String
}) {}

export class ReceivedEvents extends Context.Service<
  ReceivedEvents,
  {
    /** Paths of the issues begin with `type` or `data`. */
    readonly accept: (event: ReceivedEvent) => Effect.Effect<EventId, InvalidEvent | UnknownSubject>
  }
>()("hub/services/intake/ReceivedEvents") {
  static readonly layer = Layer.effect(
    ReceivedEvents,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus
  const orders = yield* Orders
  const products = yield* Products
  const { sql } = database

  /** The event id of this (source, id), and whether it was given just now. */
  const register = Effect.fnUntraced(function* (event: ReceivedEvent) {
    const [inserted] = yield* sql`
      insert into received_events (source, external_id, event_id, received_at)
      values (${event.source}, ${event.id}, ${yield* makeEventId}::uuid, ${yield* now}::timestamptz)
      on conflict do nothing
      returning event_id as "eventId"
    `.pipe(Effect.flatMap(decodeIds))
    if (inserted !== undefined) return { id: inserted.eventId, isNew: true }
    const [known] = yield* sql`
      select event_id as "eventId" from received_events where source = ${event.source} and external_id = ${event.id}
    `.pipe(Effect.flatMap(decodeIds))
    return known === undefined
      ? yield* Effect.die(new Error("a received event is gone"))
      : { id: known.eventId, isNew: false }
  }, Effect.orDie)

  const checkSubject = Effect.fnUntraced(function* (payload: unknown) {
    if (Predicate.hasProperty(payload, "orderId") && isOrderId(payload.orderId)) {
      const { orderId } = payload
      yield* Effect.catchTag(orders.get(orderId), "OrderNotFound", () =>
        Effect.fail(new UnknownSubject({ subject: `order ${orderId}` }))
      )
    }
    if (Predicate.hasProperty(payload, "productId") && isProductId(payload.productId)) {
      const { productId } = payload
      yield* Effect.catchTag(products.get(productId), "CatalogNotFound", () =>
        Effect.fail(new UnknownSubject({ subject: `product ${productId}` }))
      )
    }
  })

  const accept = Effect.fn("ReceivedEvents.accept")(function* (event: ReceivedEvent) {
    const invalid = (issues: InvalidEvent["issues"]) => new InvalidEvent({ type: event.type, issues })
    const definition = domainEvents.find(({ type }) => type === event.type)
    if (definition === undefined) {
      return yield* invalid([{ path: "type", message: "must be one of the domain events" }])
    }
    const payload = yield* Effect.mapError(
      Schema.decodeUnknownEffect(definition.payload, { errors: "all" })(event.data),
      ({ issue }) =>
        invalid(
          formatIssues(issue).issues.map(({ message, path = [] }) => ({
            path: ["data", ...path.map((part) => String(typeof part === "object" ? part.key : part))].join("."),
            message
          }))
        )
    )
    yield* checkSubject(payload)
    return yield* database.transaction(
      Effect.gen(function* () {
        const { id, isNew } = yield* register(event)
        if (isNew) {
          yield* bus.publish(definition, payload, {
            id,
            source: event.source,
            ...(event.correlationId === undefined ? {} : { correlationId: event.correlationId }),
            ...(event.causationId === undefined ? {} : { causationId: event.causationId })
          })
        }
        return id
      })
    )
  })

  return ReceivedEvents.of({ accept })
})

const isOrderId = Schema.is(OrderId)
const isProductId = Schema.is(ProductId)
const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()
const decodeIds = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ eventId: EventId })))
