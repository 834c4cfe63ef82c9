/**
 * What an event is: a type, a payload, and metadata that follows a business process from its first request to its
 * last consequence. An `EventDefinition` says how one type looks and by which key its events are ordered.
 */
import { Schema } from "effect"
import { EventId } from "../Ids.ts"

/** 1 to 200 printable characters. */
export const CorrelationId = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,200}$/))

export const EventMetadata = Schema.Struct({
  /** UUIDv7, unique in the log. */
  id: EventId,
  /** When it was published: ISO-8601 UTC. */
  timestamp: Schema.String,
  /** The same from the first inbound request to the last outbound call. */
  correlationId: CorrelationId,
  /** Id of the event that led to this one; null at the start of a chain. */
  causationId: Schema.NullOr(Schema.String),
  /** Originating module. */
  source: Schema.String,
  /** Version of the payload's schema, from 1. */
  schemaVersion: Schema.Int
})
export type EventMetadata = typeof EventMetadata.Type

export interface Event<out Type extends string = string, out Payload = unknown> {
  readonly type: Type
  readonly payload: Payload
  readonly metadata: EventMetadata
}

export interface EventDefinition<out Type extends string = string, out Payload = unknown> {
  readonly type: Type
  /** Encoded form is JSON. */
  readonly payload: Schema.Codec<Payload, Schema.Json>
  readonly schemaVersion: number
  /** Ordering key: events of one key are handled in commit order. Method syntax keeps definitions covariant. */
  key(payload: Payload): string
}

/** The event (or union of events) of a definition (or union of definitions). */
export type EventOf<D extends EventDefinition> =
  D extends EventDefinition<infer Type, infer Payload> ? Event<Type, Payload> : never

/** Payload of a definition. */
export type PayloadOf<D extends EventDefinition> = D extends EventDefinition<string, infer Payload> ? Payload : never

/**
 * Defines an event type.
 *
 * @example
 * const Greeted = defineEvent("greeting.sent", {
 *   payload: Schema.Struct({ name: Schema.String }),
 *   key: ({ name }) => `greeting:${name}`
 * })
 */
export const defineEvent = <const Type extends string, Payload>(
  type: Type,
  options: {
    readonly payload: Schema.Codec<Payload, Schema.Json>
    readonly key: (payload: Payload) => string
    /** Default 1. */
    readonly schemaVersion?: number
  }
): EventDefinition<Type, Payload> => ({
  type,
  payload: options.payload,
  schemaVersion: options.schemaVersion ?? 1,
  key: options.key
})
