/** What an operator sees of an integration: an adapter of a widget system, or a data service behind guarded calls. */
import { Schema } from "effect"
import { CallCounts, HealthStatus } from "../../domain/IntegrationHealth.ts"
import { AdapterStatus } from "../integrations/Adapter.ts"

/** An adapter's status with a judgement; a data service has the same fields. Times are ISO-8601 UTC, null = never. */
export const IntegrationStatus = Schema.Struct({
  ...AdapterStatus.fields,
  kind: Schema.Literals(["adapter", "service"]),
  status: HealthStatus,
  /** Why, for people. */
  reason: Schema.String,
  /** When this went into the history last. */
  checkedAt: Schema.NullOr(Schema.String),
  /** Of the last five minutes. */
  calls: CallCounts
})
export type IntegrationStatus = typeof IntegrationStatus.Type

/** One check of the past. */
export const HealthRecord = Schema.Struct({
  /** ISO-8601 UTC. */
  at: Schema.String,
  status: HealthStatus,
  reason: Schema.String,
  calls: CallCounts
})
export type HealthRecord = typeof HealthRecord.Type

/** A circuit: of an adapter, or of one provider of a data service. Times are ISO-8601 UTC. */
export const Circuit = Schema.Struct({
  /** Of the adapter or provider, e.g. `fx_primary`. */
  name: Schema.String,
  /** E.g. `fx`. */
  integration: Schema.String,
  state: AdapterStatus.fields.circuit,
  consecutiveFailures: Schema.Int,
  /** By an operator; `automatic` = by nobody. */
  hold: Schema.Literals(["automatic", "open", "closed"]),
  /** When a call will be let through again if nothing else happens; null = it is closed, or held open. */
  retryAt: Schema.NullOr(Schema.String),
  lastTransitionAt: Schema.NullOr(Schema.String),
  /** The last reset by an operator; null = none yet. */
  lastReset: Schema.NullOr(
    Schema.Struct({ at: Schema.String, actor: Schema.String, from: AdapterStatus.fields.circuit })
  )
})
export type Circuit = typeof Circuit.Type
