import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import * as HubConfig from "../../src/services/HubConfig.ts"

const secret = `whsec_${Buffer.from("a".repeat(32)).toString("base64")}`

describe("HubConfig", () => {
  it.effect("has a default for everything: embedded database, sandboxes", () =>
    Effect.gen(function* () {
      const config = yield* HubConfig.load({})
      assert.deepStrictEqual(config.http, { port: 3000, host: "127.0.0.1" })
      assert.deepStrictEqual(config.database, { kind: "embedded", directory: ".hub" })
      assert.deepStrictEqual(
        [config.shopby.mode, config.mes.mode, config.edicus.mode],
        ["sandbox", "sandbox", "sandbox"]
      )
      assert.strictEqual(config.mes.breaker.failures, 5)
      assert.strictEqual(Duration.toSeconds(config.mes.breaker.openFor), 60)
      assert.strictEqual(config.edicus.breaker.failures, 3)
      assert.strictEqual(Duration.toSeconds(config.edicus.breaker.openFor), 30)
      assert.strictEqual(Duration.toSeconds(config.shutdownTimeout), 20)
      assert.deepStrictEqual(config.warnings, [])
    })
  )

  it.effect("takes an empty variable for unset", () =>
    Effect.gen(function* () {
      const config = yield* HubConfig.load({ PORT: "", DATABASE_URL: " " })
      assert.strictEqual(config.http.port, 3000)
      assert.strictEqual(config.database.kind, "embedded")
    })
  )

  it.effect("reads every kind of value", () =>
    Effect.gen(function* () {
      const config = yield* HubConfig.load({
        PORT: "0",
        DATABASE_URL: "postgres://hub:pw@db.example/hub",
        DATABASE_CONNECTIONS: "8",
        LOG_LEVEL: "debug",
        LOG_FORMAT: "json",
        MES_MODE: "live",
        MES_BASE_URL: "https://mes.example/api/",
        MES_API_KEY: "key",
        MES_WEBHOOK_SECRETS: `${secret}, ${secret}`,
        MES_BREAKER_OPEN: "5 seconds",
        MES_RETRIES: "0"
      })
      assert.strictEqual(config.http.port, 0)
      assert(config.database.kind === "server")
      assert.strictEqual(config.database.connections, 8)
      assert.strictEqual(config.log.level, "Debug")
      assert.strictEqual(config.mes.baseUrl, "https://mes.example/api")
      assert.deepStrictEqual(config.mes.webhookSecrets.map(Redacted.value), [secret, secret])
      assert.strictEqual(Duration.toSeconds(config.mes.breaker.openFor), 5)
      assert.strictEqual(config.mes.retries, 0)
    })
  )

  it.effect("AC-NFR-006 reports every problem at once and shows no secret", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        HubConfig.load({
          PORT: "70000",
          DATABASE_URL: "mysql://root:hunter2@x",
          LOG_LEVEL: "loud",
          SHUTDOWN_TIMEOUT: "-1 seconds",
          SHOPBY_MODE: "maybe",
          SHOPBY_WEBHOOK_SECRETS: "whsec_topsecret!",
          MES_MODE: "live",
          MES_TIMEOUT: "Infinity",
          EDICUS_BREAKER_FAILURES: "2.5",
          EDICUS_RENDERED_URL_TEMPLATE: "https://files.example/x",
          HUB_ADMIN_KEY: "short"
        })
      )
      const names = error.problems.map((problem) => problem.slice(0, problem.indexOf(":"))).sort()
      assert.deepStrictEqual(names, [
        "DATABASE_URL",
        "EDICUS_BREAKER_FAILURES",
        "EDICUS_RENDERED_URL_TEMPLATE",
        "HUB_ADMIN_KEY",
        "LOG_LEVEL",
        "MES_API_KEY",
        "MES_BASE_URL",
        "MES_TIMEOUT",
        "PORT",
        "SHOPBY_MODE",
        "SHOPBY_WEBHOOK_SECRETS",
        "SHUTDOWN_TIMEOUT"
      ])
      for (const text of ["hunter2", "topsecret", 'short"']) assert.notInclude(error.message, text)
      assert.include(error.message, 'PORT: expected a port from 0 to 65535, got "70000"')
    })
  )

  it.effect("warns of unknown variables and of live callbacks without a secret", () =>
    Effect.gen(function* () {
      const config = yield* HubConfig.load({
        MES_MOD: "live",
        SHOPBY_MODE: "live",
        SHOPBY_SYSTEM_KEY: "k",
        SHOPBY_ACCESS_TOKEN: "t"
      })
      assert.strictEqual(config.warnings.length, 2)
      assert.include(config.warnings[0], "SHOPBY_WEBHOOK_SECRETS")
      assert.include(config.warnings[1], "MES_MOD ")
    })
  )
})
