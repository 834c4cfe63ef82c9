/**
 * The hub's settings (specification, section 11), read from the environment.
 *
 * Every variable is checked before anything starts, and every problem is reported at once. An empty variable counts as
 * unset. Values of secret variables never appear in a problem. Durations are written as Effect reads them
 * (`"30 seconds"`, `"5 minutes"`).
 */
import { Config, ConfigProvider, Duration, Effect, Option, Redacted, Result, Schema } from "effect"
import * as AlertTargets from "./observability/AlertTargets.ts"
import * as CallLogConfig from "./observability/CallLogConfig.ts"
import * as ProviderConfig from "./providers/ProviderConfig.ts"
import * as RuntimeConfigSettings from "./providers/RuntimeConfigSettings.ts"
import * as DatabaseServer from "./storage/DatabaseServer.ts"

/** One external system's settings. */
export interface SystemConfig {
  readonly mode: "sandbox" | "live" | "off"
  /** Null: the adapter's default. */
  readonly baseUrl: string | null
  /** Of one HTTP attempt. Default 10 s. */
  readonly timeout: Duration.Duration
  readonly breaker: {
    /** Consecutive failures that open it. */
    readonly failures: number
    /** How long it stays open. */
    readonly openFor: Duration.Duration
    /** How long half-open may last before it opens again. Default 30 s. */
    readonly halfOpenLimit: Duration.Duration
  }
  /** Retries after the first attempt, instead of those of the operation's policy; null = the policy's own. */
  readonly retries: number | null
}

export interface HubConfig {
  readonly http: { readonly port: number; readonly host: string }
  readonly database:
    | { readonly kind: "server"; readonly url: Redacted.Redacted; readonly connections: number }
    | { readonly kind: "embedded"; readonly directory: string | "memory" }
  /** Shared by several hubs: rate limits and cached answers of data services. Null = in this process and the database. */
  readonly redisUrl: Redacted.Redacted | null
  readonly adminKey: Redacted.Redacted | null
  readonly log: { readonly level: LogLevelName; readonly format: "pretty" | "json" }
  readonly shutdownTimeout: Duration.Duration
  /** Base URL of an OTLP/HTTP collector; null = no export. */
  readonly otlpEndpoint: string | null
  readonly shopby: SystemConfig & {
    readonly systemKey: Redacted.Redacted | null
    readonly accessToken: Redacted.Redacted | null
    readonly webhookSecrets: ReadonlyArray<Redacted.Redacted>
    readonly sweep: Duration.Duration
  }
  readonly mes: SystemConfig & {
    readonly apiKey: Redacted.Redacted | null
    readonly webhookSecrets: ReadonlyArray<Redacted.Redacted>
    readonly sweep: Duration.Duration
  }
  readonly edicus: SystemConfig & {
    readonly apiKey: Redacted.Redacted | null
    readonly uid: Redacted.Redacted | null
    readonly renderedUrlTemplate: string | null
    readonly renderDeadline: Duration.Duration
  }
  /** What can be changed about data services at run time, and how secrets are kept. */
  readonly runtime: RuntimeConfigSettings.RuntimeConfigSettings
  /** The data services. */
  readonly providers: ProviderConfig.ProviderConfig
  readonly callLog: CallLogConfig.CallLogConfig
  readonly alerts: AlertTargets.AlertConfig
  /** For the operator: unknown variables, live mode without webhook secrets. Nothing here stops the start. */
  readonly warnings: ReadonlyArray<string>
}

const logLevels = ["Trace", "Debug", "Info", "Warn", "Error", "None"] as const
type LogLevelName = (typeof logLevels)[number]

/** Everything that is wrong with the configuration, one line per problem. */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", {
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return ["The configuration is not valid:", ...this.problems.map((problem) => `  - ${problem}`)].join("\n")
  }
}

