import { assert, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { WebhookSecrets, type WebhookSecretsOptions } from "../../../src/services/security/WebhookSecrets.ts"
import { secretFromText, secretToText } from "../../../src/services/security/WebhookSignature.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"

const own = Redacted.make(`whsec_${Buffer.alloc(32, 7).toString("base64")}`)

const start = (adapters: WebhookSecretsOptions["adapters"]) =>
  Effect.map(Layer.build(WebhookSecrets.layer({ adapters })), (context) =>
    Effect.provide(WebhookSecrets, context)
  ).pipe(Effect.flatten)

const active = (secrets: WebhookSecrets["Service"], adapter: string) =>
  secrets.active(adapter).map((secret) => Redacted.value(secretToText(secret)))

describeDatabases("WebhookSecrets", (database) => {
  it.effect("a sandbox without a secret gets one, the same at every start", () =>
    Effect.gen(function* () {
      const adapters = [{ name: "mes", mode: "sandbox", configured: [] }] as const
      const first = yield* start(adapters)
      const second = yield* start(adapters)
      assert.strictEqual(first.generated.length, 1)
      const [secret] = first.generated
      assert.strictEqual(secret?.adapter, "mes")
      assert.isTrue(secret !== undefined && Option.isSome(secretFromText(secret.secret)))
      assert.deepStrictEqual(active(first, "mes"), active(second, "mes"))
      assert.deepStrictEqual(
        active(first, "mes"),
        first.generated.map(({ secret }) => Redacted.value(secret))
      )
    }).pipe(Effect.provide(database))
  )

  it.effect("configured secrets are used and not stored; live mode without one has none", () =>
    Effect.gen(function* () {
      const secrets = yield* start([
        { name: "mes", mode: "sandbox", configured: [own, own] },
        { name: "shopby", mode: "live", configured: [] },
        { name: "edicus", mode: "off", configured: [] }
      ])
      assert.deepStrictEqual(active(secrets, "mes"), [Redacted.value(own), Redacted.value(own)])
      assert.deepStrictEqual([active(secrets, "shopby"), active(secrets, "edicus"), active(secrets, "x")], [[], [], []])
      assert.deepStrictEqual(secrets.generated, [])
      assert.deepStrictEqual(yield* (yield* Database).sql`select * from webhook_secrets`, [])
    }).pipe(Effect.provide(database))
  )
})
