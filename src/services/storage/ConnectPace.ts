/**
 * While the database takes no connections, attempts come at a measured pace. The pool starts the next ones as soon as the
 * last have failed, with more waiting each time: a second of that is many hundreds of attempts, and so much work that
 * the hub goes on being busy with it for many seconds after the database is back.
 */
import { Clock, Effect } from "effect"

/** Milliseconds before an attempt after one that failed. */
const pause = 500

export interface ConnectPace {
  /** To be told how each attempt ended. */
  readonly ended: (isConnected: boolean) => void
  /** To be run before each attempt. */
  readonly wait: Effect.Effect<void>
}

export const make = (): ConnectPace => {
  let isAway = false
  return {
    ended: (isConnected) => {
      isAway = !isConnected
    },
    wait: Effect.suspend(() => (isAway ? Effect.sleep(pause) : Effect.void)).pipe(
      // Connections are real also under a TestClock.
      Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
    )
  }
}
