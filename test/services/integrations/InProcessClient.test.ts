import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { TestClock } from "effect/testing"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import * as InProcessClient from "../../../src/services/integrations/InProcessClient.ts"

it.effect("answers requests by routes, in the caller's fiber and time, without the caller's event context", () =>
  Effect.gen(function* () {
    const routes = Layer.mergeAll(
      HttpRouter.add(
        "GET",
        "/context",
        Effect.map(EventContext, (context) => HttpServerResponse.jsonUnsafe({ context }))
      ),
      HttpRouter.add("GET", "/slow", Effect.delay(Effect.succeed(HttpServerResponse.text("late")), "5 seconds")),
      HttpRouter.add("GET", "/broken", Effect.die(new Error("a bug in the sandbox")))
    )
    const client = InProcessClient.fromHttpEffect(yield* HttpRouter.toHttpEffect(routes))

    const response = yield* client
      .get("http://system/context")
      .pipe(Effect.provideService(EventContext, { correlationId: "trace-123", causationId: null, source: "test" }))
    assert.deepStrictEqual(yield* response.json, { context: null })

    assert.strictEqual((yield* client.get("http://system/nowhere")).status, 404)
    assert.strictEqual((yield* client.get("http://system/broken")).status, 500)

    const slow = yield* Effect.forkChild(client.get("http://system/slow"))
    yield* TestClock.adjust("5 seconds")
    assert.strictEqual(yield* (yield* Fiber.join(slow)).text, "late")

    const abandoned = yield* Effect.forkChild(Effect.timeoutOption(client.get("http://system/slow"), "1 second"))
    yield* TestClock.adjust("1 second")
    assert.isTrue(Option.isNone(yield* Fiber.join(abandoned)))
  })
)

it.effect("mounts the implementation of an HttpApi behind its typed client", () =>
  Effect.gen(function* () {
    const Api = HttpApi.make("system").add(
      HttpApiGroup.make("jobs").add(
        HttpApiEndpoint.post("create", "/jobs", {
          payload: Schema.Struct({ name: Schema.String }),
          success: Schema.Struct({ id: Schema.String })
        })
      )
    )
    const handlers = HttpApiBuilder.group(Api, "jobs", (group) =>
      group.handle("create", ({ payload }) => Effect.succeed({ id: `job of ${payload.name}` }))
    )
    const handler = yield* HttpRouter.toHttpEffect(HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers)))
    const client = yield* HttpApiClient.makeWith(Api, {
      httpClient: InProcessClient.fromHttpEffect(handler),
      baseUrl: "http://system"
    })
    assert.deepStrictEqual(yield* client.jobs.create({ payload: { name: "wanda" } }), { id: "job of wanda" })
  }).pipe(Effect.provide(HttpServer.layerServices))
)
