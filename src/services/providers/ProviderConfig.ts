/**
 * Settings of the data services (exchange rates, addresses, …), read with the hub's other settings and reported with
 * their problems.
 *
 * Each service has one mode for all its providers, so that an invented answer never stands in for a real one: `sandbox`
 * (the default) asks the simulators only, `live` asks the providers whose credentials are there, `off` asks nobody.
 * With `HUB_ENV=production` a sandbox is refused at the start unless `HUB_SANDBOX_ALLOWED` names the service
 * (`HUB_SANDBOX_ALLOWED=fx,address`).
 */
import { Config, Duration, Effect, type Redacted, Schema } from "effect"

/** How `HubConfig` reads a variable; problems and warnings are collected there. */
export interface ConfigReader {
  readonly read: <A, B>(
    name: string,
    config: (name: string) => Config.Config<A>,
    options: { readonly expected: string; readonly fallback: B; readonly secret?: boolean }
  ) => Effect.Effect<A | B>
  readonly secret: (name: string) => Effect.Effect<Redacted.Redacted | null>
  readonly duration: (name: string, fallback: Duration.Input) => Effect.Effect<Duration.Duration>
  readonly url: (name: string) => Effect.Effect<string | null>
  readonly isSet: (name: string) => boolean
  readonly problem: (text: string) => void
  readonly warn: (text: string) => void
}

/** How a simulator behaves. */
export interface SandboxConfig {
  /** The same seed gives the same answers and the same faults. Default `hub`. */
  readonly seed: string
  /** Share of requests that fail, 0 to 1; 0 and 1 are exact. Default 0. */
  readonly errorRate: number
  /** Before each answer. Default none. */
  readonly delay: Duration.Duration
}

/** What every data service has: `FX_MODE`, `FX_TIMEOUT`, `FX_SANDBOX_SEED`, `FX_SANDBOX_ERROR_RATE`, `FX_SANDBOX_DELAY`. */
export interface DataServiceConfig {
  readonly mode: "sandbox" | "live" | "off"
  /** False in production, unless `HUB_SANDBOX_ALLOWED` names the service. */
  readonly sandboxAllowed: boolean
  /** Of one HTTP attempt. Default 10 s. */
  readonly timeout: Duration.Duration
  readonly sandbox: SandboxConfig
}

/** One provider of a service: `FX_SECONDARY_BASE_URL`, `FX_SECONDARY_KEY`. */
export interface ProviderEndpoint {
  /** Null: the provider's own address; in sandbox mode: the simulator in this process. */
  readonly baseUrl: string | null
  /** Null: the provider is not asked in live mode, unless it wants no key. */
  readonly key: Redacted.Redacted | null
}

export interface ProviderConfig {
  readonly fx: DataServiceConfig & {
    readonly primary: Pick<ProviderEndpoint, "baseUrl">
    readonly secondary: ProviderEndpoint
    readonly eximbank: ProviderEndpoint
  }
  readonly address: DataServiceConfig & {
    /** Kakao. */
    readonly primary: ProviderEndpoint
    /** Juso. */
    readonly secondary: ProviderEndpoint
  }
  readonly flights: DataServiceConfig & {
    /** The timetable. `dataset`: the `uddi:…` of the portal; null = the sandbox's. */
    readonly odcloud: ProviderEndpoint & { readonly dataset: string | null }
    /** How flights are going. */
    readonly kac: ProviderEndpoint
  }
  readonly companies: DataServiceConfig & {
    /** Nice D&B. */
    readonly nice: {
      readonly baseUrl: string | null
      readonly appKey: Redacted.Redacted | null
      readonly appSecret: Redacted.Redacted | null
    }
  }
}

/** What variables of data services begin with. */
export const prefixes = ["FX", "ADDRESS", "FLIGHTS", "COMPANIES"] as const