/** Reads the configuration from the variables given. */
export const load = Effect.fnUntraced(function* (
  env: Readonly<Record<string, string | undefined>>
): Effect.fn.Return<HubConfig, InvalidConfig> {
  const problems: Array<string> = []
  const warnings: Array<string> = []
  const known = new Set<string>(["HUB_URL", "HUB_API_KEY", "HUB_ENV", "HUB_TEST_DATABASE_URL", "HUB_TEST_REDIS_URL"])
  const set: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value.trim() !== "") set[name] = value
  }
  const provider = ConfigProvider.fromUnknown(set)

  const read = <A, B>(
    name: string,
    config: (name: string) => Config.Config<A>,
    options: { readonly expected: string; readonly fallback: B; readonly secret?: boolean }
  ): Effect.Effect<A | B> => {
    known.add(name)
    if (set[name] === undefined) return Effect.succeed(options.fallback)
    return Effect.map(Effect.result(config(name).parse(provider)), (result) => {
      if (Result.isSuccess(result)) return result.success
      const got = options.secret === true ? "" : `, got ${JSON.stringify(set[name])}`
      problems.push(`${name}: expected ${options.expected}${got}`)
      return options.fallback
    })
  }

  const secret = (name: string) => read(name, Config.Redacted, { expected: "text", fallback: null, secret: true })
  const duration = (name: string, fallback: Duration.Input) =>
    read(name, PositiveDuration, {
      expected: 'a duration above zero such as "30 seconds"',
      fallback: Duration.fromInputUnsafe(fallback)
    })
  const secrets = (name: string) =>
    read(name, WebhookSecrets, {
      expected: "one or more webhook secrets (whsec_ and base64 of 24 to 64 bytes), separated by commas",
      fallback: [],
      secret: true
    })
  const whole = <B>(name: string, least: number, most: number, fallback: B) =>
    read(name, intBetween(least, most), { expected: `a whole number from ${least} to ${most}`, fallback })
  const url = (name: string) =>
    read(name, HttpUrl, { expected: "an http or https URL without user, query or fragment", fallback: null })

  const redisUrl = (name: string) => read(name, RedisUrl, { expected: "a redis:// URL", fallback: null, secret: true })
  const system = Effect.fnUntraced(function* (
    prefix: string,
    defaults: { readonly failures: number; readonly openFor: Duration.Input }
  ) {
    return {
      mode: yield* read(`${prefix}_MODE`, (name) => Config.Literals(["sandbox", "live", "off"], name), {
        expected: "sandbox, live or off",
        fallback: "sandbox" as const
      }),
      baseUrl: yield* url(`${prefix}_BASE_URL`),
      timeout: yield* duration(`${prefix}_TIMEOUT`, "10 seconds"),
      breaker: {
        failures: yield* whole(`${prefix}_BREAKER_FAILURES`, 1, 1000, defaults.failures),
        openFor: yield* duration(`${prefix}_BREAKER_OPEN`, defaults.openFor),
        halfOpenLimit: yield* duration(`${prefix}_BREAKER_HALF_OPEN_LIMIT`, "30 seconds")
      },
      retries: yield* whole(`${prefix}_RETRIES`, 0, 100, null)
    }
  })
  const need = (prefix: string, mode: string, name: string, value: unknown) => {
    if (mode === "live" && value === null && set[name] === undefined) {
      problems.push(`${name}: required when ${prefix}_MODE is live`)
    }
  }
  const warnWithoutSecrets = (prefix: string, mode: string, value: ReadonlyArray<unknown>) => {
    if (mode === "live" && value.length === 0) {
      warnings.push(`${prefix}_WEBHOOK_SECRETS is not set: every callback from this system will be answered 401`)
    }
  }

  const databaseUrl = yield* read("DATABASE_URL", PostgresUrl, {
    expected: "a postgres:// URL",
    fallback: null,
    secret: true
  })
  const connections = yield* whole("DATABASE_CONNECTIONS", 2, 1000, DatabaseServer.defaultConnections)
  const dataDir = yield* read("HUB_DATA_DIR", Config.String, { expected: "a directory or memory", fallback: ".hub" })
  const shopby = {
    ...(yield* system("SHOPBY", { failures: 5, openFor: "60 seconds" })),
    systemKey: yield* secret("SHOPBY_SYSTEM_KEY"),
    accessToken: yield* secret("SHOPBY_ACCESS_TOKEN"),
    webhookSecrets: yield* secrets("SHOPBY_WEBHOOK_SECRETS"),
    sweep: yield* duration("SHOPBY_SWEEP", "5 minutes")
  }
  need("SHOPBY", shopby.mode, "SHOPBY_SYSTEM_KEY", shopby.systemKey)
  need("SHOPBY", shopby.mode, "SHOPBY_ACCESS_TOKEN", shopby.accessToken)
  warnWithoutSecrets("SHOPBY", shopby.mode, shopby.webhookSecrets)
  const mes = {
    ...(yield* system("MES", { failures: 5, openFor: "60 seconds" })),
    apiKey: yield* secret("MES_API_KEY"),
    webhookSecrets: yield* secrets("MES_WEBHOOK_SECRETS"),
    sweep: yield* duration("MES_SWEEP", "5 minutes")
  }
  need("MES", mes.mode, "MES_BASE_URL", mes.baseUrl)
  need("MES", mes.mode, "MES_API_KEY", mes.apiKey)
  warnWithoutSecrets("MES", mes.mode, mes.webhookSecrets)
  const edicus = {
    ...(yield* system("EDICUS", { failures: 3, openFor: "30 seconds" })),
    apiKey: yield* secret("EDICUS_API_KEY"),
    uid: yield* secret("EDICUS_UID"),
    renderedUrlTemplate: yield* read("EDICUS_RENDERED_URL_TEMPLATE", RenderedUrlTemplate, {
      expected: "an http or https URL that contains {orderId}",
      fallback: null
    }),
    renderDeadline: yield* duration("EDICUS_RENDER_DEADLINE", "30 minutes")
  }
  need("EDICUS", edicus.mode, "EDICUS_API_KEY", edicus.apiKey)
  need("EDICUS", edicus.mode, "EDICUS_UID", edicus.uid)
  need("EDICUS", edicus.mode, "EDICUS_RENDERED_URL_TEMPLATE", edicus.renderedUrlTemplate)

  const config: HubConfig = {
    http: {
      port: yield* read("PORT", intBetween(0, 65_535), { expected: "a port from 0 to 65535", fallback: 3000 }),
      host: yield* read("HOST", Config.String, { expected: "a host name or address", fallback: "127.0.0.1" })
    },
    database:
      databaseUrl === null
        ? { kind: "embedded", directory: dataDir }
        : { kind: "server", url: databaseUrl, connections },
    redisUrl: (yield* redisUrl("HUB_REDIS_URL")) ?? (yield* redisUrl("REDIS_URL")),
    adminKey: yield* read("HUB_ADMIN_KEY", AdminKey, {
      expected: "at least 16 printable characters without spaces",
      fallback: null,
      secret: true
    }),
    log: {
      level: yield* read("LOG_LEVEL", LogLevel, {
        expected: `one of ${logLevels.join(", ").toLowerCase()}`,
        fallback: "Info" as const
      }),
      format: yield* read("LOG_FORMAT", (name) => Config.Literals(["pretty", "json"], name), {
        expected: "pretty or json",
        fallback: "pretty" as const
      })
    },
    shutdownTimeout: yield* duration("SHUTDOWN_TIMEOUT", "20 seconds"),
    otlpEndpoint: yield* url("OTEL_EXPORTER_OTLP_ENDPOINT"),
    shopby,
    mes,
    edicus,
    callLog: yield* CallLogConfig.load({ read, duration }),
    alerts: yield* AlertTargets.load({
      read,
      isSet: (name) => set[name] !== undefined,
      problem: (text) => problems.push(text)
    }),
    runtime: yield* RuntimeConfigSettings.load({ read }),
    providers: yield* ProviderConfig.load({
      read,
      secret,
      duration,
      url,
      isSet: (name) => set[name] !== undefined,
      problem: (text) => problems.push(text),
      warn: (text) => warnings.push(text)
    }),
    warnings
  }
  for (const name of Object.keys(set)) {
    if (isOurs(name) && !known.has(name)) warnings.push(`${name} is set but not known`)
  }
  if (problems.length > 0) return yield* new InvalidConfig({ problems })
  return config
})

