/** Mode, base URLs and secrets of real data services, changed while they answer over HTTP servers of their own. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import * as CompanyLookup from "../../../src/adapters/companies/CompanyLookup.ts"
import * as Fx from "../../../src/adapters/fx/Fx.ts"
import { BusinessNumber } from "../../../src/domain/BusinessNumber.ts"
import { CurrencyCode } from "../../../src/domain/Currency.ts"
import { Companies } from "../../../src/services/data/Companies.ts"
import { ExchangeRates } from "../../../src/services/data/ExchangeRates.ts"
import * as AllowedHosts from "../../../src/services/providers/AllowedHosts.ts"
import { RuntimeConfig } from "../../../src/services/providers/RuntimeConfig.ts"
import type { SecretKey } from "../../../src/services/security/SecretBox.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { built, configOf, services, watched } from "../../support/DataServices.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const usd = CurrencyCode.make("USD")
const by = { by: "ops" }
const always = { operations: { rates: { fresh: "0 seconds" } } }
const key = (id: string, byte: number): SecretKey => ({ id, key: Redacted.make(new Uint8Array(32).fill(byte)) })
const keyA = key("a", 1)
const keyB = key("b", 2)

const rates = { KRW: 1385.12, EUR: 0.86 }
const open = HttpSimulator.json(200, { base: "USD", date: "2026-11-20", time_last_updated: 1_795_132_801, rates })
const fixer = HttpSimulator.json(200, { success: true, base: "USD", date: "2026-11-20", rates })

/** The exchange rates over two HTTP servers, and the configuration over them: a process of its own. */
const makeHub = Effect.fnUntraced(function* (
  options: { readonly env?: Readonly<Record<string, string>>; readonly keys?: ReadonlyArray<SecretKey> } = {}
) {
  yield* TestClock.setTime(Date.UTC(2026, 10, 20, 1))
  const [primary, secondary] = [yield* HttpSimulator.make, yield* HttpSimulator.make]
  yield* primary.respond(() => Effect.succeed(open))
  yield* secondary.respond(() => Effect.succeed(fixer))
  const config = yield* configOf(options.env ?? {})
  const fx = yield* built(ExchangeRates, Fx.layer(config.fx))
  const runtime = {
    secretKeys: options.keys ?? [keyA],
    allowedHosts: [primary, secondary].map(({ url }) => AllowedHosts.ruleOf(url))
  }
  const runtimeConfig = yield* built(RuntimeConfig, RuntimeConfig.layer(runtime))
  /** Only the second source, over HTTP, asked each time. */
  const onlySecond = {
    ...always,
    mode: "live",
    providers: { fx_primary: { enabled: false }, fx_secondary: { baseUrl: secondary.url } }
  }
  const keys = Effect.map(secondary.requests, (requests) =>
    requests.map(({ path }) => new URL(path, secondary.url).searchParams.get("access_key"))
  )
  return { primary, secondary, fx, config: runtimeConfig, onlySecond, keys }
})

const stateOf = (config: RuntimeConfig["Service"], name: string) =>
  Effect.map(config.get("fx"), ({ secrets }) => secrets.find((secret) => secret.name === name))

