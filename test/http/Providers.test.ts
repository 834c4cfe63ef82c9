/** The endpoints of exchange rates and addresses (provider integrations, section 3). */
import { assert, describe, it, layer } from "@effect/vitest"
import { BigDecimal, Effect, Schema } from "effect"
import { AddressPage, PostalCodeDetail } from "../../src/domain/Address.ts"
import { CurrencyCode } from "../../src/domain/Currency.ts"
import { Quote, RateTable } from "../../src/domain/ExchangeRate.ts"
import { guarded, IntegrationUnavailable } from "../../src/domain/Guarded.ts"
import { KeywordRefused, PageBeyondEnd } from "../../src/services/data/Addresses.ts"
import { RateNotFound } from "../../src/services/data/ExchangeRates.ts"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const get = Effect.fnUntraced(function* (path: string, options: Hub.Request = {}) {
  const { request } = yield* Hub.TestHub
  return yield* request("GET", `/api/v1/providers${path}`, options)
})

/** A 200, read by the schema that the API declares. */
const read = <S extends Schema.Codec<unknown, unknown>>(data: S, path: string) =>
  Effect.flatMap(get(path), (reply) => {
    assert.strictEqual(reply.status, 200, reply.text)
    return Schema.decodeUnknownEffect(guarded(data))(reply.body)
  })

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Data services", (it) => {
  it.effect("AC-API-001 GET /providers/fx/rates?base= answers every rate, as decimals in text, with its labels", () =>
    Effect.gen(function* () {
      const reply = yield* get("/fx/rates?base=usd")
      const body = Object(reply.body)
      assert.strictEqual(reply.status, 200, reply.text)
      assert.sameMembers(Object.keys(body), ["data", "cache", "source", "fetchedAt", "ageSeconds", "warning"])
      assert.include(body.warning, "sandbox")
      assert.deepStrictEqual([body.source, body.data.base], ["fx_primary", "USD"])
      assert.match(body.data.rates.KRW, /^13\d\d(\.\d+)?$/)
      const again = yield* read(RateTable, "/fx/rates?base=KRW")
      assert.deepStrictEqual([again.cache, again.data.base], ["HIT", "KRW"])
    })
  )

  it.effect("AC-API-001 GET /providers/fx/rate?from=&to= answers one rate; from = to is 1", () =>
    Effect.gen(function* () {
      const { data } = yield* read(Quote, "/fx/rate?from=USD&to=KRW")
      assert.deepStrictEqual([data.from, data.to, data.flagged], ["USD", "KRW", null])
      const same = yield* get("/fx/rate?from=EUR&to=EUR")
      assert.deepInclude(Object(same.body).data, { from: "EUR", to: "EUR", rate: "1" })
    })
  )

  it.effect("AC-API-001 GET /providers/addresses?q=&page= answers a page", () =>
    Effect.gen(function* () {
      const q = encodeURIComponent("테헤란로")
      const first = yield* read(AddressPage, `/addresses?q=${q}`)
      assert.deepStrictEqual([first.data.page, first.data.addresses.length, first.data.lastPage], [1, 10, 3])
      const third = yield* read(AddressPage, `/addresses?q=${q}&page=3`)
      assert.deepStrictEqual([third.data.page, third.data.addresses.length], [3, 4])
      const none = yield* read(AddressPage, `/addresses?q=${encodeURIComponent("없는 곳")}`)
      assert.deepStrictEqual(none.data, { addresses: [], page: 1, lastPage: 1, total: 0 })
      const beyond = yield* get(`/addresses?q=${q}&page=4`)
      Hub.assertProblem(beyond, "page 4 of 3")
      assert.strictEqual(beyond.status, 404)
      const code = first.data.addresses[0]?.postalCode
      const detail = yield* read(PostalCodeDetail, `/addresses/${code}`)
      assert.strictEqual(detail.data.postalCode, code)
    })
  )

  it.effect("AC-API-004 bad input is a 400 that names it", () =>
    Effect.gen(function* () {
      const cases = [
        ["/fx/rates", "query.base"],
        ["/fx/rates?base=", "query.base"],
        ["/fx/rates?base=WON", "query.base"],
        ["/fx/rate?from=USD", "query.to"],
        ["/fx/rate?from=US&to=KRW", "query.from"],
        ["/fx/rate?from=USD&to=BTC", "query.to"],
        ["/addresses", "query.q"],
        ["/addresses?q=a", "query.q"],
        ["/addresses?q=%20%20", "query.q"],
        [`/addresses?q=${"x".repeat(101)}`, "query.q"],
        ["/addresses?q=ab%00cd", "url"],
        ["/addresses?q=ab%01cd", "query.q"],
        ["/addresses?q=ab%0Acd", "query.q"],
        ["/addresses?q=abc&page=0", "query.page"],
        ["/addresses?q=abc&page=46", "query.page"],
        ["/addresses?q=abc&page=1.5", "query.page"],
        ["/addresses/1234", "params.postalCode"],
        ["/addresses/135-080", "params.postalCode"]
      ] as const
      for (const [path, where] of cases) {
        const reply = yield* get(path)
        Hub.assertProblem(reply, path)
        assert.strictEqual(reply.status, 400, path)
        const paths = Object(reply.body).errors.map((issue: { readonly path: string }) => issue.path)
        assert.deepStrictEqual(paths, [where], path)
      }
    })
  )

  it.effect("AC-API-008 wants a key with the scope core", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const keys = yield* Effect.forEach(["core", "mes"], (scope) =>
        request("POST", "/api/v1/api-keys", { body: { name: scope, scopes: [scope] } })
      )
      const [core, mes] = keys.map((reply) => String(Object(reply.body).key))
      const path = "/fx/rate?from=USD&to=USD"
      const statuses = yield* Effect.forEach([core, mes, null], (key) =>
        Effect.map(get(path, { key: key ?? null }), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [200, 403, 401])
    })
  )
})

