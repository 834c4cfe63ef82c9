/**
 * What an operator can change about an integration while the hub runs, and what makes a change valid. Pure.
 *
 * The settings in force are the program's own (defaults and environment) with the overrides laid over them, as a JSON merge
 * patch does. They are checked as a whole: either everything fits, or every problem is told.
 */
import { Effect, Record, Schema, SchemaIssue } from "effect"
import { text } from "../../domain/Text.ts"
import * as MergePatch from "./MergePatch.ts"
import { Freshness, ProviderPolicy } from "./ProviderPolicy.ts"

export const ProviderSettings = ProviderPolicy
export type ProviderSettings = typeof ProviderSettings.Type

export const IntegrationSettings = Schema.Struct({
  /** False: no provider is asked; what is in the cache is still served for its time. */
  enabled: Schema.Boolean,
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

export const IntegrationConfig = Schema.Struct({
  integration: Schema.String,
  version: ConfigVersionNumber,
  changedBy: Schema.NullOr(Schema.String),
  changedAt: Schema.NullOr(Schema.String),
  /** What was changed: a change with null in a place takes it out again. */
  overrides: Schema.JsonObject,
  /** In force. */
  settings: IntegrationSettings,
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

/** The settings in force with these overrides, or every problem. */
export const resolve = Effect.fnUntraced(function* (
  defaults: IntegrationSettings,
  overrides: Schema.JsonObject
): Effect.fn.Return<IntegrationSettings, ReadonlyArray<Issue>> {
  const base = yield* Effect.orDie(Effect.flatMap(Schema.encodeEffect(IntegrationSettings)(defaults), decodeObject))
  const merged = MergePatch.merged(base, overrides)
  return yield* Effect.mapError(
    Schema.decodeUnknownEffect(schemaOf(defaults))(merged, { errors: "all", onExcessProperty: "error" }),
    ({ issue }) => issuesOf(issue)
  )
})

/** The providers and operations that there are, and no others. */
const schemaOf = ({ operations, providers }: IntegrationSettings) =>
  Schema.Struct({
    ...IntegrationSettings.fields,
    providers: Schema.Struct(Record.map(providers, () => ProviderSettings)),
    operations: Schema.Struct(Record.map(operations, () => Freshness))
  })

const decodeObject = Schema.decodeUnknownEffect(Schema.JsonObject)

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const issuesOf = (issue: SchemaIssue.Issue): ReadonlyArray<Issue> =>
  formatIssues(issue).issues.map(({ message, path = [] }) => ({
    path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join("."),
    message
  }))
