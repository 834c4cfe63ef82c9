/**
 * Watching over the integrations: what their calls come to, how they are, their circuits. Goes below the adapters, whose
 * calls it is told of by the `CallRecorder` that it puts into their context.
 */
import { Layer } from "effect"
import { Circuits } from "./Circuits.ts"
import { IntegrationHealth } from "./IntegrationHealth.ts"
import { RecentCalls } from "./RecentCalls.ts"

export const layer = Layer.mergeAll(IntegrationHealth.layer(), Circuits.layer).pipe(
  Layer.provideMerge(RecentCalls.recorder),
  Layer.provideMerge(RecentCalls.layer)
)