const usd = CurrencyCode.make("USD")
const unavailable = new IntegrationUnavailable({
  integration: "fx",
  operation: "rates",
  tried: [{ provider: "fx_primary", reason: "Unauthorized" }],
  retryAfterMillis: 12_345
})

describe("Data services that have nothing", () => {
  const send = (path: string) =>
    Effect.flatMap(Hub.port, (port) =>
      Hub.send(port, "GET", `/api/v1/providers${path}`, { "x-api-key": Hub.adminKey }, undefined)
    )

  it.live("no provider: 503 with Retry-After, and nothing about who was tried", () =>
    Effect.gen(function* () {
      for (const path of ["/fx/rate?from=USD&to=KRW", "/fx/rates?base=USD", "/addresses?q=abc", "/addresses/06236"]) {
        const reply = yield* send(path)
        assert.deepStrictEqual([reply.status, reply.headers["retry-after"]], [503, "13"], path)
        assert.strictEqual(reply.headers["content-type"], "application/problem+json")
        assert.notMatch(reply.text, /primary|Unauthorized/)
      }
    }).pipe(
      Effect.provide(
        Hub.overMocks({
          rates: { rate: () => Effect.fail(unavailable), rates: () => Effect.fail(unavailable) },
          addresses: { search: () => Effect.fail(unavailable), detail: () => Effect.fail(unavailable) }
        })
      )
    )
  )

  it.live("a missing pair and a page beyond the end are 404, a refused keyword is 400", () =>
    Effect.gen(function* () {
      const rate = yield* send("/fx/rate?from=USD&to=CHF")
      Hub.assertProblem(rate, "rate")
      assert.deepStrictEqual([rate.status, Object(rate.body).detail], [404, "fx_primary has no rate from USD to CHF"])
      const page = yield* send("/addresses?q=abc&page=9")
      assert.deepStrictEqual([page.status, Object(page.body).detail], [404, "The last page is 3"])
      const refused = yield* send("/addresses?q=abc")
      Hub.assertProblem(refused, "keyword")
      assert.deepStrictEqual(Object(refused.body).errors, [{ path: "query.q", message: "The keyword must say more" }])
    }).pipe(
      Effect.provide(
        Hub.overMocks({
          rates: {
            rate: (from, to) => Effect.fail(new RateNotFound({ from, to, source: "fx_primary" }))
          },
          addresses: {
            search: (_, page) =>
              page === 1
                ? Effect.fail(new KeywordRefused({ reason: "The keyword must say more" }))
                : Effect.fail(new PageBeyondEnd({ page, lastPage: 3 }))
          }
        })
      )
    )
  )

  it.live("a stale answer is a 200 with its age and a warning", () =>
    Effect.gen(function* () {
      const { body } = yield* send("/fx/rate?from=USD&to=USD")
      assert.deepInclude(Object(body), { cache: "STALE", ageSeconds: 90_000, warning: "old" })
    }).pipe(
      Effect.provide(
        Hub.overMocks({
          rates: {
            rate: () =>
              Effect.succeed({
                data: { from: usd, to: usd, rate: BigDecimal.fromBigInt(1n), date: null, asOf: null, flagged: null },
                cache: "STALE",
                source: "fx_primary",
                fetchedAt: "2026-11-20T00:00:00.000Z",
                ageSeconds: 90_000,
                warning: "old"
              })
          }
        })
      )
    )
  )
})
