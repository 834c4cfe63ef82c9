/**
 * Events on the wire: CloudEvents 1.0 in JSON (structured mode), with the extensions `correlationid` and `causationid`.
 *
 * Source: https://github.com/cloudevents/spec, core 1.0.2 and JSON event format 1.0.2.
 */
import { Schema } from "effect"
import { CorrelationId } from "../../domain/events/Event.ts"
import { EventId } from "../../domain/Ids.ts"
import { text } from "../../domain/Text.ts"
import type { EventRecord } from "../../services/events/EventRecord.ts"

export const contentType = "application/cloudevents+json"

/** An event of the hub's log. Attributes without a value are left out. */
export const CloudEvent = Schema.Struct({
  specversion: Schema.Literal("1.0"),
  id: EventId,
  source: Schema.String,
  type: Schema.String,
  /** ISO-8601 UTC. */
  time: Schema.String,
  /** What the event is about: its ordering key, e.g. `order:ord_…`. */
  subject: Schema.String,
  datacontenttype: Schema.Literal("application/json"),
  correlationid: Schema.String,
  causationid: Schema.optionalKey(Schema.String),
  /** Version of the schema of `data`. */
  schemaversion: Schema.Int,
  data: Schema.Json
})
export type CloudEvent = typeof CloudEvent.Type

/** An event from another module of the platform. `source` and `id` together name it. */
export const CloudEventReceived = Schema.Struct({
  // Not a literal: a union takes one for a discriminator, and then says nothing about the other fields.
  specversion: Schema.String.check(Schema.isPattern(/^1\.0$/, { expected: "1.0" })),
  id: text(200),
  source: text(500),
  /** One of the twelve domain events. */
  type: text(200),
  datacontenttype: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^application\/json\s*(;.*)?$/i, { expected: "application/json" }))
  ),
  /** Default: the request's. */
  correlationid: Schema.optionalKey(CorrelationId),
  causationid: Schema.optionalKey(CorrelationId),
  /** The payload of that type. */
  data: Schema.Json
})
export type CloudEventReceived = typeof CloudEventReceived.Type

/** The wire form of a stored event. */
export const fromRecord = (record: EventRecord): CloudEvent => ({
  specversion: "1.0",
  id: record.id,
  source: record.source,
  type: record.type,
  time: record.timestamp,
  subject: record.key,
  datacontenttype: "application/json",
  correlationid: record.correlationId,
  ...(record.causationId === null ? {} : { causationid: record.causationId }),
  schemaversion: record.schemaVersion,
  data: record.payload
})
