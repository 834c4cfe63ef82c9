/** What the three sources of exchange rates write, read: each trap of their contracts on a written answer. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Record, Result, Schema } from "effect"
import { verdictOfEximbank, verdictOfFixer } from "../../../src/adapters/fx/FxFailure.ts"
import { snapshotFromEximbank, SnapshotFromFixer, SnapshotFromOpenRates } from "../../../src/adapters/fx/FxMapper.ts"
import { CalendarDate } from "../../../src/domain/CalendarDate.ts"
import { currencies, CurrencyCode } from "../../../src/domain/Currency.ts"
import { crossRate, type Rate, RateSnapshot, rateOf } from "../../../src/domain/ExchangeRate.ts"

const usd = CurrencyCode.make("USD")
const krw = CurrencyCode.make("KRW")
const date = CalendarDate.make("2026-11-20")

const written = (rate: Rate) => Schema.encodeSync(RateSnapshot.fields.rates.value)(rate)
const ratesOf = ({ rates }: RateSnapshot): Readonly<Record<string, string>> => Record.map(rates, written)

describe("exchangerate-api", () => {
  const answer = {
    provider: "https://www.exchangerate-api.com",
    base: "USD",
    date: "2026-11-20",
    time_last_updated: 1_795_132_801,
    rates: { USD: 1, KRW: 1385.12, EUR: 0.86, JPY: 152, IDR: 1.66e4, KWD: 3.07e-1, FOK: 6.4, KID: "?" }
  }
  const decode = Schema.decodeUnknownEffect(SnapshotFromOpenRates)

  it.effect("is read exactly, with its instant; what ISO 4217 does not know is left out", () =>
    Effect.gen(function* () {
      const snapshot = yield* decode(answer)
      assert.deepStrictEqual(ratesOf(snapshot), {
        KRW: "1385.12",
        EUR: "0.86",
        JPY: "152",
        IDR: "16600",
        KWD: "0.307"
      })
      assert.deepStrictEqual([snapshot.base, snapshot.date, snapshot.asOf], ["USD", date, "2026-11-20T00:00:01.000Z"])
    })
  )

  it.effect("an impossible rate, another base, a base that is not 1, no rates or no day: all of it is unreadable", () =>
    Effect.gen(function* () {
      const bad = [
        ...[0, -1385.12, null, "", "abc", "NaN", [], {}, true].map((KRW) => ({ rates: { ...answer.rates, KRW } })),
        { base: "EUR" },
        { base: "usd" },
        { rates: { ...answer.rates, USD: 1.0001 } },
        { rates: {} },
        { rates: { FOK: 6.4 } },
        { rates: null },
        { date: "yesterday" },
        { date: "2026-02-30" }
      ]
      for (const change of bad) {
        assert.isTrue(Result.isFailure(yield* Effect.result(decode({ ...answer, ...change }))), JSON.stringify(change))
      }
      // As JSON.parse reads 1e999.
      const infinite = JSON.parse('{"KRW":1e999}')
      assert.isTrue(Result.isFailure(yield* Effect.result(decode({ ...answer, rates: infinite }))))
    })
  )
})

describe("Fixer", () => {
  const answer = { success: true, timestamp: 1_795_132_801, base: "USD", date: "2026-11-20", rates: { KRW: 1385.12 } }
  const decode = Schema.decodeUnknownEffect(SnapshotFromFixer)

  it.effect("is read, with and without a time stamp", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* decode(answer)).asOf, "2026-11-20T00:00:01.000Z")
      const { timestamp: _, ...rest } = answer
      const snapshot = yield* decode(rest)
      assert.deepStrictEqual([snapshot.asOf, ratesOf(snapshot)], [null, { KRW: "1385.12" }])
      for (const success of [false, "true", undefined]) yield* Effect.flip(decode({ ...answer, success }))
    })
  )

  it("an error in a 200 is told apart: key, plan, quota, trouble; its text is not repeated", () => {
    const of = (error: unknown) => verdictOfFixer({ body: { success: false, error } })
    const tag = (code: unknown, type = "") => of({ code, type, info: "key 0123456789 …" })?._tag
    assert.strictEqual(tag(101, "invalid_access_key"), "Unauthorized")
    assert.strictEqual(tag("101"), "Unauthorized")
    assert.strictEqual(tag(102, "inactive_user"), "Unauthorized")
    assert.strictEqual(tag(105, "base_currency_access_restricted"), "Unauthorized")
    assert.strictEqual(tag(104, "monthly_limit_reached"), "RateLimited")
    for (const code of [103, 106, 201, 202, 404, 500, null]) assert.strictEqual(tag(code), "Transient", String(code))
    assert.strictEqual(of(undefined)?._tag, "Transient")
    const limited = of({ code: 104 })
    assert(limited?._tag === "RateLimited")
    assert.isTrue(limited.quota)
    assert.notInclude(JSON.stringify(of({ code: 999, type: "x", info: "0123456789" })), "0123456789")
    for (const body of [answer, null, [], "success", undefined, {}]) assert.isUndefined(verdictOfFixer({ body }))
  })
})

describe("Eximbank", () => {
  const row = (cur_unit: unknown, deal_bas_r: unknown, RESULT: unknown = 1) => ({ RESULT, cur_unit, deal_bas_r })
  const decode = Schema.decodeUnknownEffect(snapshotFromEximbank(date))
  const read = (rows: ReadonlyArray<unknown>) => Effect.map(decode(rows), ratesOf)

  it.effect("commas, hundreds of yen, the renminbi by its other name, the won in itself", () =>
    Effect.gen(function* () {
      const snapshot = yield* decode([
        row("AED", "250"),
        row("CNH", "200"),
        row("IDR(100)", "8"),
        row("JPY(100)", "1,000"),
        row("KRW", "1"),
        row("KWD", "12,500,000.00"),
        row("ATS", "0"),
        row(" USD ", " 1,385.12 ")
      ])
      assert.deepStrictEqual([snapshot.base, snapshot.date, snapshot.asOf], ["KRW", date, null])
      const { USD: _, ...exact } = { USD: "", ...ratesOf(snapshot) }
      assert.deepStrictEqual(exact, { AED: "0.004", CNY: "0.005", IDR: "12.5", JPY: "0.1", KWD: "0.00000008" })
      // What was divided comes back as it was written.
      assert.strictEqual(Option.getOrNull(Option.map(crossRate(snapshot, usd, krw), written)), "1385.12")
      assert.isFalse("KRW" in snapshot.rates)
      assert.deepStrictEqual(Object.keys(yield* read([row("CNY", "100"), row("CNH", "200")])), ["CNY"])
    })
  )

  it.effect("a price that is none, or commas where they do not belong: all of it is unreadable", () =>
    Effect.gen(function* () {
      for (const price of ["", "0", "0.00", "-1,385", "1,38", "1385,12", ",385", "1,385.12.3", "n/a", null]) {
        yield* Effect.flip(decode([row("EUR", "1,610"), row("USD", price)]))
      }
      yield* Effect.flip(decode([row("USD(0)", "1,385.12")]))
      for (const rows of [null, {}, "", [null], [row("KRW", "1")]]) yield* Effect.flip(decode(rows))
    })
  )

  it("the result in its rows decides; an empty list is no failure", () => {
    const of = (RESULT: unknown) => verdictOfEximbank({ body: [{ RESULT, cur_unit: null, deal_bas_r: null }] })?._tag
    assert.isUndefined(of(1))
    assert.isUndefined(of("1"))
    assert.strictEqual(of(2), "Transient")
    assert.strictEqual(of(3), "Unauthorized")
    assert.strictEqual(of(4), "RateLimited")
    assert.strictEqual(of("?"), "Transient")
    assert.strictEqual(verdictOfEximbank({ body: [{ result: 3 }] })?._tag, "Unauthorized")
    for (const body of [[], null, {}, undefined]) assert.isUndefined(verdictOfEximbank({ body }))
  })
})

it.effect.prop(
  "rates survive the way to each source's words and back",
  { amounts: Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 ** 7 }))) },
  ({ amounts }) =>
    Effect.gen(function* () {
      const rates = Record.fromEntries(
        amounts.slice(0, currencies.length).flatMap((amount, index) => {
          const currency = currencies[index]
          const rate = rateOf(`${amount}e-4`)
          return currency === undefined || currency === usd || currency === krw || Option.isNone(rate)
            ? []
            : [[currency, rate.value] as const]
        })
      )
      const snapshot: RateSnapshot = { base: usd, date, asOf: "2026-11-20T00:00:01.000Z", rates }
      for (const schema of [SnapshotFromOpenRates, SnapshotFromFixer]) {
        const wire = JSON.parse(JSON.stringify(yield* Schema.encodeUnknownEffect(schema)(snapshot)))
        const back = yield* Schema.decodeUnknownEffect(schema)(wire)
        assert.deepStrictEqual(ratesOf(back), ratesOf(snapshot))
        assert.deepStrictEqual([back.base, back.date, back.asOf], [usd, date, snapshot.asOf])
      }
      const exim = snapshotFromEximbank(date)
      const rows = yield* Schema.encodeEffect(exim)({ ...snapshot, base: krw, asOf: null })
      const back = yield* Schema.decodeEffect(exim)(rows)
      assert.sameMembers(Object.keys(back.rates), Object.keys(rates))
    })
)