describeDatabases("RuntimeConfig of connections", (database) => {
  /** What shares nothing with another but its database. */
  const process = <A, E>(body: Effect.Effect<A, E, Layer.Success<typeof services> | Scope.Scope | Database>) =>
    Effect.scoped(Effect.provide(body, Layer.fresh(services)))
  const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope | Database>) =>
    it.effect(name, () => Effect.provide(body, database))

  test(
    "Property 43: a switch from the simulator to the real source and back mixes no answers",
    process(
      Effect.gen(function* () {
        const { config, fx, primary } = yield* makeHub()
        const invented = yield* fx.rates(usd)
        assert.deepStrictEqual([invented.cache, invented.source], ["MISS", "fx_primary"])
        assert.include(invented.warning ?? "", "sandbox")
        const { settings } = yield* config.change(
          "fx",
          { mode: "live", providers: { fx_primary: { baseUrl: `${primary.url}/` } } },
          by
        )
        assert.deepStrictEqual([settings.mode, settings.providers["fx_primary"]?.baseUrl], ["live", `${primary.url}/`])
        const real = yield* fx.rates(usd)
        assert.deepStrictEqual(
          [real.cache, real.warning, Object.keys(real.data.rates)],
          ["MISS", undefined, ["EUR", "KRW"]]
        )
        yield* config.rollBack("fx", 0, by)
        const again = yield* fx.rates(usd)
        assert.strictEqual(again.cache, "HIT")
        assert.deepStrictEqual(again.data, invented.data)
        assert.include(again.warning ?? "", "sandbox")
        assert.deepStrictEqual(
          (yield* primary.requests).map(({ path }) => path),
          ["/v4/latest/USD"]
        )
      })
    )
  )

  test(
    "Property 46: every request to the simulator is logged as one, from the switch on",
    process(
      Effect.gen(function* () {
        const { config, fx } = yield* makeHub({ env: { FX_MODE: "off" } })
        const { lines } = yield* watched(
          Effect.andThen(config.change("fx", { ...always, enabled: true, mode: "sandbox" }, by), fx.rates(usd))
        )
        assert.strictEqual(lines.filter((line) => line.includes("the sandbox is asked")).length, 1)
        assert.strictEqual(
          lines.filter((line) => line.includes("configuration of an integration was changed")).length,
          1
        )
      })
    )
  )

  test(
    "Property 43: an answer that is under way during a switch is kept for its own mode only",
    process(
      Effect.gen(function* () {
        const { config, fx, primary } = yield* makeHub()
        const [asked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        yield* primary.respond(() =>
          Effect.as(Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(release)), open)
        )
        yield* config.change("fx", { mode: "live", providers: { fx_primary: { baseUrl: primary.url } } }, by)
        const call = yield* Effect.forkChild(fx.rates(usd))
        yield* Deferred.await(asked)
        yield* config.change("fx", { mode: "sandbox", providers: { fx_primary: { baseUrl: null } } }, by)
        yield* Deferred.succeed(release, undefined)
        const real = yield* Fiber.join(call)
        assert.isUndefined(real.warning)
        const invented = yield* fx.rates(usd)
        assert.strictEqual(invented.cache, "MISS")
        assert.include(invented.warning ?? "", "sandbox")
        yield* config.change("fx", { mode: "live" }, by)
        assert.deepStrictEqual((yield* fx.rates(usd)).data, real.data)
      })
    )
  )

  test(
    "Property 35: a secret is used by the next call, exchanged, brought back by a roll-back, and taken away",
    process(
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 10, 20, 1))
        const { config, fx, keys, onlySecond } = yield* makeHub()
        yield* config.change("fx", onlySecond, by)
        assert.strictEqual((yield* Effect.flip(fx.rates(usd)))._tag, "IntegrationUnavailable", "without its key")
        assert.deepStrictEqual(yield* stateOf(config, "fx_secondary.key"), {
          name: "fx_secondary.key",
          set: false,
          origin: null,
          version: null,
          setBy: null,
          setAt: null,
          readable: true
        })
        yield* config.change("fx", { secrets: { fx_secondary: { key: "first-canary" } } }, by)
        yield* fx.rates(usd)
        yield* config.change("fx", { secrets: { fx_secondary: { key: "second-canary" } } }, { by: "night shift" })
        yield* fx.rates(usd)
        assert.deepInclude(yield* stateOf(config, "fx_secondary.key"), {
          set: true,
          origin: "stored",
          version: 2,
          setBy: "night shift",
          setAt: "2026-11-20T01:00:00.000Z"
        })
        yield* config.rollBack("fx", 2, by)
        yield* fx.rates(usd)
        assert.deepStrictEqual(yield* keys, ["first-canary", "second-canary", "first-canary"])
        assert.deepStrictEqual((yield* config.diff("fx", { from: 2, to: 3 })).changes, [
          { path: "secrets.fx_secondary.key", before: 1, after: 2 }
        ])
        yield* config.change("fx", { secrets: { fx_secondary: { key: null } } }, by)
        const stale = yield* fx.rates(usd)
        assert.strictEqual(stale.cache, "STALE")
        assert.strictEqual((yield* keys).length, 3)
      })
    )
  )

  test(
    "a secret of the environment counts until one is set, and again when that is taken away",
    process(
      Effect.gen(function* () {
        const { config, fx, keys, onlySecond } = yield* makeHub({
          env: { FX_MODE: "live", FX_SECONDARY_KEY: "env-canary" }
        })
        yield* config.change("fx", onlySecond, by)
        yield* fx.rates(usd)
        assert.deepInclude(yield* stateOf(config, "fx_secondary.key"), { set: true, origin: "environment" })
        yield* config.change("fx", { secrets: { fx_secondary: { key: "own-canary" } } }, by)
        yield* fx.rates(usd)
        yield* config.change("fx", { secrets: { fx_secondary: { key: null } } }, by)
        yield* fx.rates(usd)
        assert.deepStrictEqual(yield* keys, ["env-canary", "own-canary", "env-canary"])
      })
    )
  )

  test(
    "a canary secret is in no row, log line, span, answer or error in clear",
    process(
      Effect.gen(function* () {
        const { sql } = yield* Database
        const { lines, result, spans } = yield* watched(
          Effect.gen(function* () {
            const { config, fx, onlySecond, secondary } = yield* makeHub()
            const set = yield* config.change(
              "fx",
              { ...onlySecond, secrets: { fx_secondary: { key: "s3cret-canary" } } },
              by
            )
            yield* fx.rates(usd)
            yield* secondary.respond(() => Effect.succeed(HttpSimulator.json(401, { error: "s3cret-canary" })))
            const failed = yield* fx.rates(usd)
            const refused = yield* Effect.flip(
              config.change(
                "fx",
                { secrets: { fx_secondary: { key: "two\ncanary", other: "canary" }, canary: "canary" } },
                by
              )
            )
            return [
              set,
              failed,
              refused,
              String(refused),
              yield* config.get("fx"),
              yield* config.versions("fx", { page: 1, limit: 10 }),
              yield* config.diff("fx", { from: 0, to: 1 })
            ]
          })
        )
        const tables = yield* sql`
          select table_name as name from information_schema.tables where table_schema = current_schema()`
        const rows = yield* Effect.forEach(tables, ({ name }) =>
          sql.unsafe(`select t::text as row from "${String(name)}" t`)
        )
        const secretRows = (yield* sql`select ciphertext from runtime_secrets`).map(({ ciphertext }) =>
          Buffer.from(ciphertext instanceof Uint8Array ? ciphertext : []).toString("latin1")
        )
        assert.deepStrictEqual(
          secretRows.map(({ length }) => length),
          ["s3cret-canary".length + 16]
        )
        const everything = JSON.stringify([lines, spans, rows, secretRows, result])
        assert.include(everything, "fx_secondary.key")
        // The path of an issue names the member that was sent; its value is nowhere.
        assert.notInclude(everything.replaceAll("secrets.canary", ""), "canary")
      })
    )
  )

  test(
    "secrets are sealed anew with the first key at the start; with no key that opens them they count as not set",
    Effect.gen(function* () {
      const { sql } = yield* Database
      const sealedBy = Effect.map(sql`select key_id from runtime_secrets order by version`, (rows) =>
        rows.map((row) => row["key_id"])
      )
      yield* process(
        Effect.gen(function* () {
          const { config, onlySecond } = yield* makeHub({ keys: [keyA] })
          yield* config.change("fx", { ...onlySecond, secrets: { fx_secondary: { key: "one-canary" } } }, by)
          yield* config.change("fx", { secrets: { fx_secondary: { key: "two-canary" } } }, by)
        })
      )
      assert.deepStrictEqual(yield* sealedBy, ["a", "a"])
      const asked = (hubKeys: ReadonlyArray<SecretKey>) =>
        process(
          Effect.gen(function* () {
            const hub = yield* makeHub({ keys: hubKeys })
            // The server of this process has another port.
            yield* hub.config.change("fx", { providers: { fx_secondary: { baseUrl: hub.secondary.url } } }, by)
            const answer = yield* Effect.result(hub.fx.rates(usd))
            const state = yield* stateOf(hub.config, "fx_secondary.key")
            return [answer._tag, yield* hub.keys, state?.set, state?.readable]
          })
        )
      assert.deepStrictEqual(yield* asked([keyB, keyA]), ["Success", ["two-canary"], true, true])
      assert.deepStrictEqual(yield* sealedBy, ["b", "b"])
      assert.deepStrictEqual(yield* asked([keyB]), ["Success", ["two-canary"], true, true])
      assert.deepStrictEqual(yield* asked([keyA]), ["Failure", [], true, false])
      assert.deepStrictEqual(yield* asked([]), ["Failure", [], true, false])
      assert.deepStrictEqual(yield* sealedBy, ["b", "b"], "what cannot be read stays as it is")
    })
  )

  test(
    "a secret that was moved to another name in the database does not open there",
    Effect.gen(function* () {
      const { sql } = yield* Database
      yield* process(
        Effect.gen(function* () {
          const { config } = yield* makeHub()
          yield* config.change(
            "fx",
            { secrets: { fx_secondary: { key: "canary" }, fx_eximbank: { key: "other" } } },
            by
          )
        })
      )
      yield* sql`
        update runtime_secrets t set nonce = o.nonce, ciphertext = o.ciphertext from runtime_secrets o
        where t.name = 'fx_eximbank.key' and o.name = 'fx_secondary.key'`
      yield* process(
        Effect.gen(function* () {
          const { config } = yield* makeHub()
          assert.deepInclude(yield* stateOf(config, "fx_eximbank.key"), { readable: false })
          assert.deepInclude(yield* stateOf(config, "fx_secondary.key"), { readable: true })
        })
      )
    })
  )

  test(
    "Property 34: a host that is not allowed, a URL that is none, a secret without a key: refused whole, all at once",
    process(
      Effect.gen(function* () {
        const { config, secondary } = yield* makeHub({ keys: [] })
        const refused = yield* Effect.flip(
          config.change(
            "fx",
            {
              mode: "maybe",
              providers: {
                fx_primary: { baseUrl: "https://169.254.169.254/latest" },
                fx_secondary: { baseUrl: secondary.url.replace("http:", "https:") },
                fx_eximbank: { baseUrl: "https://user:pass@oapi.koreaexim.go.kr" }
              },
              secrets: {
                fx_secondary: { key: "canary" },
                fx_primary: { key: "canary" },
                fx_eximbank: { key: " canary" }
              }
            },
            by
          )
        )
        if (refused._tag !== "InvalidConfigChange") return assert.fail(refused._tag)
        assert.sameMembers(
          refused.issues.map(({ path }) => path),
          [
            "mode",
            "providers.fx_primary.baseUrl",
            "providers.fx_secondary.baseUrl",
            "providers.fx_eximbank.baseUrl",
            "secrets",
            "secrets.fx_primary",
            "secrets.fx_eximbank.key"
          ]
        )
        assert.include(
          refused.issues.map(({ message }) => message),
          "no secret can be stored: HUB_SECRET_KEYS is not set"
        )
        assert.strictEqual((yield* config.get("fx")).version, 0)
        const own = { providers: { fx_primary: { baseUrl: "https://api.exchangerate-api.com/v9" } } }
        assert.strictEqual((yield* config.change("fx", own, by)).version, 1, "the provider's own host is allowed")
      })
    )
  )

  test(
    "Property 34: in production nobody can switch to the simulator, unless it is allowed by name",
    Effect.gen(function* () {
      const production = {
        HUB_ENV: "production",
        FX_MODE: "off",
        ADDRESS_MODE: "off",
        FLIGHTS_MODE: "off",
        COMPANIES_MODE: "off"
      }
      yield* process(
        Effect.gen(function* () {
          const { config, fx } = yield* makeHub({ env: production })
          assert.deepInclude((yield* config.get("fx")).settings, { enabled: false, mode: "live" })
          assert.strictEqual((yield* Effect.flip(fx.rates(usd)))._tag, "IntegrationUnavailable")
          const refused = yield* Effect.flip(config.change("fx", { enabled: true, mode: "sandbox" }, by))
          assert.deepInclude(refused, { _tag: "InvalidConfigChange" })
        })
      )
      yield* process(
        Effect.gen(function* () {
          const { config, fx } = yield* makeHub({ env: { ...production, HUB_SANDBOX_ALLOWED: "fx" } })
          yield* config.change("fx", { enabled: true, mode: "sandbox" }, by)
          assert.include((yield* fx.rates(usd)).warning ?? "", "sandbox")
        })
      )
    })
  )

  test(
    "live mode wants what it needs; new credentials get a new token",
    process(
      Effect.gen(function* () {
        const vendor = yield* HttpSimulator.make
        yield* vendor.respond(({ path }) =>
          Effect.succeed(
            path.endsWith("/accesstoken")
              ? HttpSimulator.json(200, { accessToken: "token", expiresIn: 86_400 })
              : HttpSimulator.json(200, {
                  dataHeader: { resCd: "0", resMsg: "" },
                  dataBody: { bizNo: "1248100998", cmpNm: "(주)한빛", ceoNm: "홍길동", stt: null }
                })
          )
        )
        const tokens = Effect.map(vendor.requests, (requests) =>
          requests.filter(({ path }) => path.endsWith("/accesstoken")).map(({ body }) => body.includes("new-app"))
        )
        const { companies: settings } = yield* configOf({ COMPANIES_MODE: "off" })
        const companies = yield* built(Companies, CompanyLookup.layer(settings))
        const config = yield* built(
          RuntimeConfig,
          RuntimeConfig.layer({ secretKeys: [keyA], allowedHosts: [AllowedHosts.ruleOf(vendor.url)] })
        )
        const refused = yield* Effect.flip(config.change("companies", { enabled: true }, by))
        if (refused._tag !== "InvalidConfigChange") return assert.fail(refused._tag)
        assert.sameMembers(
          refused.issues.map(({ path }) => path),
          ["providers.nice_dnb.baseUrl", "secrets.nice_dnb.appKey", "secrets.nice_dnb.appSecret"]
        )
        yield* config.change(
          "companies",
          {
            enabled: true,
            providers: { nice_dnb: { baseUrl: vendor.url } },
            operations: { company: { fresh: "0 seconds" } },
            secrets: { nice_dnb: { appKey: "app", appSecret: "secret" } }
          },
          by
        )
        const number = BusinessNumber.make("1248100998")
        yield* companies.company(number)
        yield* config.change("companies", { providers: { nice_dnb: { timeout: "9 seconds" } } }, by)
        yield* companies.company(number)
        assert.deepStrictEqual(yield* tokens, [false], "a change of a time limit costs no token")
        yield* config.change("companies", { secrets: { nice_dnb: { appKey: "new-app" } } }, by)
        yield* companies.company(number)
        assert.deepStrictEqual(yield* tokens, [false, true])
      })
    )
  )
})
