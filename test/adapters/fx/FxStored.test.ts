/** Exchange rates kept in the database: what a restart of the hub finds. */
import { NodeHttpClient } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Fx from "../../../src/adapters/fx/Fx.ts"
import { CurrencyCode } from "../../../src/domain/Currency.ts"
import { Rate } from "../../../src/domain/ExchangeRate.ts"
import { ExchangeRates } from "../../../src/services/data/ExchangeRates.ts"
import { ResponseCache } from "../../../src/services/providers/ResponseCache.ts"
import * as ProviderServices from "../../../src/services/providers/ProviderServices.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { configOf } from "../../support/DataServices.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const usd = CurrencyCode.make("USD")
const krw = CurrencyCode.make("KRW")

describeDatabases("exchange rates after a restart", (database) => {
  it.live("are answered from the database, and the last snapshot is still compared with", () =>
    Effect.gen(function* () {
      const source = yield* HttpSimulator.make
      const answer = (KRW: number) =>
        source.respond(() =>
          Effect.succeed(HttpSimulator.json(200, { base: "USD", date: "2026-11-20", rates: { KRW, IDR: 16_600.5 } }))
        )
      const { fx } = yield* configOf({ FX_MODE: "live", FX_PRIMARY_BASE_URL: source.url })
      /** One run of the hub. */
      const run = <A, E>(use: Effect.Effect<A, E, ExchangeRates | ResponseCache>) =>
        use.pipe(
          Effect.provide(
            Fx.layer(fx).pipe(
              Layer.provideMerge(ProviderServices.layer({ redisUrl: null })),
              Layer.provide([CircuitBreakers.layer, NodeHttpClient.layerUndici])
            ),
            { local: true }
          )
        )
      const rate = ExchangeRates.use((rates) => rates.rate(usd, krw))

      yield* answer(1385.12)
      assert.strictEqual((yield* run(rate)).cache, "MISS")
      const { cache, data } = yield* run(rate)
      assert.deepStrictEqual([cache, Schema.encodeSync(Rate)(data.rate)], ["HIT", "1385.12"])
      assert.strictEqual((yield* source.requests).length, 1)

      // An operator throws the answers away: the comparison stays.
      yield* answer(1900)
      yield* run(ResponseCache.use((responses) => responses.invalidateMatching("fx:rates:*")))
      const next = yield* run(rate)
      assert.deepStrictEqual([next.cache, next.data.flagged?.percent], ["MISS", 37.2])
    }).pipe(Effect.provide(database))
  )
})
