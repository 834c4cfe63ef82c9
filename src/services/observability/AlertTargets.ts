/** Who is told of alerts by webhook, and how they appear in lists and logs. */
import { Config, Effect, Option, Redacted, Schema } from "effect"
import { createHash } from "node:crypto"
import type { ConfigReader } from "../providers/ProviderConfig.ts"
import { secretFromText, type WebhookSecret } from "../security/WebhookSignature.ts"

export interface AlertTarget {
  /** Origin of the URL and a short hash of all of it: the URL itself may hold a credential. */
  readonly label: string
  readonly url: Redacted.Redacted
}

export interface AlertConfig {
  /** `HUB_ALERT_WEBHOOKS`: URLs, separated by commas; needs `HUB_ALERT_WEBHOOK_SECRET` (`whsec_…`), which signs. */
  readonly webhooks: { readonly targets: ReadonlyArray<AlertTarget>; readonly secret: WebhookSecret } | null
  /** `HUB_ALERT_WEBHOOKS_PRIVATE=true`: targets may be inside of a private network. Default false. */
  readonly allowPrivate: boolean
}

export const targetOf = (url: Redacted.Redacted): AlertTarget => {
  const { href, origin } = new URL(Redacted.value(url))
  const hash = createHash("sha256").update(href).digest("hex").slice(0, 8)
  return { label: `${origin} (${hash})`, url: Redacted.make(href, { label: "AlertTarget" }) }
}

export const load = Effect.fnUntraced(function* ({
  isSet,
  problem,
  read
}: Pick<ConfigReader, "isSet" | "problem" | "read">): Effect.fn.Return<AlertConfig> {
  const urls = yield* read("HUB_ALERT_WEBHOOKS", Urls, {
    expected: "http or https URLs without a user, separated by commas",
    fallback: [],
    secret: true
  })
  const secret = yield* read("HUB_ALERT_WEBHOOK_SECRET", Secret, {
    expected: "a webhook secret (whsec_ and base64 of 24 to 64 bytes)",
    fallback: null,
    secret: true
  })
  const allowPrivate = yield* read("HUB_ALERT_WEBHOOKS_PRIVATE", Config.Boolean, {
    expected: "true or false",
    fallback: false
  })
  if (isSet("HUB_ALERT_WEBHOOKS") && !isSet("HUB_ALERT_WEBHOOK_SECRET")) {
    problem("HUB_ALERT_WEBHOOK_SECRET: required when HUB_ALERT_WEBHOOKS is set")
  }
  const targets = urls.map(targetOf)
  return { webhooks: targets.length === 0 || secret === null ? null : { targets, secret }, allowPrivate }
})

const isTarget = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === ""
}

const split = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim())

const Urls = (name: string) =>
  Config.schema(
    Schema.Redacted(
      Schema.String.check(Schema.makeFilter((text: string) => split(text).every(isTarget) || "not a list of URLs"))
    ),
    name
  ).pipe(Config.map((urls) => [...new Set(split(Redacted.value(urls)))].map((url) => Redacted.make(url))))

const Secret = (name: string) =>
  Config.schema(
    Schema.Redacted(
      Schema.String.check(
        Schema.makeFilter((text: string) => Option.isSome(secretFromText(Redacted.make(text))) || "malformed")
      )
    ),
    name
  ).pipe(Config.map((text) => Option.getOrThrow(secretFromText(text))))
