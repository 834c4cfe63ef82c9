/** Runs a suite on every implementation of the events: in memory, embedded PostgreSQL, PostgreSQL server. */
import { describe } from "@effect/vitest"
import { Layer } from "effect"
import type { DeadLetters } from "../../../src/services/events/DeadLetters.ts"
import type { Delivery } from "../../../src/services/events/Delivery.ts"
import type { DeliveryStore } from "../../../src/services/events/DeliveryStore.ts"
import type { EventBus } from "../../../src/services/events/EventBus.ts"
import type { EventLog } from "../../../src/services/events/EventLog.ts"
import * as Events from "../../../src/services/events/Events.ts"
import { describeDatabases } from "../Databases.ts"

export type EventsLayer = Layer.Layer<DeadLetters | Delivery | DeliveryStore | EventBus | EventLog>

/** Each build of the layer is empty. */
export const describeEvents = (name: string, suite: (events: EventsLayer) => void): void => {
  describe(`${name} (memory)`, () => suite(Events.layerMemory))
  describeDatabases(name, (database) => suite(Layer.orDie(Events.layerSql.pipe(Layer.provide(database)))))
}
