import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { TimetablePage, type TimetableRow } from "../../../src/adapters/flights/OdcloudContract.ts"
import {
  clockTimeOf,
  flightsOn,
  routesOf,
  Timetable,
  weekdaysOf
} from "../../../src/adapters/flights/TimetableMapper.ts"
import { AirportCode } from "../../../src/domain/Airport.ts"
import * as CalendarDate from "../../../src/domain/CalendarDate.ts"
import { FlightNo, FlightSchedule } from "../../../src/domain/Flight.ts"

const day = CalendarDate.CalendarDate.make
const gmp = AirportCode.make("GMP")
const cju = AirportCode.make("CJU")
/** A Saturday. */
const saturday = day("2026-11-21")

const row = (more: Partial<TimetableRow> = {}): TimetableRow => ({
  항공편명: "KE1201",
  항공사코드: "KE",
  출발지: "김포",
  도착지: "제주",
  출발시각: "07:05",
  도착시각: "08:15",
  운항요일: "매일",
  기간시작일: "2026-10-25",
  기간종료일: "2027-03-27",
  ...more
})

const on = (rows: ReadonlyArray<TimetableRow>, date: CalendarDate.CalendarDate = saturday, more: object = {}) =>
  flightsOn({ routes: routesOf(rows).routes, complete: true }, { departure: gmp, arrival: cju, date, ...more })

const numbers = (...given: Parameters<typeof on>) => on(...given).map(({ flightNo }) => flightNo)

