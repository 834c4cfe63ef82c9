/** Data that outside services are asked for (provider integrations, section 3). */
import { Effect, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import {
  AddressKeywordFromText,
  AddressPage,
  AddressPageNumber,
  PostalCode,
  PostalCodeDetail
} from "../../domain/Address.ts"
import { AirportCodeFromText } from "../../domain/Airport.ts"
import { BusinessNumberFromText } from "../../domain/BusinessNumber.ts"
import { CalendarDate } from "../../domain/CalendarDate.ts"
import { Company, ManualCompany, Representative, Verification } from "../../domain/Company.ts"
import { CurrencyCodeFromText } from "../../domain/Currency.ts"
import { Quote, RateTable } from "../../domain/ExchangeRate.ts"
import { AirlineCodeFromText, FlightNoFromText, FlightSchedule, FlightStatus } from "../../domain/Flight.ts"
import { guarded } from "../../domain/Guarded.ts"
import { name as Name } from "../../domain/Text.ts"
import { Authorization, RequestChecks, RequiredScope } from "./Access.ts"
import {
  CompanyNotFoundProblem,
  CompanyUnavailableProblem,
  NotFoundProblem,
  UnavailableProblem,
  ValidationProblem
} from "./Problems.ts"
import { filter, fromDigits } from "./Queries.ts"

const companyParams = { businessNumber: BusinessNumberFromText }
const companyErrors = [CompanyNotFoundProblem, CompanyUnavailableProblem] as const

export const ProvidersApi = HttpApiGroup.make("providers")
  .add(
    HttpApiEndpoint.get("fxRates", "/providers/fx/rates", {
      query: { base: CurrencyCodeFromText },
      success: guarded(RateTable),
      error: [NotFoundProblem, UnavailableProblem]
    }),
    HttpApiEndpoint.get("fxRate", "/providers/fx/rate", {
      query: { from: CurrencyCodeFromText, to: CurrencyCodeFromText },
      success: guarded(Quote),
      error: [NotFoundProblem, UnavailableProblem]
    }),
    HttpApiEndpoint.get("addresses", "/providers/addresses", {
      query: {
        q: AddressKeywordFromText,
        page: fromDigits(AddressPageNumber).pipe(Schema.withDecodingDefaultKey(Effect.succeed("1")))
      },
      success: guarded(AddressPage),
      error: [ValidationProblem, NotFoundProblem, UnavailableProblem]
    }),
    HttpApiEndpoint.get("postalCode", "/providers/addresses/:postalCode", {
      params: { postalCode: PostalCode },
      success: guarded(PostalCodeDetail),
      error: [ValidationProblem, UnavailableProblem]
    }),
    HttpApiEndpoint.get("flights", "/providers/flights", {
      query: {
        departure: AirportCodeFromText,
        arrival: AirportCodeFromText,
        date: CalendarDate,
        airline: filter(AirlineCodeFromText),
        flightNo: filter(FlightNoFromText)
      },
      success: guarded(FlightSchedule),
      error: [ValidationProblem, UnavailableProblem]
    }),
    HttpApiEndpoint.get("flightStatus", "/providers/flights/:flightNo/status", {
      params: { flightNo: FlightNoFromText },
      query: { date: CalendarDate },
      success: guarded(FlightStatus),
      error: [NotFoundProblem, UnavailableProblem]
    }),
    HttpApiEndpoint.get("company", "/providers/companies/:businessNumber", {
      params: companyParams,
      success: guarded(Company),
      error: companyErrors
    }),
    HttpApiEndpoint.get("representative", "/providers/companies/:businessNumber/representative", {
      params: companyParams,
      query: { name: Name },
      success: guarded(Representative),
      error: companyErrors
    }),
    HttpApiEndpoint.get("verification", "/providers/companies/:businessNumber/verification", {
      params: companyParams,
      query: { name: filter(Name) },
      success: guarded(Verification),
      error: companyErrors
    }),
    HttpApiEndpoint.put("enterCompany", "/providers/companies/:businessNumber", {
      params: companyParams,
      payload: ManualCompany,
      success: Company
    }).annotate(
      OpenApi.Description,
      "Enters a company by hand, for as long as the provider has no answer about it. Kept with who and when."
    )
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "core")
  .annotate(OpenApi.Title, "Data services")
