/**
 * Who may call an endpoint and what every request goes through, as far as a client needs to know. The order, from the
 * outside: authentication, checks of the request, idempotency, handler.
 */
import { Context } from "effect"
import { HttpApiMiddleware, OpenApi } from "effect/http-api"
import type { ApiScope } from "../../domain/ApiKey.ts"
import {
  ForbiddenProblem,
  IdempotencyInProgressProblem,
  IdempotencyMismatchProblem,
  InternalProblem,
  PayloadTooLargeProblem,
  UnauthorizedProblem,
  UnavailableProblem,
  UnsupportedMediaTypeProblem,
  ValidationProblem
} from "./Problems.ts"

/** Annotation of a group or an endpoint: the scope that its caller's key must have. Default `admin`. */
export const RequiredScope = Context.Reference<ApiScope>("hub/http/api/Access/RequiredScope", {
  defaultValue: () => "admin"
})

/** Annotation of an endpoint that is called by an adapter's system: the name of the adapter. */
export const WebhookOf = Context.Reference<string | null>("hub/http/api/Access/WebhookOf", {
  defaultValue: () => null
})

/**
 * Annotation of an endpoint with `Idempotent` whose effect waits for something outside its transaction: its answer is
 * kept after the effect, not with it.
 */
export const KeptAfterwards = Context.Reference<boolean>("hub/http/api/Access/KeptAfterwards", {
  defaultValue: () => false
})

/**
 * `X-API-Key` or `Authorization: Bearer`, with the endpoint's scope. Not declared as `security`: that machinery decodes
 * each scheme by schema and costs a third of a plain GET; `documentMiddleware` documents it instead.
 */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("hub/http/api/Access/Authorization", {
  error: [UnauthorizedProblem, ForbiddenProblem]
}) {}

/**
 * Completes an OpenAPI document with what the middleware reads from a request: the two ways to present a key,
 * `Idempotency-Key`, and the headers of a signed webhook. An operation shows which it has by how it can be refused.
 */
export const documentMiddleware = OpenApi.annotations({
  transform: (spec) => {
    for (const path of Object.values<Record<string, Operation>>(spec["paths"])) {
      for (const operation of Object.values(path)) {
        const refusals = operation.responses
        if ("403" in refusals) operation.security = [{ apiKey: [] }, { bearer: [] }]
        else if ("401" in refusals) operation.parameters.push(...webhookHeaders)
        if ("422" in refusals) operation.parameters.push(idempotencyKey)
      }
    }
    return {
      ...spec,
      components: {
        ...spec["components"],
        securitySchemes: {
          apiKey: { type: "apiKey", name: "X-API-Key", in: "header" },
          bearer: { type: "http", scheme: "bearer" }
        }
      }
    }
  }
})

interface Operation {
  readonly responses: object
  readonly parameters: Array<object>
  security: unknown
}

const header = (name: string, required: boolean, description: string) => ({
  name,
  in: "header",
  required,
  description,
  schema: { type: "string", maxLength: 255 }
})

const idempotencyKey = header(
  "Idempotency-Key",
  false,
  "The same request again under the same key gets the first answer again, for 24 hours, and has no second effect"
)

const webhookHeaders = [
  header("webhook-id", true, "Unique per message; seen before: the same answer again, no second effect (7 days)"),
  header("webhook-timestamp", true, "Seconds since 1970; five minutes of difference are accepted"),
  header("webhook-signature", true, "Standard Webhooks: v1, and the base64 of HMAC-SHA256 over id.timestamp.body")
]

/** Size, encoding, nesting and text of the body; every problem of the request at once; failures as problems. */
export class RequestChecks extends HttpApiMiddleware.Service<RequestChecks>()("hub/http/api/Access/RequestChecks", {
  error: [ValidationProblem, PayloadTooLargeProblem, UnsupportedMediaTypeProblem, InternalProblem, UnavailableProblem]
}) {}

/** Optional header `Idempotency-Key`: the same request again gets the first answer again, for 24 h. */
export class Idempotent extends HttpApiMiddleware.Service<Idempotent>()("hub/http/api/Access/Idempotent", {
  error: [ValidationProblem, IdempotencyInProgressProblem, IdempotencyMismatchProblem]
}) {}

/** Signature instead of an API key; an id seen before gets the same answer again and has no second effect. */
export class SignedWebhook extends HttpApiMiddleware.Service<SignedWebhook>()("hub/http/api/Access/SignedWebhook", {
  error: [UnauthorizedProblem]
}) {}
