/**
 * Flights from ODCloud (timetable) and the airports corporation (status), behind guarded calls (provider integrations,
 * section 2).
 *
 * One timetable, read whole, answers for every route and day within its time, so a search costs no call as a rule, and an
 * outage leaves every search an answer for seven days. Filters by airline and number are applied here.
 */
import { Effect, Layer, Schema } from "effect"
import { type FlightNo, FlightReport, type FlightSearch } from "../../domain/Flight.ts"
import type { CalendarDate } from "../../domain/CalendarDate.ts"
import { IntegrationUnavailable, map } from "../../domain/Guarded.ts"
import type { Rejected } from "../../domain/IntegrationError.ts"
import { FlightNotFound, Flights, InvalidFlightSearch } from "../../services/data/Flights.ts"
import * as CacheKey from "../../services/providers/CacheKey.ts"
import * as GuardedCall from "../../services/providers/GuardedCall.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import { freshness } from "../../services/providers/ProviderPolicy.ts"
import * as ProviderSandbox from "../../services/providers/ProviderSandbox.ts"
import * as FlightProviders from "./FlightProviders.ts"
import * as FlightSandbox from "./FlightSandbox.ts"
import { flightsOn, Timetable } from "./TimetableMapper.ts"

const integration = "flights"

export const layer = (config: ProviderConfig["flights"]) => Layer.effect(Flights, make(config))

const make = Effect.fnUntraced(function* (config: ProviderConfig["flights"]) {
  const simulator = yield* FlightSandbox.make(config.sandbox.seed)
  const connect = yield* ProviderSandbox.connect({
    integration,
    config,
    simulator,
    providers: FlightProviders.declarations(config)
  })
  const options = { config, connect }
  const odcloud = yield* FlightProviders.odcloud(options)
  const kac = yield* FlightProviders.kac(options)

  const timetable = yield* GuardedCall.make({
    integration,
    operation: "schedule",
    key: () => CacheKey.parameters({ dataset: config.odcloud.dataset }),
    data: Timetable,
    freshness: freshness.flightSchedule,
    isEmpty: ({ routes }) => Object.keys(routes).length === 0,
    providers: [{ provider: odcloud.provider, call: () => odcloud.call }]
  })
  const reports = yield* GuardedCall.make({
    integration,
    operation: "status",
    key: ({ date, flightNo }: { readonly flightNo: FlightNo; readonly date: CalendarDate }) =>
      CacheKey.parameters({ flightNo: CacheKey.code(flightNo), date }),
    data: Schema.Array(FlightReport),
    freshness: freshness.flightStatus,
    isEmpty: (found) => found.length === 0,
    providers: [{ provider: kac.provider, call: ({ date, flightNo }) => kac.call(flightNo, date) }]
  })

  return Flights.of({
    search: Effect.fn("Flights.search")(function* (search: FlightSearch) {
      if (search.departure === search.arrival) {
        return yield* new InvalidFlightSearch({ path: "arrival", message: "another airport than that of departure" })
      }
      const answer = yield* Effect.catchTag(timetable.run(undefined), "Rejected", refusedBy("schedule"))
      return map(answer, (whole) => ({ flights: flightsOn(whole, search), complete: whole.complete }))
    }),
    status: Effect.fn("Flights.status")(function* (flightNo: FlightNo, date: CalendarDate) {
      const answer = yield* Effect.catchTag(reports.run({ flightNo, date }), "Rejected", refusedBy("status"))
      if (answer.data.length === 0) return yield* new FlightNotFound({ flightNo, date })
      return map(answer, (found) => ({ flightNo, date, reports: found }))
    })
  })
})

/** What is asked for is valid before it is asked, so a refusal is not the caller's fault. */
const refusedBy = (operation: string) => (refusal: Rejected) =>
  Effect.fail(
    new IntegrationUnavailable({
      integration,
      operation,
      tried: [{ provider: refusal.adapter, reason: refusal._tag }],
      retryAfterMillis: 60_000
    })
  )
