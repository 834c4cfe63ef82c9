/** The settings of the call log, read from the environment. */
import { Config, type Duration, Effect, Schema } from "effect"
import { CallLogLevel } from "../../domain/CallEntry.ts"
import type { ConfigReader } from "../providers/ProviderConfig.ts"

export interface CallLogConfig {
  /** `HUB_CALL_LOG_KEEP`: how long calls and metrics windows are kept. Default 30 days. */
  readonly keep: Duration.Duration
  /** `HUB_CALL_LOG`: of every integration that has none of its own. Default `bodies`. */
  readonly level: CallLogLevel
  /** `HUB_CALL_LOG_LEVELS`: of single integrations, e.g. `fx=errors,mes=none`. */
  readonly levels: Readonly<Record<string, CallLogLevel>>
}

const levels = CallLogLevel.literals.join(", ")

export const load = Effect.fnUntraced(function* ({
  duration,
  read
}: Pick<ConfigReader, "duration" | "read">): Effect.fn.Return<CallLogConfig> {
  return {
    keep: yield* duration("HUB_CALL_LOG_KEEP", "30 days"),
    level: yield* read("HUB_CALL_LOG", (name) => Config.schema(CallLogLevel, name), {
      expected: `one of ${levels}`,
      fallback: "bodies" as const
    }),
    levels: yield* read("HUB_CALL_LOG_LEVELS", Levels, {
      expected: `name=level pairs, separated by commas; levels are ${levels}`,
      fallback: {}
    })
  }
})

const Levels = (name: string) =>
  Config.map(
    Config.schema(
      Schema.String.check(Schema.makeFilter((text: string) => pairsOf(text) !== null || "malformed")),
      name
    ),
    (text) => pairsOf(text) ?? {}
  )

const isLevel = Schema.is(CallLogLevel)

const pairsOf = (text: string): Readonly<Record<string, CallLogLevel>> | null => {
  const pairs: Array<[string, CallLogLevel]> = []
  for (const pair of text.split(",")) {
    const [name = "", level = "", ...rest] = pair.split("=").map((part) => part.trim())
    if (name === "" || rest.length > 0 || !isLevel(level)) return null
    pairs.push([name, level])
  }
  return Object.fromEntries(pairs)
}
