/** What a circuit breaker costs a call: closed around a no-op, and refusing while open. */
import CircuitBreakerOfOpossum from "opossum"
import { ConsecutiveBreaker, circuitBreaker, handleAll, isBrokenCircuitError } from "cockatiel"
import { Duration, Effect, Layer, ManagedRuntime } from "effect"
import { CircuitBreaker as EffectBreaker } from "effect/persistence"
import { seconds, type Contender, type Row } from "../harness/Row.ts"
import { Transient } from "../../src/domain/IntegrationError.ts"
import * as CircuitBreaker from "../../src/services/resilience/CircuitBreaker.ts"
import { CircuitSettings } from "../../src/services/resilience/CircuitSettings.ts"

const calls = 100_000
const microseconds = async (work: () => Promise<unknown>) => ((await seconds(work)) / calls) * 1e6

const hundredThousand = Array.from({ length: calls })
const repeatedly = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.forEach(hundredThousand, () => effect, { discard: true }))

const nothing = async () => {}
const failing = async () => {
  throw new Error("down")
}

const ours: Contender = {
  name: "hub",
  settings: "5 consecutive failures, 1 hour open",
  start: async () => {
    const settings = CircuitSettings.make({ failures: 5, openFor: Duration.hours(1) })
    const make = (name: string) => Effect.runPromise(CircuitBreaker.make({ name, settings }))
    const closed = await make("closed")
    const open = await make("open")
    const down = new Transient({ adapter: "bench", operation: "GET /", message: "down" })
    const guarded = closed.protect(Effect.void)
    const refused = Effect.ignore(open.protect(Effect.fail(down)))
    for (let failure = 0; failure < 5; failure++) await Effect.runPromise(refused)
    return {
      round: async () => ({
        closed: await microseconds(() => repeatedly(guarded)),
        open: await microseconds(() => repeatedly(refused))
      }),
      close: nothing
    }
  }
}

const effects: Contender = {
  name: "Effect",
  settings: "layerStoreMemory, 5 consecutive failures, 1 hour open",
  start: async () => {
    const runtime = ManagedRuntime.make(
      EffectBreaker.layer({ tripPolicy: EffectBreaker.consecutive(5), openDuration: "1 hour" }).pipe(
        Layer.provide(EffectBreaker.layerStoreMemory())
      )
    )
    const breaker = await runtime.runPromise(EffectBreaker.CircuitBreaker)
    const guarded = breaker.execute(Effect.void, { key: "closed" })
    const refused = Effect.ignore(breaker.execute(Effect.fail("down"), { key: "open" }))
    for (let failure = 0; failure < 5; failure++) await Effect.runPromise(refused)
    return {
      round: async () => ({
        closed: await microseconds(() => repeatedly(guarded)),
        open: await microseconds(() => repeatedly(refused))
      }),
      close: () => runtime.dispose()
    }
  }
}

const opossum: Contender = {
  name: "opossum",
  settings: "no timeout, volumeThreshold 5, 1 hour open",
  start: async () => {
    const options = {
      timeout: false as const,
      volumeThreshold: 5,
      errorThresholdPercentage: 1,
      resetTimeout: 3_600_000
    }
    const closed = new CircuitBreakerOfOpossum(nothing, options)
    const open = new CircuitBreakerOfOpossum(failing, options)
    open.open()
    return {
      round: async () => ({
        closed: await microseconds(async () => {
          for (let call = 0; call < calls; call++) await closed.fire()
        }),
        open: await microseconds(async () => {
          for (let call = 0; call < calls; call++) await open.fire().catch(nothing)
        })
      }),
      close: async () => {
        closed.shutdown()
        open.shutdown()
      }
    }
  }
}

const cockatiel: Contender = {
  name: "cockatiel",
  settings: "ConsecutiveBreaker(5), 1 hour open",
  start: async () => {
    const make = () => circuitBreaker(handleAll, { halfOpenAfter: 3_600_000, breaker: new ConsecutiveBreaker(5) })
    const closed = make()
    const open = make()
    for (let failure = 0; failure < 5; failure++) await open.execute(failing).catch(nothing)
    return {
      round: async () => ({
        closed: await microseconds(async () => {
          for (let call = 0; call < calls; call++) await closed.execute(nothing)
        }),
        open: await microseconds(async () => {
          for (let call = 0; call < calls; call++) {
            await open.execute(nothing).catch((error: unknown) => isBrokenCircuitError(error))
          }
        })
      }),
      close: nothing
    }
  }
}

export const rows: ReadonlyArray<Row> = [
  {
    name: "breaker",
    work: "a call through a circuit breaker",
    metrics: [
      { key: "closed", unit: "µs", better: "less", reach: 1, against: ["opossum"] },
      { key: "closed", unit: "µs", better: "less", reach: 8, against: ["Effect"] },
      { key: "closed", unit: "µs", better: "less", reach: 0, against: ["cockatiel"] },
      { key: "open", unit: "µs", better: "less", reach: 1 }
    ],
    ours,
    peers: [effects, opossum, cockatiel],
    rounds: 9
  }
]
