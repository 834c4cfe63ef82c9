/**
 * The token that Nice D&B wants with every question.
 *
 * Guarantees: one request for a token at a time, whose outcome all who wait share; a token is renewed before it ends; when
 * one is refused before its time, a new one is asked for once and the question repeated once. Tokens are kept in memory only.
 */
import { Cache, Clock, Duration, Effect, Exit, type Redacted } from "effect"
import type { IntegrationError } from "../../domain/IntegrationError.ts"

export interface Token {
  readonly value: Redacted.Redacted
  /** From when it was given, in seconds. */
  readonly expiresIn: number
}

/** Renewed this long before its end, or at half its time when that is later. */
const renewBefore = Duration.toMillis(Duration.minutes(5))

/** A token that ends at once by its own words is used for a moment nevertheless: one question is on its way. */
const shortest = Duration.toMillis(Duration.seconds(1))

/** `revision`: of the credentials and the address, at present; a token that was had with others is not used. */
export const make = Effect.fnUntraced(function* (
  issue: Effect.Effect<Token, IntegrationError>,
  revision: Effect.Effect<number>
) {
  const tokens = yield* Cache.makeWith(
    (_: number) =>
      Effect.gen(function* () {
        // Its time begins when it is asked for, not when the answer has come.
        const asked = yield* Clock.currentTimeMillis
        const { expiresIn, value } = yield* issue
        const left = asked + expiresIn * 1000 - (yield* Clock.currentTimeMillis)
        const usable = left - Math.min(renewBefore, left / 2)
        return { value, usable: Duration.millis(Math.max(usable, shortest)) }
      }),
    {
      // Calls that began before a change may still be under way.
      capacity: 2,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? exit.value.usable : Duration.zero)
    }
  )
  const current = Effect.map(
    Effect.flatMap(revision, (key) => Cache.get(tokens, key)),
    ({ value }) => value
  )

  /** Runs a question with a token, and once more with a new one when that was refused. */
  const authorized = Effect.fnUntraced(function* <A>(
    question: (token: Redacted.Redacted) => Effect.Effect<A, IntegrationError>
  ): Effect.fn.Return<A, IntegrationError> {
    const token = yield* current
    return yield* Effect.catchTag(question(token), "Unauthorized", () =>
      // Not the one that somebody else has asked for meanwhile.
      Effect.andThen(
        Effect.flatMap(revision, (key) => Cache.invalidateWhen(tokens, key, ({ value }) => value === token)),
        Effect.flatMap(current, question)
      )
    )
  })
  return { authorized }
})
