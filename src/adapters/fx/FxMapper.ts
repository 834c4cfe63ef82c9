/**
 * Rates ↔ what the three sources write (provider integrations, section 2). Pure.
 *
 * What a source says is taken as one whole: a rate of a currency of ours that is no number above zero, a base that is not
 * what was asked for, or a base that is not worth 1 of itself makes the whole answer unreadable, and another source is
 * asked. Currencies that are not of ISO 4217 are left out on purpose. Numbers of JSON are taken as they are written (up to
 * 15 digits, exactly). On the way out (for the simulator) an instant becomes whole seconds; Eximbank says no instant, and
 * writes four decimals.
 */
import { BigDecimal, DateTime, Effect, Option, Record, Result, Schema, SchemaIssue, SchemaTransformation } from "effect"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import { CurrencyCode, currencyOf } from "../../domain/Currency.ts"
import { type Rate, rateOf, RateSnapshot } from "../../domain/ExchangeRate.ts"
import { EximbankRates, FixerRates, OpenRates } from "./FxContract.ts"

/** What the sources are asked for; every other rate is crossed over it. */
export const pivot = CurrencyCode.make("USD")

const won = CurrencyCode.make("KRW")

const Snapshot = Schema.toType(RateSnapshot)

/** A snapshot ↔ answer of exchangerate-api. */
export const SnapshotFromOpenRates = OpenRates.pipe(
  Schema.decodeTo(
    Snapshot,
    SchemaTransformation.transformEffect<RateSnapshot, typeof OpenRates.Type>({
      decode: ({ base, date, rates, time_last_updated }) => readable({ base, date, rates, seconds: time_last_updated }),
      encode: ({ asOf, base, date, rates }) =>
        Effect.succeed({
          base,
          date,
          ...(asOf === null ? {} : { time_last_updated: secondsOf(asOf) }),
          rates: { [base]: 1, ...Record.map(rates, BigDecimal.toNumberUnsafe) }
        })
    })
  )
)

/** A snapshot ↔ answer of Fixer. */
export const SnapshotFromFixer = FixerRates.pipe(
  Schema.decodeTo(
    Snapshot,
    SchemaTransformation.transformEffect<RateSnapshot, typeof FixerRates.Type>({
      decode: ({ base, date, rates, timestamp }) => readable({ base, date, rates, seconds: timestamp }),
      encode: ({ asOf, base, date, rates }) =>
        Effect.succeed({
          success: true,
          ...(asOf === null ? {} : { timestamp: secondsOf(asOf) }),
          base,
          date,
          rates: { [base]: 1, ...Record.map(rates, BigDecimal.toNumberUnsafe) }
        })
    })
  )
)

/** A snapshot of won ↔ answer of Eximbank for this day. An empty answer has no snapshot: see `FxProviders`. */
export const snapshotFromEximbank = (date: CalendarDate.CalendarDate) =>
  EximbankRates.pipe(
    Schema.decodeTo(
      Snapshot,
      SchemaTransformation.transformEffect<RateSnapshot, typeof EximbankRates.Type>({
        decode: (rows) =>
          Effect.map(Effect.fromResult(ratesOfRows(rows)), (rates) => ({ base: won, date, asOf: null, rates })),
        encode: ({ rates }) => Effect.succeed(rowsOf(rates))
      })
    )
  )

type Rates = RateSnapshot["rates"]

const unreadable = (expected: string) => new SchemaIssue.InvalidValue({ expected })

const readable = (wire: {
  readonly base: string
  readonly date: string
  readonly rates: Readonly<Record<string, unknown>>
  readonly seconds: number | undefined
}): Effect.Effect<RateSnapshot, SchemaIssue.Issue> =>
  Effect.gen(function* () {
    if (wire.base !== pivot) return yield* Effect.fail(unreadable(`rates of ${pivot}`))
    const date = CalendarDate.parse(wire.date)
    if (Option.isNone(date)) return yield* Effect.fail(unreadable("the day of the rates"))
    const asOf = wire.seconds === undefined ? Option.none() : DateTime.make(wire.seconds * 1000)
    const rates = yield* Effect.fromResult(ratesOf(wire.rates))
    return { base: pivot, date: date.value, asOf: Option.getOrNull(Option.map(asOf, DateTime.formatIso)), rates }
  })

