import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Effect, Option, Record, Schema } from "effect"
import * as CalendarDate from "../../src/domain/CalendarDate.ts"
import { CurrencyCode, CurrencyCodeFromText, currencies } from "../../src/domain/Currency.ts"
import {
  crossRate,
  identityQuote,
  quoteOf,
  Rate,
  rateOf,
  RateSnapshot,
  tableOf
} from "../../src/domain/ExchangeRate.ts"

const usd = CurrencyCode.make("USD")
const krw = CurrencyCode.make("KRW")
const eur = CurrencyCode.make("EUR")
const date = CalendarDate.CalendarDate.make("2026-11-20")

const snapshot = (rates: Readonly<Record<string, string>>): RateSnapshot => ({
  base: usd,
  date,
  asOf: null,
  rates: Record.fromEntries(
    Object.entries(rates).map(([code, rate]) => [CurrencyCode.make(code), BigDecimal.fromStringUnsafe(rate)] as const)
  )
})

const text = (rate: Option.Option<Rate>): string | null =>
  Option.getOrNull(Option.map(rate, (value) => Schema.encodeSync(Rate)(value)))

describe("Currency", () => {
  it("knows ISO 4217, and nothing that providers made up or banks keep for tests", () => {
    assert.isAbove(currencies.length, 170)
    const isCurrency = Schema.is(CurrencyCode)
    for (const code of ["KRW", "USD", "EUR", "XAU", "XDR"]) assert.isTrue(isCurrency(code), code)
    const others = ["", "krw", "CNH", "BTC", "GGP", "XXX", "XTS", "KRWX", "K W"]
    for (const code of others) assert.isFalse(isCurrency(code), code)
  })

  it.effect("is read as people type it", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Schema.decodeEffect(CurrencyCodeFromText)(" usd "), "USD")
    })
  )
})

describe("ExchangeRate", () => {
  it("takes decimals above zero as they are written, and nothing else", () => {
    assert.strictEqual(text(rateOf("0.000722")), "0.000722")
    assert.strictEqual(text(rateOf(1385.12)), "1385.12")
    assert.strictEqual(text(rateOf(7.22e-7)), "0.000000722")
    for (const bad of ["", " ", "0", "0.000", "-1", "+1", "NaN", "Infinity", "1,385", "1e999999", "0x10", "1.2.3"]) {
      assert.isNull(text(rateOf(bad)), bad)
    }
    for (const bad of [0, -0, -1, NaN, Infinity, 1e300]) assert.isNull(text(rateOf(bad)), String(bad))
  })

  it("crosses over the base, exactly where it can, and makes nothing up", () => {
    const rates = snapshot({ KRW: "1385.12", EUR: "0.86" })
    assert.strictEqual(text(crossRate(rates, usd, krw)), "1385.12")
    assert.strictEqual(text(crossRate(rates, eur, krw)), "1610.6046511627907")
    assert.strictEqual(text(crossRate(rates, krw, usd)), "0.000721959108236109507")
    assert.isNull(text(crossRate(rates, usd, CurrencyCode.make("JPY"))))
    assert.isNull(text(crossRate(rates, CurrencyCode.make("JPY"), usd)))
    assert.strictEqual(BigDecimal.format(identityQuote(krw).rate), "1")
  })

  it("flags what moved more than 20 %, up or down, seen from the currency that was asked for", () => {
    const previous = snapshot({ KRW: "1000", EUR: "1", JPY: "100" })
    const flags = (rates: Readonly<Record<string, string>>, base = usd) => {
      const history = { current: snapshot(rates), previous }
      return Option.match(tableOf(history, base), {
        onNone: () => [],
        onSome: ({ flagged }) => flagged.map(({ currency, percent }) => `${currency} ${percent}`)
      })
    }
    assert.deepStrictEqual(flags({ KRW: "1200", EUR: "0.8", JPY: "120" }), [])
    assert.deepStrictEqual(flags({ KRW: "1200.01", EUR: "0.7999", JPY: "100" }), ["EUR -20", "KRW 20"])
    assert.deepStrictEqual(flags({ KRW: "1500", EUR: "1", JPY: "100" }), ["KRW 50"])
    // Neither moved too far against the dollar, but they did against each other.
    assert.deepStrictEqual(flags({ KRW: "1150", EUR: "0.85", JPY: "100" }), [])
    assert.deepStrictEqual(flags({ KRW: "1150", EUR: "0.85", JPY: "100" }, eur), ["KRW 35.3"])
    const quote = quoteOf({ current: snapshot({ KRW: "1150", EUR: "0.85" }), previous }, krw, eur)
    assert.strictEqual(Option.getOrNull(quote)?.flagged?.percent, -26.1)
    assert.isNull(Option.getOrNull(quoteOf({ current: snapshot({ KRW: "1" }), previous: null }, usd, krw))?.flagged)
  })

  const AnyRate = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 ** 9 }))

  it.effect.prop(
    "rates of one snapshot agree: there and back is 1, and any way round leads to the same rate",
    { krw: AnyRate, eur: AnyRate },
    ({ krw: one, eur: other }) =>
      Effect.sync(() => {
        const rates = snapshot({ KRW: `${one}e-4`, EUR: `${other}e-6` })
        const of = (from: CurrencyCode, to: CurrencyCode) =>
          Option.getOrThrow(Option.map(crossRate(rates, from, to), BigDecimal.toNumberUnsafe))
        assert.approximately(of(krw, eur) * of(eur, krw), 1, 1e-12)
        const direct = of(eur, krw)
        assert.approximately(of(eur, usd) * of(usd, krw), direct, direct * 1e-12)
      })
  )

  it.effect.prop(
    "whatever its base, a table gives every rate that a quote gives, and never its own base",
    { krw: AnyRate, eur: AnyRate },
    ({ krw: one, eur: other }) =>
      Effect.sync(() => {
        const history = { current: snapshot({ KRW: String(one), EUR: `${other}e-6` }), previous: null }
        for (const base of [usd, krw, eur]) {
          const table = Option.getOrThrow(tableOf(history, base))
          assert.isFalse(Record.has(table.rates, base))
          for (const [currency, rate] of Record.toEntries(table.rates)) {
            assert.strictEqual(text(Option.some(rate)), text(crossRate(history.current, base, currency)))
            assert.isTrue(BigDecimal.isPositive(rate))
          }
        }
      })
  )

  it.effect.prop("a rate is kept in JSON exactly", { rate: AnyRate }, ({ rate }) =>
    Effect.gen(function* () {
      const codec = Schema.toCodecJson(RateSnapshot)
      const before = snapshot({ KRW: `${rate}e-7` })
      const after = yield* Schema.decodeUnknownEffect(codec)(
        JSON.parse(JSON.stringify(yield* Schema.encodeEffect(codec)(before)))
      )
      assert.strictEqual(text(Record.get(after.rates, krw)), text(Record.get(before.rates, krw)))
    })
  )
})
