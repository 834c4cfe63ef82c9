/**
 * The configuration of data services, changed while the hub runs (provider integrations, section 3).
 *
 * - A change is taken whole or refused whole, with everything that is wrong with it.
 * - It is in force before the one who makes it has the answer, without a restart, and circuits, limiters and cached answers
 *   stay what they are. Hubs on one database follow each other: at once where the database can tell them, else in 15 s.
 * - Each change is a version with who and when; versions can be compared and gone back to. A roll-back is a version too.
 * - Secrets are stored sealed (`SecretBox`), and told by name, version and time only. A roll-back brings them back too.
 * - A stored version that does not fit this program (any more) changes nothing here: it is logged, and `problems` says why.
 *
 * Made after the integrations, which register what can be changed (`ProviderPolicies`, `ProviderConnections`).
 */
import { Context, Effect, Layer, Option, Record, Result, type Schema, Semaphore } from "effect"
import { now } from "../../domain/Ids.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { inBackground } from "../security/Housekeeping.ts"
import * as SecretBox from "../security/SecretBox.ts"
import { Database } from "../storage/Database.ts"
import * as MergePatch from "./MergePatch.ts"
import { ProviderConnections } from "./ProviderConnections.ts"
import { ProviderPolicies } from "./ProviderPolicies.ts"
import * as RuntimeConfigRows from "./RuntimeConfigRows.ts"
import type { RuntimeConfigSettings } from "./RuntimeConfigSettings.ts"
import { type Given, resolve, type SecretChanges, secretsOf } from "./RuntimeRules.ts"
import * as RuntimeSecrets from "./RuntimeSecrets.ts"
import type { StoredSecret } from "./RuntimeSecrets.ts"
import {
  type ConfigDiff,
  type ConfigVersion,
  ConfigVersionConflict,
  type IntegrationConfig,
  type IntegrationSettings,
  InvalidConfigChange,
  type Issue,
  type SecretState,
  UnknownConfigVersion,
  UnknownIntegration
} from "./RuntimeSettings.ts"

export interface ChangeOptions {
  /** Name of whoever changes it. */
  readonly by: string
  /** Only when this is still the newest version. */
  readonly ifVersion?: number
}

export class RuntimeConfig extends Context.Service<
  RuntimeConfig,
  {
    readonly get: (integration: string) => Effect.Effect<IntegrationConfig, UnknownIntegration>
    /**
     * Lays a JSON merge patch over the overrides; `secrets` in it (by provider and name) are sealed and never shown. One
     * that changes nothing makes no version; a secret that is set always makes one.
     */
    readonly change: (
      integration: string,
      patch: Schema.JsonObject,
      options: ChangeOptions
    ) => Effect.Effect<IntegrationConfig, UnknownIntegration | InvalidConfigChange | ConfigVersionConflict>
    /** Newest first. */
    readonly versions: (
      integration: string,
      page: PageRequest
    ) => Effect.Effect<Page<ConfigVersion>, UnknownIntegration>
    /** Version 0 is the one without any change. */
    readonly diff: (
      integration: string,
      versions: { readonly from: number; readonly to: number }
    ) => Effect.Effect<ConfigDiff, UnknownIntegration | UnknownConfigVersion>
    /** Makes what was in force with that version a new version. */
    readonly rollBack: (
      integration: string,
      version: number,
      options: ChangeOptions
    ) => Effect.Effect<
      IntegrationConfig,
      UnknownIntegration | UnknownConfigVersion | InvalidConfigChange | ConfigVersionConflict
    >
  }
>()("hub/services/providers/RuntimeConfig") {
  static readonly layer = (
    settings: RuntimeConfigSettings
  ): Layer.Layer<RuntimeConfig, never, Database | ProviderConnections | ProviderPolicies> =>
    Layer.effect(RuntimeConfig, make(settings))
}

type Stored = RuntimeConfigRows.StoredVersion
type Content = Pick<Stored, "overrides" | "secrets">

/** What this process made of a version. */
interface Applied {
  readonly version: number
  readonly settings: IntegrationSettings
  readonly secrets: ReadonlyMap<string, StoredSecret>
  readonly problems: ReadonlyArray<Issue>
}

const channel = "hub_runtime_config"

/** Nothing is changed. */
const empty: Content = { overrides: {}, secrets: {} }

const noSecrets: SecretChanges = { set: new Map(), remove: new Set(), issues: [] }

