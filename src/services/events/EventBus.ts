/**
 * What programs talk to: publish typed events, subscribe to the committed ones in this process.
 *
 * `publish` encodes and validates by the definition, stamps the envelope (id, time, correlation and causation from
 * `EventContext`), and appends to the log. It never waits for handlers. `subscribe` is live and lossy (a PubSub fed from
 * the committed log by one reader); durable delivery with retries is `Delivery`.
 */
import { Context, Effect, Layer, type Option, PubSub, Queue, RcRef, Result, Stream } from "effect"
import type { Cause, Scope } from "effect"
import type { Event, EventDefinition, EventMetadata, EventOf, PayloadOf } from "../../domain/events/Event.ts"
import { type EventId, makeEventId, now } from "../../domain/Ids.ts"
import * as EventCodec from "./EventCodec.ts"
import { EventContext } from "./EventContext.ts"
import { EventLog } from "./EventLog.ts"
import type { EventRecord, LoggedRecord } from "./EventRecord.ts"
import { persist } from "./Persist.ts"

export interface PublishOptions {
  /** Default: EventContext's source, else `hub`. */
  readonly source?: string
  /** Default: EventContext's, else the new event's id. */
  readonly correlationId?: string
  /** Default: EventContext's, else null. */
  readonly causationId?: string | null
  /** A lower-case UUID; default a new UUIDv7. Publishing an id twice stores it once. */
  readonly id?: string
}

/** What a live subscriber sees: an event with its place in the log, or notice that it fell behind and missed some. */
export type LiveEvent<E> =
  | { readonly _tag: "Event"; readonly event: E; readonly logged: LoggedRecord }
  | { readonly _tag: "Missed"; readonly count: number }

export class EventBus extends Context.Service<
  EventBus,
  {
    /** Inside `Database.transaction`: stored with it. Returns the stamped event. */
    readonly publish: <D extends EventDefinition>(
      definition: D,
      payload: PayloadOf<D>,
      options?: PublishOptions
    ) => Effect.Effect<Event<D["type"], PayloadOf<D>>, EventCodec.InvalidEvent>
    /**
     * Publishes them all or none, in their order; of one key they follow one another. One statement, so a thousand at once
     * are cheaper than a thousand times one. Each without a correlation of its own correlates with itself.
     */
    readonly publishAll: <D extends EventDefinition>(
      definition: D,
      payloads: ReadonlyArray<PayloadOf<D>>,
      options?: Omit<PublishOptions, "id">
    ) => Effect.Effect<ReadonlyArray<Event<D["type"], PayloadOf<D>>>, EventCodec.InvalidEvent>
    /** Live events of these types from now on; subscribed when the effect returns, ended with the scope. */
    readonly subscribe: <const Ds extends ReadonlyArray<EventDefinition>>(
      definitions: Ds,
      options?: { /** Events buffered before the oldest are dropped; default 1024. */ readonly capacity?: number }
    ) => Effect.Effect<Stream.Stream<LiveEvent<EventOf<Ds[number]>>>, never, Scope.Scope>
    /** Decodes a stored record by its definition; none when it is not of that type or does not decode. */
    readonly decode: <D extends EventDefinition>(
      definition: D,
      record: LoggedRecord["record"]
    ) => Option.Option<EventOf<D>>
  }
>()("hub/services/events/EventBus") {
  /** Over any `EventLog`. */
  static readonly layer = Layer.effect(
    EventBus,
    Effect.suspend(() => make)
  )
}

const defaultSource = "hub"
const ownId = { ids: "new" } as const

