/**
 * An outside system on a port of its own: a plain HTTP server with programmable answers, for tests of live mode.
 *
 * Knows no contract and shares nothing with the sandboxes, so it can disagree with them. It records what arrived, byte
 * for byte. Slow answers are made by waiting for a signal in the responder, not by sleeping.
 */
import { Deferred, Effect, Ref, type Scope, Semaphore } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

export interface RecordedRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

export type SimulatedAnswer =
  | {
      readonly _tag: "Answer"
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  /** The connection stays open without an answer. */
  | { readonly _tag: "Hang" }
  /** The connection is reset instead of an answer. */
  | { readonly _tag: "Reset" }
  /** Status and the first half of the body, then a reset. */
  | { readonly _tag: "Broken"; readonly body: string }

export type Responder = (request: RecordedRequest) => Effect.Effect<SimulatedAnswer>

export interface HttpSimulator {
  /** Base URL without a slash at the end; the port stays the same for the simulator's life. */
  readonly url: string
  /** Everything that arrived so far, oldest first. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
  /** Waits until this many requests have arrived. */
  readonly awaitRequests: (count: number) => Effect.Effect<void>
  /** How requests are answered from now on. At first: 404. */
  readonly respond: (responder: Responder) => Effect.Effect<void>
  /** Closes the port and every connection: the next connection is refused. */
  readonly refuse: Effect.Effect<void>
  /** Opens the port again after `refuse`. */
  readonly accept: Effect.Effect<void>
}

export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): SimulatedAnswer => ({
  _tag: "Answer",
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

export const make: Effect.Effect<HttpSimulator, never, Scope.Scope> = Effect.gen(function* () {
  // Grows in place: tens of thousands of requests arrive in a drill.
  const requests: Array<RecordedRequest> = []
  const waiting = new Set<{ readonly count: number; readonly done: Deferred.Deferred<void> }>()
  const responder = yield* Ref.make<Responder>(() => Effect.succeed(json(404, { message: "not programmed" })))
  const context = yield* Effect.context()
  const runFork = Effect.runForkWith(context)
  const toggling = yield* Semaphore.make(1)

  const record = Effect.fnUntraced(function* (request: RecordedRequest) {
    requests.push(request)
    for (const waiter of waiting) {
      if (requests.length < waiter.count) continue
      waiting.delete(waiter)
      yield* Deferred.succeed(waiter.done, undefined)
    }
  })

  const server = Http.createServer((incoming, outgoing) => {
    const chunks: Array<Buffer> = []
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
    incoming.on("end", () => {
      const request: RecordedRequest = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString("utf8")
      }
      runFork(
        Effect.gen(function* () {
          yield* record(request)
          const respond = yield* Ref.get(responder)
          send(outgoing, yield* respond(request))
        })
      )
    })
    // A client that goes away is part of the game.
    incoming.on("error", () => {})
  })

  const listen = (port: number) =>
    Effect.callback<number>((resume) => {
      server.listen(port, "127.0.0.1", () => {
        const address: AddressInfo | string | null = server.address()
        resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : port))
      })
    })
  const close = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

  const port = yield* Effect.acquireRelease(listen(0), () => close)
  return {
    url: `http://127.0.0.1:${port}`,
    requests: Effect.sync(() => [...requests]),
    awaitRequests: Effect.fnUntraced(function* (count) {
      if (requests.length >= count) return
      const waiter = { count, done: yield* Deferred.make<void>() }
      waiting.add(waiter)
      yield* Deferred.await(waiter.done)
    }),
    respond: (next) => Ref.set(responder, next),
    refuse: Semaphore.withPermits(toggling, 1)(Effect.suspend(() => (server.listening ? close : Effect.void))),
    accept: Semaphore.withPermits(
      toggling,
      1
    )(Effect.suspend(() => (server.listening ? Effect.void : Effect.asVoid(listen(port)))))
  }
})

const send = (outgoing: Http.ServerResponse, answer: SimulatedAnswer): void => {
  switch (answer._tag) {
    case "Answer":
      outgoing.writeHead(answer.status, answer.headers ?? {})
      outgoing.end(answer.body ?? "")
      return
    case "Hang":
      return
    case "Reset":
      outgoing.socket?.resetAndDestroy()
      return
    case "Broken": {
      const bytes = Buffer.from(answer.body)
      outgoing.writeHead(200, { "content-type": "application/json", "content-length": String(bytes.length) })
      outgoing.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => outgoing.socket?.resetAndDestroy())
      return
    }
  }
}
