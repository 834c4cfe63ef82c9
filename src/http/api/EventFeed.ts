/**
 * The hub's event stream for a client: events as they are committed, for ever.
 *
 * Guarantees: a connection that is lost, or a hub that is restarted, costs no event and repeats none: the next
 * connection goes on at the place where the last one ended. Fails only with what a new connection cannot mend (the key
 * is refused, a place that the hub never gave out, an answer that is no hub's).
 *
 * Not the endpoint's own stream (`hub.events.stream`): that ends at the first `retry:` that the hub sends.
 */
import { Duration, Effect, Ref, Schema, Stream } from "effect"
import { Sse } from "effect/encoding"
import { HttpClient, HttpClientError } from "effect/http"
import { CloudEvent } from "./CloudEvent.ts"
import { HubClient } from "./HubClient.ts"

/** @public */
export interface FeedEvent {
  /** The place after this event: kept, and given as `after`, it lets a program go on where it stopped. */
  readonly position: string
  readonly event: CloudEvent
}

/**
 * Events after a place (default: from now on), of one type or of all. In order per subject.
 *
 * @public
 */
export const follow = (options: { readonly type?: string; readonly after?: string } = {}) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const place = yield* Ref.make(options.after)
      const pause = yield* Ref.make(Duration.seconds(2))

      const open = Effect.gen(function* () {
        const last = yield* Ref.get(place)
        const [, response] = yield* hub.events.stream({
          query: options.type === undefined ? {} : { type: options.type },
          headers: last === undefined ? {} : { "last-event-id": last },
          responseMode: "decoded-and-response"
        })
        const read = makeReader()
        return response.stream.pipe(
          Stream.decodeText,
          Stream.map(read),
          Stream.flattenIterable,
          Stream.mapEffect(
            Effect.fnUntraced(function* (frame: Sse.AnyEvent) {
              const id = frame._tag === "Retry" ? frame.lastEventId : frame.id
              if (id !== undefined) yield* Ref.set(place, id)
              if (frame._tag === "Event") return [{ position: id ?? "", event: yield* decode(frame.data) }]
              yield* Ref.set(pause, frame.duration)
              return []
            })
          ),
          Stream.flattenIterable
        )
      })

      const connection = Stream.unwrap(open).pipe(
        Stream.catchIf(isMended, (error) =>
          Stream.fromEffectDrain(Effect.logDebug(`The event stream of the hub was lost: ${String(error)}`))
        ),
        Stream.concat(Stream.fromEffectDrain(Effect.flatMap(Ref.get(pause), Effect.sleep)))
      )
      return Stream.forever(connection)
    })
  )

/** Another attempt may well succeed: no connection, or a proxy in between that has none. */
const isMended = (error: { readonly _tag: string }): boolean => {
  if (HttpClientError.isHttpClientError(error) && error.response !== undefined) {
    return HttpClient.isTransientResponse(error.response)
  }
  return error._tag === "UnavailableProblem" || error._tag === "InternalProblem" || HttpClient.isTransientError(error)
}

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(CloudEvent)))

/** Chunks of text in, whole frames out. */
const makeReader = () => {
  const frames: Array<Sse.AnyEvent> = []
  const parser = Sse.makeParser((frame) => frames.push(frame))
  return (chunk: string) => {
    parser.feed(chunk)
    return frames.splice(0)
  }
}
