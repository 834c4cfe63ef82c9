/**
 * The guarded connection of one adapter to its external system: everything that goes out passes here.
 *
 * Guarantees: each HTTP attempt passes the circuit breaker and counts once, its whole duration (connection, answer, body,
 * decoding) is limited, its answer is bounded in size, and whatever goes wrong comes out as an IntegrationError; see
 * `HttpFailure` for the mapping. Correlation id and trace context go along. Logs, spans and metrics name operation,
 * status and duration; headers and bodies stay out of them, and of errors.
 * Does not retry, follow redirects, or wait for an open circuit: that is Delivery's part.
 *
 * `call` surrounds exactly one request, made raw with `client` or by a typed client from `api`. Why not a guard inside
 * the HttpClient alone: an answer that does not decode must count as a failure, and decoding happens after the client.
 */
import {
  Cause,
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  identity,
  Option,
  Redacted,
  Ref,
  Schema,
  Stream
} from "effect"
import { Headers, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { type HttpApi, HttpApiClient, type HttpApiGroup } from "effect/http-api"
import { IntegrationError } from "../../domain/IntegrationError.ts"
import { EventContext } from "../events/EventContext.ts"
import type { CircuitBreaker } from "../resilience/CircuitBreaker.ts"
import {
  type Answer,
  classOfStatus,
  type Exchange,
  fromAnswer,
  fromClientError,
  unanswered,
  type Verdict
} from "./HttpFailure.ts"
import type { CallRecorder } from "../providers/CallRecorder.ts"
import { reporter } from "./CallReport.ts"

export interface OutboundOptions {
  /** Name of the adapter, e.g. `mes`. */
  readonly adapter: string
  /** The requests' paths come after it; an effect is asked for each request. */
  readonly baseUrl: string | Effect.Effect<string>
  /**
   * Live: `NodeHttpClient.layerUndici` (fetch would follow redirects). Sandbox: see `InProcessClient`. Its errors are
   * read by the codes in their causes, as undici and fetch set them.
   */
  readonly httpClient: HttpClient.HttpClient
  readonly breaker: CircuitBreaker
  /** Of one attempt, from connecting to decoding; an effect is asked for each attempt. Default 10 s. */
  readonly timeout?: Duration.Input | Effect.Effect<Duration.Duration>
  /**
   * Runs before each `call`, after the circuit has admitted it and outside its time limit: a rate limit. When it fails,
   * nothing is sent and the breaker counts nothing.
   */
  readonly admission?: Effect.Effect<void, IntegrationError>
  /** Sent with every request unless the request sets them itself. Credentials as Redacted. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>>
  /** Largest answer in bytes; a larger one counts as garbage. Default 4 MiB. */
  readonly maxBodyBytes?: number
  /** Finds the error inside a 2xx, or the code and reason of a refusal; undefined = nothing to add. */
  readonly checkAnswer?: (answer: Answer) => Verdict | undefined
  /** Told of every call; default nobody. Inside of a provider's attempt, that attempt tells. */
  readonly recorder?: CallRecorder
  /** What its calls are recorded under. Default: the adapter's name. */
  readonly integration?: string
  /** `sandbox`: what answers is a simulator. Default `live`. */
  readonly mode?: "live" | "sandbox"
}

export interface OutboundHttp {
  readonly adapter: string
  /** Raw requests, with paths relative to the base URL. Every status but 2xx fails. Only inside `call` or `probe`. */
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError | IntegrationError>
  /**
   * A typed client of the contract. A 4xx that an endpoint declares as its error comes out as that error; every other
   * failure as an IntegrationError. Only inside `call` or `probe`.
   */
  readonly api: <Id extends string, Groups extends HttpApiGroup.Constraint>(
    api: HttpApi.HttpApi<Id, Groups>
  ) => Effect.Effect<HttpApiClient.Client<Groups, IntegrationError>, never, HttpApiGroup.MiddlewareClient<Groups>>
  /**
   * Runs one attempt: at most one request (a second is a defect) through the breaker, within the time limit.
   * `operation` is the method and the route template, e.g. `GET /jobs/{id}`: it becomes a metric label.
   *
   * @example
   * outbound.call("POST /dispatch", mes.jobs.dispatch({ payload, headers }))
   */
  readonly call: Attempt
  /** Like `call`, past the breaker, which does not count it: for health checks. */
  readonly probe: Attempt
}

export interface Attempt {
  <A, R, E>(
    operation: string,
    attempt: Effect.Effect<A, E | ClientError, R>
  ): Effect.Effect<A, IntegrationError | Exclude<E, ClientError>, R>
}

/** What HTTP clients and decoders fail with; becomes an IntegrationError. */
export type ClientError = HttpClientError.HttpClientError | Schema.SchemaError

/** Makes the guarded connection. Holds no resources. */
export const make = (options: OutboundOptions): OutboundHttp => {
  const { adapter, breaker } = options
  const timeout = Effect.isEffect(options.timeout)
    ? options.timeout
    : Effect.succeed(Duration.fromInputUnsafe(options.timeout ?? "10 seconds"))
  const maxBodyBytes = options.maxBodyBytes ?? 4 * 1024 * 1024

  const report = reporter(options)

  const failureOf = (exchange: Exchange, answer: Answer) =>
    Effect.map(Clock.currentTimeMillis, (now) => fromAnswer(exchange, answer, options.checkAnswer?.(answer), now))

  const transport = (declaredErrors: boolean) =>
    options.httpClient.pipe(
      HttpClient.mapRequestEffect(prepare(options)),
      HttpClient.transform(
        Effect.fnUntraced(function* (send, request) {
          const exchanges = yield* claim(adapter, request)
          const { answer, bytes } = yield* receive(send, exchanges, maxBodyBytes)
          const success = classOfStatus(answer.status) === "Success"
          if (!success || options.checkAnswer?.(answer) !== undefined) {
            const error = yield* failureOf(yield* Ref.get(exchanges), answer)
            const declared = declaredErrors && !success && answer.status >= 400 && error._tag === "Rejected"
            if (!declared) return yield* error
          }
          return HttpClientResponse.fromWeb(
            request,
            new Response(nullBody.has(answer.status) ? null : bytes, { status: answer.status, headers: answer.headers })
          )
        })
      )
    )

  const failureOfClient = Effect.fnUntraced(function* (exchanges: Ref.Ref<Exchange>, error: ClientError) {
    const exchange = yield* Ref.get(exchanges)
    return exchange.answer === null || classOfStatus(exchange.answer.status) === "Success"
      ? fromClientError(exchange, error)
      : yield* failureOf(exchange, exchange.answer)
  })

  const attemptWith = (guarded: boolean): Attempt =>
    Effect.fnUntraced(function* <A, R, E>(operation: string, attempt: Effect.Effect<A, E | ClientError, R>) {
      const exchanges = yield* Ref.make<Exchange>({ adapter, operation, method: null, answer: null })
      const started = yield* Clock.currentTimeNanos
      const duration = yield* timeout
      const limited = attempt.pipe(
        Effect.provideService(CurrentExchange, exchanges),
        Effect.catchIf(isClientError, (error) => Effect.flip(failureOfClient(exchanges, error))),
        Effect.timeoutOrElse({
          duration,
          orElse: () =>
            Effect.flatMap(Ref.get(exchanges), (exchange) =>
              Effect.fail(unanswered(exchange, `no answer within ${Duration.format(duration)}`, "Timeout"))
            )
        })
      )
      const admitted = options.admission === undefined ? limited : Effect.andThen(options.admission, limited)
      return yield* (guarded ? pass(breaker, exchanges, admitted) : limited).pipe(
        Effect.onExit((exit) =>
          Effect.flatMap(Ref.get(exchanges), (exchange) => report({ exchange, exit, started, probe: !guarded }))
        ),
        Effect.withSpan(`${adapter} ${operation}`, { attributes: { adapter, operation } })
      )
    })

  return {
    adapter,
    client: transport(false),
    api: (api) => HttpApiClient.makeWith(api, { httpClient: transport(true) }),
    call: attemptWith(true),
    probe: attemptWith(false)
  }
}

const isClientError = (error: unknown): error is ClientError =>
  HttpClientError.isHttpClientError(error) || Schema.isSchemaError(error)

/** The exchange of the call that the current fiber is in. */
const CurrentExchange = Context.Reference<Ref.Ref<Exchange> | null>(
  "hub/services/integrations/OutboundHttp/CurrentExchange",
  { defaultValue: () => null }
)

/** Ties a request to its call: once. */
const claim = Effect.fnUntraced(function* (adapter: string, request: HttpClientRequest.HttpClientRequest) {
  const exchanges = yield* CurrentExchange
  if (exchanges === null || (yield* Ref.get(exchanges)).adapter !== adapter) {
    return yield* Effect.die(new Error(`A request to ${adapter} outside OutboundHttp.call would pass no breaker`))
  }
  const { method } = yield* Ref.getAndUpdate(exchanges, (exchange) => ({
    ...exchange,
    method: request.method,
    request
  }))
  if (method !== null) {
    return yield* Effect.die(new Error(`A second request to ${adapter} in one OutboundHttp.call would not be counted`))
  }
  return exchanges
})

/** Base URL, the adapter's headers (the request's own win), the correlation id of the event being handled. */
const prepare = (options: OutboundOptions) => {
  const defaults = Object.entries(options.headers ?? {})
  return Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
    const context = yield* EventContext
    const baseUrl = Effect.isEffect(options.baseUrl) ? yield* options.baseUrl : options.baseUrl
    const headers = Headers.fromInput(
      defaults.map(([name, value]): [string, string] => [
        name,
        Redacted.isRedacted(value) ? Redacted.value(value) : value
      ])
    )
    return HttpClientRequest.prependUrl(request, baseUrl).pipe(
      HttpClientRequest.setHeaders(Headers.merge(headers, request.headers)),
      context === null ? identity : HttpClientRequest.setHeader("x-correlation-id", context.correlationId)
    )
  })
}

