/** kill -9, and the same hub again. */
import { Clock, Effect, Fiber, Option, Ref } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import type { Scene } from "../../test/support/Scene.ts"
import type { Findings } from "./Findings.ts"

export interface Crash {
  /** Jobs that the plant had before. */
  readonly made: number
  /** Milliseconds from the new start until it listened. */
  readonly listening: number
  /** Milliseconds from the new start to the first new job; undefined: none in a minute, which is a violation. */
  readonly recovery: number | undefined
}

/**
 * Kills the running hub and starts it again after `quiet` milliseconds, in which arrives what the dead one had sent: that
 * must not pass for a recovery. Something must be left to do for it.
 */
export const make = Effect.fnUntraced(function* (
  { plant, restart }: Scene,
  running: Ref.Ref<HubProcess>,
  findings: Findings,
  quiet: number
) {
  yield* (yield* Ref.get(running)).kill
  yield* Effect.sleep(quiet)
  const made = (yield* plant.jobs).length
  const launched = yield* Clock.currentTimeMillis
  const recovering = yield* Effect.forkChild(
    Effect.flatMap(plant.awaitJobs(made + 1), () => Clock.currentTimeMillis).pipe(Effect.timeoutOption("1 minute"))
  )
  yield* Ref.set(running, yield* restart)
  const listening = (yield* Clock.currentTimeMillis) - launched
  const recovered = yield* Fiber.join(recovering)
  const recovery = Option.getOrUndefined(Option.map(recovered, (at) => at - launched))
  if (recovery === undefined) findings.violations.push("no job in a minute after a kill")
  else findings.recoveries.push(recovery)
  const crash: Crash = { made, listening, recovery }
  return crash
})
