/**
 * Every request is counted and timed by method, route template and status, and logged with its correlation id:
 * successful reads, which are many and say little, at debug level, everything else at info.
 */
import { Clock, Context, Effect, type Fiber, LogLevel, Metric, References } from "effect"
import { HttpRouter, type HttpServerResponse } from "effect/http"
import type { RequestContext } from "./RequestContext.ts"

/** Seconds from the first look at the request to the answer made. */
const requestDuration = Metric.histogram("http_server_request_duration_seconds", {
  description: "Duration of HTTP requests, by method, route and status",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10]
})

/** Counts, times and logs the answer, and gives it back. */
export const record = (
  fiber: Fiber.Fiber<unknown, unknown>,
  own: RequestContext,
  response: HttpServerResponse.HttpServerResponse
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { method } = own.request
  const milliseconds = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() - own.started
  durationOf(method, routeOf(fiber.context), response.status).updateUnsafe(milliseconds / 1000, fiber.context)
  const isQuiet = response.status < 400 && (method === "GET" || method === "HEAD")
  const level = isQuiet ? "Debug" : "Info"
  if (LogLevel.isGreaterThan(fiber.getRef(References.MinimumLogLevel), level)) return Effect.succeed(response)
  return Effect.logWithLevel(level)("HTTP request").pipe(
    Effect.annotateLogs({
      method,
      path: own.path,
      status: response.status,
      milliseconds,
      ...(own.principal === undefined ? {} : { caller: own.principal.name })
    }),
    Effect.as(response)
  )
}

/** The template of the route that was taken, which the router leaves in the context of its fiber. */
const routeOf = (context: Context.Context<never>): string =>
  Context.getOrUndefined(context, HttpRouter.RouteContext)?.route.path ?? "none"

// By route, method and status, without making a text of them for each request.
const durations = new Map<string, Map<string, Array<Metric.Metric<number, unknown>>>>()

const durationOf = (method: string, route: string, status: number): Metric.Metric<number, unknown> => {
  let ofRoute = durations.get(route)
  if (ofRoute === undefined) durations.set(route, (ofRoute = new Map()))
  let ofMethod = ofRoute.get(method)
  if (ofMethod === undefined) ofRoute.set(method, (ofMethod = []))
  return (ofMethod[status] ??= Metric.withAttributes(requestDuration, { method, route, status: String(status) }))
}