const ratesOf = (wire: Readonly<Record<string, unknown>>): Result.Result<Rates, SchemaIssue.Issue> => {
  const rates: Array<readonly [CurrencyCode, Rate]> = []
  for (const [written, value] of Object.entries(wire)) {
    const currency = currencyOf(written)
    if (Option.isNone(currency)) continue
    const rate = typeof value === "number" || typeof value === "string" ? rateOf(value) : Option.none()
    if (Option.isNone(rate)) return Result.fail(unreadable(`a rate above zero for ${written}`))
    if (currency.value !== pivot) rates.push([currency.value, rate.value])
    else if (!BigDecimal.equals(rate.value, one)) return Result.fail(unreadable(`1 for ${pivot} in itself`))
  }
  return rates.length === 0 ? Result.fail(unreadable("rates")) : Result.succeed(Record.fromEntries(rates))
}

const one = BigDecimal.fromBigInt(1n)

const ratesOfRows = (rows: typeof EximbankRates.Type): Result.Result<Rates, SchemaIssue.Issue> => {
  const rates = new Map<CurrencyCode, Rate>()
  for (const { cur_unit, deal_bas_r } of rows) {
    const [, written = "", units = "1"] = /^\s*([A-Z]{3})\s*(?:\((\d{1,6})\))?\s*$/.exec(cur_unit ?? "") ?? []
    const currency = currencyOf(written === "CNH" ? "CNY" : written)
    // The won in itself, and what is no currency of ours. Should both names of the renminbi come, the first counts.
    if (Option.isNone(currency) || currency.value === won || rates.has(currency.value)) continue
    const price = Option.flatMap(withoutCommas(deal_bas_r ?? ""), rateOf)
    const rate = Option.flatMap(price, (wonPerUnits) =>
      Option.flatMap(rateOf(units), (count) => BigDecimal.divide(count, wonPerUnits))
    )
    if (Option.isNone(rate)) return Result.fail(unreadable(`a price above zero for ${written}`))
    rates.set(currency.value, rate.value)
  }
  return rates.size === 0 ? Result.fail(unreadable("rates")) : Result.succeed(Record.fromEntries(rates))
}

/** `1,385.12` is 1385.12; commas must stand where they belong. */
const withoutCommas = (text: string): Option.Option<string> =>
  /^(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$/.test(text.trim()) ? Option.some(text.trim().replaceAll(",", "")) : Option.none()

const rowsOf = (rates: Rates): typeof EximbankRates.Type => [
  { cur_unit: won, deal_bas_r: "1" },
  ...Record.toEntries(rates).map(([currency, rate]) => {
    const units = perHundred.has(currency) ? 100n : 1n
    const price = BigDecimal.divideUnsafe(BigDecimal.fromBigInt(units), rate)
    const unit = currency === "CNY" ? "CNH" : currency
    return { cur_unit: units === 1n ? unit : `${unit}(${units})`, deal_bas_r: withCommas(price) }
  })
]

/** What Eximbank quotes by the hundred. */
const perHundred: ReadonlySet<string> = new Set(["JPY", "IDR", "VND"])

const withCommas = (price: Rate): string => {
  const [whole = "", decimals] = BigDecimal.format(BigDecimal.round(price, { scale: 4 })).split(".")
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",")
  return decimals === undefined ? grouped : `${grouped}.${decimals}`
}

const secondsOf = (instant: string): number => Math.floor(DateTime.toEpochMillis(DateTime.makeUnsafe(instant)) / 1000)
