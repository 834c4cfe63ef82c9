/**
 * The three sources of exchange rates, as providers of a guarded call.
 *
 * Eximbank announces rates on working days only. An empty list is a good answer with nothing in it, so the working day
 * before is asked, up to ten days back; weekends are not asked about. When nobody announced anything in ten days, the
 * source has no data and the next is asked; that counts nothing against its circuit.
 */
import { Clock, DateTime, Duration, Effect, Option, type Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import { Transient } from "../../domain/IntegrationError.ts"
import * as Provider from "../../services/providers/Provider.ts"
import type { ProviderConfig, ProviderEndpoint } from "../../services/providers/ProviderConfig.ts"
import { ProviderPolicy } from "../../services/providers/ProviderPolicy.ts"
import type { Connect } from "../../services/providers/ProviderSandbox.ts"
import { EximbankContract, FixerContract, OpenRatesContract } from "./FxContract.ts"
import { verdictOfEximbank, verdictOfFixer } from "./FxFailure.ts"
import { pivot, snapshotFromEximbank, SnapshotFromFixer, SnapshotFromOpenRates } from "./FxMapper.ts"

export interface Options {
  readonly config: ProviderConfig["fx"]
  readonly connect: Connect
}

const integration = "fx"

/** Those that are asked, in the order in which they are: what has no key is asked by the sandbox only. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { config } = options
  if (config.mode === "off") return []
  const isAsked = ({ key }: ProviderEndpoint) => config.mode === "sandbox" || key !== null
  return [
    yield* primary(options),
    ...(isAsked(config.secondary) ? [yield* secondary(options)] : []),
    ...(isAsked(config.eximbank) ? [yield* eximbank(options)] : [])
  ]
})

const primary = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const provider = yield* Provider.make({
    integration,
    name: "fx_primary",
    policy: ProviderPolicy.make({ circuit: "STANDARD", timeout: config.timeout }),
    ...connect(config.primary, "https://api.exchangerate-api.com")
  })
  const api = yield* provider.api(OpenRatesContract)
  const decode = Schema.decodeEffect(SnapshotFromOpenRates)
  return {
    provider,
    call: () =>
      provider.attempt("GET /v4/latest/{base}", Effect.flatMap(api.rates.latest({ params: { base: pivot } }), decode))
  }
})

const secondary = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const { httpClient, ...connection } = connect(config.secondary, "https://data.fixer.io/api")
  const provider = yield* Provider.make({
    integration,
    name: "fx_secondary",
    policy: ProviderPolicy.make({ circuit: "FAST", timeout: config.timeout }),
    ...connection,
    httpClient: withKey(httpClient, "access_key", config.secondary.key),
    checkAnswer: verdictOfFixer
  })
  const api = yield* provider.api(FixerContract)
  const decode = Schema.decodeEffect(SnapshotFromFixer)
  return {
    provider,
    call: () => provider.attempt("GET /latest", Effect.flatMap(api.rates.latest({ query: { base: pivot } }), decode))
  }
})

/** Days to look back, and how many of them may be asked about. */
const lookBack = 10

const eximbank = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const { httpClient, ...connection } = connect(config.eximbank, "https://oapi.koreaexim.go.kr")
  const provider = yield* Provider.make({
    integration,
    name: "fx_eximbank",
    policy: ProviderPolicy.make({ circuit: "FAST", timeout: config.timeout }),
    ...connection,
    httpClient: withKey(httpClient, "authkey", config.eximbank.key),
    checkAnswer: verdictOfEximbank
  })
  const api = yield* provider.api(EximbankContract)
  const operation = "GET /site/program/financial/exchangeJSON"

  /** None: no rates were announced on that day. */
  const ofDay = (date: CalendarDate.CalendarDate) =>
    provider.attempt(
      operation,
      api.rates
        .ofDay({ query: { searchdate: date.replaceAll("-", ""), data: "AP01" } })
        .pipe(
          Effect.flatMap((rows) =>
            rows.length === 0
              ? Effect.succeedNone
              : Effect.asSome(Schema.decodeEffect(snapshotFromEximbank(date))(rows))
          )
        )
    )

  const call = Effect.fnUntraced(function* () {
    const today = seoulDate(yield* Clock.currentTimeMillis)
    for (let back = 0; back <= lookBack; back++) {
      const date = CalendarDate.plusDays(today, -back)
      if (Option.isNone(date) || CalendarDate.weekdayOf(date.value) > 5) continue
      const snapshot = yield* ofDay(date.value)
      if (Option.isSome(snapshot)) return snapshot.value
    }
    return yield* new Transient({
      adapter: provider.name,
      operation,
      message: `no rates were announced in the last ${lookBack} days`
    })
  })
  return { provider, call }
})

/** As Redacted, so that no span or error shows it. */
const withKey = (httpClient: HttpClient.HttpClient, name: string, key: Redacted.Redacted | null) =>
  key === null ? httpClient : HttpClient.mapRequest(httpClient, HttpClientRequest.setUrlParam(name, key))

const seoulOffset = Duration.toMillis(Duration.hours(9))

/** Korea keeps no summer time. */
const seoulDate = (millis: number): CalendarDate.CalendarDate =>
  CalendarDate.CalendarDate.make(DateTime.formatIsoDateUtc(DateTime.makeUnsafe(millis + seoulOffset)))
