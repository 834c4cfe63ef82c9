/**
 * The outermost layer of every request.
 *
 * Guarantees: every answer carries `X-Correlation-Id`; everything that runs for the request has it in `EventContext`
 * and in its log lines; every failure is a problem document with `instance` and `traceId`, whatever happened; each
 * request is counted and timed by route, and logged (successful reads at debug level, all others at info).
 * W3C `traceparent` is honoured: by the tracer when one is installed, as `traceId`, and as the correlation id where the
 * request brings none.
 */
import {
  type Cause,
  Clock,
  Context,
  Deferred,
  Effect,
  type Layer,
  LogLevel,
  Metric,
  Option,
  References,
  Schema,
  Tracer
} from "effect"
import type { Types } from "effect"
import {
  HttpRouter,
  HttpServerError,
  HttpServerRequest,
  HttpServerResponse,
  HttpTraceContext,
  ProblemDetails
} from "effect/http"
import { CorrelationId } from "../../domain/events/Event.ts"
import { IdSource } from "../../domain/Ids.ts"
import { EventContext } from "../../services/events/EventContext.ts"
import { MethodNotAllowedProblem } from "../api/Problems.ts"
import { failureOf, problemOfStatus, respond } from "./Failures.ts"
import { validationProblem } from "./Issues.ts"
import { Stopping } from "../Stopping.ts"
import { RequestContext } from "./RequestContext.ts"

/** Tells which methods a path knows, for 405 and `Allow`; empty = the path is unknown. */
export type AllowedMethods = (url: string) => ReadonlyArray<string>

/** Seconds from the first byte read to the answer made, by method, route template and status. */
export const requestDuration = Metric.histogram("http_server_request_duration_seconds", {
  description: "Duration of HTTP requests, by method, route and status",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10]
})

export const layer = (allowed: AllowedMethods): Layer.Layer<never, never, HttpRouter.HttpRouter | Stopping> =>
  HttpRouter.middleware(
    Effect.gen(function* () {
      return makeEdge({ ids: yield* IdSource, stopping: yield* Stopping, allowed })
    }),
    { global: true }
  )

type Response = HttpServerResponse.HttpServerResponse
/** What the router hands to a global middleware. Every failure is answered, but the router's types want it open. */
type HttpEffect = Effect.Effect<Response, Types.unhandled, HttpServerRequest.HttpServerRequest>

const makeEdge =
  ({
    allowed,
    ids,
    stopping
  }: {
    readonly allowed: AllowedMethods
    readonly ids: (typeof IdSource)["Service"]
    readonly stopping: Stopping["Service"]
  }) =>
  (httpEffect: HttpEffect): HttpEffect =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
      const clock = fiber.getRef(Clock.Clock)
      const started = clock.currentTimeMillisUnsafe()
      const traceparent = Option.getOrUndefined(HttpTraceContext.w3c(request.headers))?.traceId
      const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
      const traceId = span?._tag === "Span" ? span.traceId : traceparent

      const handle = (correlationId: string) => {
        const own = new RequestContext(correlationId)
        const finish = (response: Response) => {
          const milliseconds = clock.currentTimeMillisUnsafe() - started
          durationOf(request.method, routeOf(fiber.context), response.status).updateUnsafe(
            milliseconds / 1000,
            fiber.context
          )
          const answer = Deferred.isDoneUnsafe(stopping)
            ? HttpServerResponse.setHeader(response, "connection", "close")
            : response
          return Effect.as(logAccess(request, response, own, milliseconds), answer)
        }
        const problem = (response: Response, headers: Record<string, string>) =>
          Effect.flatMap(
            decorate(
              response,
              {
                instance: pathOf(request.url),
                traceId: traceId ?? correlationId
              },
              { ...headers, [correlationHeader]: correlationId }
            ),
            finish
          )
        const answer: HttpEffect = Effect.matchCauseEffect(
          isWellFormedTarget(request.url) ? httpEffect : malformedTarget,
          {
            onSuccess: (response) => {
              if (response.status >= 400) return problem(response, {})
              return finish(HttpServerResponse.setHeader(response, correlationHeader, correlationId))
            },
            onFailure: (cause): Effect.Effect<Response, Types.unhandled> => {
              if (isClientAbort(cause)) return Effect.failCause(cause)
              const methods = isRouteNotFound(cause) ? allowed(request.url) : []
              if (methods.length > 0) {
                return Effect.flatMap(
                  respond(new MethodNotAllowedProblem({ detail: `It knows ${methods.join(", ")}` })),
                  (response) => problem(response, { allow: methods.join(", ") })
                )
              }
              return Effect.flatMap(failureOf(cause), ({ isBug, response }) =>
                isBug
                  ? Effect.andThen(Effect.logError("HTTP request failed", cause), problem(response, {}))
                  : problem(response, {})
              )
            }
          }
        )
        return Effect.updateContext(
          answer,
          (
            context: Context.Context<HttpServerRequest.HttpServerRequest>
          ): Context.Context<HttpServerRequest.HttpServerRequest> =>
            context.pipe(
              Context.add(EventContext, own),
              Context.add(References.CurrentLogAnnotations, {
                ...fiber.getRef(References.CurrentLogAnnotations),
                correlationId,
                ...(traceId === undefined ? {} : { traceId })
              })
            )
        )
      }

      const given = request.headers[correlationHeader]
      if (given !== undefined && isCorrelationId(given)) return handle(given)
      return traceparent === undefined ? Effect.flatMap(ids.uuidV7(), handle) : handle(traceparent)
    })

