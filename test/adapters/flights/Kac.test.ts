/** Written answers of the airports corporation: XML, its errors, its words, its times. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as KacContract from "../../../src/adapters/flights/KacContract.ts"
import { errorOfKac } from "../../../src/adapters/flights/KacFailure.ts"
import { reportsOf, stateOf } from "../../../src/adapters/flights/KacMapper.ts"
import * as CalendarDate from "../../../src/domain/CalendarDate.ts"
import { FlightNo, FlightReport } from "../../../src/domain/Flight.ts"
import { breakerOutcome } from "../../../src/domain/IntegrationError.ts"

const flightNo = FlightNo.make("KE1201")
const date = CalendarDate.CalendarDate.make("2026-11-21")

const item = (more: string) => `<item><flightId>KE1201</flightId>${more}</item>`
const answer = (items: string) => `<?xml version="1.0" encoding="UTF-8"?>
<response>
  <header><resultCode>00</resultCode><resultMsg>NORMAL SERVICE.</resultMsg></header>
  <body>
    ${items}
    <numOfRows>10</numOfRows>
  </body>
</response>`

const items = (text: string) =>
  Effect.map(KacContract.read(text), (read) => {
    assert(read._tag === "Items", JSON.stringify(read))
    return read.items
  })
const times = (scheduled: string, estimated: string, io = "O") => ({
  flightId: "KE1201",
  scheduleDateTime: scheduled,
  estimatedDateTime: estimated,
  io
})
const delay = (scheduled: string, estimated: string) =>
  reportsOf([times(scheduled, estimated)], flightNo, date)[0]?.delayMinutes

describe("KacContract", () => {
  it.effect("reads one item, several, and none", () =>
    Effect.gen(function* () {
      const one = yield* items(
        answer(`<items>${item("<remarkKorean>지연</remarkKorean><gatenumber> 12 </gatenumber>")}</items>`)
      )
      assert.deepStrictEqual(one, [{ flightId: "KE1201", remarkKorean: "지연", gatenumber: "12" }])
      const several = yield* items(answer(`<items>\n${item("<io>O</io>")}\n${item("<io>I</io>")}</items>`))
      assert.deepStrictEqual(
        several.map(({ io }) => io),
        ["O", "I"]
      )
      for (const none of ["<items/>", "<items></items>", "<items> </items>", ""]) {
        assert.deepStrictEqual(yield* items(answer(none)), [], none)
      }
      assert.deepStrictEqual(
        yield* items(
          "<response><header><resultCode>03</resultCode><resultMsg>NODATA_ERROR</resultMsg></header></response>"
        ),
        []
      )
    })
  )

  it.effect("reads escapes, CDATA and empty elements", () =>
    Effect.gen(function* () {
      const [read] = yield* items(
        answer(
          `<items>${item("<airport><![CDATA[제주 & 서귀포]]></airport><airlineKorean>A&amp;B</airlineKorean><gatenumber/>")}</items>`
        )
      )
      assert.deepStrictEqual(read, { flightId: "KE1201", airport: "제주 & 서귀포", airlineKorean: "A&B" })
    })
  )

  it.effect("an error as XML with status 200 is a failure, in both shapes", () =>
    Effect.gen(function* () {
      const inHeader = "<response><header><resultCode>99</resultCode><resultMsg>UNKNOWN</resultMsg></header></response>"
      assert.deepStrictEqual(yield* KacContract.read(inHeader), { _tag: "Failure", code: "99" })
      const gateway = `<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>SERVICE ERROR</errMsg>
        <returnAuthMsg>SERVICE_KEY_IS_NOT_REGISTERED_ERROR</returnAuthMsg><returnReasonCode>30</returnReasonCode>
        </cmmMsgHeader></OpenAPI_ServiceResponse>`
      assert.deepStrictEqual(yield* KacContract.read(gateway), { _tag: "Failure", code: "30" })
    })
  )

  it.effect("what is no XML, or XML of something else, is garbage", () =>
    Effect.gen(function* () {
      for (const text of [
        "",
        "It works!",
        `{"response":{}}`,
        "<html><body>Service unavailable</body></html>",
        "<response>",
        "<response/>",
        answer(`<items>${item("")}`),
        "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><response><body>&x;</body></response>",
        "<a>".repeat(100)
      ]) {
        assert.deepStrictEqual(yield* KacContract.read(text), { _tag: "Garbage" }, text.slice(0, 60))
      }
    })
  )
})

describe("KacFailure", () => {
  it("says what a code means for the circuit and for whoever comes next", () => {
    const where = { adapter: "kac", operation: "GET" }
    for (const [code, tag, outcome] of [
      ["22", "RateLimited", "ignored"],
      ["30", "Unauthorized", "success"],
      ["31", "Unauthorized", "success"],
      ["20", "Unauthorized", "success"],
      ["10", "Rejected", "success"],
      ["01", "Transient", "failure"],
      ["99", "Transient", "failure"],
      ["", "Transient", "failure"]
    ] as const) {
      const error = errorOfKac(code, where)
      assert.deepStrictEqual([error._tag, breakerOutcome(error)], [tag, outcome], code)
    }
  })
})

describe("KacMapper", () => {
  it("writes a report", () => {
    const [report] = reportsOf(
      [
        {
          flightId: "KE1201",
          airlineKorean: "대한항공",
          scheduleDateTime: "202611210905",
          estimatedDateTime: "202611210930",
          gatenumber: "12",
          remarkKorean: "지연",
          remarkEnglish: "DELAYED",
          airport: "제주",
          io: "O"
        }
      ],
      flightNo,
      date
    )
    assert.deepStrictEqual(report, {
      direction: "departure",
      airport: "제주",
      airline: "대한항공",
      state: "DELAYED",
      scheduledAt: "2026-11-21T09:05:00+09:00",
      estimatedAt: "2026-11-21T09:30:00+09:00",
      delayMinutes: 25,
      gate: "12",
      remark: "지연"
    })
  })

  it("invents nothing: an empty item is an empty report", () => {
    assert.deepStrictEqual(reportsOf([{}], flightNo, date), [
      {
        direction: null,
        airport: null,
        airline: null,
        state: "SCHEDULED",
        scheduledAt: null,
        estimatedAt: null,
        delayMinutes: null,
        gate: null,
        remark: null
      }
    ])
    const [odd] = reportsOf([{ ...times("곧", "0930"), gatenumber: "-" }], flightNo, date)
    assert.deepInclude(odd, { scheduledAt: null, estimatedAt: null, gate: null })
  })

  it("knows the words for a state", () => {
    for (const [remark, state] of [
      ["지연", "DELAYED"],
      ["출발지연", "DELAYED"],
      ["결항", "CANCELLED"],
      ["취소", "CANCELLED"],
      ["지연 결항", "CANCELLED"],
      ["탑승", "BOARDING"],
      ["탑승중", "BOARDING"],
      ["탑승 마감", "BOARDING"],
      ["출발", "DEPARTED"],
      ["도착", "ARRIVED"],
      ["도착".normalize("NFD"), "ARRIVED"],
      ["", "SCHEDULED"],
      ["수속중", "SCHEDULED"],
      ["출발예정", "SCHEDULED"],
      ["도착 예정", "SCHEDULED"],
      ["탑승준비", "SCHEDULED"],
      ["탑승구 변경", "SCHEDULED"],
      ["CANCELLED", "CANCELLED"],
      ["Delayed", "DELAYED"],
      ["BOARDING", "BOARDING"]
    ] as const) {
      assert.strictEqual(stateOf(remark), state, remark)
    }
  })

  it("counts the minutes of a delay, across midnight too", () => {
    assert.strictEqual(delay("202611212350", "202611220020"), 30)
    assert.strictEqual(delay("2350", "0020"), 30)
    assert.strictEqual(delay("202611212350", "0020"), 30)
    assert.strictEqual(delay("0905", "0905"), 0)
    assert.strictEqual(delay("0905", "0850"), -15)
    assert.strictEqual(delay("0010", "2355"), -15)
    assert.strictEqual(delay("0905", "1905"), 600)
    assert.strictEqual(delay("20261121090500", "2026-11-21 09:35:00"), 30)
    assert.isNull(delay("0905", ""))
    assert.isNull(delay("", "0905"))
    const [late] = reportsOf([times("2350", "0020")], flightNo, date)
    assert.strictEqual(late?.estimatedAt, "2026-11-22T00:20:00+09:00")
  })

  it("leaves out other flights and other days; an arrival after midnight belongs to the flight", () => {
    const rows = [
      { ...times("202611210905", ""), flightId: "KE1202" },
      times("202611200905", ""),
      times("202611220905", ""),
      times("202611220030", "", "I"),
      { ...times("202611212355", ""), flightId: "KE 01201" }
    ]
    assert.deepStrictEqual(
      reportsOf(rows, flightNo, date).map(({ scheduledAt }) => scheduledAt),
      ["2026-11-22T00:30:00+09:00", "2026-11-21T23:55:00+09:00"]
    )
  })

  it.effect.prop(
    "whatever an item says, its report fits the API, and its delay is the difference of its times",
    [Schema.Array(KacContract.KacItem)],
    ([rows]) =>
      Effect.gen(function* () {
        for (const report of reportsOf(rows, flightNo, date)) {
          yield* Schema.encodeEffect(FlightReport)(report)
          if (report.delayMinutes === null) continue
          const minutes = (Date.parse(report.estimatedAt ?? "") - Date.parse(report.scheduledAt ?? "")) / 60_000
          assert.strictEqual(minutes, report.delayMinutes)
        }
      })
  )
})
