/** Makes the problem document of a failed answer whole: with what only the edge of the server knows. */
import { Effect, Schema } from "effect"
import { HttpServerResponse, ProblemDetails } from "effect/http"
import { problemOfStatus } from "./Failures.ts"
import type { RequestContext } from "./RequestContext.ts"

/** The answer with `instance`, `traceId` and the headers its type asks for; made by its status where it has no document. */
export const complete = (
  own: RequestContext,
  response: HttpServerResponse.HttpServerResponse,
  headers: Readonly<Record<string, string>>
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { body } = response
  if (body._tag !== "Uint8Array" || body.text === undefined || body.contentType !== ProblemDetails.contentType) {
    return Effect.flatMap(problemOfStatus(response.status), (made) => complete(own, made, headers))
  }
  return Effect.map(Effect.orDie(decode(body.text)), (problem) => {
    const { detail, retryAfter, status, title, type, ...more } = problem
    return HttpServerResponse.jsonUnsafe(
      {
        type,
        title,
        status,
        detail,
        instance: own.path,
        traceId: own.traceId ?? own.correlationId,
        retryAfter,
        ...more
      },
      {
        status: response.status,
        contentType: ProblemDetails.contentType,
        headers: {
          ...headers,
          ...(typeof retryAfter === "number" ? { "retry-after": String(retryAfter) } : {}),
          ...(response.status === 401 ? { "www-authenticate": "Bearer" } : {})
        }
      }
    )
  })
}

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.JsonObject))
