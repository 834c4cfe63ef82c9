// The circuit breaker alone, in any Effect program.
import { Duration, Effect, Result } from "effect"
import * as CircuitBreaker from "integration-hub/services/resilience/CircuitBreaker"

export const program = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    name: "weather",
    settings: { failures: 3, openFor: Duration.seconds(60), halfOpenTrials: 1, halfOpenLimit: Duration.seconds(30) }
  })
  const call = breaker.protect(Effect.fail("the service is down" as const))
  for (let attempt = 1; attempt <= 4; attempt++) {
    const result = yield* Effect.result(call)
    if (Result.isFailure(result)) {
      yield* Effect.log(typeof result.failure === "string" ? result.failure : result.failure._tag)
    }
  }
  yield* Effect.log((yield* breaker.snapshot).state)
})

// Logs: the service is down (three times), CircuitOpen (no call was made), OPEN.
if (import.meta.main) Effect.runFork(program)
