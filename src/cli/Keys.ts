/** `keys create`: makes an API key and prints it, once, as plain text. */
import { Console, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { ApiKeyCreate, ApiScope } from "../domain/ApiKey.ts"
import * as Hub from "../Hub.ts"
import { ApiKeys } from "../services/security/ApiKeys.ts"
import { settings } from "./Settings.ts"
import { CommandFailed, find, request } from "./RunningHub.ts"

const Created = Schema.Struct({ key: Schema.String, name: Schema.String, scopes: Schema.Array(ApiScope) })

const create = Command.make(
  "create",
  {
    name: Flag.String("name").pipe(
      Flag.withDefault("operator"),
      Flag.withDescription("Shown as the actor in histories")
    ),
    scopes: Flag.String("scopes").pipe(
      Flag.withDefault("admin"),
      Flag.withDescription("Separated by commas: core, shopby, mes, edicus, admin")
    ),
    expires: Flag.String("expires").pipe(
      Flag.optional,
      Flag.withDescription("ISO-8601 time with a zone; default never")
    )
  },
  Effect.fn(function* ({ expires, name, scopes }) {
    const { access, config } = yield* settings
    const wanted = yield* Schema.decodeUnknownEffect(ApiKeyCreate)({
      name,
      scopes: scopes.split(",").map((scope) => scope.trim()),
      ...(Option.isSome(expires) ? { expiresAt: expires.value } : {})
    }).pipe(Effect.mapError((error) => new CommandFailed({ message: error.message })))
    const hub = yield* find(config, access)
    const made = Option.isSome(hub)
      ? yield* request(hub.value, access, "POST", "/api-keys", Created, wanted)
      : yield* ApiKeys.use((keys) => keys.create(wanted)).pipe(
          Effect.map(({ apiKey, key }) => ({ key: Redacted.value(key), name: apiKey.name, scopes: apiKey.scopes })),
          Effect.provide(ApiKeys.layer({ adminKey: null }).pipe(Layer.provide(Hub.storage(config)))),
          Effect.mapError((error) => new CommandFailed({ message: error.message }))
        )
    yield* Console.log(`${made.key}\n(${made.name}: ${made.scopes.join(", ")}; shown this once)`)
  })
).pipe(Command.withDescription("Make an API key and print it once"))

export const keys = Command.make("keys").pipe(Command.withDescription("API keys"), Command.withSubcommands([create]))
