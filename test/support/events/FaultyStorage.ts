/** Events over a storage that can be told to fail: reads of the log and every write of an owner, or some of them. */
import { Effect, Layer } from "effect"
import { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import { Delivery } from "../../../src/services/events/Delivery.ts"
import { DeliveryStore } from "../../../src/services/events/DeliveryStore.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"

type Operation =
  | "read"
  | "lease"
  | "acquire"
  | "renew"
  | "release"
  | "moveCursors"
  | "untaken"
  | "take"
  | "park"
  | "unpark"
  | "bury"
  | "claimReplay"
  | "finishReplay"

export interface Faults {
  /** Does this operation fail now, before it has done anything? */
  before: (operation: Operation) => boolean
  /** Does it fail now, after it was done, as when the answer is lost? */
  after: (operation: Operation) => boolean
}

export const make = (): Faults => ({ before: () => false, after: () => false })

/** Delivery as a process of its own sees it: over a log and a store that outlive it. */
export const processOver = (faults: Faults) => {
  const faulty =
    (operation: Operation) =>
    <Args extends ReadonlyArray<unknown>, A>(run: (...args: Args) => Effect.Effect<A>) =>
    (...args: Args): Effect.Effect<A> =>
      Effect.gen(function* () {
        if (faults.before(operation)) return yield* Effect.die(new Error(`${operation} failed`))
        const result = yield* run(...args)
        if (faults.after(operation)) return yield* Effect.die(new Error(`the answer to ${operation} was lost`))
        return result
      })
  const log = Layer.effect(
    EventLog,
    Effect.map(EventLog, (log) => EventLog.of({ ...log, read: faulty("read")(log.read) }))
  )
  const store = Layer.effect(
    DeliveryStore,
    Effect.map(DeliveryStore, (store) =>
      DeliveryStore.of({
        ...store,
        lease: faulty("lease")(store.lease),
        acquire: faulty("acquire")(store.acquire),
        renew: faulty("renew")(store.renew),
        release: faulty("release")(store.release),
        moveCursors: faulty("moveCursors")(store.moveCursors),
        untaken: faulty("untaken")(store.untaken),
        take: faulty("take")(store.take),
        park: faulty("park")(store.park),
        unpark: faulty("unpark")(store.unpark),
        bury: faulty("bury")(store.bury),
        claimReplay: faulty("claimReplay")(store.claimReplay),
        finishReplay: faulty("finishReplay")(store.finishReplay)
      })
    )
  )
  return Layer.mergeAll(Delivery.layer, DeadLetters.layer).pipe(Layer.provide(Layer.mergeAll(log, store)))
}

/** A log, a bus and a store without faults: what outlives a process. In memory. */
export const storage = EventBus.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(EventLog.layerMemory, DeliveryStore.layerMemory))
)
