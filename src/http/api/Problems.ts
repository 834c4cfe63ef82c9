/**
 * The problem documents of the API (RFC 9457). Each class is one `type`; endpoints declare those they answer with.
 *
 * `type` is a stable URN: clients branch on it, never on texts. `instance` (the path of the request) and `traceId` are
 * filled in for all of them by the server's outermost middleware.
 */
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { ChoiceId, ProductId } from "../../domain/Ids.ts"

/** The URN of a problem type, e.g. `urn:hub:problem:validation`. */
const urn = <const Name extends string>(name: Name) => `urn:hub:problem:${name}` as const

const common = {
  /** What went wrong this time. */
  detail: Schema.optionalKey(Schema.String),
  /** Path of the request. */
  instance: Schema.optionalKey(Schema.String),
  /** Trace id of the request, else its correlation id: names it in logs and traces. */
  traceId: Schema.optionalKey(Schema.String)
}

/** One thing that is wrong with a request. */
export const ProblemIssue = Schema.Struct({
  /**
   * Where: `items[0].quantity` in the body (empty: the body as a whole), `query.limit`, `params.id` and
   * `headers.idempotency-key` elsewhere.
   */
  path: Schema.String,
  message: Schema.String
})
export type ProblemIssue = typeof ProblemIssue.Type

export class ValidationProblem extends HttpApiError.Problem<ValidationProblem>()(
  "ValidationProblem",
  {
    type: urn("validation"),
    status: 400,
    title: "The request is not valid"
  },
  { ...common, errors: Schema.Array(ProblemIssue) }
) {}

export class UnauthorizedProblem extends HttpApiError.Problem<UnauthorizedProblem>()(
  "UnauthorizedProblem",
  {
    type: urn("unauthorized"),
    status: 401,
    title: "The credential is missing or not valid"
  },
  common
) {}

export class ForbiddenProblem extends HttpApiError.Problem<ForbiddenProblem>()(
  "ForbiddenProblem",
  {
    type: urn("forbidden"),
    status: 403,
    title: "The API key lacks the scope for this"
  },
  common
) {}

export class NotFoundProblem extends HttpApiError.Problem<NotFoundProblem>()(
  "NotFoundProblem",
  {
    type: urn("not-found"),
    status: 404,
    title: "There is no such resource"
  },
  common
) {}

export class MethodNotAllowedProblem extends HttpApiError.Problem<MethodNotAllowedProblem>()(
  "MethodNotAllowedProblem",
  {
    type: urn("method-not-allowed"),
    status: 405,
    title: "The resource does not know this method"
  },
  common
) {}

export class ConflictProblem extends HttpApiError.Problem<ConflictProblem>()(
  "ConflictProblem",
  {
    type: urn("conflict"),
    status: 409,
    title: "The request conflicts with the present state"
  },
  common
) {}

export class InvalidStateTransitionProblem extends HttpApiError.Problem<InvalidStateTransitionProblem>()(
  "InvalidStateTransitionProblem",
  {
    type: urn("invalid-state-transition"),
    status: 409,
    title: "The state machine has no such transition"
  },
  { ...common, from: Schema.String, to: Schema.String }
) {}

export class MappingUnverifiedProblem extends HttpApiError.Problem<MappingUnverifiedProblem>()(
  "MappingUnverifiedProblem",
  {
    type: urn("mapping-unverified"),
    status: 409,
    title: "Choices or products of the order are not mapped yet"
  },
  {
    ...common,
    /** Choices whose mapping must be verified first. */
    choiceIds: Schema.Array(ChoiceId),
    /** Products without an active MES item. */
    productIds: Schema.Array(ProductId)
  }
) {}

export class ReplayInProgressProblem extends HttpApiError.Problem<ReplayInProgressProblem>()(
  "ReplayInProgressProblem",
  {
    type: urn("replay-in-progress"),
    status: 409,
    title: "A replay of this dead letter is running"
  },
  common
) {}

export class IdempotencyInProgressProblem extends HttpApiError.Problem<IdempotencyInProgressProblem>()(
  "IdempotencyInProgressProblem",
  {
    type: urn("idempotency-in-progress"),
    status: 409,
    title: "The first request with this Idempotency-Key is still running"
  },
  { ...common, retryAfter: Schema.Int }
) {}

export class PayloadTooLargeProblem extends HttpApiError.Problem<PayloadTooLargeProblem>()(
  "PayloadTooLargeProblem",
  {
    type: urn("payload-too-large"),
    status: 413,
    title: "The body is larger than 1 MiB"
  },
  common
) {}

export class UnsupportedMediaTypeProblem extends HttpApiError.Problem<UnsupportedMediaTypeProblem>()(
  "UnsupportedMediaTypeProblem",
  {
    type: urn("unsupported-media-type"),
    status: 415,
    title: "The content type is not supported"
  },
  common
) {}

export class IdempotencyMismatchProblem extends HttpApiError.Problem<IdempotencyMismatchProblem>()(
  "IdempotencyMismatchProblem",
  {
    type: urn("idempotency-mismatch"),
    status: 422,
    title: "The Idempotency-Key was used for another request"
  },
  common
) {}

export class TooManyRequestsProblem extends HttpApiError.Problem<TooManyRequestsProblem>()(
  "TooManyRequestsProblem",
  {
    type: urn("too-many-requests"),
    status: 429,
    title: "Too many requests"
  },
  { ...common, retryAfter: Schema.Int }
) {}

export class InternalProblem extends HttpApiError.Problem<InternalProblem>()(
  "InternalProblem",
  {
    type: urn("internal"),
    status: 500,
    title: "Something went wrong on our side"
  },
  common
) {}

/** Nothing could be had about a company now, and none is kept: it may be entered by hand. Answered with `Retry-After`. */
export class CompanyUnavailableProblem extends HttpApiError.Problem<CompanyUnavailableProblem>()(
  "CompanyUnavailableProblem",
  {
    type: urn("company-unavailable"),
    status: 503,
    title: "Nothing is known about the company now"
  },
  { ...common, retryAfter: Schema.Int, manualEntryAllowed: Schema.Literal(true) }
) {}

/** The provider knows no such company: it may be entered by hand. */
export class CompanyNotFoundProblem extends HttpApiError.Problem<CompanyNotFoundProblem>()(
  "CompanyNotFoundProblem",
  {
    type: urn("company-not-found"),
    status: 404,
    title: "There is no such company"
  },
  { ...common, manualEntryAllowed: Schema.Literal(true) }
) {}

/** Answered with `Retry-After`: the same request may succeed later. */
export class UnavailableProblem extends HttpApiError.Problem<UnavailableProblem>()(
  "UnavailableProblem",
  {
    type: urn("unavailable"),
    status: 503,
    title: "The request cannot be served now"
  },
  {
    ...common,
    /** Seconds; the same as in the header `Retry-After`. */
    retryAfter: Schema.Int
  }
) {}
