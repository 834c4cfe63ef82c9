/**
 * The two sources of flights in the process, over one timetable of their own. Mounted as the transport in sandbox mode.
 *
 * Routes and airlines are real, flights, times and how they go follow from the seed and the flight and day asked about.
 * Pages are as long as asked for. A flight that does not go on the day is not reported. Makes no faults of its own (see
 * `ProviderSandbox`) and checks no key.
 */
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { AirportCode, koreanNameOf } from "../../domain/Airport.ts"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import { isSameFlight } from "../../domain/Flight.ts"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { numberOf } from "../../services/providers/ProviderSandbox.ts"
import type { TimetablePage, TimetableRow } from "./OdcloudContract.ts"

interface SandboxFlight {
  readonly flightNo: string
  readonly airline: readonly [code: string, korean: string]
  readonly departure: AirportCode
  readonly arrival: AirportCode
  /** Minutes after midnight. */
  readonly leaves: number
  readonly minutes: number
  /** `1234567`, Monday first. */
  readonly weekdays: string
}

/** Makes the simulator's transport. */
export const make = Effect.fnUntraced(function* (seed: string) {
  const flights = (yield* Effect.forEach(routes, (route, index) => flightsOfRoute(seed, route, index))).flat()
  const rows = flights.map(rowOf)

  const timetable = HttpRouter.add(
    "GET",
    "/15043890/v1/:dataset",
    Effect.gen(function* () {
      const { page, perPage } = yield* HttpServerRequest.schemaSearchParams(PageQuery)
      const data = rows.slice((page - 1) * perPage, page * perPage)
      const counts = { currentCount: data.length, matchCount: rows.length, totalCount: rows.length }
      const answer: TimetablePage = { ...counts, data, page, perPage }
      return HttpServerResponse.jsonUnsafe(answer)
    }).pipe(Effect.catchTag("SchemaError", () => Effect.succeed(wrongParameter)))
  )
  const status = HttpRouter.add(
    "GET",
    "/FlightStatusListDTL/v1/getFlightStatusListDetail",
    Effect.gen(function* () {
      const { flightId, schDate } = yield* HttpServerRequest.schemaSearchParams(StatusQuery)
      const date = CalendarDate.parse(schDate)
      const goes = flights.filter(
        (flight) =>
          isSameFlight(flight.flightNo, flightId) &&
          Option.exists(date, (day) => flight.weekdays.includes(String(CalendarDate.weekdayOf(day))))
      )
      const items = yield* Effect.forEach(goes, (flight) =>
        itemsOf(
          seed,
          flight,
          Option.getOrElse(date, () => fallbackDate)
        )
      )
      const body = yield* documentOf(items.flat())
      return HttpServerResponse.text(body, { contentType: "application/xml;charset=UTF-8" })
    }).pipe(Effect.catchTag("SchemaError", () => Effect.succeed(wrongParameter)))
  )
  const app = Layer.mergeAll(timetable, status).pipe(Layer.provide(HttpServer.layerServices))
  return InProcessClient.fromHttpEffect(yield* HttpRouter.toHttpEffect(app))
})

const PageQuery = Schema.Struct({ page: Schema.FiniteFromString, perPage: Schema.FiniteFromString })
const StatusQuery = Schema.Struct({ flightId: Schema.String, schDate: Schema.String })
const wrongParameter = HttpServerResponse.jsonUnsafe({ code: -2, msg: "parameter" }, { status: 400 })
const fallbackDate = CalendarDate.CalendarDate.make("2026-01-01")

/** From, to, flights a day, minutes in the air. */
const routes = [
  ["GMP", "CJU", 18, 70],
  ["CJU", "GMP", 18, 70],
  ["GMP", "PUS", 8, 60],
  ["PUS", "GMP", 8, 60],
  ["PUS", "CJU", 8, 55],
  ["CJU", "PUS", 8, 55],
  ["CJJ", "CJU", 6, 65],
  ["CJU", "CJJ", 6, 65],
  ["TAE", "CJU", 5, 65],
  ["CJU", "TAE", 5, 65],
  ["KWJ", "CJU", 4, 50],
  ["CJU", "KWJ", 4, 50],
  ["GMP", "USN", 3, 55],
  ["USN", "GMP", 3, 55],
  ["GMP", "RSU", 3, 60],
  ["RSU", "GMP", 3, 60],
  ["ICN", "NRT", 9, 150],
  ["NRT", "ICN", 9, 160],
  ["ICN", "KIX", 7, 110],
  ["KIX", "ICN", 7, 115],
  ["GMP", "HND", 5, 130],
  ["HND", "GMP", 5, 145]
] as const