const make = Effect.fnUntraced(function* ({ allowedHosts, secretKeys }: RuntimeConfigSettings) {
  const database = yield* Database
  const policies = yield* ProviderPolicies
  const connections = yield* ProviderConnections
  const rows = RuntimeConfigRows.make(database)
  const secretRows = RuntimeSecrets.make(database, yield* SecretBox.make(secretKeys))
  const applied = new Map<string, Applied>()
  const turns = yield* Semaphore.make(1)

  /** What the program has by itself. */
  const givenOf = Effect.fnUntraced(function* (integration: string): Effect.fn.Return<Given, UnknownIntegration> {
    const { operations, providers } = yield* policies.list
    const own = providers.filter((provider) => provider.integration === integration)
    const asked = operations.filter((operation) => operation.integration === integration)
    if (own.length + asked.length === 0) return yield* new UnknownIntegration({ integration })
    const declaration = Option.getOrNull(yield* connections.get(integration))?.declaration ?? null
    const settings: IntegrationSettings = {
      enabled: declaration?.enabled ?? true,
      mode: declaration?.mode ?? "live",
      providers: Object.fromEntries(
        own.map(({ defaults, name }) => [name, { ...defaults, baseUrl: declaration?.providers[name]?.baseUrl ?? null }])
      ),
      operations: Object.fromEntries(asked.map(({ defaults, name }) => [name.slice(integration.length + 1), defaults]))
    }
    return { settings, declaration, allowedHosts }
  })

  const put = Effect.fnUntraced(function* (
    integration: string,
    { declaration }: Given,
    { enabled, mode, operations, providers }: IntegrationSettings,
    secrets: ReadonlyMap<string, StoredSecret>
  ) {
    if (declaration !== null) {
      const endpoints = Record.map(declaration.providers, (declared, provider) => ({
        baseUrl: providers[provider]?.baseUrl?.replace(/\/+$/, "") ?? null,
        secrets: Record.map(declared.secrets, (own, name) => {
          const stored = secrets.get(`${provider}.${name}`)
          return stored === undefined ? own : stored.secret
        })
      }))
      yield* connections.set({ integration, enabled, mode, endpoints })
    }
    for (const [name, { baseUrl: _, ...policy }] of Record.toEntries(providers)) {
      yield* policies.setProvider(name, { ...policy, enabled: enabled && policy.enabled })
    }
    for (const [name, freshness] of Record.toEntries(operations)) {
      yield* policies.setOperation(`${integration}.${name}`, freshness)
    }
  })

  /** Puts a version in force, unless a newer one is already. */
  const apply = Effect.fnUntraced(
    function* (integration: string, given: Given, stored: Stored) {
      const before = applied.get(integration)
      if (before !== undefined && before.version >= stored.version) return before
      const secrets = yield* secretRows.read(integration, stored.secrets)
      const after = yield* Effect.matchEffect(resolve(given, stored.overrides, setOf(given, stored.secrets)), {
        onSuccess: (settings) => Effect.as(put(integration, given, settings, secrets), { settings, problems: [] }),
        onFailure: (problems) =>
          Effect.as(
            Effect.annotateLogs(
              Effect.logError("a stored configuration does not fit this program; what was in force stays in force"),
              { integration, version: stored.version, problems }
            ),
            { settings: before?.settings ?? given.settings, problems }
          )
      })
      const made: Applied = { version: stored.version, secrets, ...after }
      applied.set(integration, made)
      return made
    },
    Effect.uninterruptible,
    turns.withPermits(1)
  )

  const view = Effect.fnUntraced(function* (
    integration: string,
    given: Given,
    stored: Stored | null
  ): Effect.fn.Return<IntegrationConfig> {
    const { problems, secrets, settings } =
      stored === null
        ? { settings: given.settings, secrets: new Map<string, StoredSecret>(), problems: [] }
        : yield* apply(integration, given, stored)
    const { changedAt = null, changedBy = null, overrides = {}, version = 0 } = stored ?? {}
    const states = secretStates(given.declaration, secrets)
    return { integration, version, changedBy, changedAt, overrides, settings, secrets: states, problems }
  })

  /** Adds what `decide` makes of the newest version, when that differs from it, and puts it in force. */
  const write = Effect.fnUntraced(function* <E>(
    integration: string,
    { by, ifVersion }: ChangeOptions,
    given: Given,
    { issues, remove, set }: SecretChanges,
    decide: (current: Content) => Effect.Effect<Content & Pick<Stored, "restored">, E>
  ) {
    const refused = (problems: ReadonlyArray<Issue>) => new InvalidConfigChange({ integration, issues: problems })
    const sealing = yield* Effect.result(
      Effect.forEach(set, ([name, secret]) =>
        Effect.map(secretRows.seal(integration, name, secret), (sealed) => ({ name, sealed }))
      )
    )
    const unsealed = Result.isFailure(sealing) ? [{ path: "secrets", message: sealing.failure.message }] : []
    const sealedSecrets = Result.getOrElse(sealing, () => [])
    const stored = yield* database.transaction(
      Effect.gen(function* () {
        const current = yield* rows.lock(integration)
        const found = current?.version ?? 0
        if (ifVersion !== undefined && ifVersion !== found) {
          return yield* new ConfigVersionConflict({ integration, expected: ifVersion, found })
        }
        const next = yield* decide(current ?? empty)
        const kept = Record.filter(next.secrets, (_, name) => !remove.has(name))
        const names = setOf(given, kept)
        const checked = yield* Effect.result(resolve(given, next.overrides, new Set([...names, ...set.keys()])))
        const problems = [...issues, ...unsealed, ...(Result.isFailure(checked) ? checked.failure : [])]
        if (problems.length > 0) return yield* refused(problems)
        const added = yield* Effect.forEach(sealedSecrets, ({ name, sealed }) =>
          Effect.map(secretRows.add(integration, name, sealed, by), (version) => [name, version] as const)
        )
        const content = {
          ...next,
          overrides: MergePatch.pruned(next.overrides),
          secrets: { ...kept, ...Object.fromEntries(added) }
        }
        const changed = changesOf(current ?? empty, content)
        if (changed.length === 0) return current
        const version: Stored = { ...content, version: found + 1, changedBy: by, changedAt: yield* now }
        yield* rows.append(integration, version)
        yield* database.afterCommit(
          Effect.andThen(
            database.notify(channel),
            Effect.annotateLogs(Effect.logInfo("the configuration of an integration was changed"), {
              integration,
              version: version.version,
              changedBy: by,
              changed: changed.map(({ path }) => path)
            })
          )
        )
        return version
      })
    )
    return yield* view(integration, given, stored)
  }, Effect.uninterruptible)

  const contentOf = Effect.fnUntraced(function* (integration: string, version: number) {
    const found = version === 0 ? empty : yield* rows.version(integration, version)
    return found ?? (yield* new UnknownConfigVersion({ integration, version }))
  })

  /** What other hubs have changed. */
  const follow = Effect.fnUntraced(function* () {
    for (const { integration, version } of yield* rows.heads) {
      if (version <= (applied.get(integration)?.version ?? 0)) continue
      const given = yield* Effect.option(givenOf(integration))
      const stored = yield* rows.current(integration)
      if (Option.isSome(given) && stored !== null) yield* apply(integration, given.value, stored)
    }
  })

  const rotated = yield* secretRows.rotate()
  if (rotated > 0) yield* Effect.logInfo(`${rotated} stored secrets were sealed with the first of HUB_SECRET_KEYS`)
  yield* follow()
  yield* database.listen(
    channel,
    Effect.catchCause(follow(), (cause) =>
      Effect.logWarning("Could not read the configuration of integrations, trying again later", cause)
    )
  )
  yield* inBackground("read the configuration of integrations", "15 seconds", follow())

  return RuntimeConfig.of({
    get: Effect.fn("RuntimeConfig.get")(function* (integration) {
      const given = yield* givenOf(integration)
      return yield* view(integration, given, yield* rows.current(integration))
    }),
    change: Effect.fn("RuntimeConfig.change")(function* (integration, patch, options) {
      const given = yield* givenOf(integration)
      const { changes, rest } = secretsOf(patch, given.declaration)
      return yield* write(integration, options, given, changes, ({ overrides, secrets }) =>
        Effect.succeed({ overrides: MergePatch.merged(overrides, rest), secrets, restored: null })
      )
    }),
    versions: Effect.fn("RuntimeConfig.versions")(function* (integration, page) {
      yield* givenOf(integration)
      const { data, total } = yield* rows.list(integration, page)
      return { data: data.map(({ secrets: _, ...version }) => version), total }
    }),
    diff: Effect.fn("RuntimeConfig.diff")(function* (integration, { from, to }) {
      yield* givenOf(integration)
      const changes = changesOf(yield* contentOf(integration, from), yield* contentOf(integration, to))
      return { integration, from, to, changes }
    }),
    rollBack: Effect.fn("RuntimeConfig.rollBack")(function* (integration, version, options) {
      const given = yield* givenOf(integration)
      return yield* write(integration, options, given, noSecrets, () =>
        Effect.map(contentOf(integration, version), ({ overrides, secrets }) => ({
          overrides,
          secrets,
          restored: version
        }))
      )
    })
  })
})

const changesOf = (before: Content, after: Content) =>
  MergePatch.changes({ ...before.overrides, secrets: before.secrets }, { ...after.overrides, secrets: after.secrets })

/** Names of the secrets that are set, at run time or by the environment. */
const setOf = ({ declaration }: Given, stored: Stored["secrets"]): ReadonlySet<string> =>
  new Set([
    ...Object.keys(stored),
    ...secretStates(declaration, new Map()).flatMap(({ name, set }) => (set ? [name] : []))
  ])

const secretStates = (
  declaration: Given["declaration"],
  stored: ReadonlyMap<string, StoredSecret>
): ReadonlyArray<SecretState> =>
  Object.entries(declaration?.providers ?? {}).flatMap(([provider, { secrets }]) =>
    Object.entries(secrets).map(([secret, own]): SecretState => {
      const name = `${provider}.${secret}`
      const found = stored.get(name)
      if (found === undefined) {
        const origin = own === null ? null : "environment"
        return { name, set: own !== null, origin, version: null, setBy: null, setAt: null, readable: true }
      }
      const { secret: value, setAt, setBy, version } = found
      return { name, set: true, origin: "stored", version, setBy, setAt, readable: value !== null }
    })
  )
