/** Settings of flights and companies. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as HubConfig from "../../../src/services/HubConfig.ts"

const problemsOf = (env: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(HubConfig.load(env)), ({ problems }) => problems)

describe("settings of flights and companies", () => {
  it.effect("read what is set, and are sandboxes by default", () =>
    Effect.gen(function* () {
      const byDefault = yield* HubConfig.load({})
      assert.deepStrictEqual(
        [byDefault.providers.flights.mode, byDefault.providers.companies.mode],
        ["sandbox", "sandbox"]
      )
      const { providers } = yield* HubConfig.load({
        FLIGHTS_MODE: "live",
        FLIGHTS_ODCLOUD_KEY: "odcloud-key",
        FLIGHTS_ODCLOUD_DATASET: "uddi:6f6f-0f1c_2026",
        FLIGHTS_KAC_KEY: "kac-key",
        FLIGHTS_KAC_BASE_URL: "https://kac.example/",
        COMPANIES_MODE: "live",
        COMPANIES_TIMEOUT: "3 seconds",
        COMPANIES_NICE_BASE_URL: "https://nice.example",
        COMPANIES_NICE_APP_KEY: "app-key",
        COMPANIES_NICE_APP_SECRET: "app-secret"
      })
      const { companies, flights } = providers
      assert.deepStrictEqual(
        [flights.odcloud.baseUrl, flights.odcloud.dataset, flights.kac.baseUrl, companies.nice.baseUrl],
        [null, "uddi:6f6f-0f1c_2026", "https://kac.example", "https://nice.example"]
      )
      assert.deepStrictEqual(
        [flights.odcloud.key, flights.kac.key, companies.nice.appKey, companies.nice.appSecret].map((secret) =>
          secret === null ? null : Redacted.value(secret)
        ),
        ["odcloud-key", "kac-key", "app-key", "app-secret"]
      )
    })
  )

  it.effect("Property 34: everything that live mode lacks is reported at once, and no secret is shown", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({ FLIGHTS_MODE: "live", COMPANIES_MODE: "live" })
      for (const name of [
        "FLIGHTS_ODCLOUD_KEY",
        "FLIGHTS_ODCLOUD_DATASET",
        "FLIGHTS_KAC_KEY",
        "FLIGHTS_KAC_BASE_URL",
        "COMPANIES_NICE_BASE_URL",
        "COMPANIES_NICE_APP_KEY",
        "COMPANIES_NICE_APP_SECRET"
      ]) {
        assert.isTrue(
          problems.some((problem) => problem.startsWith(`${name}:`)),
          name
        )
      }
      const wrong = yield* problemsOf({ FLIGHTS_ODCLOUD_DATASET: "../admin", COMPANIES_NICE_APP_SECRET: "canary" })
      assert.lengthOf(wrong, 1)
      assert.notMatch(wrong.join(), /canary/)
    })
  )

  it.effect("in production a sandbox is refused unless it is allowed by name", () =>
    Effect.gen(function* () {
      const others = { HUB_ENV: "production", FX_MODE: "off", ADDRESS_MODE: "off" }
      const problems = yield* problemsOf(others)
      assert.lengthOf(problems, 2)
      assert.match(problems.join(), /FLIGHTS_MODE.*COMPANIES_MODE/)
      assert.lengthOf(yield* problemsOf({ ...others, HUB_SANDBOX_ALLOWED: "flights" }), 1)
      yield* HubConfig.load({ ...others, HUB_SANDBOX_ALLOWED: "flights,companies" })
      yield* HubConfig.load({ ...others, FLIGHTS_MODE: "off", COMPANIES_MODE: "off" })
    })
  )
})