describe("TimetableMapper", () => {
  it("reads a row in Korean", () => {
    assert.deepStrictEqual(on([row()]), [
      {
        flightNo: FlightNo.make("KE1201"),
        airline: "KE",
        departure: gmp,
        arrival: cju,
        date: saturday,
        departureTime: "07:05",
        arrivalTime: "08:15"
      }
    ])
  })

  it("filters by route, in its direction", () => {
    const rows = [
      row(),
      row({ 항공편명: "KE1202", 출발지: "제주", 도착지: "김포" }),
      row({ 항공편명: "KE1", 도착지: "부산" })
    ]
    assert.deepStrictEqual(numbers(rows), ["KE1201"])
  })

  it("filters by the day of the week", () => {
    const rows = [
      row({ 운항요일: "월수금" }),
      row({ 항공편명: "KE2", 운항요일: "토일" }),
      row({ 항공편명: "KE3", 운항요일: "6" })
    ]
    assert.deepStrictEqual(numbers(rows), ["KE2", "KE3"])
    assert.deepStrictEqual(numbers(rows, day("2026-11-23")), ["KE1201"])
  })

  it("filters by the period, its first and last day included", () => {
    const rows = [
      row({ 기간시작일: "20261121", 기간종료일: "2026.11.28" }),
      row({ 항공편명: "KE9", 기간시작일: null, 기간종료일: "" })
    ]
    assert.deepStrictEqual(numbers(rows, day("2026-11-20")), ["KE9"])
    assert.deepStrictEqual(numbers(rows, day("2026-11-21")), ["KE1201", "KE9"])
    assert.deepStrictEqual(numbers(rows, day("2026-11-28")), ["KE1201", "KE9"])
    assert.deepStrictEqual(numbers(rows, day("2026-11-29")), ["KE9"])
  })

  it("narrows down by airline and number", () => {
    const rows = [row(), row({ 항공편명: "OZ8901", 항공사코드: null }), row({ 항공편명: "KE081" })]
    assert.deepStrictEqual(numbers(rows, saturday, { airline: "OZ" }), ["OZ8901"])
    assert.deepStrictEqual(numbers(rows, saturday, { airline: "KE" }), ["KE081", "KE1201"])
    assert.deepStrictEqual(numbers(rows, saturday, { flightNo: FlightNo.make("KE81") }), ["KE081"])
    assert.deepStrictEqual(numbers(rows, saturday, { airline: "7C" }), [])
  })

  it("sorts by departure, flights without a time last, and gives a flight that is written twice once", () => {
    const rows = [
      row({ 항공편명: "KE3", 출발시각: null }),
      row({ 항공편명: "KE2", 출발시각: "21:00" }),
      row({ 항공편명: "KE1", 출발시각: "6:30" }),
      row({ 항공편명: "KE1", 출발시각: "06:30" })
    ]
    assert.deepStrictEqual(numbers(rows), ["KE1", "KE2", "KE3"])
  })

  it("what cannot be read is null or left out, never guessed", () => {
    const bad = [
      row({ 항공편명: null }),
      row({ 항공편명: "???" }),
      row({ 출발지: "서울" }),
      row({ 도착지: null }),
      row({ 운항요일: null }),
      row({ 운항요일: "월-금" }),
      row({ 기간시작일: "봄" })
    ]
    assert.deepStrictEqual(routesOf([...bad, row()]), { ...routesOf([row()]), unreadable: bad.length })
    const [flight] = on([row({ 항공사코드: " ", 출발시각: "25:00", 도착시각: "곧" })])
    assert.deepInclude(flight, { airline: null, departureTime: null, arrivalTime: null })
  })

  it("reads days of the week in every usual writing", () => {
    for (const [written, days] of [
      ["매일", "1234567"],
      ["월화수목금토일", "1234567"],
      ["월,수,금", "135"],
      ["월·수·금", "135"],
      ["월요일, 화요일", "12"],
      ["월~금", "12345"],
      ["토~월", "167"],
      ["1~5", "12345"],
      ["1357", "1357"],
      ["1,3,5", "135"],
      ["1.3.5..", "135"],
      ["-2-4-6-", "246"],
      ["월.수.금..", "135"],
      ["7", "7"],
      ["일", "7"]
    ] as const) {
      assert.strictEqual(Option.getOrElse(weekdaysOf(written), () => []).join(""), days, written)
    }
    for (const written of ["", "월-금", "8", "가끔", "0", "월금휴일"]) {
      assert.isTrue(Option.isNone(weekdaysOf(written)), written)
    }
  })

  it("reads clock times, also as numbers that lost their zero", () => {
    for (const [written, time] of [
      ["07:05", "07:05"],
      ["7:05", "07:05"],
      ["0705", "07:05"],
      ["705", "07:05"],
      ["07:05:00", "07:05"],
      ["23:59", "23:59"]
    ] as const) {
      assert.strictEqual(Option.getOrNull(clockTimeOf(written)), time, written)
    }
    for (const written of ["", "7", "24:00", "12:60", "7시", "07:5"]) {
      assert.isTrue(Option.isNone(clockTimeOf(written)), written)
    }
  })

  it.effect("a page with numbers in its cells is a page; one without the flight's columns is another table", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(TimetablePage)
      const page = { currentCount: 1, matchCount: 1, page: 1, perPage: 1000, totalCount: 1 }
      const { data } = yield* decode({ ...page, data: [{ ...row(), 출발시각: 705, 운항요일: 1357, 비고: "x" }] })
      assert.strictEqual(on(data, day("2026-11-23"))[0]?.departureTime, "07:05")
      yield* Effect.flip(decode({ ...page, data: [{ flight: "KE1201" }] }))
    })
  )

  it.effect.prop(
    "whatever the rows say, every flight found is of the route, on the day, and fits the API",
    [
      Schema.Array(
        Schema.Struct({
          항공편명: Schema.Literals(["KE1201", "oz 8901", "7C101", "?", ""]),
          항공사코드: Schema.Literals(["KE", "", "OZ"]),
          출발지: Schema.Literals(["김포", "CJU", "서울/김포", "?"]),
          도착지: Schema.Literals(["제주", "GMP", "PUS"]),
          출발시각: Schema.NullOr(Schema.Literals(["0705", "7:05", "29:00", 905])),
          도착시각: Schema.NullOr(Schema.String),
          운항요일: Schema.NullOr(Schema.Literals(["매일", "월수금", "67", "?"])),
          기간시작일: Schema.NullOr(Schema.Literals(["20260101", "2026-12-01", "?"])),
          기간종료일: Schema.NullOr(Schema.Literals(["20261231", "2026-11-01"]))
        })
      ),
      CalendarDate.CalendarDate
    ],
    ([rows, date]) =>
      Effect.gen(function* () {
        const { routes, unreadable } = routesOf(rows)
        assert.isAtMost(unreadable, rows.length)
        const timetable = yield* Schema.decodeUnknownEffect(Timetable)(
          yield* Schema.encodeEffect(Timetable)({ routes, complete: true })
        )
        const flights = flightsOn(timetable, { departure: gmp, arrival: cju, date })
        for (const flight of flights) assert.deepInclude(flight, { departure: gmp, arrival: cju, date })
        yield* Schema.encodeEffect(FlightSchedule)({ flights, complete: true })
      })
  )
})
