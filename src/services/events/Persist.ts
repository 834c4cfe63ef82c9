/** Outlives failures of the storage: for loops that must go on when the database is back. */
import type { Effect } from "effect"
import { outlive } from "../storage/Outlive.ts"

/** Runs the effect until it succeeds, whatever its defect. See `outlive`. */
export const persist = <A, R>(effect: Effect.Effect<A, never, R>, what: string): Effect.Effect<A, never, R> =>
  outlive(effect, what, () => true)
