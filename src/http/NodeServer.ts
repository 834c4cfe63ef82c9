/**
 * Node's HTTP server for the hub: what Node refuses before it becomes a request (malformed HTTP, headers above 16 KiB,
 * a request that takes too long to arrive) is answered with a problem document too.
 */
import { Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { createServer, type Server, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"

/** For `NodeHttpServer.layer`. */
export const make = (): Server => {
  const server = createServer()
  server.on("clientError", refuse)
  // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1); Node would answer 417 without a document.
  server.on("checkExpectation", (request, response) => server.emit("request", request, response))
  return server
}

const refuse = (error: NodeJS.ErrnoException, socket: Duplex) => {
  // Nobody listens any more, or an answer is being written: another one would spoil it.
  const current: unknown = Reflect.get(socket, "_httpMessage")
  if (error.code === "ECONNRESET" || !socket.writable || isAnswering(current)) {
    socket.destroy(error)
    return
  }
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400
  const title = STATUS_CODES[status] ?? ""
  const id = SecureRandom.uuidV7Unsafe()
  const body = encode({ type: "about:blank", title, status, traceId: id })
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      "connection: close",
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      `x-correlation-id: ${id}`,
      "",
      body
    ].join("\r\n")
  )
}

const isAnswering = Schema.is(Schema.Struct({ headersSent: Schema.Literal(true) }))

const encode = Schema.encodeSync(
  Schema.fromJsonString(
    Schema.Struct({
      type: Schema.String,
      title: Schema.String,
      status: Schema.Int,
      traceId: Schema.String
    })
  )
)
