import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, type Scope } from "effect"
import * as Net from "node:net"
import * as TcpProxy from "../../drill/harness/TcpProxy.ts"

/** Answers each chunk with the same bytes, after its own name. */
const echo = (name: string): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", (chunk) => socket.write(`${name} ${chunk.toString()}`))
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => {
      const address = server.address()
      assert(address !== null && typeof address === "object")
      return address.port
    }
  )

/** A client: what it got, and how its connection ended. */
const dial = (port: number) =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<string>()
    const socket = Net.connect(port, "127.0.0.1")
    yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
    let got = ""
    let look = () => {}
    socket.on("data", (chunk) => {
      got += chunk.toString()
      look()
    })
    socket.on("error", (error) =>
      Deferred.doneUnsafe(ended, Effect.succeed("code" in error ? String(error.code) : error.message))
    )
    socket.on("close", () => Deferred.doneUnsafe(ended, Effect.succeed("closed")))
    return {
      say: (text: string) => Effect.sync(() => socket.write(text)),
      got: () => got,
      /** Waits until so much has come. */
      heard: (text: string) =>
        Effect.callback<void>((resume) => {
          look = () => got === text && resume(Effect.void)
          look()
        }),
      ended: Deferred.await(ended)
    }
  })

const setUp = Effect.gen(function* () {
  const proxy = yield* TcpProxy.make({ port: yield* echo("far") })
  const present = yield* dial(proxy.port)
  yield* present.say("1")
  yield* present.heard("far 1")
  return { proxy, present }
})

describe("TcpProxy", () => {
  it.live("refuses, on the same port again afterwards", () =>
    Effect.gen(function* () {
      const { present, proxy } = yield* setUp
      yield* proxy.set({ _tag: "Refuse" })
      assert.strictEqual(yield* present.ended, "ECONNRESET")
      assert.strictEqual(yield* (yield* dial(proxy.port)).ended, "ECONNREFUSED")
      yield* proxy.set({ _tag: "Pass" })
      const later = yield* dial(proxy.port)
      yield* later.say("2")
      yield* later.heard("far 2")
    })
  )

  it.live("resets present connections and each new one", () =>
    Effect.gen(function* () {
      const { present, proxy } = yield* setUp
      yield* proxy.set({ _tag: "Reset" })
      assert.strictEqual(yield* present.ended, "ECONNRESET")
      assert.strictEqual(yield* (yield* dial(proxy.port)).ended, "ECONNRESET")
      assert.strictEqual(yield* proxy.connections, 0)
    })
  )

  it.live("swallows, and what was swallowed of stays dead when the wire is whole again", () =>
    Effect.gen(function* () {
      const { present, proxy } = yield* setUp
      yield* proxy.set({ _tag: "BlackHole" })
      const during = yield* dial(proxy.port)
      while ((yield* proxy.connections) < 2) yield* Effect.sleep(1)
      yield* during.say("lost")
      yield* present.say("lost")
      yield* proxy.set({ _tag: "Pass" })
      yield* present.say("too late")
      const later = yield* dial(proxy.port)
      yield* later.say("2")
      yield* later.heard("far 2")
      assert.strictEqual(present.got(), "far 1")
      assert.strictEqual(during.got(), "")
      assert.strictEqual(yield* proxy.connections, 3)
    })
  )

  it.live("delays answers, in order", () =>
    Effect.gen(function* () {
      const { present, proxy } = yield* setUp
      yield* proxy.set({ _tag: "Slow", millis: 60 })
      const started = performance.now()
      yield* present.say("2")
      yield* present.heard("far 1far 2")
      // A timer may fire a millisecond early.
      assert.isAtLeast(performance.now() - started, 58)
    })
  )

  it.live("cuts in the middle of an answer", () =>
    Effect.gen(function* () {
      const { present, proxy } = yield* setUp
      yield* proxy.set({ _tag: "Cut" })
      yield* present.say("2345")
      assert.strictEqual(yield* present.ended, "ECONNRESET")
      assert.strictEqual(present.got(), "far 1far ")
    })
  )

  it.live("diverts, and comes back", () =>
    Effect.gen(function* () {
      const { present, proxy } = yield* setUp
      yield* proxy.set({ _tag: "Divert", port: yield* echo("impostor") })
      assert.strictEqual(yield* present.ended, "ECONNRESET")
      const diverted = yield* dial(proxy.port)
      yield* diverted.say("2")
      yield* diverted.heard("impostor 2")
      yield* proxy.set({ _tag: "Pass" })
      assert.strictEqual(yield* diverted.ended, "ECONNRESET")
      const later = yield* dial(proxy.port)
      yield* later.say("3")
      yield* later.heard("far 3")
    })
  )
})
