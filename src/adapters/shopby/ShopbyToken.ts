/**
 * Calls to Shopby with a token that is valid.
 *
 * Guarantees: one request for a token at a time, whose outcome all who wait share; a token is renewed before it ends; a
 * 401 makes the hub ask for a new token once and repeat the call once; a second one is final (Unauthorized). Each HTTP
 * attempt, for a token too, is a call of its own through the breaker (in a health check: past it).
 *
 * SHOPBY_ACCESS_TOKEN is used as it is as long as the shop takes it, since a long-lived token lasts for years; when the
 * shop refuses it, and also where none is configured (sandbox), a token is asked for: with the system key as client and
 * the configured token as what is to be renewed. Tokens are kept in memory only.
 */
import { Cache, Clock, Context, Duration, Effect, Exit, type Redacted, Ref } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { type IntegrationError, Unauthorized } from "../../domain/IntegrationError.ts"
import type { Attempt, ClientError } from "../../services/integrations/OutboundHttp.ts"

export interface Token {
  readonly value: Redacted.Redacted
  /** Seconds since 1970. */
  readonly endsAt: number
}

export interface TokenOptions {
  /** The `call` and the `probe` of the outbound connection. */
  readonly call: Attempt
  readonly probe: Attempt
  /** Asks for a token, in one attempt by `via`. */
  readonly issue: (via: Attempt) => Effect.Effect<Token, IntegrationError>
  /** Null: none. */
  readonly configured: Redacted.Redacted | null
}

/** One HTTP attempt with a token, or two when the shop wants another token. */
export interface Authorized {
  <A>(operation: string, attempt: Effect.Effect<A, IntegrationError | ClientError>): Effect.Effect<A, IntegrationError>
}

/** The token of the call that the current fiber is in. */
const CurrentToken = Context.Reference<Redacted.Redacted | null>("hub/adapters/shopby/ShopbyToken/CurrentToken", {
  defaultValue: () => null
})

/** Past the breaker? */
const Probing = Context.Reference<boolean>("hub/adapters/shopby/ShopbyToken/Probing", { defaultValue: () => false })

/** Puts the token of the call into its request: goes around the transport. */
export const withToken: (client: HttpClient.HttpClient) => HttpClient.HttpClient = HttpClient.mapRequestEffect(
  (request) =>
    Effect.map(CurrentToken, (token) => (token === null ? request : HttpClientRequest.bearerToken(request, token)))
)

/** Renewed this long before its end, or at half its time when that is later. */
const renewBefore = Duration.minutes(5)

/** What a token that has ended already, by our clock, is used for nevertheless: clocks differ. */
const shortest = Duration.seconds(30)

export const make = Effect.fnUntraced(function* ({ call, configured, issue, probe }: TokenOptions) {
  /** Has the shop refused the configured token since a token was last asked for in vain? */
  const refused = yield* Ref.make(false)
  const issued = yield* Cache.makeWith(
    (_: "token") =>
      Effect.gen(function* () {
        const { endsAt, value } = yield* issue((yield* Probing) ? probe : call)
        const left = endsAt * 1000 - (yield* Clock.currentTimeMillis)
        const usable = left - Math.min(Duration.toMillis(renewBefore), left / 2)
        return { value, usable: Duration.millis(Math.max(usable, Duration.toMillis(shortest))) }
      }),
    {
      capacity: 1,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? exit.value.usable : Duration.zero)
    }
  )

  const current = Effect.gen(function* () {
    if (configured !== null && !(yield* Ref.get(refused))) return configured
    return (yield* Cache.get(issued, "token")).value
  })

  /** Another token than this one, which the shop refused. */
  const another = Effect.fnUntraced(function* (token: Redacted.Redacted) {
    if (token === configured) yield* Ref.set(refused, true)
    else yield* Cache.invalidateWhen(issued, "token", ({ value }) => value === token)
    return yield* current
  })

  const authorizedBy = (via: Attempt): Authorized =>
    Effect.fnUntraced(function* <A>(operation: string, attempt: Effect.Effect<A, IntegrationError | ClientError>) {
      const tryWith = (token: Redacted.Redacted): Effect.Effect<A, IntegrationError> =>
        Effect.provideService(via(operation, attempt), CurrentToken, token)
      const token = yield* current
      return yield* tryWith(token).pipe(
        Effect.catchIf(
          (error) => error._tag === "Unauthorized" && error.status === 401,
          (error) =>
            another(token).pipe(
              Effect.catchTag(["Rejected", "Unauthorized", "Invalid"], (refusal) =>
                // Next time with what is configured: this may have been a whim of the shop.
                Effect.andThen(
                  Ref.set(refused, false),
                  Effect.fail(
                    new Unauthorized({
                      adapter: error.adapter,
                      operation,
                      status: 401,
                      message: `the token is refused, and there is no new one: ${refusal.message}`
                    })
                  )
                )
              ),
              Effect.flatMap(tryWith)
            )
        )
      )
    })

  const probeAuthorized = authorizedBy(probe)
  const probed: Authorized = (operation, attempt) =>
    Effect.provideService(probeAuthorized(operation, attempt), Probing, true)
  return { call: authorizedBy(call), probe: probed }
})
