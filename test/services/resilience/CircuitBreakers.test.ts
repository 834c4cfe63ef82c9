import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Option, Scope, Stream } from "effect"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"

describe("CircuitBreakers", () => {
  it.effect("lists the breakers it made, each with its own state, until their scopes close", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreakers
      const mes = yield* breakers.make({ name: "mes", settings: CircuitSettings.mes })
      const scope = yield* Scope.make()
      yield* Scope.provide(breakers.make({ name: "edicus", settings: CircuitSettings.edicus }), scope)
      yield* mes.forceOpen

      const states = Effect.map(breakers.snapshots, (all) => all.map(({ name, state }) => [name, state]))
      assert.deepStrictEqual(yield* states, [
        ["mes", "OPEN"],
        ["edicus", "CLOSED"]
      ])
      assert.strictEqual(Option.getOrUndefined(yield* breakers.get("mes")), mes)
      assert.isTrue(Option.isNone(yield* breakers.get("shopby")))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* states, [["mes", "OPEN"]])
    }).pipe(Effect.provide(CircuitBreakers.layer))
  )

  it.effect("a second breaker of a name is a defect, and the first stays", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreakers
      yield* breakers.make({ name: "mes", settings: CircuitSettings.mes })
      const exit = yield* Effect.exit(Effect.scoped(breakers.make({ name: "mes", settings: CircuitSettings.mes })))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual((yield* breakers.snapshots).length, 1)
    }).pipe(Effect.provide(CircuitBreakers.layer))
  )

  it.effect("streams the transitions of all, those made later too; a breaker streams only its own", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreakers
      const all: Array<string> = []
      const own: Array<string> = []
      const into = (seen: Array<string>) =>
        Stream.runForEach(({ name, to }: { readonly name: string; readonly to: string }) =>
          Effect.sync(() => seen.push(`${name} ${to}`))
        )
      yield* breakers.transitions.pipe(into(all), Effect.forkScoped({ startImmediately: true }))
      const mes = yield* breakers.make({ name: "mes", settings: CircuitSettings.mes })
      const edicus = yield* breakers.make({ name: "edicus", settings: CircuitSettings.edicus })
      yield* edicus.transitions.pipe(into(own), Effect.forkScoped({ startImmediately: true }))
      yield* mes.forceOpen
      yield* edicus.forceOpen
      yield* mes.reset
      yield* Effect.replicateEffect(Effect.yieldNow, 5)
      assert.deepStrictEqual(all, ["mes OPEN", "edicus OPEN", "mes CLOSED"])
      assert.deepStrictEqual(own, ["edicus OPEN"])
    }).pipe(Effect.provide(CircuitBreakers.layer))
  )
})
