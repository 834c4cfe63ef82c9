/** The endpoints of flights and companies (provider integrations, section 3). */
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Company, Representative, Verification } from "../../src/domain/Company.ts"
import { FlightSchedule, FlightStatus } from "../../src/domain/Flight.ts"
import { guarded, IntegrationUnavailable } from "../../src/domain/Guarded.ts"
import { CompanyNotFound, CompanyUnavailable } from "../../src/services/data/Companies.ts"
import { FlightNotFound } from "../../src/services/data/Flights.ts"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const request = Effect.fnUntraced(function* (method: string, path: string, options: Hub.Request = {}) {
  const hub = yield* Hub.TestHub
  return yield* hub.request(method, `/api/v1/providers${path}`, options)
})
const get = (path: string, options?: Hub.Request) => request("GET", path, options)

/** A 200, read by the schema that the API declares. */
const read = <S extends Schema.Codec<unknown, unknown>>(data: S, path: string) =>
  Effect.flatMap(get(path), (reply) => {
    assert.strictEqual(reply.status, 200, reply.text)
    return Schema.decodeUnknownEffect(guarded(data))(reply.body)
  })

/** Of the sandbox: one that it knows, and one that it does not. */
const known = "124-81-00998"
const unknown = "2208101179"

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Flights and companies", (it) => {
  it.effect("AC-API-001 GET /providers/flights?departure=&arrival=&date= answers the flights of a route on a day", () =>
    Effect.gen(function* () {
      const answer = yield* read(FlightSchedule, "/flights?departure=gmp&arrival=CJU&date=2026-11-21")
      assert.strictEqual(answer.source, "odcloud")
      assert.isNotEmpty(answer.data.flights)
      const [first] = answer.data.flights
      const one = yield* read(
        FlightSchedule,
        `/flights?departure=GMP&arrival=CJU&date=2026-11-21&airline=${first?.airline}&flightNo=${first?.flightNo.toLowerCase()}`
      )
      assert.deepStrictEqual([one.cache, one.data.flights], ["HIT", [first]])
    })
  )

  it.effect("AC-API-001 GET /providers/flights/:flightNo/status?date= answers how a flight is going", () =>
    Effect.gen(function* () {
      const { data } = yield* read(FlightSchedule, "/flights?departure=GMP&arrival=CJU&date=2026-11-21")
      const flightNo = data.flights[0]?.flightNo ?? ""
      const status = yield* read(FlightStatus, `/flights/${flightNo}/status?date=2026-11-21`)
      assert.deepStrictEqual([status.source, status.data.flightNo, status.data.reports.length], ["kac", flightNo, 2])
      const none = yield* get("/flights/ZZ9999/status?date=2026-11-21")
      Hub.assertProblem(none, "no such flight")
      assert.strictEqual(none.status, 404)
    })
  )

  it.effect("AC-API-001 GET /providers/companies/:businessNumber, its representative and its verification", () =>
    Effect.gen(function* () {
      const company = yield* read(Company, `/companies/${known}`)
      assert.deepStrictEqual(
        [String(company.data.businessNumber), company.data.origin],
        ["1248100998", { kind: "vendor" }]
      )
      const name = encodeURIComponent(company.data.representative ?? "")
      const person = yield* read(Representative, `/companies/${known}/representative?name=${name}`)
      assert.deepStrictEqual([person.cache, person.data.match], ["HIT", "MATCH"])
      const other = yield* read(
        Representative,
        `/companies/${known}/representative?name=${encodeURIComponent("아무개")}`
      )
      assert.strictEqual(other.data.match, "MISMATCH")
      const verified = yield* read(Verification, `/companies/${known}/verification`)
      assert.strictEqual(verified.data.verified, company.data.state === "ACTIVE")
      const misnamed = yield* read(Verification, `/companies/${known}/verification?name=Nobody`)
      assert.isFalse(misnamed.data.verified)
    })
  )

  it.effect("AC-API-001 PUT /providers/companies/:businessNumber enters a company by hand, with who and when", () =>
    Effect.gen(function* () {
      const missing = yield* get(`/companies/${unknown}`)
      Hub.assertProblem(missing, "not known")
      assert.deepInclude(Object(missing.body), {
        type: "urn:hub:problem:company-not-found",
        status: 404,
        manualEntryAllowed: true
      })
      const body = { name: "작은 가게", representative: "홍길동", establishedOn: "2020-02-29" }
      const entered = yield* request("PUT", `/companies/${unknown}`, { body })
      assert.strictEqual(entered.status, 200, entered.text)
      assert.deepInclude(Object(entered.body), { ...body, businessNumber: unknown, state: "ACTIVE" })
      const { enteredAt, enteredBy, kind } = Object(entered.body).origin
      assert.strictEqual(kind, "manual")
      assert.isNotEmpty(enteredBy)
      const again = yield* request("PUT", `/companies/${unknown}`, { body })
      assert.deepStrictEqual(again.body, entered.body)
      const served = yield* read(Company, `/companies/${unknown}`)
      assert.deepInclude(served, { source: "manual", cache: "STALE", fetchedAt: enteredAt })
      assert.include(served.warning, "entered by hand")
      const verified = yield* read(Verification, `/companies/${unknown}/verification`)
      assert.deepInclude(verified.data, { verified: false, reason: "manual" })
    })
  )

  it.effect("AC-API-004 bad input is a 400 that names it", () =>
    Effect.gen(function* () {
      const flights = (departure: string, arrival: string, date: string) =>
        `/flights?departure=${departure}&arrival=${arrival}&date=${date}`
      const cases = [
        ["/flights?arrival=CJU&date=2026-11-21", "query.departure"],
        [flights("XXX", "CJU", "2026-11-21"), "query.departure"],
        [flights("GMP", "김포".normalize("NFC").slice(0, 0), "2026-11-21"), "query.arrival"],
        [flights("GMP", "GMP", "2026-11-21"), "query.arrival"],
        [flights("GMP", "CJU", "2026-02-30"), "query.date"],
        [flights("GMP", "CJU", "2026-13-01"), "query.date"],
        [flights("GMP", "CJU", "today"), "query.date"],
        [`${flights("GMP", "CJU", "2026-11-21")}&airline=KOREAN`, "query.airline"],
        [`${flights("GMP", "CJU", "2026-11-21")}&flightNo=1201`, "query.flightNo"],
        ["/flights/1201/status?date=2026-11-21", "params.flightNo"],
        ["/flights/KE1201/status?date=2026-02-29", "query.date"],
        ["/flights/KE1201/status", "query.date"],
        ["/companies/1248100997", "params.businessNumber"],
        ["/companies/123", "params.businessNumber"],
        ["/companies/0000000000", "params.businessNumber"],
        ["/companies/1248100998/representative", "query.name"],
        ["/companies/1248100998/representative?name=%20", "query.name"],
        [`/companies/1248100998/representative?name=${"x".repeat(201)}`, "query.name"],
        ["/companies/1248100997/verification", "params.businessNumber"]
      ] as const
      for (const [path, where] of cases) {
        const reply = yield* get(path)
        Hub.assertProblem(reply, path)
        assert.strictEqual(reply.status, 400, path)
        const paths = Object(reply.body).errors.map((issue: { readonly path: string }) => issue.path)
        assert.include(paths, where, path)
      }
      for (const [number, body, where] of [
        ["1248100997", { name: "a" }, "params.businessNumber"],
        ["1248100998", {}, "name"],
        ["1248100998", { name: "a", establishedOn: "2026-02-30" }, "establishedOn"],
        ["1248100998", { name: "a", postalCode: "135-080" }, "postalCode"],
        ["1248100998", { name: "a", state: "UNKNOWN" }, "state"]
      ] as const) {
        const reply = yield* request("PUT", `/companies/${number}`, { body })
        Hub.assertProblem(reply, where)
        assert.strictEqual(reply.status, 400, where)
        assert.strictEqual(Object(reply.body).errors[0].path, where)
      }
    })
  )

  it.effect("AC-API-008 wants a key with the scope core", () =>
    Effect.gen(function* () {
      const hub = yield* Hub.TestHub
      const keys = yield* Effect.forEach(["core", "edicus"], (scope) =>
        hub.request("POST", "/api/v1/api-keys", { body: { name: `travel-${scope}`, scopes: [scope] } })
      )
      const [core = "", edicus = ""] = keys.map((reply) => String(Object(reply.body).key))
      for (const path of ["/flights?departure=GMP&arrival=CJU&date=2026-11-21", `/companies/${known}`]) {
        const statuses = yield* Effect.forEach([core, edicus, null], (key) =>
          Effect.map(get(path, { key }), ({ status }) => status)
        )
        assert.deepStrictEqual(statuses, [200, 403, 401], path)
      }
      const entered = yield* request("PUT", "/companies/2208162517", { key: core, body: { name: "a" } })
      assert.strictEqual(Object(entered.body).origin.enteredBy, "travel-core")
    })
  )
})

