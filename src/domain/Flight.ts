/**
 * Flights as the hub tells of them: the timetable of a route, and how a flight of a day is going (provider integrations,
 * section 2). Times of the timetable are those of the airport's own clock. What a source does not say is null: no gate, no
 * time, no airline is ever guessed.
 */
import { Schema, SchemaTransformation } from "effect"
import { AirportCode } from "./Airport.ts"
import { CalendarDate } from "./CalendarDate.ts"

/** Airline (IATA two or ICAO three characters) and number: `KE1201`, `7C101`, `KAL1201`, `KE081A`. */
export const FlightNo = Schema.String.check(
  Schema.isPattern(/^([A-Z]\d|\d[A-Z]|[A-Z]{2,3})\d{1,4}[A-Z]?$/, { expected: "a flight number, e.g. KE1201" })
).pipe(Schema.brand("FlightNo"))
export type FlightNo = typeof FlightNo.Type

/** As people type it: `ke 1201` and `KE-1201` are `KE1201`. */
export const FlightNoFromText = Schema.String.pipe(
  Schema.decodeTo(
    FlightNo,
    SchemaTransformation.transform({
      decode: (value) => value.replace(/[\s-]+/gu, "").toUpperCase(),
      encode: (value) => value
    })
  )
)

/** Whether two numbers are one flight: `KE081` and `KE81` are. */
export const isSameFlight = (one: string, other: string): boolean => withoutZeros(one) === withoutZeros(other)

const withoutZeros = (flightNo: string): string => flightNo.replace(/^([A-Z]\d|\d[A-Z]|[A-Z]{2,3})0+(?=\d)/u, "$1")

/** IATA or ICAO code of an airline. */
export const AirlineCode = Schema.String.check(
  Schema.isPattern(/^([A-Z]\d|\d[A-Z]|[A-Z]{2,3})$/, { expected: "an airline's code, e.g. KE" })
)

/** As people type it. */
export const AirlineCodeFromText = Schema.String.pipe(
  Schema.decodeTo(
    AirlineCode,
    SchemaTransformation.transform({ decode: (value) => value.trim().toUpperCase(), encode: (value) => value })
  )
)

/** `HH:mm`, of 24 hours. */
export const ClockTime = Schema.String.check(Schema.isPattern(/^([01]\d|2[0-3]):[0-5]\d$/))

/** A flight that the timetable has on a day. */
export const ScheduledFlight = Schema.Struct({
  flightNo: FlightNo,
  /** As the timetable writes it. */
  airline: Schema.NullOr(Schema.String),
  departure: AirportCode,
  arrival: AirportCode,
  date: CalendarDate,
  /** Of the airport of departure; null = the timetable does not say. */
  departureTime: Schema.NullOr(ClockTime),
  /** Of the airport of arrival, on the day of departure or the next. */
  arrivalTime: Schema.NullOr(ClockTime)
})
export type ScheduledFlight = typeof ScheduledFlight.Type

/** The flights of a route on a day, earliest first. */
export const FlightSchedule = Schema.Struct({
  flights: Schema.Array(ScheduledFlight),
  /** False: the timetable was too long to be read whole, or ended too soon, so there may be more flights. */
  complete: Schema.Boolean
})
export type FlightSchedule = typeof FlightSchedule.Type

/** What is asked for; airline and flight number narrow it down. */
export interface FlightSearch {
  readonly departure: AirportCode
  readonly arrival: AirportCode
  readonly date: CalendarDate
  readonly airline?: string
  readonly flightNo?: FlightNo
}

export const FlightState = Schema.Literals(["SCHEDULED", "DELAYED", "CANCELLED", "BOARDING", "DEPARTED", "ARRIVED"])
export type FlightState = typeof FlightState.Type

/** Date and time at an airport in Korea, e.g. `2026-11-21T09:05:00+09:00`. */
export const SeoulTime = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00\+09:00$/))

/** What one airport says of a flight. */
export const FlightReport = Schema.Struct({
  /** Does it leave from there, or come in? */
  direction: Schema.NullOr(Schema.Literals(["departure", "arrival"])),
  /** The other airport, as the source names it. */
  airport: Schema.NullOr(Schema.String),
  airline: Schema.NullOr(Schema.String),
  state: FlightState,
  scheduledAt: Schema.NullOr(SeoulTime),
  /** Expected, or actual once the state says so. */
  estimatedAt: Schema.NullOr(SeoulTime),
  /** Minutes later than scheduled; below 0 = earlier; null = one of the two times is not known. */
  delayMinutes: Schema.NullOr(Schema.Int),
  gate: Schema.NullOr(Schema.String),
  /** The source's own words. */
  remark: Schema.NullOr(Schema.String)
})
export type FlightReport = typeof FlightReport.Type

/** How a flight of a day is going: a report of each airport that tells of it, at least one. */
export const FlightStatus = Schema.Struct({
  flightNo: FlightNo,
  date: CalendarDate,
  reports: Schema.Array(FlightReport)
})
export type FlightStatus = typeof FlightStatus.Type
