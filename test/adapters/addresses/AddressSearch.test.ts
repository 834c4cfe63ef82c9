/** Address search in live mode, over sources that are HTTP servers of their own and know nothing of the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as AddressSearch from "../../../src/adapters/addresses/AddressSearch.ts"
import { AddressKeyword, PostalCode } from "../../../src/domain/Address.ts"
import { Addresses } from "../../../src/services/data/Addresses.ts"
import { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const keyword = AddressKeyword.make("테헤란로")
const code = PostalCode.make("06236")
const names = ["address_primary", "address_secondary"]
const down = HttpSimulator.json(503, {})

const documents = (count: number, zone_no = "06236") =>
  Array.from({ length: count }, (_, index) => ({
    address_name: `서울 강남구 역삼동 ${index + 1}`,
    road_address: { address_name: `서울 강남구 테헤란로 ${index + 1}`, zone_no, building_name: "" },
    address: null
  }))

const kakaoPage = (total: number, count = Math.min(total, 10)) =>
  HttpSimulator.json(200, {
    meta: { total_count: total, pageable_count: total, is_end: false },
    documents: documents(count)
  })

const jusoPage = (total: number, zipNo = "06236") =>
  HttpSimulator.json(200, {
    results: {
      common: { errorCode: "0", errorMessage: "정상", totalCount: String(total) },
      juso: Array.from({ length: Math.min(total, 10) }, (_, index) => ({
        roadAddr: `서울특별시 강남구 테헤란로 ${index + 1}`,
        jibunAddr: "",
        zipNo,
        bdNm: "타워"
      }))
    }
  })

const jusoError = (errorCode: string) =>
  HttpSimulator.json(200, { results: { common: { errorCode, errorMessage: "…", totalCount: "0" }, juso: null } })

const setup = Effect.fnUntraced(function* (secondaryKey: string = "juso-canary") {
  yield* withoutRetries(names)
  const [kakao, juso] = [yield* HttpSimulator.make, yield* HttpSimulator.make]
  yield* kakao.respond(() => Effect.succeed(kakaoPage(25)))
  yield* juso.respond(() => Effect.succeed(jusoPage(12)))
  const config = yield* configOf({
    ADDRESS_MODE: "live",
    ADDRESS_PRIMARY_BASE_URL: kakao.url,
    ADDRESS_PRIMARY_KEY: "kakao-canary",
    ADDRESS_SECONDARY_BASE_URL: juso.url,
    ADDRESS_SECONDARY_KEY: secondaryKey
  })
  const addresses = yield* built(Addresses, AddressSearch.layer(config.address))
  const count = (simulator: HttpSimulator.HttpSimulator) => Effect.map(simulator.requests, ({ length }) => length)
  const counted = Effect.map(
    Effect.flatMap(CircuitBreakers, ({ snapshots }) => snapshots),
    (circuits) => circuits.map(({ consecutiveFailures }) => consecutiveFailures)
  )
  return { kakao, juso, addresses, count, counted }
})

describe("AddressSearch", () => {
  it.effect("Property 16: a keyword finds addresses, or an empty list", () =>
    Effect.gen(function* () {
      const { addresses, kakao } = yield* setup()
      const { cache, data, source } = yield* addresses.search(keyword, 1)
      assert.deepStrictEqual(
        [cache, source, data.page, data.lastPage, data.total],
        ["MISS", "address_primary", 1, 3, 25]
      )
      assert.deepStrictEqual(data.addresses[0], {
        postalCode: PostalCode.make("06236"),
        address: "서울 강남구 테헤란로 1",
        detail: ""
      })
      const [request] = yield* kakao.requests
      assert.deepStrictEqual(
        [request?.method, request?.path, request?.headers["authorization"]],
        [
          "GET",
          `/v2/local/search/address.json?query=${encodeURIComponent(keyword)}&page=1&size=10`,
          "KakaoAK kakao-canary"
        ]
      )
      yield* kakao.respond(() => Effect.succeed(kakaoPage(0)))
      const none = yield* addresses.search(AddressKeyword.make("없는 곳"), 1)
      assert.deepStrictEqual(none.data, { addresses: [], page: 1, lastPage: 1, total: 0 })
    }).pipe(Effect.provide(services))
  )

  it.effect(
    "Property 18: the same keyword is answered from the cache, however it is typed; nothing found only shortly",
    () =>
      Effect.gen(function* () {
        const { addresses, count, kakao } = yield* setup()
        yield* addresses.search(AddressKeyword.make("Gangnam 1"), 1)
        yield* TestClock.adjust("23 hours")
        const again = yield* addresses.search(AddressKeyword.make("GANGNAM 1"), 1)
        assert.deepStrictEqual([again.cache, yield* count(kakao)], ["HIT", 1])
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* addresses.search(AddressKeyword.make("gangnam 1"), 1)).cache, "MISS")

        yield* kakao.respond(() => Effect.succeed(kakaoPage(0)))
        yield* addresses.search(keyword, 1)
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual((yield* addresses.search(keyword, 1)).cache, "HIT")
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* addresses.search(keyword, 1)).cache, "MISS")
      }).pipe(Effect.provide(services))
  )

  it.effect("a page beyond the end is refused without a call once the first page is known", () =>
    Effect.gen(function* () {
      const { addresses, count, kakao } = yield* setup()
      yield* addresses.search(keyword, 1)
      const third = yield* addresses.search(keyword, 3)
      assert.deepStrictEqual([third.data.page, yield* count(kakao)], [3, 2])
      const error = yield* Effect.flip(addresses.search(keyword, 4))
      assert(error._tag === "PageBeyondEnd")
      assert.deepStrictEqual([error.page, error.lastPage, yield* count(kakao)], [4, 3, 2])
      // Unknown: the first page is asked for, the one beyond the end is not.
      const other = AddressKeyword.make("강남대로")
      assert.strictEqual((yield* Effect.flip(addresses.search(other, 9)))._tag, "PageBeyondEnd")
      const paths = (yield* kakao.requests).slice(2).map(({ path }) => /page=\d+/.exec(path)?.[0])
      assert.deepStrictEqual(paths, ["page=1"])
    }).pipe(Effect.provide(services))
  )

  it.effect("a search that has become shorter: the last page again is no page of its own", () =>
    Effect.gen(function* () {
      const { addresses, kakao } = yield* setup()
      yield* addresses.search(keyword, 1)
      yield* kakao.respond(() => Effect.succeed(kakaoPage(15, 5)))
      const error = yield* Effect.flip(addresses.search(keyword, 3))
      assert(error._tag === "PageBeyondEnd")
      assert.strictEqual(error.lastPage, 2)
    }).pipe(Effect.provide(services))
  )

  it.effect("Juso is asked when Kakao fails, and says so; signs that it refuses are left out", () =>
    Effect.gen(function* () {
      const { addresses, juso, kakao } = yield* setup()
      yield* kakao.respond(() => Effect.succeed(down))
      const { data, source } = yield* addresses.search(AddressKeyword.make("테헤란로 <1>%"), 1)
      assert.deepStrictEqual([source, data.total, data.lastPage], ["address_secondary", 12, 2])
      assert.deepStrictEqual(data.addresses[0], {
        postalCode: PostalCode.make("06236"),
        address: "서울특별시 강남구 테헤란로 1",
        detail: "타워"
      })
      const [request] = yield* juso.requests
      const url = new URL(request?.path ?? "", "http://juso")
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        keyword: "테헤란로 1",
        currentPage: "1",
        countPerPage: "10",
        resultType: "json",
        confmKey: "juso-canary"
      })
    }).pipe(Effect.provide(services))
  )

  it.effect("without its key Juso is not asked", () =>
    Effect.gen(function* () {
      const { addresses, count, juso, kakao } = yield* setup("")
      yield* kakao.respond(() => Effect.succeed(down))
      const error = yield* Effect.flip(addresses.search(keyword, 1))
      assert(error._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(error.tried, [{ provider: "address_primary", reason: "Transient" }])
      assert.strictEqual(yield* count(juso), 0)
    }).pipe(Effect.provide(services))
  )

  it.effect("a refused keyword is the caller's to mend: uncounted, and no other source is asked", () =>
    Effect.gen(function* () {
      const { addresses, count, counted, juso, kakao } = yield* setup()
      yield* kakao.respond(() =>
        Effect.succeed(HttpSimulator.json(400, { errorType: "InvalidArgument", message: "x" }))
      )
      const error = yield* Effect.flip(addresses.search(keyword, 1))
      assert.deepStrictEqual([error._tag, yield* count(juso), yield* counted], ["KeywordRefused", 0, [0, 0]])
    }).pipe(Effect.provide(services))
  )

  it.effect("Juso's errors in a 200: the keyword, the key, trouble", () =>
    Effect.gen(function* () {
      const { addresses, counted, juso, kakao } = yield* setup()
      yield* kakao.respond(() => Effect.succeed(down))
      yield* juso.respond(() => Effect.succeed(jusoError("E0006")))
      const refused = yield* Effect.flip(addresses.search(keyword, 1))
      assert(refused._tag === "KeywordRefused")
      assert.match(refused.reason, /say more/)
      assert.deepStrictEqual(yield* counted, [1, 0])
      for (const [errorCode, reason, failures] of [
        ["E0001", "Unauthorized", 0],
        ["-999", "Transient", 1]
      ] as const) {
        yield* juso.respond(() => Effect.succeed(jusoError(errorCode)))
        const error = yield* Effect.flip(addresses.search(keyword, 1))
        assert(error._tag === "IntegrationUnavailable")
        assert.deepStrictEqual(error.tried[1], { provider: "address_secondary", reason })
        assert.strictEqual((yield* counted)[1], failures)
      }
    }).pipe(Effect.provide(services))
  )

  it.effect("a wrong path is our own doing, not the keyword's: Juso is asked", () =>
    Effect.gen(function* () {
      const { addresses, kakao } = yield* setup()
      yield* kakao.respond(() => Effect.succeed(HttpSimulator.json(404, {})))
      assert.strictEqual((yield* addresses.search(keyword, 1)).source, "address_secondary")
    }).pipe(Effect.provide(services))
  )

  it.effect("with both down an old page is served for seven days, with its age", () =>
    Effect.gen(function* () {
      const { addresses, juso, kakao } = yield* setup()
      yield* addresses.search(keyword, 1)
      for (const simulator of [kakao, juso]) yield* simulator.respond(() => Effect.succeed(down))
      yield* TestClock.adjust("3 days")
      const stale = yield* addresses.search(keyword, 1)
      assert.deepStrictEqual([stale.cache, stale.source, stale.ageSeconds], ["STALE", "address_primary", 3 * 86_400])
      yield* TestClock.adjust("4 days")
      assert.strictEqual((yield* Effect.flip(addresses.search(keyword, 1)))._tag, "IntegrationUnavailable")
    }).pipe(Effect.provide(services))
  )

  it.effect("a postal code: only what has it; Kakao's silence is Juso's turn, Juso's is the answer", () =>
    Effect.gen(function* () {
      const { addresses, counted, juso, kakao } = yield* setup()
      yield* kakao.respond(() =>
        Effect.succeed(
          HttpSimulator.json(200, {
            meta: { total_count: 3, pageable_count: 3 },
            documents: [...documents(2), ...documents(1, "06237")]
          })
        )
      )
      const both = yield* addresses.detail(code)
      assert.deepStrictEqual([both.data.postalCode, both.data.addresses.length], [code, 2])

      yield* kakao.respond(() => Effect.succeed(kakaoPage(0)))
      const other = PostalCode.make("06299")
      yield* juso.respond(() => Effect.succeed(jusoPage(1, "06299")))
      const fromJuso = yield* addresses.detail(other)
      assert.deepStrictEqual([fromJuso.source, fromJuso.data.addresses.length], ["address_secondary", 1])

      yield* juso.respond(() => Effect.succeed(jusoPage(0)))
      const none = yield* addresses.detail(PostalCode.make("99999"))
      assert.deepStrictEqual(none.data, { postalCode: PostalCode.make("99999"), addresses: [] })
      assert.deepStrictEqual(yield* counted, [0, 0])
    }).pipe(Effect.provide(services))
  )

  it.effect("keys reach the sources, and no log line, span or error", () =>
    Effect.gen(function* () {
      const { lines, result, spans } = yield* watched(
        Effect.gen(function* () {
          const { addresses, juso, kakao } = yield* setup()
          yield* kakao.respond(() => Effect.succeed(HttpSimulator.json(401, { message: "kakao-canary" })))
          yield* juso.respond(() => Effect.succeed(jusoError("E0001")))
          return yield* Effect.flip(addresses.search(keyword, 1))
        })
      )
      assert(result._tag === "IntegrationUnavailable")
      assert.deepStrictEqual(
        result.tried.map(({ reason }) => reason),
        ["Unauthorized", "Unauthorized"]
      )
      assert.isAbove(spans.length, 2)
      for (const told of [...lines, ...spans, JSON.stringify(result)]) assert.notMatch(told, /canary/)
    }).pipe(Effect.provide(services))
  )
})
