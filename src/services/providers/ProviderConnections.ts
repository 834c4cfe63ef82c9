/**
 * How the providers of each data service are reached: switched on or off, simulated or real, at which base URL, with which
 * secrets. Read by every call, replaced at run time; circuits, limiters and cached answers know nothing of it.
 *
 * A guarded call fixes what it found when it began (`CallContext.Connection`), so a change never sends a new secret to an
 * old address, nor keeps a simulator's answer as a real one. Nothing is stored here, and nothing here is logged.
 */
import { Context, Effect, Equal, Layer, Option, type Redacted, type Scope } from "effect"

export type ConnectionMode = "live" | "sandbox"

export interface Endpoint {
  /** Null: the provider's own address; in sandbox mode: the simulator in this process. */
  readonly baseUrl: string | null
  /** By name; null = not set. */
  readonly secrets: Readonly<Record<string, Redacted.Redacted | null>>
}

export interface ConnectionState {
  readonly integration: string
  /** False: no provider is asked. */
  readonly enabled: boolean
  readonly mode: ConnectionMode
  readonly endpoints: Readonly<Record<string, Endpoint>>
  /** Another number for other values: what was had with an older one (a token) is of no use. */
  readonly revision: number
}

/** What the program knows of a provider. */
export interface ProviderDeclaration extends Endpoint {
  /** The provider's own address; null = in live mode a base URL must be set. */
  readonly liveUrl: string | null
  /** True: live mode is refused without its secrets and address. False: the provider is not asked then. */
  readonly required: boolean
  /** A setting of the program that live mode wants and that is not set. */
  readonly lacks?: string
}

export interface Declaration {
  readonly integration: string
  readonly enabled: boolean
  readonly mode: ConnectionMode
  /** May it be switched to the simulator at run time? */
  readonly sandboxAllowed: boolean
  readonly providers: Readonly<Record<string, ProviderDeclaration>>
}

export interface Connection {
  readonly declaration: Declaration
  readonly current: () => ConnectionState
}

/** The connection of one provider. */
export interface ProviderConnection extends Connection {
  readonly name: string
}

export class ProviderConnections extends Context.Service<
  ProviderConnections,
  {
    /** Registers the providers of an integration until the scope closes. A second time is a bug and a defect. */
    readonly declare: (declaration: Declaration) => Effect.Effect<Connection, never, Scope.Scope>
    readonly get: (integration: string) => Effect.Effect<Option.Option<Connection>>
    /** From the next call on. Without effect for what is not registered. */
    readonly set: (state: Omit<ConnectionState, "revision">) => Effect.Effect<void>
  }
>()("hub/services/providers/ProviderConnections") {
  static readonly layer: Layer.Layer<ProviderConnections> = Layer.sync(ProviderConnections, () => {
    const registered = new Map<string, { readonly connection: Connection; state: ConnectionState }>()
    return ProviderConnections.of({
      declare: (declaration) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            const { integration } = declaration
            if (registered.has(integration)) {
              return Effect.die(new Error(`the connection of ${integration} is declared already`))
            }
            const { enabled, mode, providers } = declaration
            const connection: Connection = { declaration, current: () => entry.state }
            const entry = { connection, state: { integration, enabled, mode, endpoints: providers, revision: 0 } }
            registered.set(integration, entry)
            return Effect.succeed(connection)
          }),
          () => Effect.sync(() => registered.delete(declaration.integration))
        ),
      get: (integration) =>
        Effect.sync(() =>
          Option.map(Option.fromUndefinedOr(registered.get(integration)), ({ connection }) => connection)
        ),
      set: (wanted) =>
        Effect.sync(() => {
          const entry = registered.get(wanted.integration)
          if (entry === undefined) return
          const { revision } = entry.state
          if (!Equal.equals({ ...wanted, revision }, entry.state)) entry.state = { ...wanted, revision: revision + 1 }
        })
    })
  })
}

/** What live mode wants and this provider has not, as paths: `baseUrl`, `secrets.key`, a setting of the program. */
export const lackingOf = (declared: ProviderDeclaration, { baseUrl, secrets }: Endpoint): ReadonlyArray<string> => [
  ...(declared.liveUrl === null && baseUrl === null ? ["baseUrl"] : []),
  ...Object.keys(declared.secrets)
    .filter((name) => (secrets[name] ?? null) === null)
    .map((name) => `secrets.${name}`),
  ...(declared.lacks === undefined ? [] : [declared.lacks])
]

/** Is a provider asked: switched on, and with all that it wants? The simulator wants nothing. */
export const isAsked = ({ declaration, name }: ProviderConnection, state: ConnectionState): boolean => {
  const declared = declaration.providers[name]
  const endpoint = state.endpoints[name]
  if (!state.enabled || declared === undefined || endpoint === undefined) return false
  return state.mode === "sandbox" || lackingOf(declared, endpoint).length === 0
}
