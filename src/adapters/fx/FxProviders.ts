/**
 * The three sources of exchange rates, as providers of a guarded call.
 *
 * Eximbank announces rates on working days only. An empty list is a good answer with nothing in it, so the working day
 * before is asked, up to ten days back; weekends are not asked about. When nobody announced anything in ten days, the
 * source has no data and the next is asked; that counts nothing against its circuit.
 */
import { Clock, DateTime, Duration, Effect, Option, Schema } from "effect"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import { Transient } from "../../domain/IntegrationError.ts"
import * as Provider from "../../services/providers/Provider.ts"
import type { ProviderConfig, ProviderEndpoint } from "../../services/providers/ProviderConfig.ts"
import { ProviderPolicy } from "../../services/providers/ProviderPolicy.ts"
import type { ProviderDeclaration } from "../../services/providers/ProviderConnections.ts"
import { type Connect, withParameter } from "../../services/providers/ProviderSandbox.ts"
import { EximbankContract, FixerContract, OpenRatesContract } from "./FxContract.ts"
import { verdictOfEximbank, verdictOfFixer } from "./FxFailure.ts"
import { pivot, snapshotFromEximbank, SnapshotFromFixer, SnapshotFromOpenRates } from "./FxMapper.ts"

export type Source = "fx_primary" | "fx_secondary" | "fx_eximbank"

type Options = { readonly config: ProviderConfig["fx"]; readonly connect: Connect<Source> }

const integration = "fx"

/** Where they are, and what they want. */
export const declarations = (config: ProviderConfig["fx"]): Readonly<Record<Source, ProviderDeclaration>> => {
  const optional = (liveUrl: string, { baseUrl, key }: ProviderEndpoint) => ({
    liveUrl,
    baseUrl,
    secrets: { key },
    required: false
  })
  return {
    fx_primary: {
      liveUrl: "https://api.exchangerate-api.com",
      baseUrl: config.primary.baseUrl,
      secrets: {},
      required: true
    },
    fx_secondary: optional("https://data.fixer.io/api", config.secondary),
    fx_eximbank: optional("https://oapi.koreaexim.go.kr", config.eximbank)
  }
}

/** In the order in which they are asked: what has no key is asked by the sandbox only. */
export const make = Effect.fnUntraced(function* (options: Options) {
  return [yield* primary(options), yield* secondary(options), yield* eximbank(options)]
})

const primary = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const provider = yield* Provider.make({
    integration,
    policy: ProviderPolicy.make({ circuit: "STANDARD", timeout: config.timeout }),
    ...connect.to("fx_primary")
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
  const { httpClient, ...connection } = connect.to("fx_secondary")
  const provider = yield* Provider.make({
    integration,
    policy: ProviderPolicy.make({ circuit: "FAST", timeout: config.timeout }),
    ...connection,
    httpClient: withParameter(httpClient, "access_key", connect.secret("fx_secondary", "key")),
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
  const { httpClient, ...connection } = connect.to("fx_eximbank")
  const provider = yield* Provider.make({
    integration,
    policy: ProviderPolicy.make({ circuit: "FAST", timeout: config.timeout }),
    ...connection,
    httpClient: withParameter(httpClient, "authkey", connect.secret("fx_eximbank", "key")),
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

const seoulOffset = Duration.toMillis(Duration.hours(9))

/** Korea keeps no summer time. */
const seoulDate = (millis: number): CalendarDate.CalendarDate =>
  CalendarDate.CalendarDate.make(DateTime.formatIsoDateUtc(DateTime.makeUnsafe(millis + seoulOffset)))
