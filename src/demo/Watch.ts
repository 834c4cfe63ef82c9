/**
 * What the demonstration sees of the hub: its event stream, the circuit of the plant, and what the shop shows. Every
 * event is kept for the summary; the way of an order is told as it happens, from its events and the shop's ledger.
 */
import { Context, Effect, Layer, Predicate, Ref, Stream } from "effect"
import { ShopbySandbox } from "../adapters/shopby/ShopbySandbox.ts"
import type { CloudEvent } from "../http/api/CloudEvent.ts"
import { follow } from "../http/api/EventFeed.ts"
import { HubClient } from "../http/api/HubClient.ts"
import { say } from "./Teller.ts"

export class Watch extends Context.Service<
  Watch,
  {
    /** Every event so far, oldest first. */
    readonly events: Effect.Effect<ReadonlyArray<CloudEvent>>
    /** From now on what happens to this order is told, and what has happened already. */
    readonly tell: (order: { readonly id: string; readonly externalOrderId: string | null }) => Effect.Effect<void>
  }
>()("hub/demo/Watch") {
  static readonly layer = Layer.effect(
    Watch,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const hub = yield* HubClient
  const shop = yield* ShopbySandbox
  const seen = yield* Ref.make<Seen>({ events: [], told: new Set() })

  yield* follow().pipe(
    Stream.runForEach(({ event }) =>
      Effect.flatMap(
        Ref.modify(seen, (before): [boolean, Seen] => [
          before.told.has(event.subject),
          { ...before, events: [...before.events, event] }
        ]),
        (isTold) => (isTold ? tellEvent(event) : Effect.void)
      )
    ),
    Effect.orDie,
    Effect.forkScoped
  )

  // The circuit's changes.
  const circuit = yield* Ref.make("CLOSED")
  yield* Effect.gen(function* () {
    const mes = yield* hub.integrations.get({ params: { name: "mes" } })
    const before = yield* Ref.getAndSet(circuit, mes.circuit)
    if (mes.circuit !== before) {
      yield* say("hub", `circuit to the plant: ${before} → ${mes.circuit}, events waiting: ${mes.lag + mes.parked}`)
    }
    yield* Effect.sleep("50 millis")
  }).pipe(Effect.forever, Effect.orDie, Effect.forkScoped)

  /** What the shop was told of an order of its own, as it is told. */
  const tellShop = Effect.fnUntraced(function* (orderNo: string) {
    let shown = 0
    for (;;) {
      const order = (yield* shop.orders).find((one) => one.order.orderNo === orderNo)
      for (const { correlationId, status } of (order?.history ?? []).slice(shown)) {
        yield* say("shop", `order ${orderNo} shows ${status}`, correlationId ?? "")
        shown += 1
      }
      yield* Effect.sleep("50 millis")
    }
  })

  const scope = yield* Effect.scope
  return Watch.of({
    events: Effect.map(Ref.get(seen), ({ events }) => events),
    tell: Effect.fnUntraced(function* ({ externalOrderId, id }) {
      const subject = `order:${id}`
      const happened = yield* Ref.modify(seen, (before): [ReadonlyArray<CloudEvent>, Seen] => [
        before.events.filter((event) => event.subject === subject),
        { ...before, told: new Set([...before.told, subject]) }
      ])
      yield* Effect.forEach(happened, tellEvent)
      if (externalOrderId !== null) yield* Effect.forkIn(tellShop(externalOrderId), scope)
    })
  })
})

interface Seen {
  readonly events: ReadonlyArray<CloudEvent>
  /** Subjects whose events are told. */
  readonly told: ReadonlySet<string>
}

const tellEvent = (event: CloudEvent) => say("hub", `${event.type}  ${detailsOf(event)}`, event.correlationid)

const detailsOf = ({ data, type }: CloudEvent): string => {
  const field = (name: string) => (Predicate.hasProperty(data, name) ? String(data[name]) : "")
  switch (type) {
    case "order.created":
      return `${field("orderId")} from ${field("source")}`
    case "order.dispatched.mes":
      return field("mesJobId")
    case "order.status.changed":
      return `${field("from")} → ${field("to")}`
    default:
      return ""
  }
}
