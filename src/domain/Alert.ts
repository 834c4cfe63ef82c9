/**
 * When an operator is told that something is wrong, and when that it is well again: a pure state machine, one per kind and
 * subject.
 *
 * One alert per change: an alert is raised once, raised again only when it becomes worse, and ends with one notice of
 * recovery. After that the same or a milder one stays silent for the cool-down, however often it comes and goes; when it
 * still holds after the cool-down, it is raised. What is not known changes nothing: no data is not recovery.
 */
import { Schema } from "effect"

export const AlertKind = Schema.Literals(["error-rate", "health", "circuit-open", "rate-limit", "dead-letters"])
export type AlertKind = typeof AlertKind.Type

/** 0 = all is well, 1 = warning, 2 = critical. */
export type Level = 0 | 1 | 2

export type AlertState =
  | {
      readonly _tag: "Quiet"
      /** Epoch ms until which alerts up to `mutedLevel` are not raised. */
      readonly mutedUntil: number
      readonly mutedLevel: Level
    }
  /** `level`: the worst that was told of. */
  | { readonly _tag: "Firing"; readonly level: 1 | 2 }

export type Notice = "raised" | "worsened" | "recovered"

export const quiet: AlertState = { _tag: "Quiet", mutedUntil: 0, mutedLevel: 0 }

/** Takes what was observed now (null = not known) and says what to tell. Total. */
export const step = (
  state: AlertState,
  observed: Level | null,
  now: number,
  coolDownMillis: number
): { readonly state: AlertState; readonly notice: Notice | null } => {
  if (observed === null) return { state, notice: null }
  if (state._tag === "Firing") {
    if (observed === 0) {
      return {
        state: { _tag: "Quiet", mutedUntil: now + coolDownMillis, mutedLevel: state.level },
        notice: "recovered"
      }
    }
    return observed > state.level
      ? { state: { _tag: "Firing", level: observed }, notice: "worsened" }
      : { state, notice: null }
  }
  if (observed === 0 || (now < state.mutedUntil && observed <= state.mutedLevel)) return { state, notice: null }
  return { state: { _tag: "Firing", level: observed }, notice: "raised" }
}

/** What became of telling one target. Times are ISO-8601 UTC. */
export const AlertDelivery = Schema.Struct({
  /** `webhook-id` of the message. */
  id: Schema.String,
  /** Origin of the target and a short hash of its URL, which may hold a credential. */
  target: Schema.String,
  status: Schema.Literals(["pending", "delivered", "given-up"]),
  attempts: Schema.Int,
  lastError: Schema.NullOr(Schema.String),
  /** Null = pending. */
  settledAt: Schema.NullOr(Schema.String)
})
export type AlertDelivery = typeof AlertDelivery.Type

/** An alert with its end. Times are ISO-8601 UTC. */
export const Alert = Schema.Struct({
  id: Schema.Int,
  kind: AlertKind,
  /** Name of the integration, the circuit or the provider. */
  subject: Schema.String,
  severity: Schema.Literals(["warning", "critical"]),
  /** Of the last change for the worse. */
  message: Schema.String,
  raisedAt: Schema.String,
  /** Null = it did not become worse. */
  worsenedAt: Schema.NullOr(Schema.String),
  /** Null = it holds. */
  recoveredAt: Schema.NullOr(Schema.String),
  /** What was seen at its end. */
  recovery: Schema.NullOr(Schema.String)
})
export type Alert = typeof Alert.Type

/** An alert, and what became of telling of it. */
export const AlertWithDeliveries = Schema.Struct({ ...Alert.fields, deliveries: Schema.Array(AlertDelivery) })
export type AlertWithDeliveries = typeof AlertWithDeliveries.Type

/** Body of a webhook: `type` and `timestamp` as Standard Webhooks has them. */
export const AlertMessage = Schema.Struct({
  type: Schema.Literals(["alert.raised", "alert.worsened", "alert.recovered"]),
  timestamp: Schema.String,
  data: Alert
})
export type AlertMessage = typeof AlertMessage.Type