export const load = Effect.fnUntraced(function* (reader: ConfigReader): Effect.fn.Return<ProviderConfig> {
  const production = (yield* reader.read("HUB_ENV", Config.String, { expected: "text", fallback: "" })) === "production"
  const allowed: ReadonlyArray<string> = yield* reader.read("HUB_SANDBOX_ALLOWED", names, {
    expected: `names of data services, separated by commas (${prefixes.map(nameOf).join(", ")})`,
    fallback: []
  })

  const service = Effect.fnUntraced(function* (prefix: (typeof prefixes)[number]) {
    const mode = yield* reader.read(`${prefix}_MODE`, (name) => Config.Literals(["sandbox", "live", "off"], name), {
      expected: "sandbox, live or off",
      fallback: "sandbox" as const
    })
    const name = nameOf(prefix)
    const sandboxAllowed = !production || allowed.includes(name)
    if (mode === "sandbox" && !sandboxAllowed) {
      reader.problem(
        `${prefix}_MODE: sandbox is refused when HUB_ENV is production; set live or off, or HUB_SANDBOX_ALLOWED=${name}`
      )
    }
    const config: DataServiceConfig = {
      mode,
      sandboxAllowed,
      timeout: yield* reader.duration(`${prefix}_TIMEOUT`, "10 seconds"),
      sandbox: {
        seed: yield* reader.read(`${prefix}_SANDBOX_SEED`, Config.String, { expected: "text", fallback: "hub" }),
        errorRate: yield* reader.read(`${prefix}_SANDBOX_ERROR_RATE`, share, {
          expected: "a number from 0 to 1",
          fallback: 0
        }),
        delay: yield* reader.read(`${prefix}_SANDBOX_DELAY`, delay, {
          expected: 'a duration such as "200 millis"',
          fallback: Duration.zero
        })
      }
    }
    return config
  })
  const endpoint = Effect.fnUntraced(function* (prefix: string) {
    return { baseUrl: yield* reader.url(`${prefix}_BASE_URL`), key: yield* reader.secret(`${prefix}_KEY`) }
  })
  const required = (prefix: string, { mode }: DataServiceConfig, name: string) => {
    if (mode === "live" && !reader.isSet(name)) reader.problem(`${name}: required when ${prefix}_MODE is live`)
  }
  const advised = (prefix: string, { mode }: DataServiceConfig, name: string) => {
    if (mode === "live" && !reader.isSet(name)) {
      reader.warn(`${name} is not set: ${nameOf(prefix)} has no second provider to fall back on`)
    }
  }

  const fx = {
    ...(yield* service("FX")),
    primary: { baseUrl: yield* reader.url("FX_PRIMARY_BASE_URL") },
    secondary: yield* endpoint("FX_SECONDARY"),
    eximbank: yield* endpoint("FX_EXIMBANK")
  }
  advised("FX", fx, "FX_SECONDARY_KEY")
  const address = {
    ...(yield* service("ADDRESS")),
    primary: yield* endpoint("ADDRESS_PRIMARY"),
    secondary: yield* endpoint("ADDRESS_SECONDARY")
  }
  required("ADDRESS", address, "ADDRESS_PRIMARY_KEY")
  advised("ADDRESS", address, "ADDRESS_SECONDARY_KEY")
  const flights = {
    ...(yield* service("FLIGHTS")),
    odcloud: {
      ...(yield* endpoint("FLIGHTS_ODCLOUD")),
      dataset: yield* reader.read("FLIGHTS_ODCLOUD_DATASET", dataset, {
        expected: "a dataset of the portal (uddi: and its id)",
        fallback: null
      })
    },
    kac: yield* endpoint("FLIGHTS_KAC")
  }
  for (const name of ["ODCLOUD_KEY", "ODCLOUD_DATASET", "KAC_KEY", "KAC_BASE_URL"]) {
    required("FLIGHTS", flights, `FLIGHTS_${name}`)
  }
  const companies = {
    ...(yield* service("COMPANIES")),
    nice: {
      baseUrl: yield* reader.url("COMPANIES_NICE_BASE_URL"),
      appKey: yield* reader.secret("COMPANIES_NICE_APP_KEY"),
      appSecret: yield* reader.secret("COMPANIES_NICE_APP_SECRET")
    }
  }
  for (const name of ["BASE_URL", "APP_KEY", "APP_SECRET"]) required("COMPANIES", companies, `COMPANIES_NICE_${name}`)

  return { fx, address, flights, companies }
})

const nameOf = (prefix: string): string => prefix.toLowerCase()

const share = (name: string) =>
  Config.schema(Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })), name)

const delay = (name: string) =>
  Config.schema(
    Schema.DurationFromString.check(
      Schema.makeFilter(
        (value: Duration.Duration) =>
          (Duration.isFinite(value) && Duration.toMillis(value) >= 0) || "a finite duration, not below zero"
      )
    ),
    name
  )

const dataset = (name: string) =>
  Config.schema(Schema.String.check(Schema.isPattern(/^uddi:[0-9A-Za-z_-]{1,100}$/)), name)

const isServiceName = (text: string): boolean => prefixes.some((prefix) => nameOf(prefix) === text)

const names = (name: string) =>
  Config.schema(
    Schema.String.check(
      Schema.makeFilter((text: string) => split(text).every(isServiceName) || "not the name of a data service")
    ),
    name
  ).pipe(Config.map(split))

const split = (text: string): ReadonlyArray<string> => text.split(",").map((part) => part.trim().toLowerCase())
