/**
 * A client for the hub's HTTP API, for programs in TypeScript: a method for every endpoint of `HubApi`, with its types.
 *
 * Guarantees: what goes out and what comes back is checked by the schemas of the API; a problem document is one of the
 * typed errors of its endpoint (`NotFoundProblem`, `ValidationProblem` …), other failures are `HttpClientError` (no
 * connection, an answer that is not the hub's) and `SchemaError`. The key is sent with every request and shown nowhere.
 * No code of the server is imported.
 *
 * Does not retry by itself: see `transformClient`. Endpoints that outside systems call are there too, but take a
 * signature instead of a key.
 */
import { Context, Effect, Layer, Option, type Redacted, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { HubApi } from "./HubApi.ts"

/** @public */
export interface HubClientOptions {
  /** Where the hub listens, e.g. `https://hub.example.com`; without `/api/v1`. */
  readonly baseUrl: string | URL
  /** An API key of the hub. */
  readonly apiKey: Redacted.Redacted
  /** Around every request, e.g. retries: `HttpClient.retryTransient({ times: 3 })`. A POST wants `withIdempotencyKey`. */
  readonly transformClient?: (client: HttpClient.HttpClient) => HttpClient.HttpClient
}

/** @public */
export class HubClient extends Context.Service<HubClient, HttpApiClient.ForApi<typeof HubApi>>()(
  "hub/http/api/HubClient"
) {
  /** On the platform's HttpClient, e.g. `FetchHttpClient.layer`. */
  static readonly layer = (options: HubClientOptions): Layer.Layer<HubClient, never, HttpClient.HttpClient> =>
    Layer.effect(HubClient, make(options))
}

/**
 * The same request again under the same key gets the first answer again, for 24 hours, and has no second effect. At most
 * 255 printable characters. For one POST: another request under the same key is refused.
 *
 * @public
 */
export const withIdempotencyKey = (key: string) => withHeader("idempotency-key", key)

/**
 * The requests, their events and all that follows from them carry this correlation id. Without one the hub makes one.
 *
 * @public
 */
export const withCorrelationId = (id: string) => withHeader("x-correlation-id", id)

/**
 * Every item of a list, page by page, as it is read.
 *
 *     items((query) => client.orders.list({ query: { ...query, status: "CONFIRMED" } }))
 *
 * @public
 */
export const items = <A, E, R>(
  list: (query: { readonly page: number; readonly limit: number }) => Effect.Effect<
    {
      readonly data: ReadonlyArray<A>
      readonly meta: { readonly totalPages: number }
    },
    E,
    R
  >
): Stream.Stream<A, E, R> =>
  Stream.paginate(1, (page) =>
    Effect.map(list({ page, limit: 100 }), ({ data, meta }) => [
      data,
      page < meta.totalPages ? Option.some(page + 1) : Option.none()
    ])
  )

const make = ({ apiKey, baseUrl, transformClient = (client) => client }: HubClientOptions) =>
  HttpApiClient.make(HubApi, {
    baseUrl,
    transformClient: (client) =>
      client.pipe(
        HttpClient.mapRequestEffect((request) =>
          Effect.map(RequestHeaders, (headers) =>
            request.pipe(HttpClientRequest.setHeaders(headers), HttpClientRequest.bearerToken(apiKey))
          )
        ),
        transformClient
      )
  })

const RequestHeaders = Context.Reference<Readonly<Record<string, string>>>("hub/http/api/HubClient/RequestHeaders", {
  defaultValue: () => ({})
})

const withHeader =
  (name: string, value: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(effect, RequestHeaders, (headers) => ({ ...headers, [name]: value }))
