/**
 * One attempt to handle an event: decodes it, runs the handler as part of the event's business process (EventContext,
 * log annotations, span), and says in words why it failed.
 *
 * A handler that lost the database is run again until it has one: neither the event nor the outside system is to blame.
 */
import { Cause, Context, Effect, Exit, References, type SchemaIssue, Tracer } from "effect"
import type { EventDefinition } from "../../domain/events/Event.ts"
import { outlive } from "../storage/Outlive.ts"
import type { Subscription } from "./Delivery.ts"
import * as EventCodec from "./EventCodec.ts"
import { EventContext } from "./EventContext.ts"
import type { EventRecord } from "./EventRecord.ts"
import * as FailureText from "./FailureText.ts"

/** Makes the attempts of a subscription. The result is null after success. */
export const make = (subscription: Subscription) => {
  const definitions = new Map<string, EventDefinition>(
    subscription.events.map(({ definition }) => [definition.type, definition])
  )
  return (record: EventRecord): Effect.Effect<FailureText.DescribedFailure | null> => {
    const definition = definitions.get(record.type)
    // Parked by an earlier version of the subscription, which followed this type.
    if (definition === undefined) return Effect.as(Effect.logWarning("event dropped: no longer subscribed"), null)
    const payload = EventCodec.decodePayload(definition, record)
    if (Exit.isFailure(payload)) return Effect.succeed(undecodable(payload.cause))
    const event = EventCodec.toEvent(record, payload.value)
    const handler = outlive(
      Effect.suspend(() => subscription.handle(event)),
      "handling an event"
    )
    return Effect.matchCause(
      Effect.useSpan("Delivery.handle", spanOf(subscription.name, record), (span) =>
        Effect.provideContext(handler, contextOf(subscription.name, record, span))
      ),
      { onFailure: FailureText.fromCause, onSuccess: () => null }
    )
  }
}

/** What tells an event's log lines apart. */
export const annotationsOf = (adapter: string, record: EventRecord) => ({
  correlationId: record.correlationId,
  adapter,
  eventType: record.type,
  eventId: record.id
})

const contextOf = (adapter: string, record: EventRecord, span: Tracer.Span): Context.Context<never> =>
  Context.make(EventContext, { correlationId: record.correlationId, causationId: record.id, source: adapter }).pipe(
    Context.add(References.CurrentLogAnnotations, annotationsOf(adapter, record)),
    Context.add(Tracer.ParentSpan, span)
  )

const spanOf = (adapter: string, record: EventRecord): Tracer.SpanOptionsNoTrace => ({
  root: true,
  kind: "consumer",
  attributes: annotationsOf(adapter, record)
})

const undecodable = (cause: Cause.Cause<SchemaIssue.Issue>): FailureText.DescribedFailure => {
  const failure = cause.reasons.find(Cause.isFailReason)
  const reason = failure === undefined ? Cause.squash(cause) : EventCodec.describeIssue(failure.error)
  return FailureText.describe({ _tag: "Undecodable" }, reason)
}
