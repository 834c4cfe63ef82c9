import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Delivery } from "../../services/events/Delivery.ts"
import { EventLog } from "../../services/events/EventLog.ts"
import { ReceivedEvents } from "../../services/intake/ReceivedEvents.ts"
import { fromRecord } from "../api/CloudEvent.ts"
import { HubApi } from "../api/HubApi.ts"
import { Stopping } from "../Stopping.ts"
import { validationProblem } from "../middleware/Issues.ts"
import { makeEventStream } from "./EventStream.ts"
import { invalid, notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const invalidPosition = (path: string) => () =>
  Effect.fail(validationProblem([{ path, message: "must be a position that this hub gave out" }]))

export const layer = HttpApiBuilder.group(
  HubApi,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const log = yield* EventLog
    const delivery = yield* Delivery
    const received = yield* ReceivedEvents
    const eventStream = yield* makeEventStream
    return handlers.handleAll({
      publish: ({ payload: { causationid, correlationid, data, id, source, type } }) =>
        received
          .accept({
            source,
            id,
            type,
            data,
            ...(correlationid === undefined ? {} : { correlationId: correlationid }),
            ...(causationid === undefined ? {} : { causationId: causationid })
          })
          .pipe(
            Effect.map((eventId) => ({ eventId })),
            Effect.catchTags({ InvalidEvent: invalid, UnknownSubject: ({ subject }) => notFound(subject) })
          ),
      list: Effect.fnUntraced(
        function* ({ query: { after, correlationId, limit, type } }) {
          const { data, next } = yield* log.list({
            after: after === undefined ? log.origin : yield* log.decodePosition(after),
            limit,
            ...(type === undefined ? {} : { types: [type] }),
            ...(correlationId === undefined ? {} : { correlationId })
          })
          return { data: data.map(({ record }) => fromRecord(record)), meta: { next: log.encodePosition(next) } }
        },
        Effect.catchTags({ InvalidPosition: invalidPosition("query.after") })
      ),
      stream: Effect.fnUntraced(function* ({ headers, query }) {
        const resumed = headers["last-event-id"]
        const after = resumed ?? query.after
        const position =
          after === undefined
            ? yield* log.tail
            : yield* log.decodePosition(after).pipe(
                Effect.catchTags({
                  InvalidPosition: invalidPosition(resumed === undefined ? "query.after" : "headers.last-event-id")
                })
              )
        return eventStream(position, query.type)
      }),
      prune: Effect.fnUntraced(function* ({ payload: { olderThanMillis } }) {
        const keepAfter = yield* delivery.floor
        return { pruned: yield* log.prune({ olderThanMillis, keepAfter }) }
      })
    })
  })
).pipe(withOnly(EventLog, Delivery, ReceivedEvents, Stopping))
