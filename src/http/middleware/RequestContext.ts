/**
 * The `EventContext` of a request, which also carries what the layers of the request tell each other: one entry in the
 * context instead of several, because every request pays for each.
 */
import { Effect, type Fiber } from "effect"
import type { HttpServerRequest } from "effect/http"
import { EventContext } from "../../services/events/EventContext.ts"
import type { Principal } from "../../services/security/ApiKeys.ts"

export class RequestContext {
  readonly correlationId: string
  readonly causationId = null
  readonly source = "api"
  readonly request: HttpServerRequest.HttpServerRequest
  /** Of the tracer or of `traceparent`; undefined when there is neither. */
  readonly traceId: string | undefined
  /** Milliseconds since 1970. */
  readonly started: number
  /** Set when an API key has been accepted. */
  principal: Principal | undefined

  constructor(
    request: HttpServerRequest.HttpServerRequest,
    correlationId: string,
    traceId: string | undefined,
    started: number
  ) {
    this.request = request
    this.correlationId = correlationId
    this.traceId = traceId
    this.started = started
    this.principal = undefined
  }

  /** Of the request's target, without the query: that may hold what belongs in no log. */
  get path(): string {
    const { url } = this.request
    const query = url.indexOf("?")
    return query === -1 ? url : url.slice(0, query)
  }
}

/** Name of the API key that the request came with: the actor in histories and mappings. A bug where none is needed. */
export const callerName: Effect.Effect<string> = Effect.withFiber((fiber) => {
  const principal = requestContext(fiber)?.principal
  return principal === undefined
    ? Effect.die(new Error("an endpoint without Authorization has no caller"))
    : Effect.succeed(principal.name)
})

/** Of the request that the fiber works for; undefined outside of one. */
export const requestContext = (fiber: Fiber.Fiber<unknown, unknown>): RequestContext | undefined => {
  const current = fiber.getRef(EventContext)
  return current instanceof RequestContext ? current : undefined
}
