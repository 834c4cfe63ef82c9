/** What a command needs to know: the hub's configuration and the operator's way in. Read when a command runs. */
import { Effect, Redacted } from "effect"
import * as HubConfig from "../services/HubConfig.ts"
import { type Access, CommandFailed } from "./RunningHub.ts"

export const settings: Effect.Effect<{ readonly config: HubConfig.HubConfig; readonly access: Access }, CommandFailed> =
  Effect.gen(function* () {
    const env = process.env
    const config = yield* HubConfig.load(env).pipe(
      Effect.mapError((error) => new CommandFailed({ message: error.message }))
    )
    const key = env["HUB_API_KEY"] ?? env["HUB_ADMIN_KEY"]
    return {
      config,
      access: {
        hubUrl: env["HUB_URL"] === undefined || env["HUB_URL"] === "" ? null : env["HUB_URL"],
        apiKey: key === undefined || key === "" ? null : Redacted.make(key)
      }
    }
  })
