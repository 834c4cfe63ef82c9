/**
 * Told of every guarded call and of every attempt inside it, as it ends: what call logs, metrics windows, health and alerts
 * are built on. Default: nobody is told.
 *
 * `record` is called in the fiber of the call, so it must return at once (put the record into a queue). Whatever it throws
 * is dropped: it never changes an answer. Records name providers, operations and classes; no headers, bodies or keys, but
 * in `http`, which is raw and full of secrets: it goes nowhere without `Redaction`.
 *
 * Requests of adapters, which make no guarded calls, are told of as attempts too.
 */
import { Context } from "effect"
import type { HttpClientRequest } from "effect/http"
import type { CacheLabel, Tried } from "../../domain/Guarded.ts"
import type { ErrorClass } from "../../domain/IntegrationError.ts"
import type { CircuitStatus } from "../resilience/CircuitState.ts"

interface Common {
  /** E.g. `fx`. */
  readonly integration: string
  /** Epoch ms of its end. */
  readonly at: number
  readonly durationMillis: number
  /** W3C trace id, when a span is open. */
  readonly traceId: string | null
  readonly correlationId: string | null
}

/** A guarded call, as its caller saw it. */
export interface CallRecord extends Common {
  readonly _tag: "Call"
  /** E.g. `rates`. */
  readonly operation: string
  /** `rejected`: a provider refused the request, and nobody else was asked. `unavailable`: nothing could be had. */
  readonly outcome: "hit" | "miss" | "stale" | "rejected" | "unavailable" | "interrupted" | "defect"
  readonly cache: CacheLabel | null
  /** The provider whose answer this is; null = none. */
  readonly provider: string | null
  /** The providers that gave nothing. */
  readonly tried: ReadonlyArray<Tried>
  /** Attempts of all providers; 0 where none was made, and for callers who shared the call of another. */
  readonly attempts: number
  /** The answer came from a call that somebody else had begun. */
  readonly shared: boolean
  /** Was the simulator asked, or is the answer from one? */
  readonly sandbox: boolean
}

/** One attempt: one pass through circuit, limits and time limit, of one request at most. */
export interface AttemptRecord extends Common {
  readonly _tag: "Attempt"
  readonly provider: string
  /** Method and route template, e.g. `GET /latest`. */
  readonly operation: string
  /** 1 = the first of its request. */
  readonly attempt: number
  readonly outcome:
    | "success"
    | "refused-by-circuit"
    | "rate-limited"
    | "timeout"
    | "rejected"
    | "failed"
    | "interrupted"
    | "defect"
  /** Null = success, interrupted, or an error of the provider's contract. */
  readonly errorClass: ErrorClass | null
  /** HTTP status of a failure, when there was an answer. */
  readonly status: number | null
  /** After the attempt. */
  readonly circuit: CircuitStatus
  readonly sandbox: boolean
  /** Is it part of a guarded call, which is told of by itself? Default false. */
  readonly guarded?: boolean
  /** A health check, past circuit and limits. Default false. */
  readonly probe?: boolean
  /** What it failed with. */
  readonly error?: unknown
  /** Not there: it was no HTTP, or nothing was sent. */
  readonly http?: HttpExchange
}

/** What was sent and came back, as it was: secrets and all. */
export interface HttpExchange {
  readonly request: HttpClientRequest.HttpClientRequest
  /** Credentials that the connection adds to its requests. */
  readonly secrets: ReadonlyArray<string>
  /** Null: no complete answer. */
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: Uint8Array
  } | null
}

/** A provider, as it is made: known to observers before anything was asked of it. */
export interface ProviderMade {
  readonly integration: string
  readonly provider: string
  /** At present. */
  readonly mode: "live" | "sandbox"
  /** Is it not asked at present: switched off, or without what it wants? Default false. */
  readonly isOff?: boolean
}

export interface CallRecorder {
  readonly record: (record: CallRecord | AttemptRecord) => void
  /** Default: nobody wants to know. */
  readonly made?: (provider: ProviderMade) => void
}

/** Nobody is told, and no record is made. */
export const silent: CallRecorder = { record: () => {} }

export const CallRecorder = Context.Reference<CallRecorder>("hub/services/providers/CallRecorder", {
  defaultValue: () => silent
})