/** Reads the whole answer, so that a connection that breaks off fails here, inside the guard. */
const receive = Effect.fnUntraced(function* (
  send: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>,
  exchanges: Ref.Ref<Exchange>,
  maxBodyBytes: number
) {
  const response = yield* send
  const exchange = yield* Ref.get(exchanges)
  if (response.status < 200 || response.status > 599) {
    return yield* unanswered(exchange, `answered with the impossible status ${response.status}`, "Garbage")
  }
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* response.stream.pipe(
    Stream.runForEach((chunk) => {
      size += chunk.length
      chunks.push(chunk)
      return size > maxBodyBytes
        ? Effect.fail(unanswered(exchange, `answered more than ${maxBodyBytes} bytes`, "Garbage"))
        : Effect.void
    }),
    Effect.catchIf(
      (error) => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError",
      () => Effect.void
    )
  )
  const bytes = new Uint8Array(size)
  chunks.reduce((offset, chunk) => {
    bytes.set(chunk, offset)
    return offset + chunk.length
  }, 0)
  const answer: Answer = {
    status: response.status,
    headers: response.headers,
    // Parsed when asked for: the contract's decoder reads the bytes by itself.
    get body() {
      return Option.getOrUndefined(parseJson(new TextDecoder().decode(bytes)))
    }
  }
  // As it was sent, with what the transport added.
  yield* Ref.set(exchanges, { ...exchange, answer, bytes, request: response.request })
  return { answer, bytes }
})

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** Statuses whose answers have no body (Fetch standard, "null body status"). */
const nullBody: ReadonlySet<number> = new Set([204, 205, 304])

