/**
 * The three sources of exchange rates in the process: their contracts, implemented. Mounted as the transport in sandbox
 * mode.
 *
 * Rates follow from the seed, the day and the currency alone: near those of 2026 for the currencies that matter, anything
 * plausible for the others, moving by up to one percent from day to day. Eximbank has none on weekends. Makes no faults of its
 * own (see `ProviderSandbox`) and checks no key.
 */
import { BigDecimal, Clock, DateTime, Effect, Layer, Option, Record, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import { currencies, CurrencyCode, currencyOf } from "../../domain/Currency.ts"
import { type RateHistory, type RateSnapshot, rateOf, tableOf } from "../../domain/ExchangeRate.ts"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { numberOf } from "../../services/providers/ProviderSandbox.ts"
import { EximbankContract, FixerContract, OpenRatesContract } from "./FxContract.ts"
import { pivot, snapshotFromEximbank, SnapshotFromFixer, SnapshotFromOpenRates } from "./FxMapper.ts"

/** Makes the simulator's transport. */
export const make = Effect.fnUntraced(function* (seed: string) {
  const snapshot = Effect.fnUntraced(function* (base: CurrencyCode, date: CalendarDate.CalendarDate) {
    const rates = yield* Effect.forEach(currencies, (currency) =>
      Effect.map(rateAt(seed, currency, date), (rate) => [currency, rate] as const)
    )
    const current: RateSnapshot = {
      base: pivot,
      date,
      asOf: `${date}T00:00:00.000Z`,
      rates: Record.fromEntries(
        rates.flatMap(([currency, rate]) =>
          currency === pivot ? [] : Option.toArray(Option.map(rateOf(rate), (value) => [currency, value] as const))
        )
      )
    }
    const history: RateHistory = { current, previous: null }
    return Option.getOrElse(tableOf(history, base), () => current)
  })
  const today = Effect.map(Clock.currentTimeMillis, dateOf)

  const open = HttpApiBuilder.group(OpenRatesContract, "rates", (handlers) =>
    handlers.handle("latest", ({ params }) =>
      Effect.flatMap(today, (date) => snapshot(baseOf(params.base), date)).pipe(
        Effect.flatMap(Schema.encodeEffect(SnapshotFromOpenRates)),
        Effect.orDie
      )
    )
  )
  const fixer = HttpApiBuilder.group(FixerContract, "rates", (handlers) =>
    handlers.handle("latest", ({ query }) =>
      Effect.flatMap(today, (date) => snapshot(baseOf(query.base), date)).pipe(
        Effect.flatMap(Schema.encodeEffect(SnapshotFromFixer)),
        Effect.orDie
      )
    )
  )
  const eximbank = HttpApiBuilder.group(EximbankContract, "rates", (handlers) =>
    handlers.handle(
      "ofDay",
      Effect.fnUntraced(function* ({ query }) {
        const date = CalendarDate.parse(query.searchdate)
        if (Option.isNone(date) || CalendarDate.weekdayOf(date.value) > 5) return []
        const { rates, ...rest } = yield* snapshot(CurrencyCode.make("KRW"), date.value)
        const quoted = Record.filter(rates, (_, currency) => quotedByEximbank.has(currency))
        return yield* Effect.orDie(Schema.encodeEffect(snapshotFromEximbank(date.value))({ ...rest, rates: quoted }))
      })
    )
  )

  const routes = Layer.mergeAll(
    HttpApiBuilder.layer(OpenRatesContract).pipe(Layer.provide(open)),
    HttpApiBuilder.layer(FixerContract).pipe(Layer.provide(fixer)),
    HttpApiBuilder.layer(EximbankContract).pipe(Layer.provide(eximbank))
  ).pipe(Layer.provide(HttpServer.layerServices))
  return InProcessClient.fromHttpEffect(yield* HttpRouter.toHttpEffect(routes))
})

const baseOf = (text: string): CurrencyCode => Option.getOrElse(currencyOf(text), () => pivot)

const dateOf = (millis: number): CalendarDate.CalendarDate =>
  CalendarDate.CalendarDate.make(DateTime.formatIsoDateUtc(DateTime.makeUnsafe(millis)))

/** Units of the currency for a dollar, with six significant digits. */
const rateAt = (seed: string, currency: CurrencyCode, date: string): Effect.Effect<string> =>
  Effect.gen(function* () {
    const known = typical.get(currency)
    // Anything from 0.5 to 500 for the rest.
    const usual = known ?? 0.5 * 1000 ** (yield* numberOf(seed, currency))
    const wobble = 1 + ((yield* numberOf(seed, currency, date)) - 0.5) / 100
    return BigDecimal.format(BigDecimal.fromNumberUnsafe(Number((usual * wobble).toPrecision(6))))
  })

const typical: ReadonlyMap<string, number> = new Map(
  `KRW 1385 EUR 0.86 JPY 152 CNY 7.12 GBP 0.75 AUD 1.53 CAD 1.4 CHF 0.8 HKD 7.78 TWD 30.6 SGD 1.29 THB 32.4 VND 26300
   IDR 16600 MYR 4.22 PHP 58.3 INR 88 NZD 1.74 SEK 9.4 NOK 10 DKK 6.4 PLN 3.65 CZK 20.9 HUF 334 TRY 42 ZAR 17.3 BRL 5.4
   MXN 18.4 AED 3.6725 SAR 3.75 KWD 0.307 BHD 0.376 ILS 3.27 RUB 81 KZT 530 MNT 3590 USD 1`
    .split(/\s+/)
    .reduce<Array<[string, number]>>(
      (pairs, word, index, words) => (index % 2 === 0 ? [...pairs, [word, Number(words[index + 1])]] : pairs),
      []
    )
)

const quotedByEximbank: ReadonlySet<string> = new Set(
  "AED AUD BHD CAD CHF CNY DKK EUR GBP HKD IDR JPY KWD MYR NOK NZD SAR SEK SGD THB USD".split(" ")
)
