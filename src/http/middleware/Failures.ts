/**
 * From anything that can go wrong in a request to a problem document. What is not meant for the caller (defects, SQL)
 * becomes a 500 or, when it may pass, a 503 without a word about the inside; `isBug` says that it must be logged.
 */
import { type Cause, Effect } from "effect"
import { HttpServerError, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { isConnectionFailure } from "../../services/storage/DatabaseErrors.ts"
import {
  ForbiddenProblem,
  InternalProblem,
  NotFoundProblem,
  PayloadTooLargeProblem,
  UnauthorizedProblem,
  UnavailableProblem,
  UnsupportedMediaTypeProblem,
  ValidationProblem
} from "../api/Problems.ts"
import { issuesOf, validationProblem } from "./Issues.ts"

/** Seconds after which a request that met an unavailable database is worth trying again. */
const retryAfter = 2

export interface Failure {
  readonly response: HttpServerResponse.HttpServerResponse
  /** For the log: something of ours went wrong. */
  readonly isBug: boolean
}

/** The answer for a failed request. Total: whatever the cause, there is a problem document. */
export const failureOf = (cause: Cause.Cause<unknown>): Effect.Effect<Failure> => {
  for (const reason of cause.reasons) {
    if (reason._tag === "Interrupt") continue
    const error = reason._tag === "Fail" ? reason.error : reason.defect
    if (HttpServerResponse.isHttpServerResponse(error)) return Effect.succeed({ response: error, isBug: false })
    const known = problemOf(error)
    if (known !== undefined) return Effect.map(respond(known), (response) => ({ response, isBug: false }))
    if (isConnectionFailure(cause)) {
      return Effect.map(respond(new UnavailableProblem({ retryAfter })), (response) => ({ response, isBug: true }))
    }
    return Effect.map(respond(new InternalProblem()), (response) => ({ response, isBug: true }))
  }
  // Only interruptions: the hub is stopping.
  return Effect.map(respond(new UnavailableProblem({ retryAfter })), (response) => ({ response, isBug: false }))
}

/** The problem document for an answer that has none, by its status. */
export const problemOfStatus = (status: number): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  switch (status) {
    case 400:
      return respond(new ValidationProblem({ errors: [] }))
    case 401:
      return respond(new UnauthorizedProblem())
    case 403:
      return respond(new ForbiddenProblem())
    case 404:
      return respond(new NotFoundProblem())
    case 413:
      return respond(new PayloadTooLargeProblem())
    case 415:
      return respond(new UnsupportedMediaTypeProblem())
    case 503:
      return respond(new UnavailableProblem({ retryAfter }))
    default:
      return respond(status < 500 ? new ValidationProblem({ errors: [] }) : new InternalProblem())
  }
}

/** A problem as its response. */
export const respond = (
  problem: HttpServerRespondable.Respondable
): Effect.Effect<HttpServerResponse.HttpServerResponse> => HttpServerRespondable.toResponse(problem)

const problemOf = (error: unknown): HttpServerRespondable.Respondable | undefined => {
  if (HttpApiError.HttpApiSchemaError.is(error)) {
    return error.kind === "Body" || error.kind === "ResponseHeaders"
      ? undefined
      : validationProblem(issuesOf(error.cause, error.kind === "Payload" ? "" : error.kind.toLowerCase()))
  }
  if (HttpServerError.isHttpServerError(error)) {
    const { reason } = error
    if (reason._tag === "RouteNotFound") return new NotFoundProblem()
    if (reason._tag !== "RequestParseError") return undefined
    return reason.reason === "BodyTooLarge"
      ? new PayloadTooLargeProblem()
      : validationProblem([{ path: "", message: "The body could not be read" }])
  }
  return HttpServerRespondable.isRespondable(error) ? error : undefined
}
