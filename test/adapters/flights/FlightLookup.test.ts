/** Flights in live mode, over sources that are HTTP servers of their own and know nothing of the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as FlightLookup from "../../../src/adapters/flights/FlightLookup.ts"
import { AirportCode } from "../../../src/domain/Airport.ts"
import { CalendarDate } from "../../../src/domain/CalendarDate.ts"
import { FlightNo } from "../../../src/domain/Flight.ts"
import { Flights } from "../../../src/services/data/Flights.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const gmp = AirportCode.make("GMP")
const cju = AirportCode.make("CJU")
const pus = AirportCode.make("PUS")
/** A Saturday. */
const date = CalendarDate.make("2026-11-21")
const flightNo = FlightNo.make("KE1201")

const row = (flight: string, more: object = {}) => ({
  항공편명: flight,
  항공사코드: "KE",
  출발지: "김포",
  도착지: "제주",
  출발시각: "0705",
  도착시각: "0815",
  운항요일: "매일",
  기간시작일: "2026-10-25",
  기간종료일: "2027-03-27",
  ...more
})

/** Answers pages as the portal does. */
const portal =
  (rows: ReadonlyArray<object>, options: { readonly perPage?: number; readonly total?: number } = {}) =>
  ({ path }: HttpSimulator.RecordedRequest) => {
    const query = new URL(path, "http://x").searchParams
    const page = Number(query.get("page"))
    const perPage = options.perPage ?? Number(query.get("perPage"))
    const data = rows.slice((page - 1) * perPage, page * perPage)
    const totalCount = options.total ?? rows.length
    return Effect.succeed(
      HttpSimulator.json(200, { currentCount: data.length, data, matchCount: totalCount, page, perPage, totalCount })
    )
  }

const xml = (body: string): HttpSimulator.SimulatedAnswer => ({
  _tag: "Answer",
  status: 200,
  headers: { "content-type": "application/xml" },
  body
})
const report = (more: string) =>
  xml(`<response><header><resultCode>00</resultCode></header><body><items><item><flightId>KE1201</flightId>
    <scheduleDateTime>202611212350</scheduleDateTime>${more}</item></items></body></response>`)
const nothing = xml("<response><header><resultCode>00</resultCode></header><body><items/></body></response>")
const keyRefused = xml(
  "<OpenAPI_ServiceResponse><cmmMsgHeader><returnReasonCode>30</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>"
)
const quotaUsedUp = xml(
  "<response><header><resultCode>22</resultCode><resultMsg>LIMITED</resultMsg></header></response>"
)
const down = HttpSimulator.json(503, {})

const setup = Effect.fnUntraced(function* (more: Readonly<Record<string, string>> = {}) {
  yield* TestClock.setTime(Date.UTC(2026, 10, 21, 1))
  yield* withoutRetries(["odcloud"])
  yield* withoutRetries(["kac"], "FAST")
  const odcloud = yield* HttpSimulator.make
  const kac = yield* HttpSimulator.make
  yield* odcloud.respond(portal([row("KE1201"), row("KE1203", { 출발시각: "0905" })]))
  yield* kac.respond(() =>
    Effect.succeed(report("<estimatedDateTime>202611220020</estimatedDateTime><remarkKorean>지연</remarkKorean>"))
  )
  const config = yield* configOf({
    FLIGHTS_MODE: "live",
    FLIGHTS_ODCLOUD_BASE_URL: `${odcloud.url}/api`,
    FLIGHTS_ODCLOUD_KEY: "odcloud%2Fcanary%3D%3D",
    FLIGHTS_ODCLOUD_DATASET: "uddi:0f1c",
    FLIGHTS_KAC_BASE_URL: kac.url,
    FLIGHTS_KAC_KEY: "kac+canary",
    ...more
  })
  const flights = yield* built(Flights, FlightLookup.layer(config.flights))
  const paths = (simulator: HttpSimulator.HttpSimulator) =>
    Effect.map(simulator.requests, (requests) => requests.map(({ path }) => path))
  const counted = Effect.fnUntraced(function* (name: string) {
    const circuits = yield* (yield* CircuitBreakers).snapshots
    return circuits.find((circuit) => circuit.name === name)?.consecutiveFailures
  })
  const circuit = Effect.fnUntraced(function* (name: string) {
    const circuits = yield* (yield* CircuitBreakers).snapshots
    return circuits.find((found) => found.name === name)?.state
  })
  return { odcloud, kac, flights, paths, counted, circuit }
})

const search = { departure: gmp, arrival: cju, date }

