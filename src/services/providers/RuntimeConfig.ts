/**
 * The configuration of data services, changed while the hub runs (provider integrations, section 3).
 *
 * - A change is taken whole or refused whole, with everything that is wrong with it.
 * - It is in force before the one who makes it has the answer, without a restart, and circuits, limiters and cached answers
 *   stay what they are. Hubs on one database follow each other: at once where the database can tell them, else in 15 s.
 * - Each change is a version with who and when; versions can be compared and gone back to. A roll-back is a version too.
 * - A stored version that does not fit this program (any more) changes nothing here: it is logged, and `problems` says why.
 *
 * Made after the integrations, which register what can be changed (`ProviderPolicies`).
 */
import { Context, Effect, Layer, Option, Record, type Schema, Semaphore } from "effect"
import { now } from "../../domain/Ids.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { inBackground } from "../security/Housekeeping.ts"
import { Database } from "../storage/Database.ts"
import * as MergePatch from "./MergePatch.ts"
import { ProviderPolicies } from "./ProviderPolicies.ts"
import * as RuntimeConfigRows from "./RuntimeConfigRows.ts"
import {
  type ConfigDiff,
  type ConfigVersion,
  ConfigVersionConflict,
  type IntegrationConfig,
  type IntegrationSettings,
  InvalidConfigChange,
  type Issue,
  resolve,
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
    /** Lays a JSON merge patch over the overrides. One that changes nothing makes no version. */
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
  static readonly layer: Layer.Layer<RuntimeConfig, never, Database | ProviderPolicies> = Layer.effect(
    RuntimeConfig,
    Effect.suspend(() => make)
  )
}

type Stored = RuntimeConfigRows.StoredVersion
type Content = Pick<Stored, "overrides" | "secrets">

/** What this process made of a version. */
interface Applied {
  readonly version: number
  readonly settings: IntegrationSettings
  readonly problems: ReadonlyArray<Issue>
}

const channel = "hub_runtime_config"

/** Nothing is changed. */
const empty: Content = { overrides: {}, secrets: {} }

