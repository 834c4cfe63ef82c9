/** A dead letter: an event that an adapter could not handle, kept whole, with why and what became of it since. */
import { Schema } from "effect"
import { ErrorClass } from "../../domain/IntegrationError.ts"
import { EventRecord } from "./EventRecord.ts"

export const DeadLetterStatus = Schema.Literals(["pending", "replayed", "discarded"])
export type DeadLetterStatus = typeof DeadLetterStatus.Type

/** Times are ISO-8601 UTC. */
export const DeadLetter = Schema.Struct({
  /** Opaque; time-sortable. */
  id: Schema.String,
  eventId: Schema.String,
  eventType: Schema.String,
  /** The whole event as stored, also when it cannot be decoded. */
  eventPayload: EventRecord,
  adapterName: Schema.String,
  errorMessage: Schema.String,
  errorClass: ErrorClass,
  /** The error and its causes, outermost first. */
  errorChain: Schema.Array(Schema.String),
  /** Attempts − 1. */
  retryCount: Schema.Int,
  status: DeadLetterStatus,
  createdAt: Schema.String,
  lastReplayAt: Schema.NullOr(Schema.String),
  replayedAt: Schema.NullOr(Schema.String),
  replayCount: Schema.Int,
  correlationId: Schema.String
})
export type DeadLetter = typeof DeadLetter.Type

export interface DeadLetterFilter {
  readonly status?: DeadLetterStatus
  readonly adapter?: string
  readonly eventType?: string
  readonly errorClass?: ErrorClass
}

export const DeadLetterGroup = Schema.Struct({
  adapterName: Schema.String,
  eventType: Schema.String,
  errorClass: ErrorClass,
  count: Schema.Int,
  firstAt: Schema.String,
  lastAt: Schema.String,
  /** Message of the newest. */
  sample: Schema.String
})
export type DeadLetterGroup = typeof DeadLetterGroup.Type

export class DeadLetterNotFound extends Schema.TaggedError<DeadLetterNotFound>()("DeadLetterNotFound", {
  id: Schema.String
}) {}

/** Only pending dead letters can be replayed or discarded. */
export class DeadLetterNotPending extends Schema.TaggedError<DeadLetterNotPending>()("DeadLetterNotPending", {
  id: Schema.String,
  status: DeadLetterStatus
}) {}

/** Another replay of it is running. Its claim ends with the outcome, or by itself. */
export class ReplayInProgress extends Schema.TaggedError<ReplayInProgress>()("ReplayInProgress", {
  id: Schema.String
}) {}
