/** Exchange rates in live mode, over sources that are HTTP servers of their own and know nothing of the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Fx from "../../../src/adapters/fx/Fx.ts"
import { CurrencyCode } from "../../../src/domain/Currency.ts"
import { Rate } from "../../../src/domain/ExchangeRate.ts"
import { ExchangeRates } from "../../../src/services/data/ExchangeRates.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const usd = CurrencyCode.make("USD")
const krw = CurrencyCode.make("KRW")
const eur = CurrencyCode.make("EUR")
const jpy = CurrencyCode.make("JPY")

const names = ["fx_primary", "fx_secondary", "fx_eximbank"]

/** Friday, 20 November 2026, 10 in the morning in Seoul. */
const friday = Date.UTC(2026, 10, 20, 1)

const open = (rates: Readonly<Record<string, unknown>> = { KRW: 1385.12, EUR: 0.86, JPY: 152 }, more: object = {}) =>
  HttpSimulator.json(200, { base: "USD", date: "2026-11-20", time_last_updated: 1_795_132_801, rates, ...more })
const fixer = (rates: Readonly<Record<string, unknown>> = { KRW: 1390, EUR: 0.87 }) =>
  HttpSimulator.json(200, { success: true, base: "USD", date: "2026-11-20", rates })
const fixerError = (code: number) => HttpSimulator.json(200, { success: false, error: { code, type: "", info: "" } })
const down = HttpSimulator.json(503, {})

const setup = Effect.fnUntraced(function* (
  options: { readonly keys?: Readonly<Record<string, string>>; readonly retries?: true } = {}
) {
  yield* TestClock.setTime(friday)
  if (options.retries === undefined) yield* withoutRetries(names)
  const [primary, secondary, eximbank] = [
    yield* HttpSimulator.make,
    yield* HttpSimulator.make,
    yield* HttpSimulator.make
  ]
  yield* primary.respond(() => Effect.succeed(open()))
  yield* secondary.respond(() => Effect.succeed(fixer()))
  const config = yield* configOf({
    FX_MODE: "live",
    FX_PRIMARY_BASE_URL: primary.url,
    FX_SECONDARY_BASE_URL: secondary.url,
    FX_EXIMBANK_BASE_URL: eximbank.url,
    ...(options.keys ?? { FX_SECONDARY_KEY: "fixer-canary", FX_EXIMBANK_KEY: "exim-canary" })
  })
  const rates = yield* built(ExchangeRates, Fx.layer(config.fx))
  const asked = (simulator: HttpSimulator.HttpSimulator) =>
    Effect.map(simulator.requests, (requests) => requests.map(({ method, path }) => `${method} ${path}`))
  /** Failures in a row that the source's circuit has counted. */
  const counted = Effect.fnUntraced(function* (name: string) {
    const circuits = yield* (yield* CircuitBreakers).snapshots
    return circuits.find((circuit) => circuit.name === name)?.consecutiveFailures
  })
  return { primary, secondary, eximbank, rates, asked, counted }
})

const amount = (rate: Rate) => Schema.encodeSync(Rate)(rate)

