/**
 * Watching over the integrations: what their calls come to, how they are, their circuits, alerts. Goes below the adapters,
 * whose calls it is told of by the `CallRecorder` that it puts into their context.
 */
import { Layer } from "effect"
import { AlertLog } from "./AlertLog.ts"
import { Alerts } from "./Alerts.ts"
import type { AlertConfig } from "./AlertTargets.ts"
import { AlertWebhooks } from "./AlertWebhooks.ts"
import { Circuits } from "./Circuits.ts"
import { IntegrationHealth } from "./IntegrationHealth.ts"
import { RecentCalls } from "./RecentCalls.ts"

/** Without alerts. */
export const health = Layer.mergeAll(IntegrationHealth.layer(), Circuits.layer).pipe(
  Layer.provideMerge(RecentCalls.recorder),
  Layer.provideMerge(RecentCalls.layer)
)

export const layer = (config: AlertConfig) =>
  Layer.merge(
    Alerts.layer({ targets: config.webhooks?.targets.map(({ label }) => label) ?? [] }),
    AlertWebhooks.layerConfig(config)
  ).pipe(Layer.provideMerge(AlertLog.layer), Layer.provideMerge(health))
