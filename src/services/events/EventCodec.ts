/**
 * Between a typed event and its record in the log, by the event's definition.
 *
 * What goes in is checked: the payload by its schema, the envelope, and that PostgreSQL's jsonb can hold the text (no
 * NUL, no lone surrogates, at most 64 levels). What comes out is decoded by the same schema.
 */
import { Exit, Option, Predicate, Result, Schema, SchemaIssue, SchemaParser } from "effect"
import { type Event, type EventDefinition, EventMetadata, type EventOf } from "../../domain/events/Event.ts"
import type { EventRecord } from "./EventRecord.ts"

/** Levels of arrays and objects that a payload may have. */
export const maxDepth = 64

/** The event does not fit its definition, or cannot be stored. Nothing was published. */
export class InvalidEvent extends Schema.TaggedError<InvalidEvent>()("InvalidEvent", {
  type: Schema.String,
  issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {}

type Issues = InvalidEvent["issues"]

/** An envelope from outside: every field is checked. */
export const envelope = (
  definition: EventDefinition,
  metadata: { readonly [K in keyof EventMetadata]: string | number | null }
): Result.Result<EventMetadata, InvalidEvent> =>
  Result.flatMap(
    Result.mapError(decodeMetadata(metadata), (issue) => invalid(definition, toIssues(issue, ""))),
    (decoded) => {
      const issues = [...unstorable(decoded.source, "source"), ...unstorable(decoded.causationId, "causationId")]
      return issues.length > 0 ? Result.fail(invalid(definition, issues)) : Result.succeed(decoded)
    }
  )

/** The record of an event, or every reason why its payload does not do; their paths begin with `payload`. */
export const encode = (
  definition: EventDefinition,
  payload: unknown,
  metadata: EventMetadata
): Result.Result<EventRecord, InvalidEvent> => {
  // Before the schema sees it: a deeper value could exhaust the stack.
  if (exceedsDepth(payload, maxDepth)) return Result.fail(invalid(definition, [tooDeep]))
  const encoded = codecOf(definition).encode(payload)
  if (Result.isFailure(encoded)) return Result.fail(invalid(definition, toIssues(encoded.failure, "payload")))
  const key = definition.key(payload)
  if (!fits(encoded.success, maxDepth) || !isStorable(key)) {
    const issues = exceedsDepth(encoded.success, maxDepth)
      ? [tooDeep]
      : [...unstorable(encoded.success, "payload"), ...unstorable(key, "key")]
    return Result.fail(invalid(definition, issues))
  }
  return Result.succeed({
    id: metadata.id,
    timestamp: metadata.timestamp,
    correlationId: metadata.correlationId,
    causationId: metadata.causationId,
    source: metadata.source,
    schemaVersion: metadata.schemaVersion,
    type: definition.type,
    key,
    payload: encoded.success
  })
}

/** None when the record is of another type or does not decode. */
export function decode<D extends EventDefinition>(definition: D, record: EventRecord): Option.Option<EventOf<D>>
// That a definition's schema yields its own payload is lost in the union; this signature restores it.
export function decode(definition: EventDefinition, record: EventRecord): Option.Option<Event> {
  if (definition.type !== record.type) return Option.none()
  return Exit.match(decodePayload(definition, record), {
    onFailure: () => Option.none(),
    onSuccess: (payload) => Option.some(toEvent(record, payload))
  })
}

/** Decodes the payload; a schema that throws gives a defect. */
export const decodePayload = (definition: EventDefinition, record: EventRecord) =>
  codecOf(definition).decode(record.payload)

export const toEvent = (record: EventRecord, payload: unknown): Event => ({
  type: record.type,
  payload,
  metadata: {
    id: record.id,
    timestamp: record.timestamp,
    correlationId: record.correlationId,
    causationId: record.causationId,
    source: record.source,
    schemaVersion: record.schemaVersion
  }
})

/** Every problem of a payload in one line, e.g. `payload.orderId: Missing key`. */
export const describeIssue = (issue: SchemaIssue.Issue): string =>
  toIssues(issue, "payload")
    .map(({ message, path }) => `${path}: ${message}`)
    .join("; ")

const toIssues = (issue: SchemaIssue.Issue, root: string): Issues =>
  formatIssue(issue).issues.map(({ message, path = [] }) => ({
    path: [
      ...(root === "" ? [] : [root]),
      ...path.map((segment) => String(Predicate.isObject(segment) ? segment.key : segment))
    ].join("."),
    message
  }))

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()
const decodeMetadata = SchemaParser.decodeUnknownResult(EventMetadata, { errors: "all" })

const makeCodec = ({ payload }: EventDefinition) => ({
  encode: SchemaParser.encodeUnknownResult(payload, { errors: "all" }),
  decode: SchemaParser.decodeUnknownExit(payload)
})
const codecs = new WeakMap<EventDefinition, ReturnType<typeof makeCodec>>()

const codecOf = (definition: EventDefinition) => {
  let codec = codecs.get(definition)
  if (codec === undefined) codecs.set(definition, (codec = makeCodec(definition)))
  return codec
}

const invalid = ({ type }: EventDefinition, issues: Issues) => new InvalidEvent({ type, issues })

const tooDeep = { path: "payload", message: `nested more than ${maxDepth} levels` }

/** Goes down at most `depth` levels, so a cycle ends too. */
const exceedsDepth = (value: unknown, depth: number): boolean => {
  if (!Predicate.isObjectOrArray(value)) return false
  if (depth === 0) return true
  for (const key in value) if (exceedsDepth(Reflect.get(value, key), depth - 1)) return true
  return false
}

/** Can jsonb hold it? Says no without saying why: that is what `unstorable` is for. */
const fits = (value: unknown, depth: number): boolean => {
  if (Predicate.isString(value)) return isStorable(value)
  if (!Predicate.isObjectOrArray(value)) return true
  if (depth === 0) return false
  for (const key in value) if (!isStorable(key) || !fits(Reflect.get(value, key), depth - 1)) return false
  return true
}

const unstorable = (value: unknown, path: string): Issues => {
  if (Predicate.isString(value)) return isStorable(value) ? [] : [{ path, message: "holds NUL or a lone surrogate" }]
  if (!Predicate.isObjectOrArray(value)) return []
  return Object.entries(value).flatMap(([key, child]) =>
    isStorable(key) ? unstorable(child, `${path}.${key}`) : [{ path, message: "a key holds NUL or a lone surrogate" }]
  )
}

const isStorable = (text: string) => text.isWellFormed() && !text.includes("\0")