const correlationHeader = "x-correlation-id"
const isCorrelationId = Schema.is(CorrelationId)

const pathOf = (url: string): string => {
  const query = url.indexOf("?")
  return query === -1 ? url : url.slice(0, query)
}

/** ASCII, every percent sign part of valid UTF-8, no NUL: what the router and the database can be given. */
const isWellFormedTarget = (url: string): boolean => {
  if (/[^\x21-\x7e]/.test(url)) return false
  if (!url.includes("%")) return true
  try {
    return !decodeURIComponent(url).includes("\0")
  } catch {
    return false
  }
}

const malformedTarget = Effect.suspend(() =>
  respond(validationProblem([{ path: "url", message: "must be percent-encoded UTF-8 without NUL" }]))
)

/** The template of the route that was taken, which the router leaves in the context of its fiber. */
const routeOf = (context: Context.Context<never>): string =>
  Context.getOrUndefined(context, HttpRouter.RouteContext)?.route.path ?? "none"

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

const decodeProblem = Schema.decodeEffect(Schema.fromJsonString(Schema.JsonObject))

/** The problem document of a failed answer, with what only the edge knows; made by its status where it has none. */
const decorate = (
  response: Response,
  members: { readonly instance: string; readonly traceId: string },
  headers: Record<string, string>
): Effect.Effect<Response> => {
  const { body } = response
  if (body._tag !== "Uint8Array" || body.text === undefined || body.contentType !== ProblemDetails.contentType) {
    return Effect.flatMap(problemOfStatus(response.status), (made) => decorate(made, members, headers))
  }
  return Effect.map(Effect.orDie(decodeProblem(body.text)), (problem) => {
    if (typeof problem["retryAfter"] === "number") headers["retry-after"] = String(problem["retryAfter"])
    if (response.status === 401) headers["www-authenticate"] = "Bearer"
    const { detail, status, title, type, ...more } = problem
    return HttpServerResponse.jsonUnsafe(
      { type, title, status, detail, ...members, ...more },
      {
        status: response.status,
        contentType: ProblemDetails.contentType,
        headers
      }
    )
  })
}

/** Successful reads are many and say little: debug. Everything else is info. */
const logAccess = (
  request: HttpServerRequest.HttpServerRequest,
  response: Response,
  own: RequestContext,
  milliseconds: number
): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const isRead = request.method === "GET" || request.method === "HEAD"
    const level = isRead && response.status < 400 ? "Debug" : "Info"
    if (LogLevel.isGreaterThan(fiber.getRef(References.MinimumLogLevel), level)) return Effect.void
    return Effect.logWithLevel(level)("HTTP request").pipe(
      Effect.annotateLogs({
        method: request.method,
        path: pathOf(request.url),
        status: response.status,
        milliseconds,
        ...(own.principal === undefined ? {} : { caller: own.principal.name })
      })
    )
  })

const durations = new Map<string, Metric.Metric<number, unknown>>()

const durationOf = (method: string, route: string, status: number): Metric.Metric<number, unknown> => {
  const key = `${method} ${route} ${status}`
  let metric = durations.get(key)
  if (metric === undefined) {
    metric = Metric.withAttributes(requestDuration, { method, route, status: String(status) })
    durations.set(key, metric)
  }
  return metric
}
