/** An event as it lies in the log: its envelope, its ordering key, and its payload still encoded. */
import { Schema } from "effect"
import { EventMetadata } from "../../domain/events/Event.ts"

export const EventRecord = Schema.Struct({
  ...EventMetadata.fields,
  type: Schema.String,
  /** Ordering key. */
  key: Schema.String,
  /** Encoded payload: JSON without NUL and lone surrogates. */
  payload: Schema.Json
})
export type EventRecord = typeof EventRecord.Type

/** A record with its place in the log. `seq` grows with commits, within its partition only. */
export interface LoggedRecord {
  readonly partition: number
  readonly seq: number
  readonly record: EventRecord
}

/** A record of a page. */
export interface SizedRecord extends LoggedRecord {
  /** About how many bytes its payload takes. */
  readonly size: number
}

/** One number per partition: the last `seq` seen. Opaque to clients (see `EventLog.encodePosition`). */
export type Position = ReadonlyArray<number>
