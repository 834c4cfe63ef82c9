/** The operator's command line: `npm run hub -- <command>`. */
import { NodeHttpClient, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { events } from "./cli/Events.ts"
import { importCommand } from "./cli/Import.ts"
import { keys } from "./cli/Keys.ts"
import { sandbox } from "./cli/Sandbox.ts"

const hub = Command.make("hub").pipe(
  Command.withDescription("Integration Hub"),
  Command.withSubcommands([importCommand, keys, events, sandbox])
)

hub.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.tapErrorTag("CommandFailed", (error) => Console.error(error.message)),
  Effect.provide(Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerUndici)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
