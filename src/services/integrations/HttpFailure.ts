/**
 * What a failed HTTP exchange means in the error algebra (specification, section 5). Pure.
 *
 * - Status: 408, 425, 5xx → Transient; 429 → RateLimited; 401, 403 → Unauthorized; every other non-2xx → Rejected
 *   (3xx too: a redirect is not followed, it would take the credential along).
 * - No or half an answer, or one that nobody can read (garbage): the request may have been handled. If the method is
 *   idempotent, repeating it does no harm: Transient. If not: Ambiguous. Both are failures for the breaker. A system that
 *   answers garbage is out of order, it has not refused.
 * - The connection was never made: Transient, whatever the method.
 * - The request could not be built: Invalid, nothing was sent.
 *
 * Messages name statuses, codes and schema paths only: no headers, no bodies.
 */
import { Predicate, Schema, SchemaIssue } from "effect"
import type { Headers, HttpClientError, HttpClientRequest } from "effect/http"
import {
  Ambiguous,
  type IntegrationError,
  Invalid,
  RateLimited,
  Rejected,
  Transient,
  Unauthorized
} from "../../domain/IntegrationError.ts"
import { parseRetryAfter } from "../resilience/RetryPolicy.ts"

/** An answer as `checkAnswer` sees it. */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  /** Parsed JSON; undefined when the body is empty or no JSON. */
  readonly body: unknown
}

/** What an adapter reads out of an answer: an error inside a 200, or the code and reason of a 4xx. No personal data. */
export type Verdict = (
  | { readonly _tag: "Rejected"; readonly message: string; readonly code?: string }
  | { readonly _tag: "Unauthorized"; readonly message: string }
  | {
      readonly _tag: "RateLimited"
      readonly message: string
      readonly retryAfterMillis: number | null
      /** What was paid for is used up: not worth a retry. */
      readonly quota?: true
    }
  | { readonly _tag: "Transient"; readonly message: string }
) & {
  /** Decides the class against the status too, for systems whose statuses lie (a used-up limit as 403). */
  readonly decisive?: true
}

/** The exchange that failed, as far as it got. */
export interface Exchange {
  readonly adapter: string
  readonly operation: string
  /** Null = nothing was sent. */
  readonly method: string | null
  /** Null = no complete answer. */
  readonly answer: Answer | null
  /** What was sent. */
  readonly request?: HttpClientRequest.HttpClientRequest
  /** The body of the answer. */
  readonly bytes?: Uint8Array
}

/** Repeating a request of these methods does no harm (RFC 9110, section 9.2.2; QUERY: its draft). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"])

/** The answer arrived and is an error by its status, or by the adapter's verdict. `now` in epoch milliseconds. */
export const fromAnswer = (
  exchange: Exchange,
  answer: Answer,
  verdict: Verdict | undefined,
  now: number
): IntegrationError => {
  const { adapter, operation } = exchange
  const { status } = answer
  const message = verdict?.message ?? `answered ${status}`
  const retryAfterMillis = parseRetryAfter(answer.headers["retry-after"], now)
  const byStatus = classOfStatus(status)
  // A verdict speaks for a 2xx; of an error status it only tells code and reason, since the status decides the class,
  // unless the verdict says that the status is not to be trusted.
  const byVerdict = byStatus === "Success" || verdict?.decisive === true
  switch (byVerdict ? (verdict?._tag ?? "Rejected") : byStatus) {
    case "RateLimited":
      return new RateLimited({
        adapter,
        operation,
        message,
        retryAfterMillis: verdict?._tag === "RateLimited" ? verdict.retryAfterMillis : retryAfterMillis,
        ...(verdict?._tag === "RateLimited" && verdict.quota === true ? { reason: "Quota" } : {})
      })
    case "Unauthorized":
      return new Unauthorized({ adapter, operation, message, status })
    case "Transient":
      return new Transient({
        adapter,
        operation,
        message,
        status,
        ...(retryAfterMillis === null ? {} : { retryAfterMillis })
      })
    case "Rejected":
      return new Rejected({
        adapter,
        operation,
        message,
        status,
        ...(verdict?._tag === "Rejected" && verdict.code !== undefined ? { code: verdict.code } : {})
      })
  }
}

export const classOfStatus = (
  status: number
): "Success" | "RateLimited" | "Unauthorized" | "Transient" | "Rejected" => {
  if (status >= 200 && status < 300) return "Success"
  if (status === 429) return "RateLimited"
  if (status === 401 || status === 403) return "Unauthorized"
  if (status === 408 || status === 425 || status >= 500) return "Transient"
  return "Rejected"
}

/** No usable answer: silence, a lost connection, garbage. */
export const unanswered = (
  exchange: Exchange,
  message: string,
  reason: "Timeout" | "Connection" | "Garbage"
): Transient | Ambiguous => {
  const { adapter, operation } = exchange
  return exchange.method === null || idempotent.has(exchange.method)
    ? new Transient({ adapter, operation, message, reason })
    : new Ambiguous({ adapter, operation, message, reason })
}

/** The error of an HTTP client or of a schema, in an exchange whose answer is no error by itself. */
export const fromClientError = (
  exchange: Exchange,
  error: HttpClientError.HttpClientError | Schema.SchemaError
): IntegrationError => {
  const { adapter, answer, operation } = exchange
  if (answer !== null) {
    return unanswered(exchange, `answered ${answer.status}, but ${whyUnreadable(answer, error)}`, "Garbage")
  }
  if (Schema.isSchemaError(error)) {
    return new Invalid({
      adapter,
      operation,
      message: "our request does not fit the contract",
      issues: issuesOf(error)
    })
  }
  switch (error.reason._tag) {
    case "EncodeError":
    case "InvalidUrlError":
      return new Invalid({
        adapter,
        operation,
        message: "our request cannot be encoded",
        issues: [error.reason._tag]
      })
    case "TransportError": {
      const code = codeOf(error.reason.cause)
      return code !== null && neverConnected.has(code)
        ? new Transient({ adapter, operation, message: `no connection (${code})`, reason: "Connection" })
        : unanswered(
            exchange,
            code === null ? "the connection failed" : `the connection failed (${code})`,
            "Connection"
          )
    }
    // The body broke off.
    case "DecodeError":
    case "EmptyBodyError":
    case "StatusCodeError":
      return unanswered(exchange, "the connection was lost during the answer", "Connection")
  }
}

const whyUnreadable = (answer: Answer, error: HttpClientError.HttpClientError | Schema.SchemaError): string => {
  if (answer.body === undefined) return "not with JSON"
  return Schema.isSchemaError(error)
    ? `it does not fit the contract: ${issuesOf(error).join("; ")}`
    : "it does not fit the contract"
}

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** The first issues, as `path: what was expected`. Schemas do not put the value into the message unless told to. */
const issuesOf = (error: Schema.SchemaError): ReadonlyArray<string> =>
  formatIssues(error.issue)
    .issues.slice(0, 5)
    .map(({ message, path }) =>
      path === undefined || path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`
    )

/** System and undici codes of connections that were not made, so that nothing was sent. */
const neverConnected: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID"
])

/** The code somewhere in a chain of causes (fetch wraps the socket's error; several addresses make an AggregateError). */
const codeOf = (cause: unknown, depth = 0): string | null => {
  if (!Predicate.isObject(cause) || depth > 5) return null
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
  return Predicate.hasProperty(cause, "cause") ? codeOf(cause.cause, depth + 1) : null
}
