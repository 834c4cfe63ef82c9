import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import * as HubConfig from "../../../src/services/HubConfig.ts"

describe("ProviderConfig", () => {
  it.effect("has a default for everything: sandboxes that answer at once and never fail", () =>
    Effect.gen(function* () {
      const { providers, warnings } = yield* HubConfig.load({})
      for (const { mode, sandbox, timeout } of [providers.fx, providers.address]) {
        assert.deepStrictEqual([mode, sandbox.seed, sandbox.errorRate], ["sandbox", "hub", 0])
        assert.deepStrictEqual([Duration.toMillis(sandbox.delay), Duration.toSeconds(timeout)], [0, 10])
      }
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("reads every kind of value", () =>
    Effect.gen(function* () {
      const { providers } = yield* HubConfig.load({
        FX_MODE: "live",
        FX_TIMEOUT: "3 seconds",
        FX_PRIMARY_BASE_URL: "https://rates.example/",
        FX_SECONDARY_KEY: "key",
        ADDRESS_SANDBOX_SEED: "seed",
        ADDRESS_SANDBOX_ERROR_RATE: "0.25",
        ADDRESS_SANDBOX_DELAY: "200 millis"
      })
      assert.strictEqual(providers.fx.primary.baseUrl, "https://rates.example")
      assert.strictEqual(Duration.toSeconds(providers.fx.timeout), 3)
      assert.strictEqual(providers.fx.secondary.key === null ? null : Redacted.value(providers.fx.secondary.key), "key")
      assert.isNull(providers.fx.eximbank.key)
      assert.deepStrictEqual([providers.address.sandbox.seed, providers.address.sandbox.errorRate], ["seed", 0.25])
      assert.strictEqual(Duration.toMillis(providers.address.sandbox.delay), 200)
    })
  )

  it.effect("Property 34: every invalid setting is reported at once, at the start, and no key is shown", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        HubConfig.load({
          PORT: "70000",
          FX_MODE: "maybe",
          FX_TIMEOUT: "0 seconds",
          FX_SECONDARY_BASE_URL: "ftp://rates.example",
          FX_SECONDARY_KEY: "canary",
          FX_SANDBOX_ERROR_RATE: "1.01",
          FX_SANDBOX_DELAY: "-1 seconds",
          ADDRESS_MODE: "live",
          HUB_SANDBOX_ALLOWED: "fx,weather"
        })
      )
      const named = error.problems.map((problem) => problem.split(":")[0])
      assert.sameMembers(named, [
        "PORT",
        "FX_MODE",
        "FX_TIMEOUT",
        "FX_SECONDARY_BASE_URL",
        "FX_SANDBOX_ERROR_RATE",
        "FX_SANDBOX_DELAY",
        "ADDRESS_PRIMARY_KEY",
        "HUB_SANDBOX_ALLOWED"
      ])
      assert.notInclude(error.message, "canary")
    })
  )

  it.effect("in production a sandbox is refused, unless it is allowed by name", () =>
    Effect.gen(function* () {
      const load = (env: Readonly<Record<string, string>>) =>
        Effect.map(
          Effect.flip(HubConfig.load({ HUB_ENV: "production", FLIGHTS_MODE: "off", COMPANIES_MODE: "off", ...env })),
          ({ problems }) => problems.map((problem) => problem.split(":")[0])
        )
      assert.deepStrictEqual(yield* load({}), ["FX_MODE", "ADDRESS_MODE"])
      assert.deepStrictEqual(yield* load({ HUB_SANDBOX_ALLOWED: "fx" }), ["ADDRESS_MODE"])
      assert.deepStrictEqual(yield* load({ FX_MODE: "off", ADDRESS_MODE: "sandbox" }), ["ADDRESS_MODE"])
      const { providers } = yield* HubConfig.load({
        HUB_ENV: "production",
        HUB_SANDBOX_ALLOWED: "address, FX",
        FLIGHTS_MODE: "off",
        COMPANIES_MODE: "off"
      })
      assert.strictEqual(providers.fx.mode, "sandbox")
      yield* HubConfig.load({ HUB_ENV: "staging" })
    })
  )

  it.effect("live without a second provider is worth a warning, and so is a variable that nobody knows", () =>
    Effect.gen(function* () {
      const { warnings } = yield* HubConfig.load({
        FX_MODE: "live",
        ADDRESS_MODE: "live",
        ADDRESS_PRIMARY_KEY: "key",
        FX_SECONDARY_TOKEN: "?"
      })
      assert.deepStrictEqual(warnings, [
        "FX_SECONDARY_KEY is not set: fx has no second provider to fall back on",
        "ADDRESS_SECONDARY_KEY is not set: address has no second provider to fall back on",
        "FX_SECONDARY_TOKEN is set but not known"
      ])
    })
  )
})
