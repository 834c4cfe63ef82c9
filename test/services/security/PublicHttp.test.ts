import { assert, describe, it } from "@effect/vitest"
import { Effect, Predicate } from "effect"
import { HttpClient } from "effect/http"
import * as Http from "node:http"
import type { LookupFunction } from "node:net"
import * as PublicHttp from "../../../src/services/security/PublicHttp.ts"

/** A server of this machine that counts its connections. */
const server = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly connections: () => number; readonly http: Http.Server }>(
    (resume) => {
      let connections = 0
      const http = Http.createServer((request, response) => {
        if (request.url === "/moved") response.writeHead(307, { location: "/" }).end()
        else response.end("inside")
      })
      http.on("connection", () => connections++)
      http.listen(0, "127.0.0.1", () => {
        const address = http.address()
        const port = address !== null && typeof address === "object" ? address.port : 0
        resume(Effect.succeed({ port, connections: () => connections, http }))
      })
    }
  ),
  ({ http }) =>
    Effect.callback<void>((resume) => {
      http.closeAllConnections()
      http.close(() => resume(Effect.void))
    })
)

/** Resolves every name to the next of these; the last one stays. */
const resolving = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  let asked = 0
  const lookup: LookupFunction = (_, options, callback) => {
    const addresses = (answers[Math.min(asked++, answers.length - 1)] ?? []).map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4
    }))
    const [first] = addresses
    if (options.all === true) callback(null, addresses)
    else callback(null, first?.address ?? "", first?.family)
  }
  return { lookup, asked: () => asked }
}

const get = (url: string, options: PublicHttp.PublicHttpOptions = {}) =>
  HttpClient.get(url).pipe(
    Effect.flatMap((response) => Effect.map(response.text, (text) => `${response.status} ${text}`)),
    Effect.catch((error) =>
      Effect.succeed(
        Predicate.hasProperty(error.reason, "cause") && error.reason.cause instanceof PublicHttp.NotPublic
          ? "not public"
          : `failed: ${error.reason._tag}`
      )
    ),
    Effect.provide(PublicHttp.layer(options))
  )

describe("PublicHttp", () => {
  it.live("does not connect to an address of the inside, however the URL spells it", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* server
      for (const host of [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]"
      ]) {
        assert.strictEqual(yield* get(`http://${host}:${port}/`), "not public", host)
        assert.strictEqual(yield* get(`https://${host}:${port}/`), "not public", host)
      }
      assert.strictEqual(connections(), 0)
    }).pipe(Effect.scoped)
  )

  it.live(
    "the address that is connected to counts: a name that changes it, or has one of each kind, gains nothing",
    () =>
      Effect.gen(function* () {
        const { connections, port } = yield* server
        const url = `http://hooks.example.com:${port}/`
        for (const inside of ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1"]) {
          assert.strictEqual(yield* get(url, resolving([inside])), "not public", inside)
        }
        assert.strictEqual(yield* get(url, resolving(["93.184.216.34", "127.0.0.1"])), "not public")
        // Public when somebody checks, inside when it is connected to: the connection asks once, and that answer is judged.
        const rebinding = resolving(["127.0.0.1"], ["93.184.216.34"])
        assert.strictEqual(yield* get(url, rebinding), "not public")
        assert.strictEqual(rebinding.asked(), 1)
        assert.strictEqual(connections(), 0)
      }).pipe(Effect.scoped)
  )

  it.live("reaches the inside where that is allowed, and follows no redirect", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      const options = { allowPrivate: true, ...resolving(["127.0.0.1"]) }
      assert.strictEqual(yield* get(`http://hooks.example.com:${port}/`, options), "200 inside")
      assert.strictEqual(yield* get(`http://127.0.0.1:${port}/`, options), "200 inside")
      assert.strictEqual(yield* get(`http://127.0.0.1:${port}/moved`, options), "307 ")
    }).pipe(Effect.scoped)
  )

  it.live("a name that does not resolve is no connection, not a refusal", () =>
    Effect.gen(function* () {
      const lookup: LookupFunction = (_, __, callback) =>
        callback(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }), "", 0)
      assert.strictEqual(yield* get("http://hooks.example.com/", { lookup }), "failed: TransportError")
    })
  )
})
