/** The events of a program, put together: log, bus, delivery and dead letters over one storage. */
import { Layer } from "effect"
import { DeadLetters } from "./DeadLetters.ts"
import { Delivery } from "./Delivery.ts"
import { DeliveryStore } from "./DeliveryStore.ts"
import { EventBus } from "./EventBus.ts"
import { EventLog } from "./EventLog.ts"

const services = Layer.mergeAll(EventBus.layer, Delivery.layer, DeadLetters.layer)

/** In this process only; for tests and programs that need no durability. */
export const layerMemory = services.pipe(
  Layer.provideMerge(Layer.mergeAll(EventLog.layerMemory, DeliveryStore.layerMemory))
)

/** Needs `Database`, migrated. */
export const layerSql = services.pipe(Layer.provideMerge(Layer.mergeAll(EventLog.layerSql, DeliveryStore.layerSql)))
