/** Epoch milliseconds: as text, and as something to wait for. */
import { Clock, DateTime, Effect } from "effect"

/** ISO-8601 UTC, as it goes on the wire. */
export const isoOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/** Epoch milliseconds of ISO-8601 text. What is written together mostly has one timestamp: the last one is remembered. */
export const millisOf = (iso: string): number => {
  if (iso !== latest.iso) latest = { iso, millis: DateTime.toEpochMillis(DateTime.makeUnsafe(iso)) }
  return latest.millis
}
let latest = { iso: "", millis: Number.NaN }

/** Waits until the clock shows this time, however late the wait begins. */
export const sleepUntil = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => (now >= millis ? Effect.void : Effect.sleep(millis - now)))
