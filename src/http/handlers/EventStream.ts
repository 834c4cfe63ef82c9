/**
 * The event log as server-sent events. Each event's `id` is its place in the log, so a client that comes back with
 * `Last-Event-ID` misses nothing and gets nothing twice. A comment every 15 s keeps the connection open through
 * proxies. Streams end by themselves when the hub begins to stop (`Stopping`).
 */
import { Deferred, Effect, Queue, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { EventLog } from "../../services/events/EventLog.ts"
import type { Position } from "../../services/events/EventRecord.ts"
import { CloudEvent, fromRecord } from "../api/CloudEvent.ts"
import { Stopping } from "../Stopping.ts"

const heartbeat = "15 seconds"
const pageSize = 200

/** Makes the response that streams the events after a position, of one type or of all. */
export const makeEventStream = Effect.gen(function* () {
  const log = yield* EventLog
  const stopping = yield* Stopping

  const frames = Effect.fnUntraced(function* (after: Position, type: string | undefined) {
    const changes = yield* log.changes
    const next = Effect.fnUntraced(function* (position: Position) {
      const page = yield* log.list({
        after: position,
        limit: pageSize,
        ...(type === undefined ? {} : { types: [type] })
      })
      if (page.data.length === 0) {
        const signal = yield* Effect.timeoutOption(Queue.take(changes), heartbeat)
        return [signal._tag === "None" ? ":\n\n" : "", page.next] as const
      }
      const places = [...position]
      let text = ""
      for (const { partition, record, seq } of page.data) {
        places[partition] = seq
        text += `id: ${log.encodePosition(places)}\nevent: ${record.type}\ndata: ${encode(fromRecord(record))}\n\n`
      }
      return [text, page.next] as const
    })
    // The first frame lets a client that sees no event resume from here; the place goes before the pause, so that a
    // client that acts on `retry` at once knows it.
    return Stream.concat(
      Stream.succeed(`id: ${log.encodePosition(after)}\nretry: 2000\n\n`),
      Stream.unfold(after, next)
    )
  })

  return (after: Position, type: string | undefined) =>
    HttpServerResponse.stream(
      Stream.unwrap(frames(after, type)).pipe(Stream.interruptWhen(Deferred.await(stopping)), Stream.encodeText),
      { contentType: "text/event-stream", headers: { "cache-control": "no-store", "x-accel-buffering": "no" } }
    )
})

const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(CloudEvent)))
