/**
 * The outermost layer of every request.
 *
 * Guarantees: every answer carries `X-Correlation-Id`; everything that runs for the request has it in `EventContext`
 * and in its log lines; every failure is a problem document with `instance` and `traceId`, whatever happened.
 * W3C `traceparent` is honoured: by the tracer when one is installed, as `traceId`, and as the correlation id where the
 * request brings none.
 *
 * A plain GET is mostly made of what happens here: each combinator and each addition to the context shows.
 */
import {
  type Cause,
  Clock,
  Context,
  Deferred,
  Effect,
  type Fiber,
  type Layer,
  Option,
  References,
  Schema,
  Tracer
} from "effect"
import type { Types } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse, HttpTraceContext } from "effect/http"
import { CorrelationId } from "../../domain/events/Event.ts"
import { IdSource } from "../../domain/Ids.ts"
import { EventContext } from "../../services/events/EventContext.ts"
import { MethodNotAllowedProblem } from "../api/Problems.ts"
import { Stopping } from "../Stopping.ts"
import * as AccessLog from "./AccessLog.ts"
import { failureOf, respond } from "./Failures.ts"
import { validationProblem } from "./Issues.ts"
import * as ProblemDocument from "./ProblemDocument.ts"
import { RequestContext } from "./RequestContext.ts"

/** Tells which methods a path knows, for 405 and `Allow`; empty = the path is unknown. */
export type AllowedMethods = (url: string) => ReadonlyArray<string>

export const layer = (allowed: AllowedMethods): Layer.Layer<never, never, HttpRouter.HttpRouter | Stopping> =>
  HttpRouter.middleware(
    Effect.gen(function* () {
      const ids = yield* IdSource
      return makeEdge(ids.uuidV7(), yield* Stopping, allowed)
    }),
    { global: true }
  )

type Response = HttpServerResponse.HttpServerResponse
/** What the router hands to a global middleware. Every failure is answered, but the router's types want it open. */
type HttpEffect = Effect.Effect<Response, Types.unhandled, HttpServerRequest.HttpServerRequest>

const header = "x-correlation-id"

const makeEdge = (newId: Effect.Effect<string>, stopping: Stopping["Service"], allowed: AllowedMethods) => {
  const run = (fiber: Fiber.Fiber<unknown, unknown>, own: RequestContext, httpEffect: HttpEffect): HttpEffect => {
    const finish = (response: Response) =>
      AccessLog.record(
        fiber,
        own,
        Deferred.isDoneUnsafe(stopping) ? HttpServerResponse.setHeader(response, "connection", "close") : response
      )

    const problem = (response: Response, headers: Readonly<Record<string, string>> = {}) =>
      Effect.flatMap(ProblemDocument.complete(own, response, { ...headers, [header]: own.correlationId }), finish)

    const failed = (cause: Cause.Cause<Types.unhandled>): Effect.Effect<Response, Types.unhandled> => {
      // Nobody is there to be answered.
      if (isClientAbort(cause)) return Effect.failCause(cause)
      const methods = isRouteNotFound(cause) ? allowed(own.request.url) : []
      if (methods.length > 0) {
        const allow = methods.join(", ")
        return Effect.flatMap(respond(new MethodNotAllowedProblem({ detail: `It knows ${allow}` })), (response) =>
          problem(response, { allow })
        )
      }
      return Effect.flatMap(failureOf(cause), ({ isBug, response }) =>
        isBug ? Effect.andThen(Effect.logError("HTTP request failed", cause), problem(response)) : problem(response)
      )
    }

    // As the router does: whoever runs the request restores the context of its fiber.
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    fiber.setContext(
      Context.add(
        Context.add(fiber.context, EventContext, own),
        References.CurrentLogAnnotations,
        own.traceId === undefined
          ? { ...annotations, correlationId: own.correlationId }
          : { ...annotations, correlationId: own.correlationId, traceId: own.traceId }
      )
    )
    return Effect.matchCauseEffect(isWellFormedTarget(own.request.url) ? httpEffect : malformedTarget, {
      onSuccess: (response) =>
        response.status >= 400
          ? problem(response)
          : finish(HttpServerResponse.setHeader(response, header, own.correlationId)),
      onFailure: failed
    })
  }

  return (httpEffect: HttpEffect): HttpEffect =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
      const started = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const { traceparent } = request.headers
      const parent =
        traceparent === undefined ? undefined : Option.getOrUndefined(HttpTraceContext.w3c(request.headers))?.traceId
      const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
      const traceId = span?._tag === "Span" ? span.traceId : parent
      const begin = (id: string) => run(fiber, new RequestContext(request, id, traceId, started), httpEffect)

      const given = request.headers[header]
      if (given !== undefined && isCorrelationId(given)) return begin(given)
      return parent === undefined ? Effect.flatMap(newId, begin) : begin(parent)
    })
}

const isCorrelationId = Schema.is(CorrelationId)

/**
 * ASCII, every percent sign part of valid UTF-8, no NUL: what the router and the database can be given. To the router a
 * path ends at `;` and `#` too: `/products/1;x` would be product 1.
 */
const isWellFormedTarget = (url: string): boolean => {
  if (/[^\x21-\x7e]|^[^?]*[;#]/.test(url)) return false
  if (!url.includes("%")) return true
  try {
    return !decodeURIComponent(url).includes("\0")
  } catch {
    return false
  }
}

const malformedTarget = Effect.suspend(() =>
  respond(
    validationProblem([{ path: "url", message: "must be percent-encoded UTF-8 without NUL, its path without ; and #" }])
  )
)

const isRouteNotFound = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      reason._tag === "Fail" &&
      HttpServerError.isHttpServerError(reason.error) &&
      reason.error.reason._tag === "RouteNotFound"
  )

const isClientAbort = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.length > 0 &&
  cause.reasons.every(
    (reason) => reason._tag === "Interrupt" && reason.annotations.has(HttpServerError.ClientAbort.key)
  )
