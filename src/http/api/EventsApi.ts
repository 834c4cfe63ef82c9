/** Events in and out (specification, sections 3 and 9). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { CorrelationId } from "../../domain/events/Event.ts"
import { EventId } from "../../domain/Ids.ts"
import { text } from "../../domain/Text.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope } from "./Access.ts"
import { CloudEvent, CloudEventReceived, contentType } from "./CloudEvent.ts"
import { NotFoundProblem } from "./Problems.ts"
import { filter, pageQuery } from "./Queries.ts"

/** A place in the log, from `meta.next` or an event id of the stream. Opaque. */
const Position = text(2000)

export const EventsApi = HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.post("publish", "/events", {
      payload: [CloudEventReceived, CloudEventReceived.pipe(HttpApiSchema.asJson({ contentType }))],
      success: Schema.Struct({ eventId: EventId }).pipe(HttpApiSchema.status(202)),
      error: NotFoundProblem
    }).middleware(Idempotent),
    HttpApiEndpoint.get("list", "/events", {
      query: {
        limit: pageQuery.limit,
        type: filter(text(200)),
        correlationId: filter(CorrelationId),
        after: filter(Position)
      },
      success: Schema.Struct({
        data: Schema.Array(CloudEvent),
        /** `next`: the place after these events, for `after`. */
        meta: Schema.Struct({ next: Schema.String })
      })
    }),
    HttpApiEndpoint.get("stream", "/events/stream", {
      query: { type: filter(text(200)), after: filter(Position) },
      headers: { "last-event-id": Schema.optionalKey(Position) },
      success: HttpApiSchema.StreamSse({ data: CloudEvent })
    }),
    /** Shortens the log, never past what an adapter still needs. */
    HttpApiEndpoint.post("prune", "/events/prune", {
      payload: Schema.Struct({ olderThanMillis: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)) }),
      success: Schema.Struct({ pruned: Schema.Int })
    }).annotate(RequiredScope, "admin")
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "core")
  .annotate(OpenApi.Title, "Events")
