/** Exchange rates from the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Record, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Fx from "../../../src/adapters/fx/Fx.ts"
import { CurrencyCode } from "../../../src/domain/Currency.ts"
import { Rate, type RateTable } from "../../../src/domain/ExchangeRate.ts"
import { ExchangeRates } from "../../../src/services/data/ExchangeRates.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const usd = CurrencyCode.make("USD")
const krw = CurrencyCode.make("KRW")
const names = ["fx_primary", "fx_secondary", "fx_eximbank"]

/** Saturday, 21 November 2026. */
const saturday = Date.UTC(2026, 10, 21, 3)

const sandbox = (env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(saturday)
    yield* withoutRetries(names)
    const { fx } = yield* configOf(env)
    return yield* built(ExchangeRates, Fx.layer(fx))
  })

const plain = (table: RateTable): Readonly<Record<string, string>> =>
  Record.map(table.rates, (rate) => Schema.encodeSync(Rate)(rate))

const tableWith = (env: Readonly<Record<string, string>>) =>
  Effect.flatMap(sandbox(env), (rates) => Effect.map(rates.rates(usd), ({ data }) => plain(data))).pipe(
    Effect.provide(services),
    Effect.scoped
  )

/** Which of so many calls, on as many days, got an answer. */
const outcomes = (errorRate: string) =>
  Effect.gen(function* () {
    const rates = yield* sandbox({ FX_SANDBOX_ERROR_RATE: errorRate })
    const answers: Array<boolean> = []
    for (let day = 0; day < 20; day++) {
      // Past every window, so that each call is a new one.
      yield* TestClock.adjust("8 days")
      answers.push(Option.isSome(yield* Effect.option(rates.rate(usd, krw))))
    }
    return answers
  }).pipe(Effect.provide(services), Effect.scoped)

describe("the sandbox of exchange rates", () => {
  it.effect("Property 43: in sandbox mode the simulator answers, and no provider is called", () =>
    Effect.gen(function* () {
      const real = yield* HttpSimulator.make
      const rates = yield* sandbox()
      const { data, source, warning } = yield* rates.rate(usd, krw)
      assert.strictEqual(source, "fx_primary")
      assert.match(warning ?? "", /invented/)
      assert.isTrue(Schema.is(Rate)(data.rate))
      assert.deepStrictEqual(yield* real.requests, [])
    }).pipe(Effect.provide(services))
  )

  it.effect("Property 44: rates are plausible, follow from what is asked for, and repeat with the seed", () =>
    Effect.gen(function* () {
      const table = yield* tableWith({})
      assert.deepStrictEqual(yield* tableWith({}), table)
      const other = yield* tableWith({ FX_SANDBOX_SEED: "another" })
      assert.notDeepEqual(other, table)
      for (const rates of [table, other]) {
        assert.isAbove(Object.keys(rates).length, 170)
        assert.approximately(Number(rates["KRW"]), 1385, 1385 * 0.01)
        assert.approximately(Number(rates["JPY"]), 152, 152 * 0.01)
      }
    })
  )

  it.effect("moves a little from day to day, so that nothing is flagged", () =>
    Effect.gen(function* () {
      const rates = yield* sandbox()
      const first = yield* rates.rates(usd)
      yield* TestClock.adjust("1 day")
      const second = yield* rates.rates(usd)
      assert.deepStrictEqual([first.data.date, second.data.date], ["2026-11-21", "2026-11-22"])
      assert.notDeepEqual(plain(second.data), plain(first.data))
      assert.deepStrictEqual(second.data.flagged, [])
    }).pipe(Effect.provide(services))
  )

  it.effect("stands in for every source, Eximbank without weekends", () =>
    Effect.gen(function* () {
      // The first two of the three sources are a server that has nothing.
      const broken = yield* HttpSimulator.make
      yield* broken.respond(() => Effect.succeed(HttpSimulator.json(503, {})))
      const first = yield* sandbox({ FX_PRIMARY_BASE_URL: broken.url })
      assert.strictEqual((yield* first.rate(usd, krw)).source, "fx_secondary")
    }).pipe(Effect.provide(services))
  )

  it.effect("has Eximbank's words too", () =>
    Effect.gen(function* () {
      const broken = yield* HttpSimulator.make
      yield* broken.respond(() => Effect.succeed(HttpSimulator.json(503, {})))
      const rates = yield* sandbox({ FX_PRIMARY_BASE_URL: broken.url, FX_SECONDARY_BASE_URL: broken.url })
      const { data, source } = yield* rates.rates(krw)
      // Of Friday: it is Saturday.
      assert.deepStrictEqual([source, data.date, Object.keys(data.rates).length], ["fx_eximbank", "2026-11-20", 21])
      const cny = yield* rates.rate(CurrencyCode.make("CNY"), krw)
      assert.approximately(Number(Schema.encodeSync(Rate)(cny.data.rate)), 194, 4)
    }).pipe(Effect.provide(services))
  )

  it.effect("Property 45: errors come as often as configured; 0 and 1 are exact, and a seed repeats them", () =>
    Effect.gen(function* () {
      assert.notInclude(yield* outcomes("0"), false)
      assert.notInclude(yield* outcomes("1"), true)
      const some = yield* outcomes("0.8")
      assert.deepStrictEqual(yield* outcomes("0.8"), some)
      assert.include(some, true)
      assert.include(some, false)
    })
  )

  it.effect("takes the time that is configured", () =>
    Effect.gen(function* () {
      const rates = yield* sandbox({ FX_SANDBOX_DELAY: "3 seconds" })
      const fiber = yield* Effect.forkChild(rates.rate(usd, krw))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).cache, "MISS")
    }).pipe(Effect.provide(services))
  )

  it.effect("Property 46: every call in sandbox mode leaves a log line that says so", () =>
    Effect.gen(function* () {
      const { lines } = yield* watched(Effect.flatMap(sandbox(), (rates) => rates.rate(usd, krw)))
      assert.lengthOf(
        lines.filter((line) => line.includes("answers from a sandbox")),
        1
      )
      const calls = lines.filter((line) => line.includes("the sandbox is asked"))
      assert.lengthOf(calls, 1)
      assert.include(calls[0], '"integration":"fx"')
      assert.include(calls[0], '"mode":"sandbox"')
    }).pipe(Effect.provide(services))
  )
})
