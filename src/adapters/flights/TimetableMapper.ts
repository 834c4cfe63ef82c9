/**
 * From rows of the portal's timetable to flights of a route on a day. Pure; nothing is guessed.
 *
 * A row that does not say which flight it is, between which airports, or on which days, is left out and counted: it cannot
 * answer anything. A time that cannot be read is null. Lost on purpose: columns that the hub does not use, and the way
 * back; the hub never writes a timetable.
 */
import { Option, Schema } from "effect"
import { AirportCode, airportOf } from "../../domain/Airport.ts"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import {
  ClockTime,
  FlightNo,
  FlightNoFromText,
  type FlightSearch,
  isSameFlight,
  type ScheduledFlight
} from "../../domain/Flight.ts"
import type { TimetableRow } from "./OdcloudContract.ts"

/** One row: the days on which a flight goes. */
export const TimetableEntry = Schema.Struct({
  flightNo: FlightNo,
  airline: Schema.NullOr(Schema.String),
  departure: AirportCode,
  arrival: AirportCode,
  departureTime: Schema.NullOr(ClockTime),
  arrivalTime: Schema.NullOr(ClockTime),
  /** 1 = Monday to 7 = Sunday. */
  weekdays: Schema.Array(Schema.Int),
  /** Null = no limit. */
  from: Schema.NullOr(CalendarDate.CalendarDate),
  to: Schema.NullOr(CalendarDate.CalendarDate)
})
export type TimetableEntry = typeof TimetableEntry.Type

/** All of the timetable, by route (`GMP-CJU`). */
export const Timetable = Schema.Struct({
  routes: Schema.Record(Schema.String, Schema.Array(TimetableEntry)),
  /** False: it was too long to be read whole, or ended too soon. */
  complete: Schema.Boolean
})
export type Timetable = typeof Timetable.Type

/** The rows that can be understood, by route, each once. */
export const routesOf = (rows: ReadonlyArray<TimetableRow>) => {
  const entries = rows.flatMap((row) => Option.toArray(entryOf(row)))
  const once = new Map(entries.map((entry) => [JSON.stringify(entry), entry]))
  const routes: Timetable["routes"] = Object.fromEntries(
    Map.groupBy(once.values(), ({ arrival, departure }) => routeOf(departure, arrival))
  )
  return { routes, unreadable: rows.length - entries.length }
}

/** What flies on the day, earliest first; flights without a time come last. */
export const flightsOn = (timetable: Timetable, search: FlightSearch): ReadonlyArray<ScheduledFlight> => {
  const { airline, arrival, date, departure, flightNo } = search
  const weekday = CalendarDate.weekdayOf(date)
  return (timetable.routes[routeOf(departure, arrival)] ?? [])
    .filter(
      (entry) =>
        entry.weekdays.includes(weekday) &&
        (entry.from === null || entry.from <= date) &&
        (entry.to === null || date <= entry.to) &&
        (flightNo === undefined || isSameFlight(entry.flightNo, flightNo)) &&
        (airline === undefined || entry.airline?.toUpperCase() === airline || airlineOf(entry.flightNo) === airline)
    )
    .map(({ from: _, to: __, weekdays: ___, ...flight }) => ({ ...flight, date }))
    .sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1))
}

/** Days of the week, 1 = Monday: `매일`, `월수금`, `월,수,금`, `월~금`, `1234567`, `1.3.5..`. None for anything else. */
export const weekdaysOf = (written: string): Option.Option<ReadonlyArray<number>> => {
  const text = written.normalize("NFC").replace(/요일|\s+/gu, "")
  if (text === "매일" || text.toLowerCase() === "daily") return Option.some([1, 2, 3, 4, 5, 6, 7])
  const range = /^([월화수목금토일1-7])[~∼]([월화수목금토일1-7])$/u.exec(text)
  if (range?.[1] !== undefined && range[2] !== undefined) {
    const [first, last] = [dayOf(range[1]), dayOf(range[2])]
    // Over the weekend: `토~월`.
    return Option.some(
      Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => ((first - 1 + index) % 7) + 1).sort()
    )
  }
  // Seven places with signs for the days without a flight, or a list. A bare `월-금` could mean two days or five.
  const isPlaces = /^[월화수목금토일1-7.\-_x]{7}$/u.test(text)
  const signs = isPlaces ? /[.\-_x]/gu : /[,·./]/gu
  const days = text.replace(signs, "")
  if (!/^[월화수목금토일1-7]{1,7}$/u.test(days)) return Option.none()
  return Option.some([...new Set([...days].map(dayOf))].sort())
}

/** `7:05`, `07:05:00`, `0705`, 705 (a number that lost its zero). None for anything else. */
export const clockTimeOf = (written: string): Option.Option<string> => {
  const text = written.trim()
  const match = /^(\d{1,2}):(\d{2})(?::\d{2})?$/.exec(text) ?? /^(\d{1,2})(\d{2})$/.exec(text)
  return match === null ? Option.none() : decodeTime(`${match[1]?.padStart(2, "0")}:${match[2]}`)
}

const entryOf = (row: TimetableRow): Option.Option<TimetableEntry> =>
  Option.gen(function* () {
    const period = (written: Cell) =>
      textOf(written) === null ? Option.some(null) : CalendarDate.parse(textOf(written) ?? "")
    const time = (written: Cell) => Option.getOrNull(clockTimeOf(textOf(written) ?? ""))
    return {
      flightNo: yield* decodeFlightNo(textOf(row.항공편명) ?? ""),
      airline: textOf(row.항공사코드),
      departure: yield* airportOf(textOf(row.출발지) ?? ""),
      arrival: yield* airportOf(textOf(row.도착지) ?? ""),
      departureTime: time(row.출발시각),
      arrivalTime: time(row.도착시각),
      weekdays: yield* weekdaysOf(textOf(row.운항요일) ?? ""),
      from: yield* period(row.기간시작일),
      to: yield* period(row.기간종료일)
    }
  })

type Cell = string | number | null | undefined

/** Null: nothing in it. */
const textOf = (cell: Cell): string | null => {
  const text = String(cell ?? "").trim()
  return text === "" ? null : text
}

const dayOf = (sign: string): number => "월화수목금토일".indexOf(sign) + 1 || Number(sign)

const routeOf = (departure: AirportCode, arrival: AirportCode): string => `${departure}-${arrival}`

const airlineOf = (flightNo: FlightNo): string | undefined =>
  /^(\w\D|\D\w|[A-Z]{3})(?=\d{1,4}[A-Z]?$)/.exec(flightNo)?.[1]

const orderOf = ({ departureTime, flightNo }: ScheduledFlight): string => `${departureTime ?? "later"} ${flightNo}`

const decodeFlightNo = Schema.decodeOption(FlightNoFromText)
const decodeTime = Schema.decodeOption(ClockTime)
