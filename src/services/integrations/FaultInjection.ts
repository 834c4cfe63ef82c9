/**
 * Makes an HttpClient fail on demand: the faults of an outside system, once for all sandboxes and tests.
 *
 * Sits between a guarded connection (`OutboundHttp`) and its transport. Rules can be changed at run time. With a seed
 * the same requests in the same order meet the same faults; time comes from the Clock. It fakes what a client sees,
 * not what happens on a wire.
 */
import { Effect, Random, Ref } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "effect/http"

export type Fault =
  /** The connection is refused; nothing is handled. */
  | { readonly _tag: "Refuse" }
  /** The connection breaks before the request is handled. */
  | { readonly _tag: "Reset" }
  /** The request is handled, its answer is lost with the connection. */
  | { readonly _tag: "LostAnswer" }
  /** No answer ever; `handled`: the request takes effect nevertheless (default false). */
  | { readonly _tag: "Hang"; readonly handled?: boolean }
  /** This status instead of handling, e.g. 503, or 429 with `retryAfter` (seconds or an HTTP date). */
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** Status 200 and a body that nobody agreed on (default HTML); `handled`: it takes effect (default false). */
  | { readonly _tag: "Garbage"; readonly body?: string; readonly handled?: boolean }
  /** Handled as usual, after a delay in milliseconds. */
  | { readonly _tag: "Delay"; readonly millis: number }

export interface FaultRule {
  readonly fault: Fault
  /** Share of requests that meet the fault, 0 to 1. Default 1. */
  readonly rate?: number
  /** How often it strikes before the rule is used up. Default: no limit. */
  readonly times?: number
  /** Only these requests. Default all. */
  readonly when?: (request: HttpClientRequest.HttpClientRequest) => boolean
}

export interface FaultInjection {
  /** The client with the faults of this injection in front of it. Several clients may share one injection. */
  readonly wrap: (client: HttpClient.HttpClient) => HttpClient.HttpClient
  /** Replaces all rules. Of the rules that match a request, the first that strikes wins. */
  readonly set: (rules: ReadonlyArray<FaultRule>) => Effect.Effect<void>
  /** Back to normal for requests to come; what hangs already goes on hanging. */
  readonly clear: Effect.Effect<void>
}

/**
 * Without faults at first. `seed` makes the rates repeatable; without it they come from the Random of each request.
 *
 * @example
 * const faults = yield* FaultInjection.make()
 * const flaky = faults.wrap(sandbox)
 * yield* faults.set([{ fault: { _tag: "LostAnswer" }, times: 1, when: (request) => request.method === "POST" }])
 */
export const make = Effect.fn("FaultInjection.make")(function* (options: { readonly seed?: string | number } = {}) {
  const seeded = options.seed === undefined ? undefined : yield* Random.withSeed(Random.Random, options.seed)
  const state = yield* Ref.make<ReadonlyArray<FaultRule>>([])

  const strike = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.flatMap(seeded === undefined ? Random.Random : Effect.succeed(seeded), (random) =>
      Ref.modify(state, (rules): [Fault | null, ReadonlyArray<FaultRule>] => {
        const hit = rules.find(
          (rule) =>
            rule.times !== 0 &&
            (rule.when?.(request) ?? true) &&
            // A sure fault draws no number, so that it does not shift the sequence of the others.
            (rule.rate === undefined || rule.rate >= 1 || random.nextDoubleUnsafe() < rule.rate)
        )
        if (hit === undefined) return [null, rules]
        if (hit.times === undefined) return [hit.fault, rules]
        return [hit.fault, rules.map((rule) => (rule === hit ? { ...rule, times: (rule.times ?? 0) - 1 } : rule))]
      })
    )

  const injection: FaultInjection = {
    wrap: HttpClient.transform((handled, request) =>
      Effect.flatMap(strike(request), (fault) => (fault === null ? handled : inject(fault, handled, request)))
    ),
    set: (rules) => Ref.set(state, rules),
    clear: Ref.set(state, [])
  }
  return injection
})

const inject = (
  fault: Fault,
  handled: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  switch (fault._tag) {
    case "Refuse":
      return broken(request, "ECONNREFUSED")
    case "Reset":
      return broken(request, "ECONNRESET")
    case "LostAnswer":
      return Effect.andThen(handled, broken(request, "ECONNRESET"))
    case "Hang":
      return fault.handled === true ? Effect.andThen(handled, Effect.never) : Effect.never
    case "Status":
      return Effect.succeed(
        answer(request, fault.body ?? null, {
          status: fault.status,
          ...(fault.retryAfter === undefined ? {} : { headers: { "retry-after": fault.retryAfter } })
        })
      )
    case "Garbage": {
      const garbage = answer(request, fault.body ?? "<html><body>It works!</body></html>", {
        status: 200,
        headers: { "content-type": "application/json" }
      })
      return fault.handled === true ? Effect.as(handled, garbage) : Effect.succeed(garbage)
    }
    case "Delay":
      return Effect.delay(handled, fault.millis)
  }
}

const answer = (request: HttpClientRequest.HttpClientRequest, body: string | null, init: ResponseInit) =>
  HttpClientResponse.fromWeb(request, new Response(body, init))

/** As the platform's clients report it: the operating system's code in the cause. */
const broken = (request: HttpClientRequest.HttpClientRequest, code: "ECONNREFUSED" | "ECONNRESET") =>
  Effect.fail(
    new HttpClientError.HttpClientError({
      reason: new HttpClientError.TransportError({ request, cause: { code }, description: code })
    })
  )
