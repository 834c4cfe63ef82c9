/**
 * What configuration at run time stands on, from the environment: `HUB_SECRET_KEYS` (`id:base64` of 32 bytes, separated by
 * commas; the first encrypts, all decrypt; default: no secret can be stored) and `HUB_PROVIDER_HOSTS` (hosts that base URLs
 * may be changed to, beside those in use; see `AllowedHosts`).
 */
import { Config, Effect, Redacted, Schema } from "effect"
import type { SecretKey } from "../security/SecretBox.ts"
import * as AllowedHosts from "./AllowedHosts.ts"
import type { ConfigReader } from "./ProviderConfig.ts"

export interface RuntimeConfigSettings {
  readonly secretKeys: ReadonlyArray<SecretKey>
  readonly allowedHosts: ReadonlyArray<AllowedHosts.HostRule>
}

export const load = Effect.fnUntraced(function* ({
  read
}: Pick<ConfigReader, "read">): Effect.fn.Return<RuntimeConfigSettings> {
  return {
    secretKeys: yield* read("HUB_SECRET_KEYS", keys, {
      expected: "keys as id:base64 of 32 bytes, with ids of their own, separated by commas",
      fallback: [],
      secret: true
    }),
    allowedHosts: yield* read("HUB_PROVIDER_HOSTS", hosts, {
      expected: "hosts as [scheme://]host[:port] or *.host, separated by commas",
      fallback: []
    })
  }
})

const split = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim())

const keyOf = (text: string): SecretKey | undefined => {
  const [, id, base64] = /^([A-Za-z0-9_-]{1,50}):([A-Za-z0-9+/]{43}=)$/.exec(text) ?? []
  if (id === undefined || base64 === undefined) return undefined
  return { id, key: Redacted.make(new Uint8Array(Buffer.from(base64, "base64")), { label: "SecretKey" }) }
}

const keysOf = (text: string): ReadonlyArray<SecretKey> => split(text).flatMap((part) => keyOf(part) ?? [])

const areKeys = (text: string): boolean => {
  const found = keysOf(text)
  return found.length === split(text).length && new Set(found.map(({ id }) => id)).size === found.length
}

const keys = (name: string) =>
  Config.schema(
    Schema.Redacted(Schema.String.check(Schema.makeFilter((text: string) => areKeys(text) || "malformed"))),
    name
  ).pipe(Config.map((text) => keysOf(Redacted.value(text))))

const rulesOf = (text: string): ReadonlyArray<AllowedHosts.HostRule> =>
  split(text).flatMap((part) => AllowedHosts.parse(part) ?? [])

const hosts = (name: string) =>
  Config.schema(
    Schema.String.check(
      Schema.makeFilter((text: string) => rulesOf(text).length === split(text).length || "not a list of hosts")
    ),
    name
  ).pipe(Config.map(rulesOf))
