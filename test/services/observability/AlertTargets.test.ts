import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import * as HubConfig from "../../../src/services/HubConfig.ts"
import { secretToText } from "../../../src/services/security/WebhookSignature.ts"
import { secret } from "../../support/Webhook.ts"

const canary = "canary-19c2"
const load = (env: Readonly<Record<string, string>>) => Effect.map(HubConfig.load(env), ({ alerts }) => alerts)
const problems = (env: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(HubConfig.load(env)), ({ problems }) => problems)

describe("AlertTargets", () => {
  it.effect("reads targets, secret and the leave for private networks; by default there are none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* load({}), { webhooks: null, allowPrivate: false })
      const { allowPrivate, webhooks } = yield* load({
        HUB_ALERT_WEBHOOKS: `https://a.example.com/${canary}, http://b.example.com:8080, https://a.example.com/${canary}`,
        HUB_ALERT_WEBHOOK_SECRET: secret,
        HUB_ALERT_WEBHOOKS_PRIVATE: "true"
      })
      assert.isTrue(allowPrivate)
      assert.deepStrictEqual(
        webhooks?.targets.map(({ url }) => Redacted.value(url)),
        [`https://a.example.com/${canary}`, "http://b.example.com:8080/"]
      )
      const text = Option.map(Option.fromUndefinedOr(webhooks?.secret), secretToText)
      assert.deepStrictEqual(Option.map(text, Redacted.value), Option.some(secret))
      assert.notInclude(JSON.stringify(webhooks), canary)
    })
  )

  it.effect("AC-NFR-006 what is wrong is named, all at once, without the values", () =>
    Effect.gen(function* () {
      const found = yield* problems({
        HUB_ALERT_WEBHOOKS: `https://a.example.com,ftp://user:${canary}@b.example.com`,
        HUB_ALERT_WEBHOOK_SECRET: canary,
        HUB_ALERT_WEBHOOKS_PRIVATE: "perhaps"
      })
      assert.deepStrictEqual(
        found.map((problem) => problem.slice(0, problem.indexOf(":"))),
        ["HUB_ALERT_WEBHOOKS", "HUB_ALERT_WEBHOOK_SECRET", "HUB_ALERT_WEBHOOKS_PRIVATE"]
      )
      assert.notInclude(found.join(), canary)
      assert.deepStrictEqual(yield* problems({ HUB_ALERT_WEBHOOKS: "https://a.example.com" }), [
        "HUB_ALERT_WEBHOOK_SECRET: required when HUB_ALERT_WEBHOOKS is set"
      ])
    })
  )
})
