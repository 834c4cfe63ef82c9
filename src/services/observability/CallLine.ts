/**
 * What the call log keeps of a record: as much as the level asks for, redacted.
 *
 * `take` runs in the fiber of the call and only picks up; `lineOf` runs later and does the work.
 */
import { Effect, Redacted, Schema } from "effect"
import type { HttpBody } from "effect/http"
import type { CallEntry, CallLogLevel, CallOutcome } from "../../domain/CallEntry.ts"
import { IntegrationError } from "../../domain/IntegrationError.ts"
import { isoOf } from "../events/Time.ts"
import type { AttemptRecord, CallRecord, HttpExchange } from "../providers/CallRecorder.ts"
import * as RedactedBody from "./RedactedBody.ts"
import * as Redaction from "./Redaction.ts"

export type Line = Omit<CallEntry, "id">

/** A record that waits to be written. */
export interface Waiting {
  readonly record: CallRecord | Omit<AttemptRecord, "http">
  readonly sent: Sent | null
  /** Bytes of memory that it takes, roughly. */
  readonly weight: number
}

interface Sent {
  readonly request: Pick<HttpExchange["request"], "method" | "url" | "urlParams" | "headers">
  readonly secrets: ReadonlyArray<string>
  readonly requestBody: RedactedBody.Body
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, string>> } | null
  readonly responseBody: RedactedBody.Body
  /** Are headers and bodies wanted? */
  readonly whole: boolean
}

/** Null: at this level it is not written. */
export const take = (record: CallRecord | AttemptRecord, level: CallLogLevel): Waiting | null => {
  const failed = !well.has(record.outcome)
  if (level === "none" || (level === "errors" && !failed)) return null
  if (record._tag === "Call") return { record, sent: null, weight: 500 }
  const { http, ...facts } = record
  if (http === undefined) return { record: facts, sent: null, weight: 500 }
  const sent = sentOf(http, failed || level === "bodies")
  const held = (sent.requestBody.bytes?.length ?? 0) + (sent.responseBody.bytes?.length ?? 0)
  return { record: facts, sent, weight: 2000 + held }
}

const well: ReadonlySet<CallOutcome> = new Set<CallOutcome>(["hit", "miss", "success", "interrupted"])

const sentOf = ({ request, response, secrets }: HttpExchange, whole: boolean): Sent => {
  const { headers, method, url, urlParams } = request
  return {
    request: { headers, method, url, urlParams },
    secrets,
    requestBody: bodyOf(request.body),
    response: response === null ? null : { status: response.status, headers: response.headers },
    responseBody:
      whole && response !== null ? small(response.body, response.headers["content-type"] ?? "") : RedactedBody.none,
    whole
  }
}

const small = (bytes: Uint8Array, contentType: string): RedactedBody.Body => ({
  contentType,
  size: bytes.length,
  bytes: bytes.length > RedactedBody.largestBody ? null : bytes
})

/** Also where it is not kept: what is secret in it is secret in the rest. */
const bodyOf = (body: HttpBody.HttpBody): RedactedBody.Body => {
  switch (body._tag) {
    case "Empty":
      return RedactedBody.none
    case "Uint8Array":
      return small(body.body, body.contentType)
    case "Raw":
    case "FormData":
    case "Stream":
      return { contentType: body.contentType ?? "", size: body.contentLength ?? null, bytes: null }
  }
}

/** What is written. Never fails. */
export const lineOf = Effect.fnUntraced(function* ({ record, sent }: Waiting): Effect.fn.Return<Line> {
  const redactor = Redaction.make(sent === null ? [] : secretsOf(sent))
  const common = {
    at: isoOf(record.at),
    integration: short(redactor, record.integration),
    operation: short(redactor, record.operation),
    provider: record.provider === null ? null : short(redactor, record.provider),
    outcome: record.outcome,
    durationMillis: Math.max(0, Math.round(record.durationMillis)),
    traceId: record.traceId?.slice(0, 64) || null,
    correlationId: record.correlationId === null ? null : redactor.text(record.correlationId).slice(0, 200),
    sandbox: record.sandbox,
    ...nothingSent
  }
  if (record._tag === "Call") {
    const tried = record.tried.map(({ provider, reason }) => `${provider}: ${reason}`).join(", ")
    return {
      ...common,
      kind: "guarded",
      retries: Math.max(0, record.attempts - 1),
      cache: record.cache,
      circuit: null,
      errorClass: record.outcome === "unavailable" ? (record.tried.at(-1)?.reason ?? null) : null,
      message: tried === "" ? null : redactor.text(`tried ${tried}`),
      probe: false
    }
  }
  return {
    ...common,
    kind: "request",
    retries: Math.max(0, record.attempt - 1),
    cache: null,
    circuit: record.circuit,
    errorClass: record.errorClass,
    message: record.error === undefined ? null : messageOf(redactor, record.error),
    probe: record.probe ?? false,
    ...(sent === null ? { status: record.status } : yield* exchanged(redactor, sent, record.status))
  }
})

const nothingSent = {
  method: null,
  url: null,
  status: null,
  requestHeaders: null,
  requestBody: null,
  responseHeaders: null,
  responseBody: null
}

const exchanged = Effect.fnUntraced(function* (redactor: Redaction.Redactor, sent: Sent, status: number | null) {
  const { request, response } = sent
  return {
    method: request.method.slice(0, 20),
    url: redactor.url(urlOf(request)),
    status: response?.status ?? status,
    ...(sent.whole
      ? {
          requestHeaders: redactor.headers({ ...request.headers }),
          requestBody: yield* RedactedBody.redacted(sent.requestBody, redactor),
          responseHeaders: response === null ? null : redactor.headers({ ...response.headers }),
          responseBody: yield* RedactedBody.redacted(sent.responseBody, redactor)
        }
      : {})
  }
})

const secretsOf = ({ request, requestBody, secrets }: Sent): ReadonlyArray<string> => {
  const [, query = ""] = request.url.split("?", 2)
  const body = requestBody.bytes === null ? {} : { body: new TextDecoder().decode(requestBody.bytes) }
  const parameters = [...request.urlParams, ...new URLSearchParams(query)]
  return [...secrets, ...Redaction.secretsIn({ headers: { ...request.headers }, parameters, ...body })]
}

const urlOf = ({ url, urlParams }: Sent["request"]): string => {
  const query = [...urlParams]
    .map(([name, value]) => {
      const shown = Redacted.isRedacted(value) ? Redaction.marks.secret : encodeURIComponent(value.toWellFormed())
      return `${encodeURIComponent(name.toWellFormed())}=${shown}`
    })
    .join("&")
  return query === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${query}`
}

const messageOf = (redactor: Redaction.Redactor, error: unknown): string =>
  isIntegrationError(error) ? redactor.text(error.message) : redactor.error(error)

const short = (redactor: Redaction.Redactor, text: string): string => redactor.text(text).slice(0, 200) || "?"

const isIntegrationError = Schema.is(IntegrationError)