const ours = ["HUB", "SHOPBY", "MES", "EDICUS", ...ProviderConfig.prefixes]
const isOurs = (name: string): boolean => ours.some((prefix) => name.startsWith(`${prefix}_`))

const intBetween = (minimum: number, maximum: number) => (name: string) =>
  Config.schema(Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })), name)

const PositiveDuration = (name: string) =>
  Config.schema(
    Schema.DurationFromString.check(
      Schema.makeFilter(
        (value: Duration.Duration) =>
          (Duration.isFinite(value) && Duration.toMillis(value) > 0) || "expected a finite duration above zero"
      )
    ),
    name
  )

const redactedMatching = (matches: (text: string) => boolean) => (name: string) =>
  Config.schema(
    Schema.Redacted(Schema.String.check(Schema.makeFilter((text: string) => matches(text) || "malformed"))),
    name
  )

const AdminKey = redactedMatching((text) => /^[\x21-\x7e]{16,256}$/.test(text))

const PostgresUrl = redactedMatching((text) => /^postgres(ql)?:\/\/\S+$/.test(text) && URL.canParse(text))

const RedisUrl = redactedMatching((text) => /^rediss?:\/\/\S+$/.test(text) && URL.canParse(text))

const isWebhookSecret = (text: string): boolean => {
  const match = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(text)
  if (match?.[1] === undefined) return false
  const bytes = Buffer.from(match[1], "base64").length
  return bytes >= 24 && bytes <= 64
}

const WebhookSecrets = (name: string) =>
  Config.map(
    redactedMatching((text) => text.split(",").every((part) => isWebhookSecret(part.trim())))(name),
    (redacted) =>
      Redacted.value(redacted)
        .split(",")
        .map((part) => Redacted.make(part.trim()))
  )

const parseUrl = (text: string): Option.Option<URL> => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && (url.protocol === "http:" || url.protocol === "https:") ? Option.some(url) : Option.none()
}

const HttpUrl = (name: string) =>
  Config.schema(
    Schema.String.check(
      Schema.makeFilter(
        (text: string) =>
          Option.exists(parseUrl(text), (url) => url.username === "" && url.search === "" && url.hash === "") ||
          "not an http URL"
      )
    ),
    name
  ).pipe(Config.map((text) => text.replace(/\/+$/, "")))

const RenderedUrlTemplate = (name: string) =>
  Config.schema(
    Schema.String.check(
      Schema.makeFilter(
        (text: string) => (Option.isSome(parseUrl(text)) && text.includes("{orderId}")) || "not a URL template"
      )
    ),
    name
  )

const levelsByName: ReadonlyMap<string, LogLevelName> = new Map([
  ...logLevels.map((level) => [level.toLowerCase(), level] as const),
  ["warning", "Warn"] as const
])

const LogLevel = (name: string) =>
  Config.mapEffect(Config.String(name), (text) => {
    const level = levelsByName.get(text.toLowerCase())
    return level === undefined
      ? Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message: "unknown level" })))
      : Effect.succeed(level)
  })
