/** The raw body of a request, and the answers that are kept and given again. */
import { ByteSize, Effect, Schema } from "effect"
import { HttpIncomingMessage, type HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Answer } from "../../services/security/Answer.ts"

/** Largest body: 1 MiB. */
export const maxBodyBytes = 1_048_576

/**
 * All bytes of the body, as received. Read once: later readers of the same request get the same bytes. Fails with a
 * `RequestParseError` (`BodyTooLarge` above the limit).
 */
export const readBody: Effect.Effect<Uint8Array, HttpServerError.HttpServerError, HttpServerRequest.HttpServerRequest> =
  HttpServerRequest.HttpServerRequest.use((request) => request.arrayBuffer).pipe(
    Effect.map((buffer) => new Uint8Array(buffer)),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBodyBytes))
  )

/** An answer that is not kept, because it is no success: leaves the transaction and rolls it back. */
export class NotKept extends Schema.TaggedError<NotKept>()("NotKept", {
  response: Schema.declare(HttpServerResponse.isHttpServerResponse)
}) {}

/** What of a response is kept; fails for all but 2xx. */
export const toAnswer = (response: HttpServerResponse.HttpServerResponse): Effect.Effect<Answer, NotKept> => {
  if (response.status < 200 || response.status > 299) return Effect.fail(new NotKept({ response }))
  return Effect.succeed({
    status: response.status,
    body: response.body._tag === "Uint8Array" ? (response.body.text ?? "") : ""
  })
}

/** A response made again from what was kept. */
export const fromAnswer = (answer: Answer): HttpServerResponse.HttpServerResponse =>
  answer.body === ""
    ? HttpServerResponse.empty({ status: answer.status })
    : HttpServerResponse.text(answer.body, { status: answer.status, contentType: "application/json" })
