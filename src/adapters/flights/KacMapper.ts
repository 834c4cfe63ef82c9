/**
 * From what airports report of a flight to the hub's terms. Pure; nothing is guessed: what is not said is null, and a word
 * that nobody agreed on leaves the flight SCHEDULED.
 *
 * Times are of Seoul's clock, which keeps no summer time. Lost on purpose: fields that the hub does not use, and the way
 * back; the hub never reports a flight.
 */
import { DateTime, Option } from "effect"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import { type FlightNo, type FlightReport, type FlightState, isSameFlight } from "../../domain/Flight.ts"
import type { KacItem } from "./KacContract.ts"
import { clockTimeOf } from "./TimetableMapper.ts"

const minute = 60_000

/**
 * What is reported of the flight on the day. Items about another flight or another day are left out; the arrival of a flight
 * over midnight is scheduled on the next day.
 */
export const reportsOf = (
  items: ReadonlyArray<KacItem>,
  flightNo: FlightNo,
  date: CalendarDate.CalendarDate
): ReadonlyArray<FlightReport> =>
  items
    .filter(({ flightId }) => flightId === undefined || isSameFlight(canonical(flightId), flightNo))
    .map((item) => reportOf(item, date))
    .filter(({ direction, scheduledAt }) => {
      if (scheduledAt === null) return true
      const day = scheduledAt.slice(0, 10)
      return day === date || (direction === "arrival" && day === Option.getOrNull(CalendarDate.plusDays(date, 1)))
    })

const reportOf = (item: KacItem, date: CalendarDate.CalendarDate): FlightReport => {
  const scheduled = scheduledTime(item.scheduleDateTime, date)
  const estimated = estimatedTime(item.estimatedDateTime, scheduled)
  return {
    direction: directionOf(item.io),
    airport: item.airport ?? null,
    airline: item.airlineKorean ?? null,
    state: stateOf(item.remarkKorean ?? item.remarkEnglish ?? ""),
    scheduledAt: isoOf(scheduled),
    estimatedAt: isoOf(estimated),
    delayMinutes: scheduled === null || estimated === null ? null : Math.round((estimated - scheduled) / minute),
    gate: item.gatenumber === undefined || /^[-.]+$/.test(item.gatenumber) ? null : item.gatenumber,
    remark: item.remarkKorean ?? item.remarkEnglish ?? null
  }
}

/**
 * The airports' words for a state. A flight that is cancelled is so whatever else is said. What is only foreseen (`출발예정`) or
 * about the gate (`탑승구 변경`) has not happened.
 */
export const stateOf = (remark: string): FlightState => {
  const words = remark
    .normalize("NFC")
    .toUpperCase()
    .replace(/\s+/gu, "")
    .replace(/탑승구(변경)?|(탑승|출발|도착)(예정|준비|대기)/gu, "")
  return states.find(([pattern]) => pattern.test(words))?.[1] ?? "SCHEDULED"
}

const states: ReadonlyArray<readonly [RegExp, FlightState]> = [
  [/결항|취소|CANCEL/u, "CANCELLED"],
  [/지연|DELAY/u, "DELAYED"],
  [/도착|ARRIVED|LANDED/u, "ARRIVED"],
  [/출발|DEPARTED/u, "DEPARTED"],
  [/탑승|^BOARDING$|FINALCALL/u, "BOARDING"]
]

const directionOf = (io: string | undefined): FlightReport["direction"] => {
  switch (io?.toUpperCase()) {
    case "O":
    case "출발":
      return "departure"
    case "I":
    case "도착":
      return "arrival"
    default:
      return null
  }
}

const canonical = (flightId: string): string => flightId.replace(/[\s-]+/gu, "").toUpperCase()

// Times are milliseconds since 1970 as if Seoul's clock were UTC; null = not known.

const scheduledTime = (written: string | undefined, date: CalendarDate.CalendarDate): number | null =>
  written === undefined ? null : (fullTime(written) ?? timeOn(date, written))

/**
 * A bare clock time is the one nearest to the schedule: up to three hours before, else after it, over midnight too. Without a
 * schedule nobody knows on which day.
 */
const estimatedTime = (written: string | undefined, scheduled: number | null): number | null => {
  if (written === undefined) return null
  const full = fullTime(written)
  if (full !== null || scheduled === null) return full
  const onTheDay = timeOn(textOf(scheduled).slice(0, 10), written)
  if (onTheDay === null) return null
  const day = 24 * 60 * minute
  const later = (((onTheDay - scheduled) % day) + day) % day
  return scheduled + (later > day - 3 * 60 * minute ? later - day : later)
}

/** `202611210905`, `20261121090500`, `2026-11-21 09:05`, with an optional `T`. */
const fullTime = (written: string): number | null => {
  const match = /^(\d{4}[-./]?\d{2}[-./]?\d{2})[T\s]*(\d{2}:?\d{2})(?::?\d{2}(?:\.\d+)?)?$/.exec(written.trim())
  const date = match?.[1] === undefined ? Option.none() : CalendarDate.parse(match[1])
  return Option.isNone(date) ? null : timeOn(date.value, match?.[2] ?? "")
}

const timeOn = (date: string, written: string): number | null =>
  Option.getOrNull(Option.map(clockTimeOf(written), (time) => Date.parse(`${date}T${time}:00Z`)))

const isoOf = (millis: number | null): string | null =>
  millis === null ? null : `${textOf(millis).slice(0, 19)}+09:00`

const textOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))
