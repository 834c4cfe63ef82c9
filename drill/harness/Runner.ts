/** Runs one drill within its time. */
import { Cause, Clock, Effect, Exit, Option } from "effect"
import type { Drill, NotRun, Options } from "./Drill.ts"
import { empty, merge, type Ledger } from "./Ledger.ts"
import { patience } from "./Patience.ts"
import { seeded } from "./Random.ts"
import type { Result } from "./Table.ts"

/** A drill that is over its time, or breaks off, has failed with what was known. */
export const run = Effect.fnUntraced(function* (
  drill: Drill,
  { form, seed }: { readonly form: Options["form"]; readonly seed: number }
) {
  const started = yield* Clock.currentTimeMillis
  let known = () => empty
  const failed = (violation: string): Ledger => merge(known(), { violations: [violation] })
  const limit = drill.within[form] * patience
  const options: Options = {
    form,
    random: seeded(seed, drill.name),
    say: (line) => console.log(`  ${line}`),
    known: (ledger) => {
      known = ledger
    }
  }
  const exit = yield* drill.run(options).pipe(Effect.scoped, Effect.timeoutOption(limit * 1000), Effect.exit)
  const outcome: Ledger | NotRun = Exit.match(exit, {
    onSuccess: Option.getOrElse(() => failed(`ended after its ${limit} s; what had no effect by then counts as lost`)),
    onFailure: (cause) => failed(`broken off: ${Cause.pretty(cause)}`)
  })
  const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
  const result: Result = { drill: drill.name, outcome, seconds }
  return result
})
