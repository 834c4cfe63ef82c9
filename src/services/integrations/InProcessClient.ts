/**
 * An HttpClient whose requests are answered in this process, by an HTTP server effect, without a port.
 *
 * For sandboxes: an HttpApi implementation mounted as the transport of an adapter. The handler runs in the calling
 * fiber, so it lives in the caller's time (TestClock) and ends with the caller's interruption; it does not see the
 * caller's `EventContext`. Failures of the handler become the responses a server would send. Streamed bodies that
 * need the request's scope are not supported.
 */
import { Deferred, Effect, type Scope } from "effect"
import { HttpClient, HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { EventContext } from "../events/EventContext.ts"

/**
 * @example
 * const handler = yield* HttpRouter.toHttpEffect(HttpApiBuilder.layer(Contract).pipe(Layer.provide(handlers)))
 * const client = InProcessClient.fromHttpEffect(handler)
 */
export const fromHttpEffect = <E>(
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest | Scope.Scope>
): HttpClient.HttpClient =>
  HttpClient.make(
    Effect.fnUntraced(function* (request) {
      const answer = yield* Deferred.make<HttpServerResponse.HttpServerResponse>()
      // The exit repeats a failure that was answered already; what counts is the answer.
      yield* HttpEffect.toHandled(handler, (_, response) => Deferred.succeed(answer, response)).pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromClientRequest(request)),
        Effect.provideService(EventContext, null),
        Effect.exit
      )
      const response = yield* Deferred.await(answer)
      return HttpServerResponse.toClientResponse(response, { request })
    })
  )
