/** Company records from the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as CompanyLookup from "../../../src/adapters/companies/CompanyLookup.ts"
import { BusinessNumber, checkDigit } from "../../../src/domain/BusinessNumber.ts"
import { Company, RepresentativeMatch } from "../../../src/domain/Company.ts"
import { Companies } from "../../../src/services/data/Companies.ts"
import { ProviderPolicies } from "../../../src/services/providers/ProviderPolicies.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import { embedded } from "../../support/Databases.ts"

const layer = Layer.merge(services, embedded)

const numberOf = (nine: number): BusinessNumber => BusinessNumber.make(`${nine}${checkDigit(String(nine))}`)
const numbers = Array.from({ length: 40 }, (_, index) => numberOf(124_810_000 + index * 7919))

const sandbox = (env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 10, 21, 1))
    yield* withoutRetries(["nice_dnb"])
    const { companies } = yield* configOf(env)
    return yield* built(Companies, CompanyLookup.layer(companies))
  })

const all = (env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const companies = yield* sandbox(env)
    return yield* Effect.forEach(numbers, (number) =>
      Effect.map(
        Effect.option(companies.company(number)),
        Option.map(({ data }) => data)
      )
    )
  }).pipe(Effect.provide(layer), Effect.scoped)

const outcomes = (errorRate: string) =>
  Effect.gen(function* () {
    const companies = yield* sandbox({ COMPANIES_SANDBOX_ERROR_RATE: errorRate })
    const answers: Array<string> = []
    for (const number of numbers.slice(0, 20)) {
      yield* TestClock.adjust("2 hours")
      const answer = yield* Effect.result(companies.company(number))
      answers.push(answer._tag === "Success" ? "CompanyFound" : answer.failure._tag)
    }
    return answers
  }).pipe(Effect.provide(layer), Effect.scoped)

const anyNumber = Schema.Int.check(Schema.isBetween({ minimum: 100_000_000, maximum: 999_999_999 }))

describe("the sandbox of company records", () => {
  it.effect("Property 43: in sandbox mode the simulator answers, and says that it is invented", () =>
    Effect.gen(function* () {
      const companies = yield* sandbox()
      const [found] = yield* Effect.forEach(numbers, (number) => Effect.option(companies.company(number))).pipe(
        Effect.map((answers) => answers.filter(Option.isSome))
      )
      assert.deepInclude(found?.value, { source: "nice_dnb", cache: "MISS" })
      assert.match(found?.value.warning ?? "", /invented/)
    }).pipe(Effect.provide(layer))
  )

  it.effect("Property 44: records are plausible, follow from the number, and repeat with the seed", () =>
    Effect.gen(function* () {
      const one = yield* all()
      assert.deepStrictEqual(yield* all(), one)
      assert.notDeepEqual(yield* all({ COMPANIES_SANDBOX_SEED: "other" }), one)
      const found = one.filter(Option.isSome).map(({ value }) => value)
      for (const company of found) {
        yield* Schema.encodeEffect(Company)(company)
        assert.isNotNull(company.name)
        assert.isNotNull(company.establishedOn)
        assert.match(company.postalCode ?? "", /^\d{5}$/)
        const { assets, debt, equity } = company.finance
        assert.strictEqual(assets, (debt ?? 0) + (equity ?? 0))
      }
      // Some of each fate.
      assert.isBelow(found.length, numbers.length)
      assert.sameMembers([...new Set(found.map(({ state }) => state))], ["ACTIVE", "SUSPENDED", "CLOSED"])
    })
  )

  it.effect.prop(
    "Property 3: any valid number gives company information about it, or a valid error",
    [Schema.Array(anyNumber).check(Schema.isMinLength(20))],
    ([many]) =>
      Effect.gen(function* () {
        const companies = yield* sandbox()
        for (const number of many.map(numberOf)) {
          const answer = yield* Effect.result(companies.company(number))
          if (answer._tag === "Success") assert.strictEqual(answer.success.data.businessNumber, number)
          else assert.strictEqual(answer.failure._tag, "CompanyNotFound")
        }
      }).pipe(Effect.provide(layer)),
    { arbitrary: { runs: 5 } }
  )

  it.effect.prop(
    "Property 4: any name and number give a comparison, or a valid error, and the company's own representative matches",
    [Schema.Array(Schema.Tuple([anyNumber, Schema.String])).check(Schema.isMinLength(20))],
    ([many]) =>
      Effect.gen(function* () {
        const companies = yield* sandbox()
        for (const [nine, name] of many) {
          const answer = yield* Effect.result(companies.representative(name, numberOf(nine)))
          if (answer._tag === "Failure") {
            assert.strictEqual(answer.failure._tag, "CompanyNotFound")
            continue
          }
          const { match, representative } = answer.success.data
          assert.isTrue(Schema.is(RepresentativeMatch)(match))
          const own = yield* companies.representative(representative ?? "", numberOf(nine))
          assert.strictEqual(own.data.match, "MATCH")
        }
      }).pipe(Effect.provide(layer)),
    { arbitrary: { runs: 5 } }
  )

  it.effect("Property 45: errors come as often as configured; 0 and 1 are exact, and a seed repeats them", () =>
    Effect.gen(function* () {
      assert.notInclude(yield* outcomes("0"), "CompanyUnavailable")
      assert.deepStrictEqual(new Set(yield* outcomes("1")), new Set(["CompanyUnavailable"]))
      const some = yield* outcomes("0.3")
      assert.deepStrictEqual(yield* outcomes("0.3"), some)
      assert.include(some, "CompanyUnavailable")
      assert.include(some, "CompanyFound")
    })
  )

  it.effect("Property 46: every call in sandbox mode leaves a log line that says so, and nothing of the record", () =>
    Effect.gen(function* () {
      const { lines, result } = yield* watched(
        Effect.flatMap(sandbox(), (companies) => Effect.option(companies.company(numbers[1] ?? numberOf(124_810_099))))
      )
      const calls = lines.filter((line) => line.includes("the sandbox is asked"))
      assert.isAtLeast(calls.length, 2)
      const { name = null, representative = null } = Option.isSome(result) ? result.value.data : {}
      for (const line of lines) {
        assert.isFalse(name !== null && line.includes(name), line)
        assert.isFalse(representative !== null && line.includes(representative), line)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("tokens run out after an hour, and are asked for anew without anyone noticing", () =>
    Effect.gen(function* () {
      const companies = yield* sandbox()
      for (const number of numbers.slice(0, 6)) {
        const answer = yield* Effect.result(companies.company(number))
        if (answer._tag === "Failure") assert.strictEqual(answer.failure._tag, "CompanyNotFound")
        yield* TestClock.adjust("50 minutes")
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("the circuit is STANDARD, retries are DEFAULT", () =>
    Effect.gen(function* () {
      const { companies } = yield* configOf({})
      yield* built(Companies, CompanyLookup.layer(companies))
      const { providers } = yield* (yield* ProviderPolicies).list
      assert.deepStrictEqual(
        providers.map(({ name, policy }) => [name, policy.circuit, policy.retry]),
        [["nice_dnb", "STANDARD", "DEFAULT"]]
      )
    }).pipe(Effect.provide(layer))
  )
})
