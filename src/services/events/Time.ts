/** Epoch milliseconds: as text, and as something to wait for. */
import { Clock, DateTime, Effect } from "effect"

/** ISO-8601 UTC, as it goes on the wire. */
export const isoOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/** Waits until the clock shows this time, however late the wait begins. */
export const sleepUntil = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => (now >= millis ? Effect.void : Effect.sleep(millis - now)))
