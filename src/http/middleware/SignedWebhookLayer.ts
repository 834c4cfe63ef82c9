/** Webhooks: the signature over the raw body instead of an API key, and one effect per webhook id. */
import { Context, Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import { WebhookInbox, WebhookRefused } from "../../services/security/WebhookInbox.ts"
import { SignedWebhook, WebhookOf } from "../api/Access.ts"
import { UnauthorizedProblem } from "../api/Problems.ts"
import { fromAnswer, NotKept, readBody, toAnswer } from "./Body.ts"

export const layer: Layer.Layer<SignedWebhook, never, WebhookInbox> = Layer.effect(
  SignedWebhook,
  Effect.map(WebhookInbox, (inbox) => (httpEffect, { endpoint, group }) => {
    const adapter = Context.get(Context.merge(group.annotations, endpoint.annotations), WebhookOf)
    if (adapter === null) return Effect.die(new Error(`${endpoint.identifier} is a webhook of no adapter`))
    return Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const body = yield* Effect.orDie(readBody)
      const { answer } = yield* inbox.receive(
        { adapter, headers: request.headers, body },
        Effect.flatMap(httpEffect, toAnswer)
      )
      return fromAnswer(answer)
    }).pipe(
      Effect.catchIf(
        (error) => error instanceof NotKept,
        ({ response }) => Effect.succeed(response)
      ),
      Effect.catchIf(
        (error) => error instanceof WebhookRefused,
        () => Effect.fail(new UnauthorizedProblem())
      )
    )
  })
)
