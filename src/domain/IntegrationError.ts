/**
 * The error algebra at the boundary of every adapter.
 *
 * A call to an external system ends in success or in one of these. Everything else follows from the tag:
 * what is retried, what the circuit breaker counts, what is dead-lettered and how it is grouped, which problem
 * document a client gets, which label a metric has. Messages must never carry secrets.
 */
import { Schema } from "effect"

const fields = {
  /** Adapter name, e.g. `mes`. */
  adapter: Schema.String,
  /** What was attempted, e.g. `POST /dispatch`. */
  operation: Schema.String,
  /** For an operator to read; no secrets, no personal data. */
  message: Schema.String
}

/** Why nobody knows what the system made of a request: no answer in time, a lost connection, an unreadable answer. */
const silence = Schema.optionalKey(Schema.Literals(["Timeout", "Connection", "Garbage"]))

/** The system did not answer, or answered that it is in trouble (connection failure, 408, 425, 5xx). Retryable. */
export class Transient extends Schema.TaggedError<Transient>()("Transient", {
  ...fields,
  /** HTTP status, when there was a readable answer. */
  status: Schema.optionalKey(Schema.Int),
  /** Set where there was no readable answer. */
  reason: silence,
  /** `Retry-After` of the answer in milliseconds, capped at one hour; pauses the whole adapter. */
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {}

/** 429: the system asks for a pause. Retryable, uncounted by the breaker, uses up no retry. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...fields,
  /** Milliseconds to wait, from `Retry-After`, capped at one hour; null = the answer named none. */
  retryAfterMillis: Schema.NullOr(Schema.Finite),
  /** `Quota`: what was paid for is used up, and a pause is no help. `Local`: our own limit; nothing was sent. */
  reason: Schema.optionalKey(Schema.Literals(["Quota", "Local"]))
}) {}

/** The system understood and refused (other 4xx, a business refusal). Permanent. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  ...fields,
  status: Schema.optionalKey(Schema.Int),
  /** The system's own error code. */
  code: Schema.optionalKey(Schema.String)
}) {}

/** The system refused our credential (401, 403). Permanent until an operator changes the credential. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  ...fields,
  status: Schema.optionalKey(Schema.Int)
}) {}

/** The outcome is unknown (timeout or lost connection after sending). Retryable only by idempotency key or look-up. */
export class Ambiguous extends Schema.TaggedError<Ambiguous>()("Ambiguous", {
  ...fields,
  reason: silence
}) {}

/** The circuit breaker refused the call; nothing was sent. The event is deferred. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  ...fields,
  /** Epoch milliseconds at which trials begin; null = held open by an operator, or waiting for a trial slot. */
  until: Schema.NullOr(Schema.Finite)
}) {}

/** Our own data cannot be sent or their answer cannot be understood as agreed. Permanent. */
export class Invalid extends Schema.TaggedError<Invalid>()("Invalid", {
  ...fields,
  issues: Schema.Array(Schema.String)
}) {}

export const IntegrationError = Schema.Union([
  Transient,
  RateLimited,
  Rejected,
  Unauthorized,
  Ambiguous,
  CircuitOpen,
  Invalid
])
export type IntegrationError = typeof IntegrationError.Type

/** The class of an error: label of metrics, group of dead letters. `Defect` stands for a bug in a handler. */
export const ErrorClass = Schema.Literals([
  "Transient",
  "RateLimited",
  "Rejected",
  "Unauthorized",
  "Ambiguous",
  "CircuitOpen",
  "Invalid",
  "Undecodable",
  "Defect"
])
export type ErrorClass = typeof ErrorClass.Type

/**
 * Retryable by section 5: connection failures, timeouts, 408, 425, 429, 5xx, and an open circuit.
 *
 * @public
 */
export const isRetryable = (error: IntegrationError): boolean => {
  switch (error._tag) {
    case "Transient":
    case "RateLimited":
    case "Ambiguous":
    case "CircuitOpen":
      return true
    case "Rejected":
    case "Unauthorized":
    case "Invalid":
      return false
  }
}

/** What the breaker makes of an error: retryable ones but 429 count; an answer of any kind is a success. */
export const breakerOutcome = (error: IntegrationError): "failure" | "success" | "ignored" => {
  switch (error._tag) {
    case "Transient":
    case "Ambiguous":
      return "failure"
    case "RateLimited":
    case "CircuitOpen":
      return "ignored"
    case "Rejected":
    case "Unauthorized":
    case "Invalid":
      return "success"
  }
}
