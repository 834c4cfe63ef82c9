/**
 * Exchange rates as exact decimals (provider integrations, section 2), and the arithmetic on them. Pure.
 *
 * A snapshot is what one source said at one instant. Every rate that the hub gives comes from a single snapshot, crossed
 * over its base where need be: rates of two sources or two days are never mixed. A rate is above zero, so nothing that
 * could be divided by zero or multiplied away gets this far. What a snapshot lacks is missing, never 1.
 */
import { BigDecimal, Option, Record, Schema, SchemaTransformation } from "effect"
import { CalendarDate } from "./CalendarDate.ts"
import { CurrencyCode } from "./Currency.ts"
import { Instant } from "./Instant.ts"

/** Digits and a point, never an exponent. */
const written = (rate: BigDecimal.BigDecimal): string => {
  const { scale, value } = BigDecimal.normalize(rate)
  if (scale <= 0) return `${value}${"0".repeat(-scale)}`
  const digits = value.toString().padStart(scale + 1, "0")
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Units of one currency for one unit of another: a decimal above zero, in JSON a string, e.g. `"1385.12"`. */
export const Rate = Schema.String.check(
  Schema.isPattern(/^\d{1,100}(\.\d{1,200})?$/, { expected: "a decimal above zero" })
).pipe(
  Schema.decodeTo(
    Schema.BigDecimal.check(Schema.isGreaterThanBigDecimal(BigDecimal.fromBigInt(0n))),
    SchemaTransformation.transform({ decode: BigDecimal.fromStringUnsafe, encode: written })
  )
)
export type Rate = typeof Rate.Type

/** How far a rate moved from one snapshot to the next. */
export const RateChange = Schema.Struct({
  previous: Rate,
  current: Rate,
  /** Of the previous rate, with its sign, e.g. `-23.4`; one decimal. */
  percent: Schema.Finite
})
export type RateChange = typeof RateChange.Type

const snapshotFields = {
  base: CurrencyCode,
  /** The day that the source says the rates are of. */
  date: CalendarDate,
  /** The instant, where the source says it. */
  asOf: Schema.NullOr(Instant),
  /** How much of each currency one unit of the base buys; the base itself is not in it. */
  rates: Schema.Record(CurrencyCode, Rate)
}

export const RateSnapshot = Schema.Struct(snapshotFields)
export type RateSnapshot = typeof RateSnapshot.Type

/** All rates of a currency. */
export const RateTable = Schema.Struct({
  ...snapshotFields,
  /** Rates to be looked at by somebody: they moved more than 20 % since the snapshot before this one. */
  flagged: Schema.Array(Schema.Struct({ currency: CurrencyCode, ...RateChange.fields }))
})
export type RateTable = typeof RateTable.Type

/** One rate. */
export const Quote = Schema.Struct({
  from: CurrencyCode,
  to: CurrencyCode,
  /** How much of `to` one unit of `from` buys. */
  rate: Rate,
  /** The day that the source says the rate is of; null for a currency in itself. */
  date: Schema.NullOr(CalendarDate),
  asOf: Schema.NullOr(Instant),
  /** Set = to be looked at by somebody: the rate moved more than 20 % since the snapshot before this one. */
  flagged: Schema.NullOr(RateChange)
})
export type Quote = typeof Quote.Type

/** What one source said, and what was said the time before, by whichever source; null = nobody remembers. */
export const RateHistory = Schema.Struct({ current: RateSnapshot, previous: Schema.NullOr(RateSnapshot) })
export type RateHistory = typeof RateHistory.Type

/** A change is flagged above this, in percent of the rate before. */
const alarmPercent = BigDecimal.fromBigInt(20n)

/** Significant digits of a rate that had to be divided. */
const precision = 18

const one = BigDecimal.fromBigInt(1n)

/** The decimal that a source wrote, as a number or as text; none unless it is above zero. Exponents are understood. */
export const rateOf = (value: number | string): Option.Option<Rate> => {
  const text = typeof value === "number" ? String(value) : value.trim()
  // Exponents of any size would make numbers of any length.
  if (!/^\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,2})?$/i.test(text)) return Option.none()
  return Option.filter(BigDecimal.fromString(text), BigDecimal.isPositive)
}

/** How much of `to` one unit of `from` buys; none = the snapshot lacks one of them. */
export const crossRate = (snapshot: RateSnapshot, from: CurrencyCode, to: CurrencyCode): Option.Option<Rate> => {
  if (from === to) return Option.some(one)
  const inBase = (currency: CurrencyCode): Option.Option<Rate> =>
    currency === snapshot.base ? Option.some(one) : Record.get(snapshot.rates, currency)
  return Option.flatMap(inBase(from), (divisor) =>
    Option.flatMap(inBase(to), (rate) => Option.map(BigDecimal.divide(rate, divisor), rounded))
  )
}

/** All rates of a currency; none = the snapshot lacks it. */
export const tableOf = ({ current, previous }: RateHistory, base: CurrencyCode): Option.Option<RateTable> => {
  if (base !== current.base && !Record.has(current.rates, base)) return Option.none()
  const currencies = [current.base, ...Record.keys(current.rates)].filter((currency) => currency !== base).toSorted()
  const rates = currencies.flatMap((currency) =>
    Option.toArray(Option.map(crossRate(current, base, currency), (rate) => [currency, rate] as const))
  )
  const flagged = rates.flatMap(([currency, rate]) =>
    Option.toArray(Option.map(alarmOf(previous, base, currency, rate), (change) => ({ currency, ...change })))
  )
  return Option.some({ base, date: current.date, asOf: current.asOf, rates: Record.fromEntries(rates), flagged })
}

/** One rate; none = the snapshot lacks one of the currencies. */
export const quoteOf = (
  { current, previous }: RateHistory,
  from: CurrencyCode,
  to: CurrencyCode
): Option.Option<Quote> =>
  Option.map(crossRate(current, from, to), (rate) => ({
    from,
    to,
    rate,
    date: current.date,
    asOf: current.asOf,
    flagged: Option.getOrNull(alarmOf(previous, from, to, rate))
  }))

/** A currency in itself: 1, whatever the day. */
export const identityQuote = (currency: CurrencyCode): Quote => ({
  from: currency,
  to: currency,
  rate: one,
  date: null,
  asOf: null,
  flagged: null
})

/** The move of a rate since the snapshot before, when it is more than `alarmPercent` of what it was. */
const alarmOf = (
  previous: RateSnapshot | null,
  from: CurrencyCode,
  to: CurrencyCode,
  rate: Rate
): Option.Option<RateChange> =>
  Option.flatMap(previous === null ? Option.none() : crossRate(previous, from, to), (before) => {
    const moved = BigDecimal.subtract(rate, before)
    const hundredfold = BigDecimal.multiply(BigDecimal.abs(moved), BigDecimal.fromBigInt(100n))
    if (!BigDecimal.isGreaterThan(hundredfold, BigDecimal.multiply(before, alarmPercent))) return Option.none()
    const percent = BigDecimal.round(
      BigDecimal.multiply(BigDecimal.divideUnsafe(moved, before), BigDecimal.fromBigInt(100n)),
      { scale: 1 }
    )
    return Option.some({ previous: before, current: rate, percent: BigDecimal.toNumberUnsafe(percent) })
  })

/** To so many significant digits that what a source wrote stays exact, also after it was divided and divided back. */
const rounded = (rate: Rate): Rate => {
  const normal = BigDecimal.normalize(rate)
  const excess = normal.value.toString().length - precision
  return excess <= 0 ? normal : BigDecimal.normalize(BigDecimal.round(normal, { scale: normal.scale - excess }))
}
