/**
 * Flights from and to airports that the hub knows (provider integrations, section 2): a port; `adapters/flights` fills it.
 * Answers say where they come from and how old they are. Requests are valid by their types, so nobody is asked in vain.
 */
import { Context, type Effect, Schema } from "effect"
import { CalendarDate } from "../../domain/CalendarDate.ts"
import { FlightNo, type FlightSchedule, type FlightSearch, type FlightStatus } from "../../domain/Flight.ts"
import type { Guarded, IntegrationUnavailable } from "../../domain/Guarded.ts"

/** The request makes no sense, though each of its values does. No call was made. */
export class InvalidFlightSearch extends Schema.TaggedError<InvalidFlightSearch>()("InvalidFlightSearch", {
  path: Schema.String,
  message: Schema.String
}) {}

/** Nobody knows a flight of this number on that day. */
export class FlightNotFound extends Schema.TaggedError<FlightNotFound>()("FlightNotFound", {
  flightNo: FlightNo,
  date: CalendarDate
}) {}

export class Flights extends Context.Service<
  Flights,
  {
    /** The flights of a route on a day, earliest first; none is an answer. Fresh for 1 h, served stale for 7 days. */
    readonly search: (
      search: FlightSearch
    ) => Effect.Effect<Guarded<FlightSchedule>, IntegrationUnavailable | InvalidFlightSearch>
    /** How a flight is going. Fresh for 5 min, served stale for 2 h. */
    readonly status: (
      flightNo: FlightNo,
      date: CalendarDate
    ) => Effect.Effect<Guarded<FlightStatus>, IntegrationUnavailable | FlightNotFound>
  }
>()("hub/services/data/Flights") {}