const unavailable = new IntegrationUnavailable({
  integration: "flights",
  operation: "schedule",
  tried: [{ provider: "odcloud", reason: "Unauthorized" }],
  retryAfterMillis: 12_345
})

describe("Flights and companies that have nothing", () => {
  const send = (path: string) =>
    Effect.flatMap(Hub.port, (port) =>
      Hub.send(port, "GET", `/api/v1/providers${path}`, { "x-api-key": Hub.adminKey }, undefined)
    )

  it.live("no provider: 503 with Retry-After; of a company it says that manual entry is allowed", () =>
    Effect.gen(function* () {
      for (const path of [
        "/flights?departure=GMP&arrival=CJU&date=2026-11-21",
        "/flights/KE1/status?date=2026-11-21"
      ]) {
        const reply = yield* send(path)
        assert.deepStrictEqual([reply.status, reply.headers["retry-after"]], [503, "13"], path)
        assert.notMatch(reply.text, /odcloud|Unauthorized/)
      }
      for (const path of [`/companies/${known}`, `/companies/${known}/representative?name=a`]) {
        const reply = yield* send(path)
        assert.deepStrictEqual([reply.status, reply.headers["retry-after"]], [503, "2"], path)
        assert.strictEqual(reply.headers["content-type"], "application/problem+json")
        assert.deepInclude(Object(reply.body), {
          type: "urn:hub:problem:company-unavailable",
          manualEntryAllowed: true,
          retryAfter: 2
        })
        assert.notMatch(reply.text, /nice/)
      }
    }).pipe(
      Effect.provide(
        Hub.overMocks({
          flights: { search: () => Effect.fail(unavailable), status: () => Effect.fail(unavailable) },
          companies: {
            company: (businessNumber) => Effect.fail(silent(businessNumber)),
            representative: (_, businessNumber) => Effect.fail(silent(businessNumber))
          }
        })
      )
    )
  )

  it.live("what is not found is 404, and no call is made for bad input", () =>
    Effect.gen(function* () {
      const flight = yield* send("/flights/KE081/status?date=2026-11-21")
      Hub.assertProblem(flight, "flight")
      assert.deepStrictEqual(
        [flight.status, Object(flight.body).detail],
        [404, "Nobody knows a flight KE081 on 2026-11-21"]
      )
      const company = yield* send(`/companies/${known}`)
      Hub.assertProblem(company, "company")
      assert.strictEqual(company.status, 404)
      // Not provided at all: a call would be a defect, and a 500.
      for (const path of ["/flights?departure=XXX&arrival=CJU&date=2026-11-21", "/companies/1248100997/verification"]) {
        assert.strictEqual((yield* send(path)).status, 400, path)
      }
    }).pipe(
      Effect.provide(
        Hub.overMocks({
          flights: { status: (flightNo, date) => Effect.fail(new FlightNotFound({ flightNo, date })) },
          companies: {
            company: (businessNumber) => Effect.fail(new CompanyNotFound({ businessNumber, manualEntryAllowed: true }))
          }
        })
      )
    )
  )
})

const silent = (businessNumber: CompanyUnavailable["businessNumber"]) =>
  new CompanyUnavailable({
    businessNumber,
    manualEntryAllowed: true,
    tried: [{ provider: "nice_dnb", reason: "Transient" }],
    retryAfterMillis: 1001
  })
