/**
 * Which business process the current fiber works for. Set by the HTTP middleware from `X-Correlation-Id` and by
 * Delivery from the event being handled; read by publish, by outbound HTTP clients and by log annotations.
 */
import { Context, Effect } from "effect"

export const EventContext = Context.Reference<{
  readonly correlationId: string
  /** Id of the event being handled; null outside a handler. */
  readonly causationId: string | null
  /** Default `source` of published events: the originating module, e.g. `api` or `mes`. */
  readonly source: string
} | null>("hub/services/events/EventContext", { defaultValue: () => null })

/**
 * Everything about an order goes under the order's correlation id, whichever event led here: its calls, its events, its
 * log lines. `source`: used where no event is being handled.
 */
export const underCorrelation =
  (correlationId: string, source: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(EventContext, (context) =>
      effect.pipe(
        Effect.provideService(EventContext, {
          causationId: context?.causationId ?? null,
          source: context?.source ?? source,
          correlationId
        }),
        Effect.annotateLogs({ correlationId })
      )
    )
