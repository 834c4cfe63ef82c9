import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { IntegrationUnavailable } from "../../domain/Guarded.ts"
import { Addresses } from "../../services/data/Addresses.ts"
import type { KeywordRefused, PageBeyondEnd } from "../../services/data/Addresses.ts"
import { Companies, type CompanyNotFound, type CompanyUnavailable } from "../../services/data/Companies.ts"
import { ExchangeRates, type RateNotFound } from "../../services/data/ExchangeRates.ts"
import { type FlightNotFound, Flights, type InvalidFlightSearch } from "../../services/data/Flights.ts"
import { HubApi } from "../api/HubApi.ts"
import {
  CompanyNotFoundProblem,
  CompanyUnavailableProblem,
  NotFoundProblem,
  UnavailableProblem
} from "../api/Problems.ts"
import { validationProblem } from "../middleware/Issues.ts"
import { callerName } from "../middleware/RequestContext.ts"
import { withOnly } from "./SmallContext.ts"

/** Which providers were tried stays in the log. */
const unavailable = {
  IntegrationUnavailable: ({ integration, retryAfterMillis }: IntegrationUnavailable) =>
    Effect.fail(
      new UnavailableProblem({
        detail: `No provider of ${integration} answers, and nothing recent enough is kept`,
        retryAfter: Math.max(1, Math.ceil(retryAfterMillis / 1000))
      })
    )
}

const fx = {
  ...unavailable,
  RateNotFound: (error: RateNotFound) => Effect.fail(new NotFoundProblem({ detail: error.message }))
}

const keyword = (path: string) => ({
  ...unavailable,
  KeywordRefused: ({ reason }: KeywordRefused) => Effect.fail(validationProblem([{ path, message: reason }]))
})

const PageBeyond = (error: PageBeyondEnd) => Effect.fail(new NotFoundProblem({ detail: error.message }))

const flightSearch = {
  ...unavailable,
  InvalidFlightSearch: ({ message, path }: InvalidFlightSearch) =>
    Effect.fail(validationProblem([{ path: `query.${path}`, message }]))
}

const flightStatus = {
  ...unavailable,
  FlightNotFound: ({ date, flightNo }: FlightNotFound) =>
    Effect.fail(new NotFoundProblem({ detail: `Nobody knows a flight ${flightNo} on ${date}` }))
}

const company = {
  CompanyNotFound: ({ businessNumber, manualEntryAllowed }: CompanyNotFound) =>
    Effect.fail(
      new CompanyNotFoundProblem({ detail: `The provider knows no company ${businessNumber}`, manualEntryAllowed })
    ),
  CompanyUnavailable: ({ manualEntryAllowed, message, retryAfterMillis }: CompanyUnavailable) =>
    Effect.fail(
      new CompanyUnavailableProblem({
        detail: message,
        manualEntryAllowed,
        retryAfter: Math.max(1, Math.ceil(retryAfterMillis / 1000))
      })
    )
}

export const layer = HttpApiBuilder.group(
  HubApi,
  "providers",
  Effect.fnUntraced(function* (handlers) {
    const exchangeRates = yield* ExchangeRates
    const addresses = yield* Addresses
    const flights = yield* Flights
    const companies = yield* Companies
    return handlers.handleAll({
      fxRates: ({ query }) => exchangeRates.rates(query.base).pipe(Effect.catchTags(fx)),
      fxRate: ({ query }) => exchangeRates.rate(query.from, query.to).pipe(Effect.catchTags(fx)),
      addresses: ({ query }) =>
        addresses
          .search(query.q, query.page)
          .pipe(Effect.catchTags({ ...keyword("query.q"), PageBeyondEnd: PageBeyond })),
      postalCode: ({ params }) =>
        addresses.detail(params.postalCode).pipe(Effect.catchTags(keyword("params.postalCode"))),
      flights: ({ query }) => flights.search(query).pipe(Effect.catchTags(flightSearch)),
      flightStatus: ({ params, query }) =>
        flights.status(params.flightNo, query.date).pipe(Effect.catchTags(flightStatus)),
      company: ({ params }) => companies.company(params.businessNumber).pipe(Effect.catchTags(company)),
      representative: ({ params, query }) =>
        companies.representative(query.name, params.businessNumber).pipe(Effect.catchTags(company)),
      verification: ({ params, query }) =>
        companies.verify(params.businessNumber, query.name).pipe(Effect.catchTags(company)),
      enterCompany: ({ params, payload }) =>
        Effect.flatMap(callerName, (caller) => companies.enter(params.businessNumber, payload, caller))
    })
  })
).pipe(withOnly(ExchangeRates, Addresses, Flights, Companies))
