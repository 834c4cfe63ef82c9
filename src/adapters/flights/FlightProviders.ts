/**
 * The two sources of flights, as providers of guarded calls: ODCloud for the timetable, the airports corporation (KAC) for
 * how a flight is going.
 *
 * ODCloud cannot be asked about a route, so the whole timetable is read, page by page, up to a cap; each page is an attempt
 * of its own. Half a timetable is never taken for a whole one: it says so.
 */
import { Effect, Option, Redacted, Schema, type Scope } from "effect"
import { type HttpClient, HttpClientResponse } from "effect/http"
import type { CalendarDate } from "../../domain/CalendarDate.ts"
import type { FlightNo, FlightReport } from "../../domain/Flight.ts"
import { type IntegrationError, Transient } from "../../domain/IntegrationError.ts"
import * as Provider from "../../services/providers/Provider.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import type { ProviderPolicies } from "../../services/providers/ProviderPolicies.ts"
import { ProviderPolicy } from "../../services/providers/ProviderPolicy.ts"
import type { ProviderDeclaration } from "../../services/providers/ProviderConnections.ts"
import { type Connect, withParameter } from "../../services/providers/ProviderSandbox.ts"
import type { RateLimits } from "../../services/providers/RateLimits.ts"
import type { CircuitBreakers } from "../../services/resilience/CircuitBreakers.ts"
import * as KacContract from "./KacContract.ts"
import { errorOfKac } from "./KacFailure.ts"
import { reportsOf } from "./KacMapper.ts"
import { TimetablePage, type TimetableRow } from "./OdcloudContract.ts"
import { verdictOfOdcloud } from "./OdcloudFailure.ts"
import { routesOf, type Timetable } from "./TimetableMapper.ts"

export type Source = "odcloud" | "kac"

type Options = { readonly config: ProviderConfig["flights"]; readonly connect: Connect<Source> }

/** Where the whole timetable comes from. */
export interface TimetableSource {
  readonly provider: Provider.Provider
  readonly call: Effect.Effect<Timetable, IntegrationError>
}

export interface StatusSource {
  readonly provider: Provider.Provider
  /** Empty: no airport knows such a flight on that day. */
  readonly call: (
    flightNo: FlightNo,
    date: CalendarDate
  ) => Effect.Effect<ReadonlyArray<FlightReport>, IntegrationError>
}

const integration = "flights"

/** Rows asked for at once, and pages read at most: what comes after them is left out. */
const perPage = 1000
const maxPages = 30

/** Of the sandbox; a real one has a UUID. */
export const sandboxDataset = "uddi:sandbox"

/** Where they are, and what they want. The address of KAC, and the dataset, are settings. */
export const declarations = ({
  kac: { baseUrl, key },
  odcloud: timetable
}: ProviderConfig["flights"]): Readonly<Record<Source, ProviderDeclaration>> => ({
  odcloud: {
    liveUrl: "https://api.odcloud.kr/api",
    baseUrl: timetable.baseUrl,
    secrets: { key: timetable.key },
    required: true,
    ...(timetable.dataset === null ? { lacks: "FLIGHTS_ODCLOUD_DATASET" } : {})
  },
  kac: { liveUrl: null, baseUrl, secrets: { key }, required: true }
})

type Needs = CircuitBreakers | RateLimits | ProviderPolicies | Scope.Scope

export const odcloud = Effect.fnUntraced(function* ({
  config,
  connect
}: Options): Effect.fn.Return<TimetableSource, never, Needs> {
  const { dataset } = config.odcloud
  const route = connect.to("odcloud")
  const provider = yield* Provider.make({
    ...route,
    integration,
    policy: ProviderPolicy.make({ circuit: "STANDARD", timeout: config.timeout }),
    httpClient: withKey(route.httpClient, connect.secret("odcloud", "key")),
    checkAnswer: verdictOfOdcloud
  })
  const operation = "GET /15043890/v1/{dataset}"
  const path = `/15043890/v1/${dataset ?? sandboxDataset}`
  const garbage = (message: string) => new Transient({ adapter: provider.name, operation, message, reason: "Garbage" })

  const readPage = (page: number) =>
    provider.attempt(
      operation,
      provider.client.get(path, { urlParams: { page, perPage }, acceptJson: true }).pipe(
        Effect.flatMap(HttpClientResponse.schemaBodyJson(TimetablePage)),
        // A portal that ignores the number would give the first page again and again.
        Effect.filterOrFail(
          (answer) => answer.page === page,
          (answer) => garbage(`asked for page ${page}, it answered with page ${answer.page}`)
        )
      )
    )

  const call = Effect.gen(function* () {
    const rows: Array<TimetableRow> = []
    let complete = false
    for (let page = 1; page <= maxPages && !complete; page++) {
      const { data, matchCount, totalCount } = yield* readPage(page)
      rows.push(...data)
      complete = rows.length >= (matchCount ?? totalCount)
      if (data.length === 0) break
    }
    const { routes, unreadable } = routesOf(rows)
    if (rows.length > 0 && unreadable === rows.length) return yield* garbage("no row of the timetable can be read")
    if (unreadable > 0 || !complete) {
      yield* Effect.annotateLogs(Effect.logWarning("the timetable could not be read whole"), {
        integration,
        rows: rows.length,
        unreadable,
        complete
      })
    }
    return { routes, complete }
  })
  return { provider, call }
})

export const kac = Effect.fnUntraced(function* ({
  config,
  connect
}: Options): Effect.fn.Return<StatusSource, never, Needs> {
  const route = connect.to("kac")
  const provider = yield* Provider.make({
    ...route,
    integration,
    policy: ProviderPolicy.make({ circuit: "FAST", timeout: config.timeout }),
    httpClient: withKey(route.httpClient, connect.secret("kac", "key"))
  })
  const operation = "GET /FlightStatusListDTL/v1/getFlightStatusListDetail"
  const where = { adapter: provider.name, operation }
  const answered = (
    answer: KacContract.KacAnswer
  ): Effect.Effect<ReadonlyArray<KacContract.KacItem>, IntegrationError> => {
    switch (answer._tag) {
      case "Items":
        return Effect.succeed(answer.items)
      case "Failure":
        return Effect.fail(errorOfKac(answer.code, where))
      case "Garbage":
        return Effect.fail(new Transient({ ...where, message: "answered with no XML that we know", reason: "Garbage" }))
    }
  }
  const call: StatusSource["call"] = (flightNo, date) =>
    provider
      .attempt(
        operation,
        provider.client
          .get("/FlightStatusListDTL/v1/getFlightStatusListDetail", {
            urlParams: { flightId: flightNo, schDate: date.replaceAll("-", "") },
            headers: { accept: "application/xml" }
          })
          .pipe(
            Effect.flatMap((response) => response.text),
            Effect.flatMap(KacContract.read),
            Effect.flatMap(answered)
          )
      )
      .pipe(Effect.map((items) => reportsOf(items, flightNo, date)))
  return { provider, call }
})

/** The portal hands its keys out in two forms; the one that is escaped already must not be escaped again. */
const withKey = (httpClient: HttpClient.HttpClient, key: Effect.Effect<Redacted.Redacted | null>) =>
  withParameter(
    httpClient,
    "serviceKey",
    Effect.map(key, (value) => (value === null ? null : Redacted.make(unescaped(Redacted.value(value)))))
  )

const unescaped = (key: string): string => (key.includes("%") ? Option.getOrElse(decodeUri(key), () => key) : key)

const decodeUri = Schema.decodeOption(Schema.StringFromUriComponent)
