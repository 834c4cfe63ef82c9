/**
 * The port every external system is connected through. An adapter is data: a name, the events it follows with their
 * retry policies, an idempotent handler, a health check, and its circuit breaker. See `AdapterRegistry`.
 */
import { Schema } from "effect"
import type { Effect } from "effect"
import type { EventDefinition } from "../../domain/events/Event.ts"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import type { Subscription } from "../events/Delivery.ts"
import type { CircuitBreaker } from "../resilience/CircuitBreaker.ts"

/** `sandbox`: the built-in simulator. `live`: the real system. `off`: not called; its place in the log is kept. */
export const Mode = Schema.Literals(["sandbox", "live", "off"])
export type Mode = typeof Mode.Type

export interface Adapter<D extends EventDefinition = EventDefinition> extends Pick<
  Subscription<D>,
  "name" | "events" | "handle" | "from" | "concurrency"
> {
  readonly mode: Mode
  readonly breaker: CircuitBreaker
  /** True = the system answers. False, a failure or the time limit mean unhealthy. Never counted by the breaker. */
  readonly healthCheck: Effect.Effect<boolean, IntegrationError>
  /** How often the health is checked, in milliseconds. Default 60 000. */
  readonly healthIntervalMillis?: number
  /** For an adapter that follows no events and works on its own: its part of the status. */
  readonly activity?: Effect.Effect<AdapterActivity>
}

/** Checks that the events, the handler and their types fit; returns the adapter as it is. */
export const makeAdapter = <D extends EventDefinition>(adapter: Adapter<D>): Adapter<D> => adapter

/** What an operator sees of an adapter. Times are ISO-8601 UTC, null = never. */
export const AdapterStatus = Schema.Struct({
  name: Schema.String,
  mode: Mode,
  healthy: Schema.Boolean,
  circuit: Schema.Literals(["CLOSED", "OPEN", "HALF_OPEN"]),
  lastSuccessAt: Schema.NullOr(Schema.String),
  lastFailureAt: Schema.NullOr(Schema.String),
  consecutiveFailures: Schema.Int
})
export type AdapterStatus = typeof AdapterStatus.Type

/** What an adapter's work tells of its state. */
export type AdapterActivity = Pick<AdapterStatus, "lastSuccessAt" | "lastFailureAt" | "consecutiveFailures">
