/**
 * The `EventContext` of a request, which also carries what the layers of the request tell each other: one entry in the
 * context instead of several, because every request pays for each.
 */
import type { Context, Fiber } from "effect"
import { EventContext } from "../../services/events/EventContext.ts"
import type { Principal } from "../../services/security/ApiKeys.ts"

export class RequestContext {
  readonly correlationId: string
  readonly causationId = null
  readonly source = "api"
  /** Set when an API key has been accepted. */
  principal: Principal | undefined

  constructor(correlationId: string) {
    this.correlationId = correlationId
  }
}

/** Of the request that the fiber works for; undefined outside of one. */
export const requestContext = (fiber: Fiber.Fiber<unknown, unknown>): RequestContext | undefined => {
  const current: Context.Service.Shape<typeof EventContext> = fiber.getRef(EventContext)
  return current instanceof RequestContext ? current : undefined
}
