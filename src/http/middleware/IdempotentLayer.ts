/** `Idempotency-Key`: the same request again gets the first answer again, marked `Idempotency-Replayed: true`. */
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { hash } from "node:crypto"
import { Idempotency, IdempotencyInProgress, IdempotencyMismatch } from "../../services/security/Idempotency.ts"
import { Idempotent, KeptAfterwards } from "../api/Access.ts"
import { IdempotencyInProgressProblem, IdempotencyMismatchProblem } from "../api/Problems.ts"
import { presentedKey } from "./AuthorizationLayer.ts"
import { fromAnswer, NotKept, readBody, toAnswer } from "./Body.ts"
import { validationProblem } from "./Issues.ts"
import { requestContext } from "./RequestContext.ts"

export const layer: Layer.Layer<Idempotent, never, Idempotency> = Layer.effect(
  Idempotent,
  Effect.map(Idempotency, (idempotency) => (httpEffect, { endpoint }) => {
    const transaction = !Context.get(endpoint.annotations, KeptAfterwards)
    return Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const key = request.headers["idempotency-key"]
      const principal = yield* Effect.withFiber((fiber) => Effect.succeed(requestContext(fiber)?.principal))
      const presented = presentedKey(request)
      if (key === undefined || principal === undefined || presented === undefined) return yield* httpEffect
      if (!keyPattern.test(key)) {
        return yield* validationProblem([
          {
            path: "headers.idempotency-key",
            message: "Expected 1 to 255 printable ASCII characters"
          }
        ])
      }
      const query = request.url.indexOf("?")
      const path = query === -1 ? request.url : request.url.slice(0, query)
      const body = yield* Effect.orDie(readBody)
      const fingerprint = hash(
        "sha256",
        Buffer.concat([Buffer.from(`${request.url.slice(path.length)}\n`), body]),
        "buffer"
      )
      const { answer, repeated } = yield* idempotency.run(
        {
          apiKeyId: principal.id,
          credential: Redacted.make(presented, { label: "ApiKey" }),
          method: request.method,
          path,
          key,
          fingerprint
        },
        Effect.flatMap(httpEffect, toAnswer),
        { transaction }
      )
      const response = fromAnswer(answer)
      return repeated ? HttpServerResponse.setHeader(response, "idempotency-replayed", "true") : response
    }).pipe(
      Effect.catchIf(
        (error) => error instanceof NotKept,
        ({ response }) => Effect.succeed(response)
      ),
      Effect.catchIf(
        (error) => error instanceof IdempotencyMismatch,
        () => Effect.fail(new IdempotencyMismatchProblem())
      ),
      Effect.catchIf(
        (error) => error instanceof IdempotencyInProgress,
        ({ retryAfterSeconds }) => Effect.fail(new IdempotencyInProgressProblem({ retryAfter: retryAfterSeconds }))
      )
    )
  })
)

const keyPattern = /^[\x20-\x7e]{1,255}$/
