/**
 * Which business process the current fiber works for. Set by the HTTP middleware from `X-Correlation-Id` and by
 * Delivery from the event being handled; read by publish, by outbound HTTP clients and by log annotations.
 */
import { Context } from "effect"

export const EventContext = Context.Reference<{
  readonly correlationId: string
  /** Id of the event being handled; null outside a handler. */
  readonly causationId: string | null
  /** Default `source` of published events: the originating module, e.g. `api` or `mes`. */
  readonly source: string
} | null>("hub/services/events/EventContext", { defaultValue: () => null })
