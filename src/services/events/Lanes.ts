/**
 * The events in hand, in lanes: one lane per ordering key, one event of a lane at a time, in order of the log. A lane is
 * ready, running, or waiting for the time at which its first event is due. Ready lanes take turns.
 * Synchronous and mutable; owned by one subscription's runner.
 */
import { MutableList } from "effect"
import type { Tracked } from "./Cursors.ts"
import type { DescribedFailure } from "./FailureText.ts"
import type { EventRecord } from "./EventRecord.ts"

export interface Entry extends Tracked {
  readonly record: EventRecord
  /** Set when this is a replay of a dead letter. */
  readonly deadLetterId: string | null
  /** Counted attempts so far. */
  attempts: number
  /** Epoch milliseconds; 0 = at once. */
  dueAt: number
  /** Is there a row for it? Then a restart finds it again, and its cursor need not wait. */
  parked: boolean
  /** Its row is being written: it must not be handled meanwhile. */
  parking: boolean
  /** It has failed for good, but its dead letter could not be written yet. */
  verdict: { readonly failure: DescribedFailure; readonly attempts: number } | null
}

export interface Lane {
  readonly key: string
  readonly entries: Array<Entry>
  state: "ready" | "running" | "waiting"
}

export interface Lanes {
  /** Puts an entry where its seq belongs; behind the one that is running. Returns its lane. */
  readonly add: (entry: Entry, now: number) => Lane
  /** The next ready lane, now running. */
  readonly take: () => Lane | undefined
  /** The first entry of a running lane is done with. */
  readonly shift: (lane: Lane) => void
  /** A running lane goes on: ready if its first entry is due, waiting otherwise, gone if it is empty. */
  readonly release: (lane: Lane, now: number) => void
  /** A waiting lane may go on now; nothing happens to any other. */
  readonly wake: (lane: Lane, now: number) => void
  readonly get: (key: string) => Lane | undefined
  /** Nothing is ready or running. */
  readonly isIdle: () => boolean
  readonly hasReady: () => boolean
}

export const make = (): Lanes => {
  const lanes = new Map<string, Lane>()
  const ready = MutableList.make<Lane>()
  let running = 0

  const settle = (lane: Lane, now: number): void => {
    const head = lane.entries[0]
    if (head === undefined) {
      lanes.delete(lane.key)
    } else if (head.dueAt > now || head.parking) {
      lane.state = "waiting"
    } else {
      lane.state = "ready"
      MutableList.append(ready, lane)
    }
  }

  return {
    add: (entry, now) => {
      const { key } = entry.record
      let lane = lanes.get(key)
      if (lane === undefined) {
        lane = { key, entries: [entry], state: "waiting" }
        lanes.set(key, lane)
        settle(lane, now)
        return lane
      }
      const first = lane.state === "running" ? 1 : 0
      let place = lane.entries.length
      while (place > first && (lane.entries[place - 1]?.seq ?? 0) > entry.seq) place--
      lane.entries.splice(place, 0, entry)
      if (lane.state === "waiting") settle(lane, now)
      return lane
    },
    take: () => {
      for (;;) {
        const lane = MutableList.take(ready)
        if (lane === MutableList.Empty) return undefined
        lane.state = "running"
        running++
        return lane
      }
    },
    shift: (lane) => {
      lane.entries.shift()
    },
    release: (lane, now) => {
      running--
      settle(lane, now)
    },
    wake: (lane, now) => {
      if (lane.state === "waiting" && lanes.get(lane.key) === lane) settle(lane, now)
    },
    get: (key) => lanes.get(key),
    isIdle: () => running === 0 && ready.length === 0,
    hasReady: () => ready.length > 0
  }
}