const isIntegrationError = Schema.is(IntegrationError)

/**
 * Through the breaker, which counts an attempt by its error (`breakerOutcome`). An error that the contract provides for is
 * an answer, so a success; an attempt that never got as far as sending says nothing about the system.
 */
const pass = Effect.fnUntraced(function* <A, E, R>(
  breaker: CircuitBreaker,
  exchanges: Ref.Ref<Exchange>,
  attempt: Effect.Effect<A, E | IntegrationError, R>
) {
  const outcome = yield* Deferred.make<A, E | IntegrationError>()
  const counted = Effect.gen(function* () {
    const exit = yield* Effect.exit(attempt)
    yield* Deferred.done(outcome, exit)
    if ((yield* Ref.get(exchanges)).method === null) return yield* Effect.interrupt
    if (exit._tag === "Success") return
    const error = Cause.findErrorOption(exit.cause)
    if (Option.isSome(error) && !isIntegrationError(error.value)) return
    yield* exit
  })
  return yield* Effect.matchCauseEffect(breaker.protect(counted), {
    onSuccess: () => Deferred.await(outcome),
    onFailure: (cause) =>
      Effect.flatMap(Deferred.isDone(outcome), (settled) =>
        settled ? Deferred.await(outcome) : Effect.failCause(cause)
      )
  })
})