const make = Effect.gen(function* () {
  const database = yield* Database
  const policies = yield* ProviderPolicies
  const rows = RuntimeConfigRows.make(database)
  const applied = new Map<string, Applied>()
  const turns = yield* Semaphore.make(1)

  /** What the program has by itself. */
  const defaultsOf = Effect.fnUntraced(function* (
    integration: string
  ): Effect.fn.Return<IntegrationSettings, UnknownIntegration> {
    const { operations, providers } = yield* policies.list
    const own = providers.filter((provider) => provider.integration === integration)
    const asked = operations.filter((operation) => operation.integration === integration)
    if (own.length + asked.length === 0) return yield* new UnknownIntegration({ integration })
    return {
      enabled: true,
      providers: Object.fromEntries(own.map(({ defaults, name }) => [name, defaults])),
      operations: Object.fromEntries(asked.map(({ defaults, name }) => [name.slice(integration.length + 1), defaults]))
    }
  })

  const put = Effect.fnUntraced(function* (
    integration: string,
    { enabled, operations, providers }: IntegrationSettings
  ) {
    for (const [name, policy] of Record.toEntries(providers)) {
      yield* policies.setProvider(name, { ...policy, enabled: enabled && policy.enabled })
    }
    for (const [name, freshness] of Record.toEntries(operations)) {
      yield* policies.setOperation(`${integration}.${name}`, freshness)
    }
  })

  /** Puts a version in force, unless a newer one is already. */
  const apply = Effect.fnUntraced(
    function* (integration: string, defaults: IntegrationSettings, stored: Stored) {
      const before = applied.get(integration)
      if (before !== undefined && before.version >= stored.version) return before
      const after = yield* Effect.matchEffect(resolve(defaults, stored.overrides), {
        onSuccess: (settings) => Effect.as(put(integration, settings), { settings, problems: [] }),
        onFailure: (problems) =>
          Effect.as(
            Effect.annotateLogs(
              Effect.logError("a stored configuration does not fit this program; what was in force stays in force"),
              { integration, version: stored.version, problems }
            ),
            { settings: before?.settings ?? defaults, problems }
          )
      })
      const made: Applied = { version: stored.version, ...after }
      applied.set(integration, made)
      return made
    },
    Effect.uninterruptible,
    turns.withPermits(1)
  )

  const view = Effect.fnUntraced(function* (
    integration: string,
    defaults: IntegrationSettings,
    stored: Stored | null
  ): Effect.fn.Return<IntegrationConfig> {
    if (stored === null) {
      return {
        integration,
        version: 0,
        changedBy: null,
        changedAt: null,
        overrides: {},
        settings: defaults,
        problems: []
      }
    }
    const { changedAt, changedBy, overrides, version } = stored
    const { problems, settings } = yield* apply(integration, defaults, stored)
    return { integration, version, changedBy, changedAt, overrides, settings, problems }
  })

  /** Adds what `decide` makes of the newest version, when that differs from it, and puts it in force. */
  const write = Effect.fnUntraced(function* <E>(
    integration: string,
    { by, ifVersion }: ChangeOptions,
    decide: (current: Content) => Effect.Effect<Content & Pick<Stored, "restored">, E>
  ) {
    const defaults = yield* defaultsOf(integration)
    const stored = yield* database.transaction(
      Effect.gen(function* () {
        const current = yield* rows.lock(integration)
        const found = current?.version ?? 0
        if (ifVersion !== undefined && ifVersion !== found) {
          return yield* new ConfigVersionConflict({ integration, expected: ifVersion, found })
        }
        const next = yield* decide(current ?? empty)
        yield* Effect.mapError(
          resolve(defaults, next.overrides),
          (issues) => new InvalidConfigChange({ integration, issues })
        )
        const content = { ...next, overrides: MergePatch.pruned(next.overrides) }
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
    return yield* view(integration, defaults, stored)
  }, Effect.uninterruptible)

  const contentOf = Effect.fnUntraced(function* (integration: string, version: number) {
    const found = version === 0 ? empty : yield* rows.version(integration, version)
    return found ?? (yield* new UnknownConfigVersion({ integration, version }))
  })

  /** What other hubs have changed. */
  const follow = Effect.fnUntraced(function* () {
    for (const { integration, version } of yield* rows.heads) {
      if (version <= (applied.get(integration)?.version ?? 0)) continue
      const defaults = yield* Effect.option(defaultsOf(integration))
      const stored = yield* rows.current(integration)
      if (Option.isSome(defaults) && stored !== null) yield* apply(integration, defaults.value, stored)
    }
  })

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
      const defaults = yield* defaultsOf(integration)
      return yield* view(integration, defaults, yield* rows.current(integration))
    }),
    change: Effect.fn("RuntimeConfig.change")((integration, patch, options) =>
      write(integration, options, ({ overrides, secrets }) =>
        Effect.succeed({ overrides: MergePatch.merged(overrides, patch), secrets, restored: null })
      )
    ),
    versions: Effect.fn("RuntimeConfig.versions")(function* (integration, page) {
      yield* defaultsOf(integration)
      const { data, total } = yield* rows.list(integration, page)
      return { data: data.map(({ secrets: _, ...version }) => version), total }
    }),
    diff: Effect.fn("RuntimeConfig.diff")(function* (integration, { from, to }) {
      yield* defaultsOf(integration)
      const changes = changesOf(yield* contentOf(integration, from), yield* contentOf(integration, to))
      return { integration, from, to, changes }
    }),
    rollBack: Effect.fn("RuntimeConfig.rollBack")((integration, version, options) =>
      write(integration, options, () =>
        Effect.map(contentOf(integration, version), ({ overrides, secrets }) => ({
          overrides,
          secrets,
          restored: version
        }))
      )
    )
  })
})

const changesOf = (before: Content, after: Content) =>
  MergePatch.changes({ ...before.overrides, secrets: before.secrets }, { ...after.overrides, secrets: after.secrets })
