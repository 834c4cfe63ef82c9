/** Company records in live mode, over a vendor that is an HTTP server of its own and knows nothing of the sandbox. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Ref, type Scope } from "effect"
import { TestClock } from "effect/testing"
import * as CompanyLookup from "../../../src/adapters/companies/CompanyLookup.ts"
import { BusinessNumber, checkDigit } from "../../../src/domain/BusinessNumber.ts"
import { Companies } from "../../../src/services/data/Companies.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const number = BusinessNumber.make("1248100998")
const saturday = Date.UTC(2026, 10, 21, 3)

const record = (more: object = {}, header: object = { resCd: "0", resMsg: "" }) =>
  HttpSimulator.json(200, {
    dataHeader: header,
    dataBody: { bizNo: number, cmpNm: "(주)한빛", ceoNm: "홍길동", stt: null, salesAmt: "1,234", ...more }
  })
const down = HttpSimulator.json(500, {})
const runOut = HttpSimulator.json(503, { code: "NOAG1002", message: "expired" })

const isToken = ({ path }: HttpSimulator.RecordedRequest) => path.endsWith("/accesstoken")

interface Vendor {
  readonly expiresIn: unknown
  readonly token: (issued: number) => HttpSimulator.SimulatedAnswer | null
  readonly company: (request: HttpSimulator.RecordedRequest) => HttpSimulator.SimulatedAnswer
}

const setup = Effect.fnUntraced(function* () {
  yield* TestClock.setTime(saturday)
  yield* withoutRetries(["nice_dnb"])
  const simulator = yield* HttpSimulator.make
  const vendor = yield* Ref.make<Vendor>({ expiresIn: "86400", token: () => null, company: () => record() })
  const issued = yield* Ref.make(0)
  yield* simulator.respond(
    Effect.fnUntraced(function* (request) {
      const { company, expiresIn, token } = yield* Ref.get(vendor)
      if (!isToken(request)) return company(request)
      const count = yield* Ref.updateAndGet(issued, (before) => before + 1)
      return token(count) ?? HttpSimulator.json(200, { accessToken: `token-canary-${count}`, expiresIn })
    })
  )
  const config = yield* configOf({
    COMPANIES_MODE: "live",
    COMPANIES_NICE_BASE_URL: simulator.url,
    COMPANIES_NICE_APP_KEY: "app-key-canary",
    COMPANIES_NICE_APP_SECRET: "app-secret-canary"
  })
  const companies = yield* built(Companies, CompanyLookup.layer(config.companies))
  const be = (more: Partial<Vendor>) => Ref.update(vendor, (before) => ({ ...before, ...more }))
  const tokens = Ref.get(issued)
  const questions = Effect.map(simulator.requests, (requests) => requests.filter((request) => !isToken(request)))
  const counted = Effect.gen(function* () {
    const circuits = yield* (yield* CircuitBreakers).snapshots
    return circuits.find((circuit) => circuit.name === "nice_dnb")?.consecutiveFailures
  })
  return { simulator, companies, be, tokens, questions, counted }
})

describeDatabases("CompanyLookup", (database) => {
  const layer = Layer.merge(services, database)
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer> | Scope.Scope>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "a token, then the question: as the vendor wants them",
    Effect.gen(function* () {
      const { companies, simulator } = yield* setup()
      const answer = yield* companies.company(number)
      assert.deepInclude(answer, {
        cache: "MISS",
        source: "nice_dnb",
        fetchedAt: "2026-11-21T03:00:00.000Z",
        ageSeconds: 0
      })
      assert.deepInclude(answer.data, { name: "(주)한빛", state: "ACTIVE", businessNumber: number })
      assert.strictEqual(answer.data.finance.sales, 1_234_000)
      const [token, question] = yield* simulator.requests
      assert.deepStrictEqual(
        [token?.method, token?.path, JSON.parse(token?.body ?? "")],
        [
          "POST",
          "/nice/oauth/v1.0/accesstoken",
          { appKey: "app-key-canary", appSecret: "app-secret-canary", grantType: "client_credentials" }
        ]
      )
      assert.deepStrictEqual(
        [question?.method, question?.path, question?.headers["authorization"], JSON.parse(question?.body ?? "")],
        [
          "POST",
          "/nice/bizinfo/v1.0/custom/bzmaininfo01/certification",
          "Bearer token-canary-1",
          { bizNo: "1248100998" }
        ]
      )
    })
  )

  test(
    "Property 5: the same question within 24 hours is answered from the cache, with no call",
    Effect.gen(function* () {
      const { companies, questions } = yield* setup()
      yield* companies.company(number)
      yield* TestClock.adjust("86399 seconds")
      const hit = yield* companies.company(number)
      assert.deepStrictEqual([hit.cache, hit.ageSeconds], ["HIT", 86_399])
      assert.strictEqual((yield* companies.representative("홍길동", number)).cache, "HIT")
      assert.strictEqual((yield* companies.verify(number)).cache, "HIT")
      assert.strictEqual((yield* questions).length, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* companies.company(number)).cache, "MISS")
      assert.strictEqual((yield* questions).length, 2)
    })
  )

  test(
    "Property 6: a failure serves what is cached for 30 days, and then says that manual entry is allowed",
    Effect.gen(function* () {
      const { be, companies } = yield* setup()
      yield* companies.company(number)
      yield* be({ company: () => down })
      yield* TestClock.adjust("29 days")
      const stale = yield* companies.company(number)
      assert.deepStrictEqual([stale.cache, stale.ageSeconds, stale.source], ["STALE", 29 * 86_400, "nice_dnb"])
      assert.strictEqual(stale.fetchedAt, "2026-11-21T03:00:00.000Z")
      assert.isString(stale.warning)
      yield* TestClock.adjust("1 day")
      const error = yield* Effect.flip(companies.company(number))
      assert(error._tag === "CompanyUnavailable")
      assert.isTrue(error.manualEntryAllowed)
      assert.deepStrictEqual(error.tried, [{ provider: "nice_dnb", reason: "Transient" }])
      assert.isAtLeast(error.retryAfterMillis, 1000)
    })
  )

  test(
    "ten questions at once cost one token, and the token serves those after them",
    Effect.gen(function* () {
      const { be, companies, questions, tokens } = yield* setup()
      yield* be({
        company: ({ body }) => record({ bizNo: JSON.parse(body).bizNo })
      })
      const numbers = Array.from({ length: 10 }, (_, index) => {
        const nine = String(124_810_000 + index)
        return BusinessNumber.make(`${nine}${checkDigit(nine)}`)
      })
      const answers = yield* Effect.forEach(numbers, companies.company, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(({ data }) => data.businessNumber),
        numbers
      )
      yield* TestClock.adjust("12 hours")
      yield* companies.company(number)
      assert.deepStrictEqual([yield* tokens, (yield* questions).length], [1, 11])
    })
  )

  for (const expiresIn of ["90000", 90_000]) {
    test(
      `a token is renewed before it ends; it says its time as a ${typeof expiresIn}`,
      Effect.gen(function* () {
        const { be, companies, tokens } = yield* setup()
        yield* be({ expiresIn })
        yield* companies.company(number)
        yield* TestClock.adjust("24 hours")
        yield* companies.company(number)
        assert.strictEqual(yield* tokens, 1)
        // Two minutes before its end.
        yield* TestClock.adjust("3480 seconds")
        yield* be({ company: () => record({ bizNo: "2208162517" }) })
        yield* companies.company(BusinessNumber.make("2208162517"))
        assert.strictEqual(yield* tokens, 2)
      })
    )
  }

  test(
    "a token that has run out (503 NOAG1002) is renewed once and the question repeated once, at nobody's cost",
    Effect.gen(function* () {
      const { be, companies, counted, questions, tokens } = yield* setup()
      yield* be({
        company: ({ headers }) => (headers["authorization"] === "Bearer token-canary-2" ? record() : runOut)
      })
      assert.strictEqual((yield* companies.company(number)).cache, "MISS")
      assert.deepStrictEqual([yield* tokens, (yield* questions).length, yield* counted], [2, 2, 0])
    })
  )

  test(
    "a second refusal is final",
    Effect.gen(function* () {
      const { be, companies, counted, questions, tokens } = yield* setup()
      yield* be({ company: () => runOut })
      const error = yield* Effect.flip(companies.company(number))
      assert(error._tag === "CompanyUnavailable")
      assert.deepStrictEqual(error.tried, [{ provider: "nice_dnb", reason: "Unauthorized" }])
      assert.deepStrictEqual([yield* tokens, (yield* questions).length, yield* counted], [2, 2, 0])
    })
  )

  test(
    "no token, no question; a failure to get one is not remembered",
    Effect.gen(function* () {
      const { be, companies, questions, tokens } = yield* setup()
      for (const token of [
        HttpSimulator.json(401, { code: "x" }),
        HttpSimulator.json(200, { accessToken: "t" }),
        HttpSimulator.json(200, { accessToken: "t", expiresIn: "soon" }),
        HttpSimulator.json(200, {})
      ]) {
        yield* be({ token: () => token })
        assert.strictEqual((yield* Effect.flip(companies.company(number)))._tag, "CompanyUnavailable")
      }
      assert.deepStrictEqual(yield* questions, [])
      yield* be({ token: () => null })
      assert.strictEqual((yield* companies.company(number)).cache, "MISS")
      assert.isAtLeast(yield* tokens, 5)
    })
  )

  for (const code of ["NOAG1201", "NOAG1202"]) {
    test(
      `a limit comes as 403 ${code}: no failure for the circuit, no new token`,
      Effect.gen(function* () {
        const { be, companies, counted, tokens } = yield* setup()
        yield* be({ company: () => HttpSimulator.json(403, { code }) })
        const error = yield* Effect.flip(companies.company(number))
        assert(error._tag === "CompanyUnavailable")
        assert.deepStrictEqual(error.tried, [{ provider: "nice_dnb", reason: "RateLimited" }])
        assert.deepStrictEqual([yield* tokens, yield* counted], [1, 0])
      })
    )
  }

  test(
    "resCd 1 and 2 under a 200 are failures, and open the circuit after five",
    Effect.gen(function* () {
      const { be, companies, questions } = yield* setup()
      const codes = ["1", 2, "1", "2", 1, "1"]
      for (const resCd of codes) {
        yield* be({ company: () => record({}, { resCd, resMsg: "시스템 오류" }) })
        const error = yield* Effect.flip(companies.company(number))
        assert.strictEqual(error._tag, "CompanyUnavailable")
      }
      assert.strictEqual((yield* questions).length, 5)
    })
  )

  test(
    "a company that is not known is no failure: typed, not counted, not cached",
    Effect.gen(function* () {
      const { be, companies, counted, questions } = yield* setup()
      for (const answer of [
        record({}, { resCd: "1", resMsg: "조회 결과가 없습니다" }),
        HttpSimulator.json(200, { dataHeader: { resCd: "0" }, dataBody: null }),
        HttpSimulator.json(200, { dataHeader: { resCd: 0 }, dataBody: {} })
      ]) {
        yield* be({ company: () => answer })
        const error = yield* Effect.flip(companies.company(number))
        assert(error._tag === "CompanyNotFound")
        assert.isTrue(error.manualEntryAllowed)
      }
      assert.deepStrictEqual([(yield* questions).length, yield* counted], [3, 0])
    })
  )

  test(
    "a record about another company is refused, and not cached",
    Effect.gen(function* () {
      const { be, companies, counted, questions } = yield* setup()
      yield* be({ company: () => record({ bizNo: "2208162517" }) })
      const error = yield* Effect.flip(companies.company(number))
      assert(error._tag === "CompanyUnavailable")
      assert.strictEqual(yield* counted, 1)
      yield* be({ company: () => record({ bizNo: "124-81-00998" }) })
      assert.strictEqual((yield* companies.company(number)).cache, "MISS")
      assert.strictEqual((yield* questions).length, 2)
    })
  )

  test(
    "a company that is suspended or closed is not verified",
    Effect.gen(function* () {
      const { be, companies } = yield* setup()
      for (const [stt, state, reason] of [
        [null, "ACTIVE", null],
        ["2", "SUSPENDED", "suspended"],
        ["3", "CLOSED", "closed"],
        ["7", "UNKNOWN", "state-unknown"]
      ] as const) {
        yield* be({ company: () => record({ stt }) })
        const { data } = yield* companies.verify(number)
        assert.deepStrictEqual(data, { businessNumber: number, verified: reason === null, reason, state })
        yield* TestClock.adjust("24 hours")
      }
      yield* be({ company: () => record() })
      assert.isTrue((yield* companies.verify(number, "주식회사 한빛")).data.verified)
      assert.strictEqual((yield* companies.verify(number, "다른회사")).data.reason, "name-differs")
    })
  )

  test(
    "Property 4: a representative is compared with the record: matches, differs, or is not known",
    Effect.gen(function* () {
      const { be, companies } = yield* setup()
      const matched = yield* companies.representative("홍 길동", number)
      assert.deepInclude(matched.data, { match: "MATCH", representative: "홍길동", state: "ACTIVE" })
      assert.strictEqual((yield* companies.representative("김철수", number)).data.match, "MISMATCH")
      yield* TestClock.adjust("24 hours")
      yield* be({ company: () => record({ ceoNm: null }) })
      assert.strictEqual((yield* companies.representative("홍길동", number)).data.match, "UNKNOWN")
      yield* TestClock.adjust("30 days")
      yield* be({ company: () => down })
      const error = yield* Effect.flip(companies.representative("홍길동", number))
      assert.strictEqual(error._tag, "CompanyUnavailable")
    })
  )

  test(
    "a record entered by hand stands in while the vendor is silent, is never verified, and ends with the vendor's answer",
    Effect.gen(function* () {
      const { be, companies } = yield* setup()
      yield* be({ company: () => down })
      yield* Effect.flip(companies.company(number))
      const entered = yield* companies.enter(number, { name: "한빛", representative: "홍길동" }, "the core")
      yield* TestClock.adjust("1 hour")
      const manual = yield* companies.company(number)
      assert.deepInclude(manual, { data: entered, cache: "STALE", source: "manual", ageSeconds: 3600 })
      assert.include(manual.warning, "entered by hand")
      assert.deepStrictEqual(manual.data.origin, {
        kind: "manual",
        enteredBy: "the core",
        enteredAt: "2026-11-21T03:00:00.000Z"
      })
      assert.deepInclude((yield* companies.verify(number)).data, { verified: false, reason: "manual" })
      assert.strictEqual((yield* companies.representative("홍길동", number)).data.match, "MATCH")

      yield* be({ company: () => record() })
      // The circuit may be open by now.
      yield* TestClock.adjust("5 minutes")
      const vendor = yield* companies.company(number)
      assert.deepStrictEqual([vendor.source, vendor.cache, vendor.data.name], ["nice_dnb", "MISS", "(주)한빛"])
      yield* be({ company: () => down })
      yield* TestClock.adjust("31 days")
      assert.strictEqual((yield* Effect.flip(companies.company(number)))._tag, "CompanyUnavailable")
    })
  )

  test(
    "a stale answer of the vendor comes before a record entered by hand; a company it does not know may be entered",
    Effect.gen(function* () {
      const { be, companies } = yield* setup()
      yield* companies.company(number)
      yield* TestClock.adjust("2 days")
      yield* be({ company: () => down })
      yield* companies.enter(number, { name: "다른 이름" }, "the core")
      const stale = yield* companies.company(number)
      assert.deepStrictEqual([stale.cache, stale.source], ["STALE", "nice_dnb"])
      const small = BusinessNumber.make("2208162517")
      yield* be({ company: () => record({}, { resCd: "1", resMsg: "조회 결과가 없습니다" }) })
      yield* companies.enter(small, { name: "작은 가게" }, "the core")
      const found = yield* companies.company(small)
      assert.deepStrictEqual([found.source, found.data.name], ["manual", "작은 가게"])
    })
  )

  test(
    "a store of records that is out of order does not change the vendor's answer",
    Effect.gen(function* () {
      const { companies } = yield* setup()
      const { sql } = yield* Database
      yield* Effect.orDie(sql`drop table manual_companies`)
      assert.strictEqual((yield* companies.company(number)).cache, "MISS")
    })
  )

  test(
    "Property 38: Property 49: no name, number's record or credential gets into a log line or a span",
    Effect.gen(function* () {
      const { lines, spans } = yield* watched(
        Effect.gen(function* () {
          const { be, companies } = yield* setup()
          yield* companies.representative("홍길동", number)
          yield* companies.enter(number, { name: "김철수상회", representative: "김철수" }, "the core")
          yield* TestClock.adjust("31 days")
          for (const answer of [
            runOut,
            down,
            record({ bizNo: "2208162517" }),
            HttpSimulator.json(403, { code: "NOAG1201" })
          ]) {
            yield* be({ company: () => answer })
            yield* companies.representative("박영희", number)
          }
        })
      )
      assert.isNotEmpty(lines)
      assert.isNotEmpty(spans)
      // What a span ended with is in this process only, unless it failed.
      const exported = spans.map((span) => span.replace(/"exit":\{"_id":"Exit","_tag":"Success".*/, ""))
      for (const text of [...lines, ...exported]) {
        assert.notMatch(text, /canary|홍길동|김철수|박영희|한빛/, text)
      }
    })
  )

  test(
    "switched off: nobody is asked, and manual entry is allowed",
    Effect.gen(function* () {
      const config = yield* configOf({ COMPANIES_MODE: "off" })
      const companies = yield* built(Companies, CompanyLookup.layer(config.companies))
      const error = yield* Effect.flip(companies.company(number))
      assert(error._tag === "CompanyUnavailable")
      assert.deepStrictEqual(error.tried, [])
      yield* companies.enter(number, { name: "한빛" }, "the core")
      assert.strictEqual((yield* companies.company(number)).source, "manual")
    })
  )
})
