/**
 * What makes a change of an integration's settings valid. Pure.
 *
 * The settings in force are the program's own (defaults and environment) with the overrides laid over them, as a JSON merge
 * patch does. They are checked as a whole: either everything fits, or every problem is told. No message holds a value.
 */
import { Effect, Option, Predicate, Record, Redacted, Result, Schema, SchemaIssue } from "effect"
import * as AllowedHosts from "./AllowedHosts.ts"
import * as MergePatch from "./MergePatch.ts"
import { type Declaration, lackingOf } from "./ProviderConnections.ts"
import { Freshness } from "./ProviderPolicy.ts"
import { IntegrationSettings, isBaseUrl, type Issue, ProviderSettings } from "./RuntimeSettings.ts"

/** What the program has by itself. */
export interface Given {
  readonly settings: IntegrationSettings
  /** Null: it has no connection that can be changed. */
  readonly declaration: Declaration | null
  /** Where base URLs may lead, beside where they lead by themselves. */
  readonly allowedHosts: ReadonlyArray<AllowedHosts.HostRule>
}

/** The settings in force with these overrides and these secrets set at run time, or every problem. */
export const resolve = Effect.fnUntraced(function* (
  given: Given,
  overrides: Schema.JsonObject,
  secrets: ReadonlySet<string>
): Effect.fn.Return<IntegrationSettings, ReadonlyArray<Issue>> {
  const base = yield* Effect.orDie(
    Effect.flatMap(Schema.encodeEffect(IntegrationSettings)(given.settings), decodeObject)
  )
  const merged = MergePatch.merged(base, overrides)
  const decoded = yield* Effect.result(
    Schema.decodeUnknownEffect(schemaOf(given.settings))(merged, { errors: "all", onExcessProperty: "error" })
  )
  const issues = [
    ...(Result.isFailure(decoded) ? issuesOf(decoded.failure.issue) : []),
    ...connectionIssues(
      given,
      Option.getOrElse(decodeOutline(merged), () => ({})),
      secrets
    )
  ]
  return Result.isSuccess(decoded) && issues.length === 0 ? decoded.success : yield* Effect.fail(issues)
})

/** The providers and operations that there are, and no others. */
const schemaOf = ({ operations, providers }: IntegrationSettings) =>
  Schema.Struct({
    ...IntegrationSettings.fields,
    providers: Schema.Struct(Record.map(providers, () => ProviderSettings)),
    operations: Schema.Struct(Record.map(operations, () => Freshness))
  })

/** As much as the rules between settings need, also when something else is wrong with them. */
const Outline = Schema.Struct({
  enabled: Schema.optionalKey(Schema.Unknown),
  mode: Schema.optionalKey(Schema.Unknown),
  providers: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({ enabled: Schema.optionalKey(Schema.Unknown), baseUrl: Schema.optionalKey(Schema.Unknown) })
    )
  )
})
const decodeOutline = Schema.decodeUnknownOption(Outline)

const connectionIssues = (
  { allowedHosts, declaration, settings }: Given,
  { enabled, mode, providers = {} }: typeof Outline.Type,
  secrets: ReadonlySet<string>
): ReadonlyArray<Issue> => {
  if (declaration === null) {
    const changed = mode !== settings.mode || Object.values(providers).some(({ baseUrl = null }) => baseUrl !== null)
    return changed ? [{ path: "mode", message: "mode and base URLs of this integration cannot be changed" }] : []
  }
  const refused = "the sandbox is refused in production, unless HUB_SANDBOX_ALLOWED names the service"
  return [
    ...(mode === "sandbox" && !declaration.sandboxAllowed ? [{ path: "mode", message: refused }] : []),
    ...Object.entries(declaration.providers).flatMap(([name, declared]) => {
      const { baseUrl = null, enabled: asked } = providers[name] ?? {}
      const url = typeof baseUrl === "string" && isBaseUrl(baseUrl) ? baseUrl : null
      const own = [declared.liveUrl, declared.baseUrl].flatMap((text) =>
        text === null ? [] : [AllowedHosts.ruleOf(text)]
      )
      const path = `providers.${name}.baseUrl`
      const issues: Array<Issue> = []
      if (url !== null && !AllowedHosts.isAllowed(url, [...own, ...allowedHosts])) {
        issues.push({ path, message: "its host is not allowed (HUB_PROVIDER_HOSTS)" })
      }
      if (declared.required && mode === "live" && enabled === true && asked === true) {
        for (const lacking of lackingOf(declared, { baseUrl: url, secrets: declared.secrets })) {
          const [kind, secret] = lacking.split(".")
          if (kind === "baseUrl" && baseUrl === null) issues.push({ path, message: "required in live mode" })
          else if (kind === "secrets" && !secrets.has(`${name}.${secret}`)) {
            issues.push({ path: `secrets.${name}.${secret}`, message: "required in live mode" })
          } else if (secret === undefined && kind !== "baseUrl") {
            issues.push({ path: "mode", message: `${lacking} is not set: live mode wants it` })
          }
        }
      }
      return issues
    })
  ]
}

/** What a change does to secrets, by provider and name (`fx_secondary.key`). */
export interface SecretChanges {
  readonly set: ReadonlyMap<string, Redacted.Redacted>
  readonly remove: ReadonlySet<string>
  readonly issues: ReadonlyArray<Issue>
}

/** Takes `secrets` out of a change: `{ "secrets": { "fx_secondary": { "key": "…" } } }`, null removes. */
export const secretsOf = (
  { secrets = {}, ...rest }: Schema.JsonObject,
  declaration: Declaration | null
): { readonly rest: Schema.JsonObject; readonly changes: SecretChanges } => {
  const set = new Map<string, Redacted.Redacted>()
  const remove = new Set<string>()
  const issues: Array<Issue> = []
  const inside = (value: Schema.Json, path: string): ReadonlyArray<readonly [string, Schema.Json]> => {
    if (MergePatch.isObject(value)) return Object.entries(value)
    issues.push({ path, message: "an object" })
    return []
  }
  for (const [provider, values] of inside(secrets, "secrets")) {
    const known = Object.keys(declaration?.providers[provider]?.secrets ?? {})
    if (known.length === 0) issues.push({ path: `secrets.${provider}`, message: "it wants no secret" })
    else {
      for (const [name, value] of inside(values, `secrets.${provider}`)) {
        const path = `secrets.${provider}.${name}`
        if (!known.includes(name)) issues.push({ path, message: "no such secret" })
        else if (value === null) remove.add(`${provider}.${name}`)
        else if (isSecret(value)) set.set(`${provider}.${name}`, Redacted.make(value, { label: "Secret" }))
        else issues.push({ path, message: "1 to 4096 printable characters of ASCII, without blanks around" })
      }
    }
  }
  return { rest, changes: { set, remove, issues } }
}

/** Goes into a header, a query or a body: no control characters. */
const isSecret = (value: Schema.Json): value is string =>
  Predicate.isString(value) && /^[\x21-\x7e]([\x20-\x7e]{0,4094}[\x21-\x7e])?$/.test(value)

const decodeObject = Schema.decodeUnknownEffect(Schema.JsonObject)

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const issuesOf = (issue: SchemaIssue.Issue): ReadonlyArray<Issue> =>
  formatIssues(issue).issues.map(({ message, path = [] }) => ({
    path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join("."),
    message
  }))
