import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  domainEvents,
  MappingMesVerified,
  OrderCreated,
  OrderDispatchedMes,
  OrderStatusChanged,
  PriceChanged,
  ProductCreated,
  ProductDeactivated,
  ProductUpdated,
  QuoteCalculated,
  QuoteSnapshotCreated,
  SyncShopbyCompleted,
  WidgetConfigUpdated
} from "../../../src/domain/events/DomainEvents.ts"
import type { EventDefinition } from "../../../src/domain/events/Event.ts"
import { ChoiceId, makeEventId, makeOrderId, MesItemId, ProductId } from "../../../src/domain/Ids.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { InvalidEvent } from "../../../src/services/events/EventCodec.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import { Noted, Renamed } from "../../support/events/Samples.ts"

const productId = ProductId.make(1)

/** Publishes a payload that the compiler would refuse. */
const publishUnchecked = (definition: EventDefinition, payload: unknown) =>
  Effect.flatMap(EventBus, (bus) => bus.publish(definition, payload))

/** Sets the clock before any layer is built: fibers that look at intervals would otherwise wake for each of them. */
const at =
  (millis: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.andThen(TestClock.setTime(millis), effect)

const logged = Effect.gen(function* () {
  const log = yield* EventLog
  return (yield* log.read({ after: log.origin, limit: 100 })).records.map(({ record }) => record)
})

describeEvents("EventBus", (layer) => {
  it.effect("AC-EVT-001 a subscriber gets the events of its types, with type, payload and full metadata", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const live = yield* bus.subscribe([Noted])
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(live, 2)))
      const first = yield* bus.publish(Noted, { key: "a", value: 1 }, { correlationId: "trace-123", source: "api" })
      yield* bus.publish(Renamed, { key: "a", name: "not subscribed" })
      const second = yield* bus.publish(Noted, { key: "a", value: 2 })
      const [one, two] = yield* Fiber.join(seen)
      assert(one?._tag === "Event" && two?._tag === "Event")
      assert.deepStrictEqual(one.event, first)
      assert.deepStrictEqual(two.event, second)
      assert.deepStrictEqual(first, {
        type: "test.noted",
        payload: { key: "a", value: 1 },
        metadata: {
          id: first.metadata.id,
          timestamp: "2023-11-14T22:13:20.000Z",
          correlationId: "trace-123",
          causationId: null,
          source: "api",
          schemaVersion: 1
        }
      })
      assert.isBelow(one.logged.seq, two.logged.seq)
    }).pipe(Effect.scoped, Effect.provide(layer), at(1_700_000_000_000))
  )

  it.effect("AC-EVT-002 all twelve types are accepted, and read back as they were published", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const orderId = yield* makeOrderId
      const published = [
        yield* bus.publish(ProductCreated, { productId, huniCode: "12345" }),
        yield* bus.publish(ProductUpdated, { productId, changes: { name: "엽서", tags: ["a", null] } }),
        yield* bus.publish(ProductDeactivated, { productId }),
        yield* bus.publish(PriceChanged, { productId, priceTableId: 7 }),
        yield* bus.publish(QuoteCalculated, { quoteId: "q1", productId, totalPrice: 12_000, currency: "KRW" }),
        yield* bus.publish(QuoteSnapshotCreated, { quoteId: "q1", snapshot: { lines: [1, 2] } }),
        yield* bus.publish(OrderCreated, { orderId, source: "widget" }),
        yield* bus.publish(OrderStatusChanged, { orderId, from: "PENDING", to: "CONFIRMED" }),
        yield* bus.publish(OrderDispatchedMes, { orderId, mesJobId: "job-1" }),
        yield* bus.publish(WidgetConfigUpdated, { widgetId: "w1" }),
        yield* bus.publish(SyncShopbyCompleted, { productId, shopbyId: 99 }),
        yield* bus.publish(MappingMesVerified, { choiceId: ChoiceId.make(3), mesItemId: MesItemId.make(4) })
      ]
      assert.deepStrictEqual(
        published.map(({ type }) => type),
        domainEvents.map(({ type }) => type)
      )
      const records = yield* logged
      assert.strictEqual(records.length, 12)
      for (const [index, event] of published.entries()) {
        const record = records.find(({ id }) => id === event.metadata.id)
        const definition: EventDefinition | undefined = domainEvents[index]
        assert(record !== undefined && definition !== undefined)
        const decoded = bus.decode(definition, record)
        assert(decoded._tag === "Some")
        assert.deepStrictEqual(decoded.value, event)
      }
      // @ts-expect-error the compiler refuses a payload of another shape
      const wrong = () => bus.publish(OrderCreated, { orderId })
      assert.isFunction(wrong)
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-EVT-002 a wrong payload is refused at publish, with every path, and nothing is stored", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(publishUnchecked(OrderCreated, { orderId: "nonsense", source: "nobody" }))
      assert.instanceOf(error, InvalidEvent)
      assert.deepStrictEqual(
        error.issues.map(({ path }) => path),
        ["payload.orderId", "payload.source"]
      )
      for (const wrong of [null, 1, {}, { orderId: 5, source: "widget" }, []]) {
        assert.instanceOf(yield* Effect.flip(publishUnchecked(OrderCreated, wrong)), InvalidEvent)
      }
      assert.deepStrictEqual(yield* logged, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses what jsonb cannot hold: NUL, lone surrogates, more than 64 levels", () =>
    Effect.gen(function* () {
      const nested = (levels: number) => {
        let value: unknown = 1
        for (let level = 0; level < levels; level++) value = [value]
        return { quoteId: "q1", snapshot: value }
      }
      const cyclic: Record<string, unknown> = {}
      cyclic["itself"] = cyclic
      const snapshotOf = (snapshot: unknown) => ({ quoteId: "q1", snapshot })
      for (const payload of [
        snapshotOf("a\0b"),
        snapshotOf({ deep: ["\ud800"] }),
        snapshotOf({ "\udc00key": 1 }),
        nested(64),
        nested(50_000),
        snapshotOf(cyclic)
      ]) {
        const error = yield* Effect.flip(publishUnchecked(QuoteSnapshotCreated, payload))
        assert.instanceOf(error, InvalidEvent)
        assert.match(error.issues[0]?.path ?? "", /^payload/)
      }
      yield* publishUnchecked(QuoteSnapshotCreated, nested(63))
      yield* publishUnchecked(QuoteSnapshotCreated, snapshotOf("🙂 \u0001 \\u0000"))
      assert.strictEqual((yield* logged).length, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses an envelope that cannot be stored or does not fit", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const publish = (options: Parameters<typeof bus.publish>[2]) =>
        bus.publish(Noted, { key: "a", value: 1 }, options)
      for (const [path, options] of [
        ["id", { id: "no uuid" }],
        ["correlationId", { correlationId: "한글" }],
        ["correlationId", { correlationId: "" }],
        ["source", { source: "\0" }],
        ["causationId", { causationId: "\udc00" }]
      ] as const) {
        const error = yield* Effect.flip(publish(options))
        assert.deepStrictEqual(
          error.issues.map((issue) => issue.path),
          [path]
        )
      }
      assert.deepStrictEqual(yield* logged, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-SUB-003 publishing takes correlation, causation and source from the context, or makes them", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const alone = yield* bus.publish(Noted, { key: "a", value: 1 })
      assert.strictEqual(alone.metadata.correlationId, alone.metadata.id)
      assert.strictEqual(alone.metadata.causationId, null)
      assert.strictEqual(alone.metadata.source, "hub")
      const inside = yield* bus.publish(Noted, { key: "a", value: 2 }).pipe(
        Effect.provideService(EventContext, {
          correlationId: "trace-123",
          causationId: alone.metadata.id,
          source: "mes"
        })
      )
      assert.strictEqual(inside.metadata.correlationId, "trace-123")
      assert.strictEqual(inside.metadata.causationId, alone.metadata.id)
      assert.strictEqual(inside.metadata.source, "mes")
    }).pipe(Effect.provide(layer))
  )

  it.effect("publishing an id twice stores it once", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const id = yield* makeEventId
      yield* bus.publish(Noted, { key: "a", value: 1 }, { id })
      yield* bus.publish(Noted, { key: "a", value: 1 }, { id })
      assert.strictEqual((yield* logged).length, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("many published together follow one another, each stamped as if alone", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const payloads = Array.from({ length: 1500 }, (_, value) => ({ key: "a", value }))
      const own = yield* bus.publishAll(Noted, payloads)
      assert.deepStrictEqual(
        own.map(({ payload }) => payload),
        payloads
      )
      for (const { metadata } of own) assert.strictEqual(metadata.correlationId, metadata.id)
      assert.strictEqual(new Set(own.map(({ metadata }) => metadata.id)).size, payloads.length)
      const context = { correlationId: "trace-123", causationId: "cause-1", source: "test" }
      const [one, two] = yield* Effect.provideService(
        bus.publishAll(Noted, payloads.slice(0, 2), { source: "mine" }),
        EventContext,
        context
      )
      for (const event of [one, two]) assert.deepInclude(event?.metadata, { ...context, source: "mine" })
      const log = yield* EventLog
      const page = yield* log.read({ after: log.origin, limit: 2000 })
      assert.deepStrictEqual(
        page.records.map(({ record }) => record.payload),
        [...payloads, ...payloads.slice(0, 2)]
      )
      assert.deepStrictEqual(yield* bus.publishAll(Noted, []), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("of many published together none is stored when one does not fit", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const several = [
        { key: "a", value: 1 },
        { key: "a", value: 0.5 },
        { key: "a", value: 2 }
      ]
      const error = yield* Effect.flip(bus.publishAll(Noted, several))
      assert.instanceOf(error, InvalidEvent)
      assert.deepStrictEqual(yield* logged, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a live subscriber that falls behind loses the oldest and is told how many", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const slow = yield* bus.subscribe([Noted], { capacity: 3 })
      const witness = yield* bus.subscribe([Noted])
      for (let value = 1; value <= 8; value++) yield* bus.publish(Noted, { key: "a", value })
      // The witness reads from the same feed: what it has seen, the slow one has been given.
      yield* Stream.runDrain(Stream.take(witness, 8))
      const items = yield* Stream.runCollect(Stream.take(slow, 4))
      assert.deepStrictEqual(
        items.map((item) => (item._tag === "Missed" ? item.count : item.event.payload.value)),
        [5, 6, 7, 8]
      )
      assert.strictEqual(items[0]?._tag, "Missed")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("AC-SUB-002 a live subscription ends with its scope, and another begins at the present", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(bus.subscribe([Noted]), scope)
      const values = yield* Queue.unbounded<number>()
      const reading = yield* Effect.forkChild(
        Stream.runForEach(first, (item) => Queue.offer(values, item._tag === "Event" ? item.event.payload.value : -1))
      )
      yield* bus.publish(Noted, { key: "a", value: 1 })
      assert.strictEqual(yield* Queue.take(values), 1)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(reading)
      yield* bus.publish(Noted, { key: "a", value: 2 })
      const second = yield* bus.subscribe([Noted])
      yield* bus.publish(Noted, { key: "a", value: 3 })
      const [next] = yield* Stream.runCollect(Stream.take(second, 1))
      assert(next?._tag === "Event")
      assert.strictEqual(next.event.payload.value, 3)
      assert.strictEqual(yield* Queue.size(values), 0)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