const make = Effect.gen(function* () {
  const log = yield* EventLog

  // Untraced: these are the hot paths of every publisher.
  const publish = Effect.fnUntraced(function* <D extends EventDefinition>(
    definition: D,
    payload: PayloadOf<D>,
    options?: PublishOptions
  ): Effect.fn.Return<Event<D["type"], PayloadOf<D>>, EventCodec.InvalidEvent> {
    const context = yield* EventContext
    const id = yield* makeEventId
    const metadata = yield* Effect.fromResult(stamp(definition, id, yield* now, context, options))
    yield* log.append(
      [yield* Effect.fromResult(EventCodec.encode(definition, payload, metadata))],
      options?.id === undefined ? ownId : undefined
    )
    return { type: definition.type, payload, metadata }
  })

  const publishAll = Effect.fnUntraced(function* <D extends EventDefinition>(
    definition: D,
    payloads: ReadonlyArray<PayloadOf<D>>,
    options?: Omit<PublishOptions, "id">
  ): Effect.fn.Return<ReadonlyArray<Event<D["type"], PayloadOf<D>>>, EventCodec.InvalidEvent> {
    const context = yield* EventContext
    const timestamp = yield* now
    const events: Array<Event<D["type"], PayloadOf<D>>> = []
    const records: Array<EventRecord> = []
    for (const payload of payloads) {
      const metadata = yield* Effect.fromResult(stamp(definition, yield* makeEventId, timestamp, context, options))
      records.push(yield* Effect.fromResult(EventCodec.encode(definition, payload, metadata)))
      events.push({ type: definition.type, payload, metadata })
    }
    yield* log.append(records, ownId)
    return events
  })

  /** The committed log since it was opened, while anyone listens. Pumps never block, so back-pressure is safe. */
  const feed = yield* RcRef.make({
    acquire: Effect.gen(function* () {
      const pubsub = yield* Effect.acquireRelease(PubSub.bounded<LoggedRecord>(1024), PubSub.shutdown)
      const changes = yield* log.changes
      let position = yield* log.tail
      const follow = Effect.gen(function* () {
        const page = yield* persist(log.read({ after: position, limit: 64 }), "reading the event log for live events")
        position = page.upTo
        if (page.records.length > 0) yield* PubSub.publishAll(pubsub, page.records)
        else yield* Queue.take(changes)
      })
      yield* Effect.forkScoped(Effect.forever(follow))
      return pubsub
    })
  })

  const subscribe = Effect.fn("EventBus.subscribe")(function* <const Ds extends ReadonlyArray<EventDefinition>>(
    definitions: Ds,
    options: { readonly capacity?: number } = {}
  ) {
    const capacity = options.capacity ?? 1024
    const source = yield* Effect.flatMap(RcRef.get(feed), PubSub.subscribe)
    const buffer = yield* Effect.acquireRelease(
      Queue.unbounded<LiveEvent<EventOf<Ds[number]>>, Cause.Done>(),
      Queue.end
    )
    let missed = 0
    const pump = Effect.gen(function* () {
      for (const logged of yield* PubSub.takeAll(source)) {
        const definition = definitions.find(({ type }) => type === logged.record.type)
        const event = definition === undefined ? undefined : EventCodec.decode<Ds[number]>(definition, logged.record)
        if (event === undefined || event._tag === "None") continue
        if (Queue.sizeUnsafe(buffer) >= capacity && Queue.takeUnsafe(buffer) !== undefined) missed++
        Queue.offerUnsafe(buffer, { _tag: "Event", event: event.value, logged })
      }
    })
    yield* Effect.forkScoped(Effect.forever(pump))
    return Stream.fromEffectRepeat(
      Effect.suspend(() => {
        if (missed === 0) return Queue.take(buffer)
        const count = missed
        missed = 0
        return Effect.succeed({ _tag: "Missed" as const, count })
      })
    )
  })

  return { publish, publishAll, subscribe, decode: EventCodec.decode }
})

/** The envelope. What comes from outside is checked; what is made here need not be. */
const stamp = (
  definition: EventDefinition,
  id: EventId,
  timestamp: string,
  context: (typeof EventContext)["Service"],
  options: PublishOptions | undefined
): Result.Result<EventMetadata, EventCodec.InvalidEvent> => {
  const { schemaVersion } = definition
  return context === null && options === undefined
    ? Result.succeed({ id, timestamp, correlationId: id, causationId: null, source: defaultSource, schemaVersion })
    : EventCodec.envelope(definition, {
        id: options?.id ?? id,
        timestamp,
        correlationId: options?.correlationId ?? context?.correlationId ?? options?.id ?? id,
        causationId: options?.causationId === undefined ? (context?.causationId ?? null) : options.causationId,
        source: options?.source ?? context?.source ?? defaultSource,
        schemaVersion
      })
}
