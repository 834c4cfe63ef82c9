/** What delivery counts, for whoever exports metrics. */
import { Effect, Metric } from "effect"
import type { Outcome } from "./Outcome.ts"

const deliveries = Metric.counter("event_deliveries_total", {
  description: "Attempts to deliver events to adapters, by what became of the event",
  incremental: true
})

const labels: Record<Outcome["_tag"], string> = {
  Delivered: "delivered",
  RetryAt: "retry",
  DeferredUntil: "deferred",
  Dead: "dead-lettered"
}

/** Counts attempts of an adapter that ended like this. */
export const count = (adapter: string, outcome: Outcome["_tag"], attempts: number): Effect.Effect<void> =>
  attempts === 0
    ? Effect.void
    : Metric.update(Metric.withAttributes(deliveries, { adapter, outcome: labels[outcome] }), attempts)
