/** Tells on the terminal what happened: one line a step, with the time (UTC), who, and the correlation id where one is. */
import { Console, DateTime, Effect } from "effect"

/** What the next lines are about. */
export const heading = (text: string): Effect.Effect<void> => Console.log(`\n${text}`)

/** One step. */
export const say = (who: string, what: string, correlationId?: string): Effect.Effect<void> =>
  Effect.flatMap(DateTime.now, (at) =>
    Console.log(
      [
        `  ${DateTime.formatIso(at).slice(11, 23)}`,
        who.padEnd(6),
        ...(correlationId === undefined ? [what] : [what.padEnd(64), correlationId])
      ].join("  ")
    )
  )

/** Names and figures, the names in one column. */
export const table = (rows: ReadonlyArray<readonly [name: string, value: string]>): Effect.Effect<void> =>
  Console.log(rows.map(([name, value]) => `  ${name.padEnd(22)}${value}`).join("\n"))
