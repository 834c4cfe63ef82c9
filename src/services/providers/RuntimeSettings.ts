/** What an operator can change about an integration while the hub runs, and what is told of it. Schemas only. */
import { Schema } from "effect"
import { text } from "../../domain/Text.ts"
import { Freshness, ProviderPolicy } from "./ProviderPolicy.ts"

/** Can it be a base URL? */
export const isBaseUrl = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const { hash, password, protocol, search, username } = new URL(value)
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === ""
}

/** Absolute, http or https, on a host that is allowed, without user, query or fragment. */
const BaseUrl = Schema.String.check(
  Schema.isMaxLength(2000),
  Schema.makeFilter((value: string) => isBaseUrl(value) || "an http or https URL without user, query or fragment")
)

export const ProviderSettings = Schema.Struct({
  ...ProviderPolicy.fields,
  /** Null: the provider's own address; in sandbox mode: the simulator in this process. */
  baseUrl: Schema.NullOr(BaseUrl)
})
export type ProviderSettings = typeof ProviderSettings.Type

export const IntegrationSettings = Schema.Struct({
  /** False: no provider is asked; what is in the cache is still served for its time. */
  enabled: Schema.Boolean,
  /** `sandbox`: the simulator answers, and every answer says so. */
  mode: Schema.Literals(["live", "sandbox"]),
  /** By provider, e.g. `fx_primary`. */
  providers: Schema.Record(Schema.String, ProviderSettings),
  /** How long answers are kept, by operation, e.g. `rates`. */
  operations: Schema.Record(Schema.String, Freshness)
})
export type IntegrationSettings = typeof IntegrationSettings.Type

/** Version 0: nothing was ever changed. */
export const ConfigVersionNumber = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_147_483_647 }))

/** Who changed what, and when. */
export const ConfigVersion = Schema.Struct({
  version: ConfigVersionNumber,
  /** Name of the API key. */
  changedBy: Schema.String,
  changedAt: Schema.String,
  /** The version that a roll-back went back to; null = this was no roll-back. */
  restored: Schema.NullOr(ConfigVersionNumber),
  /** What differs from the program's own settings. */
  overrides: Schema.JsonObject
})
export type ConfigVersion = typeof ConfigVersion.Type

/** What is told of a secret: never the secret. */
export const SecretState = Schema.Struct({
  /** Provider and name, e.g. `fx_secondary.key`. */
  name: Schema.String,
  set: Schema.Boolean,
  /** Set at run time, or by the environment; null = not set. */
  origin: Schema.NullOr(Schema.Literals(["stored", "environment"])),
  /** Of a stored one. */
  version: Schema.NullOr(Schema.Int),
  setBy: Schema.NullOr(Schema.String),
  setAt: Schema.NullOr(Schema.String),
  /** False: no key of `HUB_SECRET_KEYS` opens it, and it is as if it was not set. */
  readable: Schema.Boolean
})
export type SecretState = typeof SecretState.Type

export const IntegrationConfig = Schema.Struct({
  integration: Schema.String,
  version: ConfigVersionNumber,
  changedBy: Schema.NullOr(Schema.String),
  changedAt: Schema.NullOr(Schema.String),
  /** What was changed: a change with null in a place takes it out again. */
  overrides: Schema.JsonObject,
  /** In force. */
  settings: IntegrationSettings,
  secrets: Schema.Array(SecretState),
  /** Why this version is not in force here: it was stored by another program, or does not fit this one's settings. */
  problems: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
})
export type IntegrationConfig = typeof IntegrationConfig.Type

export const ConfigChange = Schema.Struct({ path: Schema.String, before: Schema.Json, after: Schema.Json })

/** What differs between the overrides of two versions. */
export const ConfigDiff = Schema.Struct({
  integration: Schema.String,
  from: ConfigVersionNumber,
  to: ConfigVersionNumber,
  changes: Schema.Array(ConfigChange)
})
export type ConfigDiff = typeof ConfigDiff.Type

export interface Issue {
  /** In dots, e.g. `providers.fx_primary.timeout`. */
  readonly path: string
  readonly message: string
}

/** The name of an integration, as it stands in a path. */
export const IntegrationName = text(100)

/** Nothing has this name, or what has it cannot be configured at run time. HTTP 404. */
export class UnknownIntegration extends Schema.TaggedError<UnknownIntegration>()("UnknownIntegration", {
  integration: Schema.String
}) {}

/** HTTP 404. */
export class UnknownConfigVersion extends Schema.TaggedError<UnknownConfigVersion>()("UnknownConfigVersion", {
  integration: Schema.String,
  version: Schema.Int
}) {}

/** Everything that is wrong with a change; nothing of it was taken. HTTP 400. No message holds a value that was sent. */
export class InvalidConfigChange extends Schema.TaggedError<InvalidConfigChange>()("InvalidConfigChange", {
  integration: Schema.String,
  issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {}

/** Somebody has changed it meanwhile. HTTP 409. */
export class ConfigVersionConflict extends Schema.TaggedError<ConfigVersionConflict>()("ConfigVersionConflict", {
  integration: Schema.String,
  expected: Schema.Int,
  found: Schema.Int
}) {}