describe("Fx", () => {
  it.effect("one request for the dollar answers every pair, for a day", () =>
    Effect.gen(function* () {
      const { asked, primary, rates, secondary } = yield* setup()
      const first = yield* rates.rate(usd, krw)
      assert.deepStrictEqual([first.cache, first.source, first.ageSeconds], ["MISS", "fx_primary", 0])
      assert.isUndefined(first.warning)
      assert.strictEqual(first.fetchedAt, "2026-11-20T01:00:00.000Z")
      assert.deepStrictEqual(
        [amount(first.data.rate), first.data.date, first.data.asOf, first.data.flagged],
        ["1385.12", "2026-11-20", "2026-11-20T00:00:01.000Z", null]
      )
      yield* TestClock.adjust("23 hours")
      const cross = yield* rates.rate(jpy, krw)
      assert.deepStrictEqual(
        [cross.cache, cross.ageSeconds, amount(cross.data.rate)],
        ["HIT", 23 * 3600, "9.11263157894736842"]
      )
      const table = yield* rates.rates(eur)
      assert.deepStrictEqual([table.cache, table.data.base], ["HIT", "EUR"])
      assert.deepStrictEqual(Object.keys(table.data.rates), ["JPY", "KRW", "USD"])
      assert.deepStrictEqual(yield* asked(primary), ["GET /v4/latest/USD"])
      assert.deepStrictEqual(yield* asked(secondary), [])
    }).pipe(Effect.provide(services))
  )

  it.effect("a currency in itself is 1, with no call at all", () =>
    Effect.gen(function* () {
      const { asked, primary, rates } = yield* setup()
      const { data, source } = yield* rates.rate(krw, krw)
      assert.deepStrictEqual([amount(data.rate), source, data.date], ["1", "identity", null])
      assert.deepStrictEqual(yield* asked(primary), [])
    }).pipe(Effect.provide(services))
  )

  it.effect("a pair that the snapshot lacks is a typed error, never 1, and nobody else's rate is mixed in", () =>
    Effect.gen(function* () {
      const { asked, rates, secondary } = yield* setup()
      const chf = CurrencyCode.make("CHF")
      yield* secondary.respond(() => Effect.succeed(fixer({ CHF: 0.8 })))
      const error = yield* Effect.flip(rates.rate(krw, chf))
      assert(error._tag === "RateNotFound")
      assert.deepStrictEqual([error.from, error.to, error.source], [krw, chf, "fx_primary"])
      assert.strictEqual((yield* Effect.flip(rates.rates(chf)))._tag, "RateNotFound")
      assert.deepStrictEqual(yield* asked(secondary), [])
    }).pipe(Effect.provide(services))
  )

  it.effect("the second source is asked when the first fails, and says so", () =>
    Effect.gen(function* () {
      const { asked, eximbank, primary, rates, secondary } = yield* setup()
      yield* primary.respond(() => Effect.succeed(down))
      const { cache, data, source } = yield* rates.rate(usd, krw)
      assert.deepStrictEqual([cache, source, amount(data.rate), data.asOf], ["MISS", "fx_secondary", "1390", null])
      assert.deepStrictEqual(yield* asked(secondary), ["GET /latest?base=USD&access_key=fixer-canary"])
      assert.deepStrictEqual(yield* asked(eximbank), [])
    }).pipe(Effect.provide(services))
  )

  it.effect("what has no key is not asked", () =>
    Effect.gen(function* () {
      const { asked, eximbank, primary, rates, secondary } = yield* setup({ keys: {} })
      yield* primary.respond(() => Effect.succeed(down))
      const error = yield* Effect.flip(rates.rate(usd, krw))
      assert(error._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(error.tried, [{ provider: "fx_primary", reason: "Transient" }])
      assert.deepStrictEqual([yield* asked(secondary), yield* asked(eximbank)], [[], []])
    }).pipe(Effect.provide(services))
  )

  it.effect("an impossible rate makes the whole answer unreadable, and the next source is asked", () =>
    Effect.gen(function* () {
      const { primary, rates } = yield* setup()
      yield* primary.respond(() => Effect.succeed(open({ KRW: 0, EUR: 0.86 })))
      const { data, source } = yield* rates.rate(usd, eur)
      assert.deepStrictEqual([source, amount(data.rate)], ["fx_secondary", "0.87"])
    }).pipe(Effect.provide(services))
  )

  it.effect("Fixer's errors in a 200: trouble counts against its circuit; key and quota do not", () =>
    Effect.gen(function* () {
      for (const [code, reason, failures] of [
        [201, "Transient", 1],
        [101, "Unauthorized", 0],
        [104, "RateLimited", 0]
      ] as const) {
        yield* Effect.gen(function* () {
          const { counted, eximbank, primary, rates, secondary } = yield* setup()
          yield* primary.respond(() => Effect.succeed(down))
          yield* secondary.respond(() => Effect.succeed(fixerError(code)))
          yield* eximbank.respond(() => Effect.succeed(down))
          const error = yield* Effect.flip(rates.rate(usd, krw))
          assert(error._tag === "IntegrationUnavailable")
          assert.deepStrictEqual(error.tried[1], { provider: "fx_secondary", reason })
          assert.strictEqual(yield* counted("fx_secondary"), failures, reason)
        }).pipe(Effect.provide(services), Effect.scoped)
      }
    })
  )

  it.effect("a used-up quota is not asked again for an hour", () =>
    Effect.gen(function* () {
      const { asked, eximbank, primary, rates, secondary } = yield* setup()
      yield* primary.respond(() => Effect.succeed(down))
      yield* secondary.respond(() => Effect.succeed(fixerError(104)))
      yield* eximbank.respond(() => Effect.succeed(down))
      yield* Effect.flip(rates.rate(usd, krw))
      yield* TestClock.adjust("59 minutes")
      yield* Effect.flip(rates.rate(usd, krw))
      assert.strictEqual((yield* asked(secondary)).length, 1)
      yield* TestClock.adjust("61 seconds")
      yield* secondary.respond(() => Effect.succeed(fixer()))
      assert.strictEqual((yield* rates.rate(usd, krw)).source, "fx_secondary")
    }).pipe(Effect.provide(services))
  )

  describe("Eximbank", () => {
    const rows = [
      { RESULT: 1, cur_unit: "JPY(100)", deal_bas_r: "911.26" },
      { RESULT: 1, cur_unit: "CNH", deal_bas_r: "194.5" },
      { RESULT: 1, cur_unit: "USD", deal_bas_r: "1,385.12" }
    ]
    const alone = Effect.fnUntraced(function* () {
      const all = yield* setup()
      yield* all.primary.respond(() => Effect.succeed(down))
      yield* all.secondary.respond(() => Effect.succeed(down))
      return all
    })
    const days = (simulator: HttpSimulator.HttpSimulator) =>
      Effect.map(simulator.requests, (requests) =>
        requests.map(({ path }) => /searchdate=(\d+)/.exec(path)?.[1] ?? path)
      )

    it.effect("is the last to be asked, and its prices in won become rates", () =>
      Effect.gen(function* () {
        const { asked, eximbank, rates } = yield* alone()
        yield* eximbank.respond(() => Effect.succeed(HttpSimulator.json(200, rows)))
        const { data, source } = yield* rates.rate(usd, krw)
        assert.deepStrictEqual([source, amount(data.rate), data.date], ["fx_eximbank", "1385.12", "2026-11-20"])
        assert.strictEqual(amount((yield* rates.rate(jpy, krw)).data.rate), "9.1126")
        assert.strictEqual(amount((yield* rates.rate(CurrencyCode.make("CNY"), krw)).data.rate), "194.5")
        assert.deepStrictEqual(yield* asked(eximbank), [
          "GET /site/program/financial/exchangeJSON?searchdate=20261120&data=AP01&authkey=exim-canary"
        ])
      }).pipe(Effect.provide(services))
    )

    it.effect("an empty list on a holiday: the working day before answers, weekends are not asked about", () =>
      Effect.gen(function* () {
        const { counted, eximbank, rates } = yield* alone()
        // Monday morning in Seoul, while it is Sunday in Greenwich; Monday and Friday are holidays.
        yield* TestClock.setTime(Date.UTC(2026, 10, 22, 23))
        yield* eximbank.respond(({ path }) =>
          Effect.succeed(HttpSimulator.json(200, path.includes("20261119") ? rows : []))
        )
        const { data } = yield* rates.rate(usd, krw)
        assert.deepStrictEqual([amount(data.rate), data.date], ["1385.12", "2026-11-19"])
        assert.deepStrictEqual(yield* days(eximbank), ["20261123", "20261120", "20261119"])
        assert.strictEqual(yield* counted("fx_eximbank"), 0)
      }).pipe(Effect.provide(services))
    )

    it.effect("ten days without rates: no data, which is nothing against its circuit", () =>
      Effect.gen(function* () {
        const { counted, eximbank, rates } = yield* alone()
        yield* eximbank.respond(() => Effect.succeed(HttpSimulator.json(200, [])))
        const error = yield* Effect.flip(rates.rate(usd, krw))
        assert(error._tag === "IntegrationUnavailable")
        assert.deepStrictEqual(error.tried[2], { provider: "fx_eximbank", reason: "Transient" })
        assert.strictEqual((yield* days(eximbank)).length, 9)
        assert.strictEqual(yield* counted("fx_eximbank"), 0)
      }).pipe(Effect.provide(services))
    )
  })

  it.effect("a move of more than 20 % since the last snapshot is flagged in every answer, and logged once", () =>
    Effect.gen(function* () {
      const { lines } = yield* watched(
        Effect.gen(function* () {
          const { primary, rates } = yield* setup()
          yield* rates.rates(usd)
          yield* TestClock.adjust("24 hours")
          yield* primary.respond(() => Effect.succeed(open({ KRW: 1700.5, EUR: 0.86, JPY: 152 })))
          const table = yield* rates.rates(usd)
          assert.deepStrictEqual(
            table.data.flagged.map(({ currency, current, percent, previous }) => [
              currency,
              amount(previous),
              amount(current),
              percent
            ]),
            [["KRW", "1385.12", "1700.5", 22.8]]
          )
          const hit = yield* rates.rate(eur, krw)
          assert.deepStrictEqual([hit.cache, hit.data.flagged?.percent], ["HIT", 22.8])
          assert.isNull((yield* rates.rate(jpy, eur)).data.flagged)
          // The other way round it lost 18.5 %.
          assert.isNull((yield* rates.rate(krw, eur)).data.flagged)

          // The next snapshot is compared with this one.
          yield* TestClock.adjust("24 hours")
          assert.deepStrictEqual((yield* rates.rates(usd)).data.flagged, [])
        })
      )
      const moved = lines.filter((line) => line.includes("rates moved more than 20 %"))
      assert.strictEqual(moved.length, 1)
      assert.include(moved[0], "KRW 22.8 %")
    }).pipe(Effect.provide(services))
  )

  it.effect("the last snapshot is compared with, whichever source it came from", () =>
    Effect.gen(function* () {
      const { primary, rates, secondary } = yield* setup()
      yield* rates.rates(usd)
      yield* TestClock.adjust("24 hours")
      yield* primary.respond(() => Effect.succeed(down))
      yield* secondary.respond(() => Effect.succeed(fixer({ KRW: 1000 })))
      const { data, source } = yield* rates.rate(usd, krw)
      assert.deepStrictEqual([source, data.flagged?.percent], ["fx_secondary", -27.8])
    }).pipe(Effect.provide(services))
  )

  it.effect("with every source down an old snapshot is served for seven days, with its age, and then none", () =>
    Effect.gen(function* () {
      const { eximbank, primary, rates, secondary } = yield* setup()
      yield* rates.rates(usd)
      for (const simulator of [primary, secondary, eximbank]) yield* simulator.respond(() => Effect.succeed(down))
      yield* TestClock.adjust("6 days")
      const stale = yield* rates.rate(usd, krw)
      assert.deepStrictEqual([stale.cache, stale.source, stale.ageSeconds], ["STALE", "fx_primary", 6 * 86_400])
      assert.strictEqual(stale.fetchedAt, "2026-11-20T01:00:00.000Z")
      assert.isString(stale.warning)
      yield* TestClock.adjust("1 day")
      const error = yield* Effect.flip(rates.rate(usd, krw))
      assert(error._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(
        error.tried.map(({ provider }) => provider),
        names
      )
    }).pipe(Effect.provide(services))
  )

  it.effect("ten callers at once cost one request", () =>
    Effect.gen(function* () {
      const { asked, primary, rates } = yield* setup()
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, (_, index) => rates.rate(usd, index % 2 === 0 ? krw : eur)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.length, 10)
      assert.strictEqual((yield* asked(primary)).length, 1)
    }).pipe(Effect.provide(services))
  )

  it.effect("a source that stumbles is asked again by the DEFAULT policy before the next one is", () =>
    Effect.gen(function* () {
      const { asked, primary, rates, secondary } = yield* setup({ retries: true })
      const count = yield* Ref.make(0)
      yield* primary.respond(() =>
        Effect.map(
          Ref.updateAndGet(count, (before) => before + 1),
          (now) => (now < 4 ? down : open())
        )
      )
      const fiber = yield* Effect.forkChild(rates.rate(usd, krw))
      for (const requests of [1, 2, 3]) {
        yield* primary.awaitRequests(requests)
        // The answer has to arrive before the wait begins.
        yield* Effect.repeat(TestClock.adjust("2 seconds"), {
          until: () => Ref.get(count).pipe(Effect.map((n) => n > requests))
        })
      }
      assert.strictEqual((yield* Fiber.join(fiber)).source, "fx_primary")
      assert.deepStrictEqual([(yield* asked(primary)).length, (yield* asked(secondary)).length], [4, 0])
    }).pipe(Effect.provide(services))
  )

  it.effect("a refusal is not the caller's fault, nothing in the request is: uncounted, the next source is asked", () =>
    Effect.gen(function* () {
      const { counted, primary, rates } = yield* setup()
      yield* primary.respond(() => Effect.succeed(HttpSimulator.json(404, {})))
      assert.strictEqual((yield* rates.rate(usd, krw)).source, "fx_secondary")
      assert.strictEqual(yield* counted("fx_primary"), 0)
    }).pipe(Effect.provide(services))
  )

  it.effect("keys reach the sources, and no log line, span or error", () =>
    Effect.gen(function* () {
      const { lines, result, spans } = yield* watched(
        Effect.gen(function* () {
          const { eximbank, primary, rates, secondary } = yield* setup()
          yield* primary.respond(() => Effect.succeed(down))
          yield* secondary.respond(() =>
            Effect.succeed(
              HttpSimulator.json(200, { success: false, error: { code: 101, info: "fixer-canary is no key" } })
            )
          )
          yield* eximbank.refuse
          return yield* Effect.flip(rates.rate(usd, krw))
        })
      )
      assert.isAbove(spans.length, 3)
      for (const told of [...lines, ...spans, JSON.stringify(result), result.message]) assert.notMatch(told, /canary/)
    }).pipe(Effect.provide(services))
  )

  it.effect("switched off, nobody is asked", () =>
    Effect.gen(function* () {
      const { fx } = yield* configOf({ FX_MODE: "off" })
      const rates = yield* built(ExchangeRates, Fx.layer(fx))
      const error = yield* Effect.flip(rates.rate(usd, krw))
      assert(error._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(error.tried, [])
    }).pipe(Effect.provide(services))
  )
})
