/**
 * The secrets that sign incoming webhooks, per adapter.
 *
 * Configured secrets are used as they are and never stored. In sandbox mode, where none is configured, one is made at
 * the first start and kept in the table `webhook_secrets` as its `whsec_` text, in the clear: a signature can only be
 * checked with the secret itself. Who can read that table can forge callbacks of a sandbox, nothing else. In live mode
 * without a configured secret there is none, and every callback is refused.
 */
import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { IdSource, now } from "../../domain/Ids.ts"
import type { Mode } from "../integrations/Adapter.ts"
import { Database } from "../storage/Database.ts"
import { secretFromText, secretToText, type WebhookSecret } from "./WebhookSignature.ts"

export interface WebhookSecretsOptions {
  readonly adapters: ReadonlyArray<{
    readonly name: string
    readonly mode: Mode
    /** `whsec_…` texts, all active; from the configuration, which has checked them. */
    readonly configured: ReadonlyArray<Redacted.Redacted>
  }>
}

export class WebhookSecrets extends Context.Service<
  WebhookSecrets,
  {
    /** All active secrets of an adapter; none for a name without any. */
    readonly active: (adapter: string) => ReadonlyArray<WebhookSecret>
    /** The secrets in use that were made here: to be printed at start, so that a sender can be set up. */
    readonly generated: ReadonlyArray<{ readonly adapter: string; readonly secret: Redacted.Redacted }>
  }
>()("hub/services/security/WebhookSecrets") {
  static readonly layer = (options: WebhookSecretsOptions): Layer.Layer<WebhookSecrets, never, Database> =>
    Layer.effect(WebhookSecrets, make(options))
}

const make = Effect.fnUntraced(function* (options: WebhookSecretsOptions) {
  const { sql } = yield* Database
  const secrets = new Map<string, ReadonlyArray<WebhookSecret>>()
  const generated: Array<{ readonly adapter: string; readonly secret: Redacted.Redacted }> = []

  for (const adapter of options.adapters) {
    if (adapter.configured.length > 0) {
      secrets.set(
        adapter.name,
        adapter.configured.map((text) => Option.getOrThrow(secretFromText(text)))
      )
    } else if (adapter.mode === "sandbox") {
      const fresh = Redacted.make(yield* IdSource.use((source) => source.randomBytes(32)))
      // Two first starts at once agree on one secret.
      yield* sql`
        insert into webhook_secrets (adapter, secret, created_at)
        values (${adapter.name}, ${Redacted.value(secretToText(fresh))}, ${yield* now}::timestamptz)
        on conflict (adapter) do nothing
      `
      const [row] = yield* sql`select secret from webhook_secrets where adapter = ${adapter.name}`.pipe(
        Effect.flatMap(decodeSecret)
      )
      secrets.set(adapter.name, [Option.getOrThrow(secretFromText(row.secret))])
      generated.push({ adapter: adapter.name, secret: row.secret })
    }
  }

  return WebhookSecrets.of({
    active: (adapter) => secrets.get(adapter) ?? [],
    generated
  })
}, Effect.orDie)

const decodeSecret = Schema.decodeUnknownEffect(
  Schema.Tuple([Schema.Struct({ secret: Schema.RedactedFromValue(Schema.String, { label: "WebhookSecret" }) })])
)
