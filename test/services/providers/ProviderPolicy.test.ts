import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import {
  Ambiguous,
  CircuitOpen,
  Invalid,
  type IntegrationError,
  RateLimited,
  Rejected,
  Transient,
  Unauthorized
} from "../../../src/domain/IntegrationError.ts"
import {
  circuitProfiles,
  delayBefore,
  Freshness,
  freshness,
  ProviderPolicy,
  retryClassOf,
  retryPolicies
} from "../../../src/services/providers/ProviderPolicy.ts"

const fields = { adapter: "shop", operation: "GET /books", message: "no" }
const transient = (status: number) => new Transient({ ...fields, status })

const names = ["CONSERVATIVE", "DEFAULT", "AGGRESSIVE"] as const

describe("ProviderPolicy", () => {
  it("has the specification's numbers", () => {
    const circuits = Object.entries(circuitProfiles).map(([name, { failures, halfOpenTrials, openFor }]) => [
      name,
      failures,
      Duration.toSeconds(openFor),
      halfOpenTrials
    ])
    assert.deepStrictEqual(circuits, [
      ["CRITICAL", 8, 120, 2],
      ["STANDARD", 5, 60, 3],
      ["FAST", 3, 30, 5]
    ])
    const times = Object.entries(freshness).map(([name, { empty, fresh, stale }]) => [
      name,
      Duration.toMinutes(fresh),
      Duration.toHours(stale),
      Duration.toSeconds(empty)
    ])
    assert.deepStrictEqual(times, [
      ["fxRates", 1440, 168, 60],
      ["flightSchedule", 60, 168, 60],
      ["flightStatus", 5, 2, 60],
      ["companyRecord", 1440, 720, 60],
      ["addressSearch", 1440, 168, 60]
    ])
  })

  it.effect("decodes from nothing to the defaults, and made in code it is the same", () =>
    Effect.gen(function* () {
      const decoded = yield* Schema.decodeUnknownEffect(ProviderPolicy)({})
      assert.deepStrictEqual(decoded, ProviderPolicy.make({}))
      assert.deepStrictEqual(
        [decoded.enabled, decoded.circuit, decoded.retry, decoded.limits.perMinute, decoded.limits.perHour],
        [true, "STANDARD", "DEFAULT", 60, 1000]
      )
      assert.deepStrictEqual(
        [Duration.toSeconds(decoded.timeout), Duration.toSeconds(decoded.limits.maxWait)],
        [10, 10]
      )
    })
  )

  it.effect("Property 34: refuses what cannot be", () =>
    Effect.gen(function* () {
      const bad = [
        { circuit: "SLOW" },
        { circuit: { failures: 0, openFor: "1 minute" } },
        { retry: { retries: -1, base: "1 second", cap: "1 second", on: [] } },
        { retry: { retries: 1, base: "1 second", cap: "1 second", on: ["4xx"] } },
        { limits: { perMinute: 0, perHour: 1, maxWait: "1 second" } },
        { timeout: "0 seconds" },
        { timeout: "soon" },
        { enabled: "yes" }
      ]
      for (const policy of bad) {
        const exit = yield* Effect.exit(Schema.decodeUnknownEffect(ProviderPolicy)(policy))
        assert.strictEqual(exit._tag, "Failure", JSON.stringify(policy))
      }
      const short = { fresh: "2 hours", stale: "1 hour" }
      assert.strictEqual((yield* Effect.exit(Schema.decodeUnknownEffect(Freshness)(short)))._tag, "Failure")
    })
  )

  it("retries on exactly the listed classes", () => {
    const failures: ReadonlyArray<readonly [IntegrationError, ReadonlyArray<(typeof names)[number]>]> = [
      [transient(500), names],
      [transient(503), names],
      // An error inside a 200.
      [transient(200), names],
      [transient(408), ["AGGRESSIVE"]],
      [transient(425), []],
      [new Transient({ ...fields, reason: "Timeout" }), ["DEFAULT", "AGGRESSIVE"]],
      [new Transient({ ...fields, reason: "Connection" }), ["DEFAULT", "AGGRESSIVE"]],
      [new Transient({ ...fields, reason: "Garbage" }), []],
      [new RateLimited({ ...fields, retryAfterMillis: null }), ["DEFAULT", "AGGRESSIVE"]],
      [new RateLimited({ ...fields, retryAfterMillis: null, reason: "Quota" }), []],
      [new RateLimited({ ...fields, retryAfterMillis: null, reason: "Local" }), []],
      [new Rejected({ ...fields, status: 404 }), []],
      [new Unauthorized({ ...fields, status: 401 }), []],
      [new Invalid({ ...fields, issues: [] }), []],
      [new CircuitOpen({ ...fields, until: null }), []],
      [new Ambiguous({ ...fields, reason: "Timeout" }), []]
    ]
    for (const [error, on] of failures) {
      const retried = names.filter(
        (retry) => delayBefore(ProviderPolicy.make({ retry }), { error, repeatable: false }, 1, 0) !== null
      )
      assert.deepStrictEqual(retried, [...on], `${error._tag} ${retryClassOf(error)}`)
    }
  })

  it("an unknown outcome is repeated only where that does no harm", () => {
    const error = new Ambiguous({ ...fields, reason: "Connection" })
    const policy = ProviderPolicy.make({})
    assert.isNull(delayBefore(policy, { error, repeatable: false }, 1, 0))
    assert.strictEqual(delayBefore(policy, { error, repeatable: true }, 1, 0), 400)
  })

  it.effect.prop(
    "Property 19: delays are base · 2ⁿ plus 0 to 100 ms, never over the cap; retries end after 2, 3 and 5",
    [Schema.Literals(names), Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))],
    ([retry, jitter]) =>
      Effect.sync(() => {
        const nominal = {
          CONSERVATIVE: [1000, 2000],
          DEFAULT: [400, 800, 1600],
          AGGRESSIVE: [200, 400, 800, 1600, 3200]
        }[retry]
        const cap = Duration.toMillis(retryPolicies[retry].cap)
        const policy = ProviderPolicy.make({ retry })
        const failed = { error: transient(500), repeatable: false }
        nominal.forEach((millis, index) => {
          const delay = delayBefore(policy, failed, index + 1, jitter)
          assert.strictEqual(delay, Math.min(millis + jitter * 100, cap))
        })
        assert.isNull(delayBefore(policy, failed, nominal.length + 1, jitter))
      })
  )

  it("jitter stays inside the cap", () => {
    const retry = { ...retryPolicies.DEFAULT, base: Duration.millis(990) }
    const policy = ProviderPolicy.make({ retry })
    assert.strictEqual(delayBefore(policy, { error: transient(500), repeatable: false }, 1, 1), 2000)
  })

  it("Retry-After is honoured: never earlier, and not waited for past the maximum wait", () => {
    const delayed = (retryAfterMillis: number) =>
      delayBefore(
        ProviderPolicy.make({}),
        { error: new RateLimited({ ...fields, retryAfterMillis }), repeatable: false },
        1,
        0
      )
    assert.deepStrictEqual([100, 3000, 10_000, 10_001].map(delayed), [400, 3000, 10_000, null])
  })
})
