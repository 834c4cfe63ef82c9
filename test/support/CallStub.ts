/** A data service whose only provider answers as told, over HTTP that stays in the process, with secrets wherever they fit. */
import { Effect, Redacted, Schema } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as CacheKey from "../../src/services/providers/CacheKey.ts"
import * as GuardedCall from "../../src/services/providers/GuardedCall.ts"
import * as Provider from "../../src/services/providers/Provider.ts"
import { freshness, ProviderPolicy, retryPolicies } from "../../src/services/providers/ProviderPolicy.ts"

/** What must be seen nowhere. */
export const canary = "CANARY-51b7e0d94c"

const Found = Schema.Struct({ title: Schema.String })

export type Answer = (request: HttpClientRequest.HttpClientRequest) => Response | Error

/** Found, with the secret in its headers and body. */
export const found: Answer = () =>
  Response.json(
    { title: "Moby Dick", access_token: canary, nested: [{ "Api-Key": canary }], note: `you sent ${canary}` },
    { headers: { "set-cookie": `sid=${canary}`, "x-request-id": "r-1" } }
  )

/** Out of order, and it says the secret aloud. */
export const broken: Answer = () =>
  Response.json({ error: `no luck with key ${canary}`, password: canary }, { status: 503 })

/** The connection breaks, with the secret in the chain of causes. */
export const lost: Answer = () =>
  Object.assign(new Error(`socket of http://me:${canary}@books.test/?token=${canary}`), { code: "ECONNRESET" })

/** The call `books.find`, and how its provider answers from now on. */
export const make = Effect.fnUntraced(function* (name = "library") {
  let answer: Answer = found
  const http = HttpClient.make((request) => {
    const answered = answer(request)
    return answered instanceof Error
      ? Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: answered, description: answered.message })
          })
        )
      : Effect.succeed(HttpClientResponse.fromWeb(request, answered))
  })
  const provider = yield* Provider.make({
    integration: "books",
    name,
    policy: ProviderPolicy.make({ retry: { ...retryPolicies.DEFAULT, retries: 0 } }),
    baseUrl: "http://books.test/v1",
    httpClient: HttpClient.mapRequest(http, HttpClientRequest.setUrlParam("serviceKey", Redacted.make(canary))),
    headers: { authorization: Redacted.make(`Library ${canary}`), "x-desk": Redacted.make(canary) }
  })
  const call = yield* GuardedCall.make({
    integration: "books",
    operation: "find",
    key: (title: string) => CacheKey.parameters({ title: CacheKey.text(title) }),
    data: Found,
    freshness: freshness.flightStatus,
    providers: [
      {
        provider,
        call: (title) =>
          provider.attempt(
            "POST /find",
            HttpClientRequest.post("/find").pipe(
              HttpClientRequest.setUrlParam("title", title),
              HttpClientRequest.bodyJsonUnsafe({ title, credentials: { clientSecret: canary } }),
              provider.client.execute,
              Effect.flatMap(HttpClientResponse.schemaBodyJson(Found))
            )
          )
      }
    ]
  })
  return {
    provider,
    call,
    find: (title: string) => Effect.result(call.run(title)),
    answers: (next: Answer) => Effect.sync(() => void (answer = next))
  }
})