describe("Flights.search", () => {
  it.effect("asks as the portal wants it, and one timetable answers every route and day for an hour", () =>
    Effect.gen(function* () {
      const { flights, odcloud, paths } = yield* setup()
      const first = yield* flights.search(search)
      assert.deepInclude(first, { cache: "MISS", source: "odcloud", ageSeconds: 0 })
      assert.deepStrictEqual(
        first.data.flights.map((flight) => [flight.flightNo, flight.departureTime]),
        [
          ["KE1201", "07:05"],
          ["KE1203", "09:05"]
        ]
      )
      assert.isTrue(first.data.complete)
      assert.deepStrictEqual(yield* paths(odcloud), [
        "/api/15043890/v1/uddi:0f1c?page=1&perPage=1000&serviceKey=odcloud%2Fcanary%3D%3D"
      ])
      yield* TestClock.adjust("59 minutes")
      const none = yield* flights.search({ departure: cju, arrival: pus, date: CalendarDate.make("2027-01-01") })
      assert.deepStrictEqual([none.cache, none.data.flights], ["HIT", []])
      const narrowed = yield* flights.search({ ...search, flightNo: FlightNo.make("KE1203") })
      assert.strictEqual(narrowed.data.flights.length, 1)
      assert.strictEqual((yield* flights.search({ ...search, airline: "OZ" })).data.flights.length, 0)
      assert.strictEqual((yield* paths(odcloud)).length, 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* flights.search(search)).cache, "MISS")
    }).pipe(Effect.provide(services))
  )

  it.effect("reads every page, whatever their length", () =>
    Effect.gen(function* () {
      const { flights, odcloud, paths } = yield* setup()
      yield* odcloud.respond(
        portal(
          Array.from({ length: 25 }, (_, index) => row(`KE${100 + index}`)),
          { perPage: 10 }
        )
      )
      const { data } = yield* flights.search(search)
      assert.deepStrictEqual([data.flights.length, data.complete, (yield* paths(odcloud)).length], [25, true, 3])
    }).pipe(Effect.provide(services))
  )

  it.effect("a timetable beyond the cap, or one that ends too soon, says that it is not whole", () =>
    Effect.gen(function* () {
      const { flights, odcloud, paths } = yield* setup()
      yield* odcloud.respond(
        portal(
          Array.from({ length: 50 }, (_, index) => row(`KE${100 + index}`)),
          { perPage: 1 }
        )
      )
      const capped = yield* flights.search(search)
      assert.deepStrictEqual([capped.data.flights.length, capped.data.complete], [30, false])
      assert.strictEqual((yield* paths(odcloud)).length, 30)
      yield* TestClock.adjust("1 hour")
      yield* odcloud.respond(portal([row("KE1")], { total: 99 }))
      const short = yield* flights.search(search)
      assert.deepStrictEqual([short.data.flights.length, short.data.complete], [1, false])
      assert.strictEqual((yield* paths(odcloud)).length, 32)
    }).pipe(Effect.provide(services))
  )

  it.effect("a page that fails takes the whole answer with it: half a timetable is never cached as one", () =>
    Effect.gen(function* () {
      const { flights, odcloud } = yield* setup()
      const pages = portal([row("KE1"), row("KE2")], { perPage: 1 })
      yield* odcloud.respond((request) => (request.path.includes("page=2") ? Effect.succeed(down) : pages(request)))
      const error = yield* Effect.flip(flights.search(search))
      assert(error._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(error.tried, [{ provider: "odcloud", reason: "Transient" }])
      yield* odcloud.respond(pages)
      assert.strictEqual((yield* flights.search(search)).data.flights.length, 2)
    }).pipe(Effect.provide(services))
  )

  it.effect("answers that nobody can use are failures: another table, the wrong page, only unreadable rows", () =>
    Effect.gen(function* () {
      const { counted, flights, odcloud } = yield* setup()
      const page = { currentCount: 1, matchCount: 1, page: 1, perPage: 1000, totalCount: 1 }
      const answers = [
        HttpSimulator.json(200, { ...page, data: [{ flight: "KE1201" }] }),
        HttpSimulator.json(200, { ...page, page: 2, data: [row("KE1")] }),
        HttpSimulator.json(200, { code: -1, msg: "시스템 오류" })
      ]
      for (const [index, answer] of answers.entries()) {
        yield* odcloud.respond(() => Effect.succeed(answer))
        assert.strictEqual((yield* Effect.flip(flights.search(search)))._tag, "IntegrationUnavailable")
        assert.strictEqual(yield* counted("odcloud"), index + 1)
      }
      yield* odcloud.respond(portal([row("???"), row("KE1", { 운항요일: "?" })]))
      assert.strictEqual((yield* Effect.flip(flights.search(search)))._tag, "IntegrationUnavailable")
    }).pipe(Effect.provide(services))
  )

  it.effect("a refused key and a used-up quota inside a 200 are no failures of the circuit", () =>
    Effect.gen(function* () {
      const { counted, flights, odcloud } = yield* setup()
      for (const [code, reason] of [
        [-4, "Unauthorized"],
        [-9, "RateLimited"]
      ] as const) {
        yield* odcloud.respond(() => Effect.succeed(HttpSimulator.json(200, { code, msg: "x" })))
        const error = yield* Effect.flip(flights.search(search))
        assert(error._tag === "IntegrationUnavailable")
        assert.deepStrictEqual(error.tried, [{ provider: "odcloud", reason }])
        assert.strictEqual(yield* counted("odcloud"), 0)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("with the portal down, searches are answered for seven days, also new ones, and then not", () =>
    Effect.gen(function* () {
      const { flights, odcloud } = yield* setup()
      yield* flights.search(search)
      yield* odcloud.respond(() => Effect.succeed(down))
      yield* TestClock.adjust("6 days")
      const stale = yield* flights.search({ ...search, date: CalendarDate.make("2026-12-24") })
      assert.deepStrictEqual([stale.cache, stale.ageSeconds, stale.data.flights.length], ["STALE", 6 * 86_400, 2])
      assert.isString(stale.warning)
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* Effect.flip(flights.search(search)))._tag, "IntegrationUnavailable")
    }).pipe(Effect.provide(services))
  )

  it.effect("the same airport twice is refused without a call", () =>
    Effect.gen(function* () {
      const { flights, odcloud, paths } = yield* setup()
      const error = yield* Effect.flip(flights.search({ ...search, arrival: gmp }))
      assert.strictEqual(error._tag, "InvalidFlightSearch")
      assert.deepStrictEqual(yield* paths(odcloud), [])
    }).pipe(Effect.provide(services))
  )

  it.effect("opens its circuit after five failures (STANDARD)", () =>
    Effect.gen(function* () {
      const { circuit, flights, odcloud, paths } = yield* setup()
      yield* odcloud.respond(() => Effect.succeed(down))
      for (let call = 1; call <= 7; call++) {
        yield* Effect.flip(flights.search(search))
        assert.strictEqual(yield* circuit("odcloud"), call < 5 ? "CLOSED" : "OPEN")
      }
      assert.strictEqual((yield* paths(odcloud)).length, 5)
    }).pipe(Effect.provide(services))
  )
})

describe("Flights.status", () => {
  it.effect("asks as the airports want it, and keeps the answer for five minutes", () =>
    Effect.gen(function* () {
      const { flights, kac, paths } = yield* setup()
      const { data, ...labels } = yield* flights.status(flightNo, date)
      assert.deepInclude(labels, { cache: "MISS", source: "kac" })
      assert.deepInclude(data.reports[0], {
        state: "DELAYED",
        delayMinutes: 30,
        scheduledAt: "2026-11-21T23:50:00+09:00",
        estimatedAt: "2026-11-22T00:20:00+09:00",
        gate: null
      })
      assert.deepStrictEqual(yield* paths(kac), [
        "/FlightStatusListDTL/v1/getFlightStatusListDetail?flightId=KE1201&schDate=20261121&serviceKey=kac%2Bcanary"
      ])
      yield* TestClock.adjust("299 seconds")
      assert.strictEqual((yield* flights.status(flightNo, date)).cache, "HIT")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* flights.status(flightNo, date)).cache, "MISS")
    }).pipe(Effect.provide(services))
  )

  it.effect("a flight that nobody reports is not found, and asked about again after a minute", () =>
    Effect.gen(function* () {
      const { counted, flights, kac, paths } = yield* setup()
      yield* kac.respond(() => Effect.succeed(nothing))
      const error = yield* Effect.flip(flights.status(flightNo, date))
      assert(error._tag === "FlightNotFound")
      assert.deepStrictEqual([error.flightNo, error.date], [flightNo, date])
      yield* TestClock.adjust("59 seconds")
      yield* Effect.flip(flights.status(flightNo, date))
      assert.strictEqual((yield* paths(kac)).length, 1)
      yield* TestClock.adjust("1 second")
      yield* Effect.flip(flights.status(flightNo, date))
      assert.deepStrictEqual([(yield* paths(kac)).length, yield* counted("kac")], [2, 0])
    }).pipe(Effect.provide(services))
  )

  it.effect("an error as XML with status 200: trouble counts, a refused key does not", () =>
    Effect.gen(function* () {
      const { counted, flights, kac } = yield* setup()
      for (const [answer, reason, failures] of [
        [keyRefused, "Unauthorized", 0],
        [xml("<response><header><resultCode>01</resultCode></header></response>"), "Transient", 1],
        [xml("<html>busy</html>"), "Transient", 2]
      ] as const) {
        yield* kac.respond(() => Effect.succeed(answer))
        const error = yield* Effect.flip(flights.status(flightNo, date))
        assert(error._tag === "IntegrationUnavailable")
        assert.deepStrictEqual(error.tried, [{ provider: "kac", reason }])
        assert.strictEqual(yield* counted("kac"), failures, reason)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("a used-up quota is not asked again for an hour", () =>
    Effect.gen(function* () {
      const { flights, kac, paths } = yield* setup()
      yield* kac.respond(() => Effect.succeed(quotaUsedUp))
      yield* Effect.flip(flights.status(flightNo, date))
      yield* TestClock.adjust("59 minutes")
      const error = yield* Effect.flip(flights.status(flightNo, date))
      assert(error._tag === "IntegrationUnavailable")
      assert.strictEqual((yield* paths(kac)).length, 1)
      yield* TestClock.adjust("2 minutes")
      yield* Effect.flip(flights.status(flightNo, date))
      assert.strictEqual((yield* paths(kac)).length, 2)
    }).pipe(Effect.provide(services))
  )

  it.effect("opens its circuit after three failures (FAST), and serves stale for two hours meanwhile", () =>
    Effect.gen(function* () {
      const { circuit, flights, kac, paths } = yield* setup()
      yield* flights.status(flightNo, date)
      yield* kac.respond(() => Effect.succeed(down))
      yield* TestClock.adjust("5 minutes")
      for (let call = 1; call <= 5; call++) {
        assert.strictEqual((yield* flights.status(flightNo, date)).cache, "STALE")
        assert.strictEqual(yield* circuit("kac"), call < 3 ? "CLOSED" : "OPEN")
      }
      assert.strictEqual((yield* paths(kac)).length, 4)
      yield* TestClock.adjust("115 minutes")
      assert.strictEqual((yield* Effect.flip(flights.status(flightNo, date)))._tag, "IntegrationUnavailable")
    }).pipe(Effect.provide(services))
  )

  it.effect("ten callers at once cost one request", () =>
    Effect.gen(function* () {
      const { flights, kac, paths } = yield* setup()
      const seen = yield* Ref.make(0)
      yield* Effect.all(
        Array.from({ length: 10 }, () =>
          Effect.andThen(
            flights.status(flightNo, date),
            Ref.update(seen, (count) => count + 1)
          )
        ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([yield* Ref.get(seen), (yield* paths(kac)).length], [10, 1])
    }).pipe(Effect.provide(services))
  )
})

describe("Flights", () => {
  it.effect("Property 38: Property 49: no key gets into a log line or a span", () =>
    Effect.gen(function* () {
      const { lines, spans } = yield* watched(
        Effect.gen(function* () {
          const { flights, kac, odcloud } = yield* setup()
          yield* flights.search(search)
          yield* flights.status(flightNo, date)
          yield* TestClock.adjust("8 days")
          yield* kac.respond(() => Effect.succeed(keyRefused))
          yield* odcloud.refuse
          yield* Effect.flip(flights.search(search))
          yield* Effect.flip(flights.status(flightNo, date))
        })
      )
      assert.isNotEmpty(lines)
      assert.isTrue(spans.some((span) => span.includes("getFlightStatusListDetail")))
      for (const text of [...lines, ...spans]) assert.notMatch(text, /canary/)
    }).pipe(Effect.provide(services))
  )

  it.effect("switched off: nobody is asked", () =>
    Effect.gen(function* () {
      const { flights, kac, odcloud, paths } = yield* setup({ FLIGHTS_MODE: "off" })
      const error = yield* Effect.flip(flights.search(search))
      assert(error._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(error.tried, [])
      yield* Effect.flip(flights.status(flightNo, date))
      assert.deepStrictEqual([yield* paths(odcloud), yield* paths(kac)], [[], []])
    }).pipe(Effect.provide(services))
  )
})
