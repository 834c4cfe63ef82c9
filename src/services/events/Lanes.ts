/**
 * The events in hand, in lanes: one lane per ordering key, one event of a lane at a time, in order of the log. A lane is
 * ready, running, or waiting for the time at which its first event is due.
 *
 * Of the ready lanes the one goes first whose event came first. Taking turns would keep the second event of a key back
 * until every key in hand has had its turn: then cursors, which pass only what is finished without a gap, stand still
 * for as long, and all that was handled meanwhile is handled again after a crash.
 * Synchronous and mutable; owned by one subscription's runner.
 */
import type { Tracked } from "./Cursors.ts"
import type { DescribedFailure } from "./FailureText.ts"
import type { EventRecord } from "./EventRecord.ts"

export interface Entry extends Tracked {
  readonly record: EventRecord
  /** Set when this is a replay of a dead letter. */
  readonly deadLetterId: string | null
  /** Counted attempts so far. */
  attempts: number
  /** Set by `Lanes.add`: grows with each. */
  arrival: number
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
  /** While it is ready: when its first event came, as a number that grows. */
  turn: number
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
  const ready: Array<Lane> = []
  let arrived = 0
  let running = 0

  const settle = (lane: Lane, now: number): void => {
    const head = lane.entries[0]
    if (head === undefined) {
      lanes.delete(lane.key)
    } else if (head.dueAt > now || head.parking) {
      lane.state = "waiting"
    } else {
      lane.state = "ready"
      lane.turn = head.arrival
      push(ready, lane)
    }
  }

  return {
    add: (entry, now) => {
      const { key } = entry.record
      entry.arrival = ++arrived
      let lane = lanes.get(key)
      if (lane === undefined) {
        lane = { key, entries: [entry], state: "waiting", turn: 0 }
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
      const lane = pop(ready)
      if (lane === undefined) return undefined
      lane.state = "running"
      running++
      return lane
    },
    shift: (lane) => {
      lane.entries.shift()
    },
    release: (lane, now) => {
      running--
      settle(lane, now)
    },
    wake: (lane, now) => {
      // A lane that is gone was running when it went, and stays so.
      if (lane.state === "waiting") settle(lane, now)
    },
    get: (key) => lanes.get(key),
    isIdle: () => running === 0 && ready.length === 0,
    hasReady: () => ready.length > 0
  }
}

// A binary heap, the least turn first. A new event has the greatest, so it costs nothing to put in.
const push = (heap: Array<Lane>, lane: Lane): void => {
  let place = heap.length
  heap.push(lane)
  while (place > 0) {
    const above = (place - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || parent.turn <= lane.turn) break
    heap[place] = parent
    heap[above] = lane
    place = above
  }
}

const pop = (heap: Array<Lane>): Lane | undefined => {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || first === last) return first
  let place = 0
  for (;;) {
    const left = 2 * place + 1
    const right = left + 1
    const [one, other] = [heap[left], heap[right]]
    if (one === undefined) break
    const [least, below] = other !== undefined && other.turn < one.turn ? [other, right] : [one, left]
    if (last.turn <= least.turn) break
    heap[place] = least
    place = below
  }
  heap[place] = last
  return first
}
