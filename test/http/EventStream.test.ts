import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const stream = "/api/v1/events/stream"

const publish = Effect.fnUntraced(function* (widgetId: string) {
  const { request } = yield* Hub.TestHub
  yield* request("POST", "/api/v1/events", {
    body: { specversion: "1.0", id: widgetId, source: "/test", type: "widget.config.updated", data: { widgetId } }
  })
})

/** The widget that a frame is about. */
const widgetOf = (frame: Record<string, string>) => JSON.parse(frame["data"] ?? "{}").data?.widgetId

layer(Hub.layer(embedded), { excludeTestServices: true })("Event stream", (it) => {
  it.effect("gives the events from now on, and goes on after the last one that was seen", () =>
    Effect.gen(function* () {
      const { port } = yield* Hub.TestHub
      yield* publish("before")
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const next = yield* Hub.openStream(port, stream)
          assert.hasAllKeys(yield* next, ["retry", "id"])
          yield* publish("one")
          const frame = yield* next
          assert.strictEqual(frame["event"], "widget.config.updated")
          assert.strictEqual(widgetOf(frame), "one")
          return frame
        })
      )
      for (const name of ["two", "three", "four"]) yield* publish(name)
      const resumed = yield* Hub.openStream(port, stream, { "last-event-id": first["id"] ?? "" })
      assert.strictEqual((yield* resumed)["id"], first["id"])
      const frames = [yield* resumed, yield* resumed, yield* resumed]
      assert.deepStrictEqual(frames.map(widgetOf).sort(), ["four", "three", "two"])
      // From any place in between nothing is missed and nothing comes twice.
      for (const [index, frame] of frames.slice(0, 2).entries()) {
        const again = yield* Hub.openStream(port, `${stream}?after=${frame["id"]}`)
        yield* again
        for (const expected of frames.slice(index + 1)) assert.strictEqual(widgetOf(yield* again), widgetOf(expected))
      }
    }).pipe(Effect.scoped)
  )

  it.effect("one type only, when asked for it; needs a key", () =>
    Effect.gen(function* () {
      const { port, request } = yield* Hub.TestHub
      const next = yield* Hub.openStream(port, `${stream}?type=product.created`)
      yield* next
      yield* publish("not this")
      yield* request("POST", "/api/v1/products", { body: { name: "Card", productType: "card" } })
      assert.strictEqual((yield* next)["event"], "product.created")
      const refused = yield* request("GET", stream, { key: null })
      Hub.assertProblem(refused, "no key")
      assert.strictEqual(refused.status, 401)
      const reply = yield* request("GET", stream, { headers: { "last-event-id": "nowhere" } })
      Hub.assertProblem(reply, "bad position")
      assert.deepInclude(reply.body, {
        errors: [{ path: "headers.last-event-id", message: "must be a position that this hub gave out" }]
      })
    }).pipe(Effect.scoped)
  )
})