const airlines = [
  ["KE", "대한항공"],
  ["OZ", "아시아나항공"],
  ["7C", "제주항공"],
  ["LJ", "진에어"],
  ["TW", "티웨이항공"],
  ["BX", "에어부산"]
] as const

const flightsOfRoute = (seed: string, [from, to, count, minutes]: (typeof routes)[number], routeIndex: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => index),
    (index) =>
      Effect.gen(function* () {
        const draw = (what: string) => numberOf(seed, from, to, String(index), what)
        const airline = airlines[Math.floor((yield* draw("airline")) * airlines.length)] ?? airlines[0]
        // The day begins at six and is shared by the flights; the last ones may arrive after midnight.
        const share = (17 * 60 + 50) / count
        const leaves = 360 + Math.floor(((index + (yield* draw("time"))) * share) / 5) * 5
        const daily = (yield* draw("days")) < 0.7
        const flight: SandboxFlight = {
          flightNo: `${airline[0]}${1000 + routeIndex * 40 + index}`,
          airline,
          departure: AirportCode.make(from),
          arrival: AirportCode.make(to),
          leaves,
          minutes,
          weekdays: daily ? "1234567" : index % 2 === 0 ? "1357" : "246"
        }
        return flight
      })
  )

const rowOf = (flight: SandboxFlight): TimetableRow => ({
  항공편명: flight.flightNo,
  항공사코드: flight.airline[0],
  출발지: koreanNameOf(flight.departure),
  도착지: koreanNameOf(flight.arrival),
  출발시각: clock(flight.leaves),
  도착시각: clock(flight.leaves + flight.minutes),
  운항요일:
    flight.weekdays === "1234567"
      ? "매일"
      : [...flight.weekdays].map((day) => "월화수목금토일"[Number(day) - 1]).join(""),
  기간시작일: "2020-01-01",
  기간종료일: null
})

/** What the two airports report: most flights go as planned, one in five is late, one in twenty does not go. */
const itemsOf = Effect.fnUntraced(function* (seed: string, flight: SandboxFlight, date: CalendarDate.CalendarDate) {
  const draw = (what: string) => numberOf(seed, flight.flightNo, date, what)
  const fate = yield* draw("fate")
  const delay = fate < 0.75 ? 0 : 10 + Math.floor((yield* draw("delay")) * 16) * 5
  const remark =
    fate >= 0.95
      ? "결항"
      : fate >= 0.75
        ? "지연"
        : (["", "탑승중", "출발", "도착"][Math.floor((yield* draw("word")) * 4)] ?? "")
  const gate = String(1 + Math.floor((yield* draw("gate")) * 20))
  const item = (io: string, airport: AirportCode, at: number) => ({
    flightId: flight.flightNo,
    airlineKorean: flight.airline[1],
    scheduleDateTime: stamp(date, at),
    estimatedDateTime: fate >= 0.95 ? "" : stamp(date, at + delay),
    gatenumber: io === "O" ? gate : "",
    remarkKorean: remark,
    airport: koreanNameOf(airport),
    io
  })
  return [item("O", flight.arrival, flight.leaves), item("I", flight.departure, flight.leaves + flight.minutes)]
})

const documentOf = (items: ReadonlyArray<Readonly<Record<string, string>>>) => {
  const element = (name: string, children: ReadonlyArray<Xml.Event>): ReadonlyArray<Xml.Event> => [
    { _tag: "StartElement", name, attributes: {} },
    ...children,
    { _tag: "EndElement", name }
  ]
  const leaf = (name: string, text: string) => element(name, text === "" ? [] : [{ _tag: "Text", text }])
  const events = element("response", [
    ...element("header", [...leaf("resultCode", "00"), ...leaf("resultMsg", "NORMAL SERVICE.")]),
    ...element(
      "body",
      element(
        "items",
        items.flatMap((item) =>
          element(
            "item",
            Object.entries(item).flatMap(([name, text]) => leaf(name, text))
          )
        )
      )
    )
  ])
  return Stream.fromIterable(events).pipe(Stream.pipeThroughChannel(Xml.encodeString()), Stream.mkString, Effect.orDie)
}

const twoDigits = (value: number): string => String(value).padStart(2, "0")

const clock = (minutes: number): string => `${twoDigits(Math.floor(minutes / 60) % 24)}:${twoDigits(minutes % 60)}`

const stamp = (date: CalendarDate.CalendarDate, minutes: number): string => {
  const day = Option.getOrElse(CalendarDate.plusDays(date, Math.floor(minutes / 1440)), () => date)
  return `${day}${clock(minutes)}`.replace(/[-:]/g, "")
}
