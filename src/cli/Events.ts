/** `events prune`: shortens the log, never past what an adapter still needs. */
import { Console, Duration, Effect, Layer, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Hub from "../Hub.ts"
import { Delivery } from "../services/events/Delivery.ts"
import { EventLog } from "../services/events/EventLog.ts"
import * as EventServices from "../services/events/Events.ts"
import { CommandFailed, find, request } from "./RunningHub.ts"
import { settings } from "./Settings.ts"

/** `30d`, `12h`, `90m`, or as Effect reads durations. */
const Age = (text: string): Option.Option<Duration.Duration> => {
  const units: Readonly<Record<string, string>> = { d: "days", h: "hours", m: "minutes", s: "seconds" }
  const short = /^(\d+)\s*([dhms])$/.exec(text.trim())
  const input = short === null ? text : `${short[1]} ${units[short[2] ?? "d"]}`
  return Schema.decodeOption(Schema.DurationFromString)(input)
}

const Pruned = Schema.Struct({ pruned: Schema.Int })

const prune = Command.make(
  "prune",
  {
    olderThan: Flag.String("older-than").pipe(Flag.withDescription('Age such as 30d, 12h or "90 minutes"'))
  },
  Effect.fn(function* ({ olderThan }) {
    const { access, config } = yield* settings
    const age = Age(olderThan)
    if (Option.isNone(age) || !Duration.isFinite(age.value) || Duration.toMillis(age.value) < 0) {
      return yield* new CommandFailed({ message: `--older-than: expected an age such as 30d, got ${olderThan}` })
    }
    const olderThanMillis = Duration.toMillis(age.value)
    const hub = yield* find(config, access)
    const { pruned } = Option.isSome(hub)
      ? yield* request(hub.value, access, "POST", "/events/prune", Pruned, { olderThanMillis })
      : yield* Effect.gen(function* () {
          const log = yield* EventLog
          const keepAfter = yield* (yield* Delivery).floor
          return { pruned: yield* log.prune({ olderThanMillis, keepAfter }) }
        }).pipe(
          Effect.provide(EventServices.layerSql.pipe(Layer.provide(Hub.storage(config)))),
          Effect.mapError((error) => new CommandFailed({ message: error.message }))
        )
    yield* Console.log(`${pruned} events removed from the log`)
  })
).pipe(Command.withDescription("Remove old events that every adapter has handled"))

export const events = Command.make("events").pipe(
  Command.withDescription("The event log"),
  Command.withSubcommands([prune])
)
