/**
 * A sliding window over the last calls of a circuit: the last n of them, or those of the last while. Pure and immutable.
 *
 * Calls are tallied in slots: one slot per call, or one per tenth of the duration. A window over time therefore covers
 * between nine tenths and the whole of its duration. A clock that goes backwards adds to the newest slot.
 */
import { Duration } from "effect"
import type { CircuitRates } from "./CircuitSettings.ts"

/** Slots of a window over time. */
const timeSlots = 10

interface Tally {
  readonly calls: number
  readonly failures: number
  readonly slow: number
}

interface Slot extends Tally {
  readonly index: number
}

export interface CircuitWindow extends Tally {
  /** Ascending by index, the newest last. */
  readonly slots: ReadonlyArray<Slot>
}

export const empty: CircuitWindow = { calls: 0, failures: 0, slow: 0, slots: [] }

/** How a window takes in a call that finished at `now` (epoch ms); what is too old by then drops out. */
export const makeRecord = (over: CircuitRates["window"]) => {
  const size = "calls" in over ? over.calls : timeSlots
  const indexAt =
    "calls" in over
      ? (_now: number, newest: number | undefined) => (newest === undefined ? 0 : newest + 1)
      : slotIndex(Duration.toMillis(over.duration) / timeSlots)

  return (
    window: CircuitWindow,
    call: { readonly failed: boolean; readonly slow: boolean },
    now: number
  ): CircuitWindow => {
    const newest = window.slots.at(-1)
    const index = indexAt(now, newest?.index)
    const one = { calls: 1, failures: call.failed ? 1 : 0, slow: call.slow ? 1 : 0 }

    let total = combine(window, one, 1)
    let first = 0
    for (const slot of window.slots) {
      if (slot.index > index - size) break
      total = combine(total, slot, -1)
      first++
    }
    const slots = window.slots.slice(first)
    if (newest?.index === index) slots[slots.length - 1] = { index, ...combine(newest, one, 1) }
    else slots.push({ index, ...one })
    return { ...total, slots }
  }
}

const slotIndex = (slotMillis: number) => (now: number, newest: number | undefined) =>
  Math.max(Math.floor(now / slotMillis), newest ?? -Infinity)

const combine = (left: Tally, right: Tally, sign: 1 | -1): Tally => ({
  calls: left.calls + sign * right.calls,
  failures: left.failures + sign * right.failures,
  slow: left.slow + sign * right.slow
})
