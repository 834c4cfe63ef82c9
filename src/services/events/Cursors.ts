/**
 * How far a subscription has come in each partition: the position moves only over entries that are finished, in order,
 * though they finish in any order. Synchronous and mutable; owned by one subscription's runner.
 */
import type { Position } from "./EventRecord.ts"

/** What a cursor waits for. `finished` is set by `finish`. */
export interface Tracked {
  readonly partition: number
  readonly seq: number
  /** Bytes that it holds in memory, about. */
  readonly size: number
  finished: boolean
}

export interface Cursors {
  /** Entries of a page, in order per partition, and how far the page has looked. */
  readonly begin: (entries: ReadonlyArray<Tracked>, upTo: Position) => void
  readonly finish: (entry: Tracked) => void
  /** Everything up to here is finished. */
  readonly position: () => Position
  /** Everything up to here was begun. */
  readonly begun: () => Position
  /** Entries begun and not yet passed by the cursor. */
  readonly pending: (partition: number) => { readonly count: number; readonly bytes: number }
}

/** `moved` is called whenever a cursor has moved. */
export const make = (start: Position, moved: () => void): Cursors => {
  const lanes = start.map((seq) => ({ done: seq, begun: seq, waiting: new Array<Tracked>(), head: 0, bytes: 0 }))

  const advance = (lane: (typeof lanes)[number]): void => {
    const before = lane.done
    for (;;) {
      const entry = lane.waiting[lane.head]
      if (entry === undefined) {
        lane.done = lane.begun
        lane.waiting.length = lane.head = 0
        break
      }
      if (!entry.finished) break
      lane.done = entry.seq
      lane.bytes -= entry.size
      lane.head++
    }
    if (lane.head >= 1024) {
      lane.waiting.splice(0, lane.head)
      lane.head = 0
    }
    if (lane.done !== before) moved()
  }

  return {
    begin: (entries, upTo) => {
      for (const entry of entries) {
        const lane = lanes[entry.partition]
        if (lane === undefined) continue
        lane.waiting.push(entry)
        lane.bytes += entry.size
      }
      for (const [partition, lane] of lanes.entries()) {
        lane.begun = Math.max(lane.begun, upTo[partition] ?? 0)
        advance(lane)
      }
    },
    finish: (entry) => {
      entry.finished = true
      const lane = lanes[entry.partition]
      if (lane !== undefined && lane.waiting[lane.head] === entry) advance(lane)
    },
    position: () => lanes.map((lane) => lane.done),
    begun: () => lanes.map((lane) => lane.begun),
    pending: (partition) => {
      const lane = lanes[partition]
      return lane === undefined ? { count: 0, bytes: 0 } : { count: lane.waiting.length - lane.head, bytes: lane.bytes }
    }
  }
}
