/** Flights from the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as FlightLookup from "../../../src/adapters/flights/FlightLookup.ts"
import { AirportCode } from "../../../src/domain/Airport.ts"
import * as CalendarDate from "../../../src/domain/CalendarDate.ts"
import { FlightSchedule, FlightStatus } from "../../../src/domain/Flight.ts"
import { Flights } from "../../../src/services/data/Flights.ts"
import { ProviderPolicies } from "../../../src/services/providers/ProviderPolicies.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"

const date = CalendarDate.CalendarDate.make("2026-11-21")
const route = { departure: AirportCode.make("GMP"), arrival: AirportCode.make("CJU"), date }

const sandbox = (env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 10, 21, 1))
    yield* withoutRetries(["odcloud", "kac"])
    const { flights } = yield* configOf(env)
    return yield* built(Flights, FlightLookup.layer(flights))
  })

/** Everything that it says of a route and its flights on a day. */
const all = (env: Readonly<Record<string, string>>, on = date) =>
  Effect.gen(function* () {
    const flights = yield* sandbox(env)
    const schedule = yield* flights.search({ ...route, date: on })
    const statuses = yield* Effect.forEach(schedule.data.flights.slice(0, 8), ({ flightNo }) =>
      Effect.map(flights.status(flightNo, on), ({ data }) => data)
    )
    return { schedule: schedule.data, statuses }
  }).pipe(Effect.provide(services), Effect.scoped)

const outcomes = (errorRate: string) =>
  Effect.gen(function* () {
    const flights = yield* sandbox({ FLIGHTS_SANDBOX_ERROR_RATE: errorRate })
    const answers: Array<boolean> = []
    for (let call = 0; call < 20; call++) {
      yield* TestClock.adjust("8 days")
      answers.push(Option.isSome(yield* Effect.option(flights.search(route))))
    }
    return answers
  }).pipe(Effect.provide(services), Effect.scoped)

describe("the sandbox of flights", () => {
  it.effect("Property 43: in sandbox mode the simulators answer, and say that it is invented", () =>
    Effect.gen(function* () {
      const flights = yield* sandbox()
      const schedule = yield* flights.search(route)
      assert.deepInclude(schedule, { source: "odcloud", cache: "MISS" })
      assert.match(schedule.warning ?? "", /invented/)
      const [first] = schedule.data.flights
      assert(first !== undefined)
      const status = yield* flights.status(first.flightNo, date)
      assert.strictEqual(status.source, "kac")
      assert.match(status.warning ?? "", /invented/)
    }).pipe(Effect.provide(services))
  )

  it.effect("Property 44: answers are plausible, follow from what is asked for, and repeat with the seed", () =>
    Effect.gen(function* () {
      const one = yield* all({})
      assert.deepStrictEqual(yield* all({}), one)
      assert.notDeepEqual(yield* all({ FLIGHTS_SANDBOX_SEED: "other" }), one)
      assert.notDeepEqual(yield* all({}, CalendarDate.CalendarDate.make("2026-11-28")), one)
      assert.isAbove(one.schedule.flights.length, 10)
      assert.isTrue(one.schedule.complete)
      yield* Schema.encodeEffect(FlightSchedule)(one.schedule)
      for (const [index, status] of one.statuses.entries()) {
        yield* Schema.encodeEffect(FlightStatus)(status)
        const planned = one.schedule.flights[index]
        assert.deepStrictEqual(
          status.reports.map(({ airport, direction }) => [direction, airport]),
          [
            ["departure", "제주"],
            ["arrival", "김포"]
          ]
        )
        assert.strictEqual(status.reports[0]?.scheduledAt, `${date}T${planned?.departureTime}:00+09:00`)
      }
    })
  )

  it.effect("a flight that is not in its timetable, or not on that day, is not found", () =>
    Effect.gen(function* () {
      const flights = yield* sandbox()
      const week = yield* Effect.forEach([0, 1, 2, 3, 4, 5, 6], (days) =>
        Effect.gen(function* () {
          const on = Option.getOrThrow(CalendarDate.plusDays(date, days))
          const found = yield* flights.search({ ...route, date: on })
          return { on, numbers: found.data.flights.map(({ flightNo }) => flightNo) }
        })
      )
      const everything = new Set(week.flatMap(({ numbers }) => numbers))
      const [day] = week.filter(({ numbers }) => numbers.length < everything.size)
      assert(day !== undefined, "some flights do not go every day")
      const absent = [...everything].find((flightNo) => !day.numbers.includes(flightNo))
      assert(absent !== undefined)
      assert.strictEqual((yield* Effect.flip(flights.status(absent, day.on)))._tag, "FlightNotFound")
    }).pipe(Effect.provide(services))
  )

  it.effect("Property 45: errors come as often as configured; 0 and 1 are exact, and a seed repeats them", () =>
    Effect.gen(function* () {
      assert.notInclude(yield* outcomes("0"), false)
      assert.notInclude(yield* outcomes("1"), true)
      const some = yield* outcomes("0.5")
      assert.deepStrictEqual(yield* outcomes("0.5"), some)
      assert.include(some, true)
      assert.include(some, false)
    })
  )

  it.effect("takes the time that is configured", () =>
    Effect.gen(function* () {
      const flights = yield* sandbox({ FLIGHTS_SANDBOX_DELAY: "3 seconds" })
      const fiber = yield* Effect.forkChild(flights.search(route))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).cache, "MISS")
    }).pipe(Effect.provide(services))
  )

  it.effect("Property 46: every call in sandbox mode leaves a log line that says so", () =>
    Effect.gen(function* () {
      const { lines } = yield* watched(Effect.flatMap(sandbox(), (flights) => flights.search(route)))
      const calls = lines.filter((line) => line.includes("the sandbox is asked"))
      assert.lengthOf(calls, 1)
      assert.include(calls[0], '"integration":"flights"')
    }).pipe(Effect.provide(services))
  )

  it.effect("the portal's circuit is STANDARD, the airports' FAST; both retry by DEFAULT", () =>
    Effect.gen(function* () {
      const { flights } = yield* configOf({})
      yield* built(Flights, FlightLookup.layer(flights))
      const { providers } = yield* (yield* ProviderPolicies).list
      assert.deepStrictEqual(
        providers.map(({ name, policy }) => [name, policy.circuit, policy.retry]),
        [
          ["odcloud", "STANDARD", "DEFAULT"],
          ["kac", "FAST", "DEFAULT"]
        ]
      )
    }).pipe(Effect.provide(services))
  )
})
