/** One line of the call log: a call to an outside system or data service, and how it ended (provider integrations, section 3). */
import { Schema } from "effect"
import { CacheLabel } from "./Guarded.ts"
import { Instant } from "./Instant.ts"
import { ErrorClass } from "./IntegrationError.ts"

/**
 * How much of an integration's calls is written down.
 *
 * - `none`: nothing.
 * - `errors`: what failed or was served stale, with headers and bodies.
 * - `all`: every call, with headers and bodies of those that failed.
 * - `bodies`: every call, with headers and bodies.
 */
export const CallLogLevel = Schema.Literals(["none", "errors", "all", "bodies"])
export type CallLogLevel = typeof CallLogLevel.Type

/**
 * Of a guarded call: `hit`, `miss`, `stale`, `rejected`, `unavailable`. Of a request: `success`, `refused-by-circuit`,
 * `rate-limited`, `timeout`, `rejected`, `failed`. Of both: `interrupted`, `defect`.
 */
export const CallOutcome = Schema.Literals([
  "hit",
  "miss",
  "stale",
  "unavailable",
  "success",
  "refused-by-circuit",
  "rate-limited",
  "timeout",
  "rejected",
  "failed",
  "interrupted",
  "defect"
])
export type CallOutcome = typeof CallOutcome.Type

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Headers = Schema.Record(Schema.String, Schema.String)

export const CallEntry = Schema.Struct({
  /** Text of digits; grows. */
  id: Schema.String,
  /** When it ended. */
  at: Instant,
  /** `guarded`: a question to a data service, as the asker saw it. `request`: one attempt to reach a system. */
  kind: Schema.Literals(["guarded", "request"]),
  /** Adapter or data service, e.g. `mes`, `fx`. */
  integration: Schema.String,
  /** `rates`, or method and route template. */
  operation: Schema.String,
  /** Who was asked, or whose answer it is; null = nobody's. */
  provider: Schema.NullOr(Schema.String),
  outcome: CallOutcome,
  /** Null = nothing was sent. */
  method: Schema.NullOr(Schema.String),
  /** Redacted. */
  url: Schema.NullOr(Schema.String),
  /** HTTP status; null = no answer. */
  status: Schema.NullOr(Schema.Int),
  durationMillis: Count,
  /** Of a request: how many came before it. Of a guarded call: attempts after the first. */
  retries: Count,
  cache: Schema.NullOr(CacheLabel),
  /** Of the provider's circuit, after the request. */
  circuit: Schema.NullOr(Schema.Literals(["CLOSED", "OPEN", "HALF_OPEN"])),
  errorClass: Schema.NullOr(ErrorClass),
  /** Redacted. */
  message: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String),
  correlationId: Schema.NullOr(Schema.String),
  sandbox: Schema.Boolean,
  /** A health check. */
  probe: Schema.Boolean,
  requestHeaders: Schema.NullOr(Headers),
  requestBody: Schema.NullOr(Schema.String),
  responseHeaders: Schema.NullOr(Headers),
  responseBody: Schema.NullOr(Schema.String)
})
export type CallEntry = typeof CallEntry.Type
