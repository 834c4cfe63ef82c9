/**
 * Reads the log ahead of the handlers and puts the events into their lanes.
 *
 * Each partition is read as long as less than half of its window is in hand (and a page's bytes), so a slow key holds up
 * only its own partition, and only a window later. Events whose lane waits are parked at once: their cursor can move on.
 */
import { Clock, Effect, type Latch, Queue } from "effect"
import type { Ownership, Parked } from "./DeliveryStore.ts"
import type { EventLog, LogPage } from "./EventLog.ts"
import type { LoggedRecord, SizedRecord } from "./EventRecord.ts"
import type { Entry, Lane } from "./Lanes.ts"
import type { Hand } from "./SubscriptionOwner.ts"
import * as LogPages from "./LogPages.ts"
import { persist } from "./Persist.ts"
import { isoOf } from "./Time.ts"

/** Events of a partition in hand at most. */
const window = 512

/** Reads on and on. */
export const follow = Effect.fnUntraced(function* (
  hand: Hand,
  log: EventLog["Service"],
  options: {
    readonly types: ReadonlyArray<string>
    readonly off: Ownership["off"]
    readonly maxAgeMillis: number | undefined
    /** Ids that are in a row already: dead, or parked. */
    readonly skip: Set<string>
    /** Opened whenever a cursor moves. */
    readonly room: Latch.Latch
  }
) {
  const clock = yield* Clock.Clock
  const changes = yield* log.changes
  const { cursors, lanes } = hand
  const { maxAgeMillis, off, room, skip, types } = options
  const all = log.origin.map((_, partition) => partition)

  /** Written while the subscription was switched off, and too old to be of use now. */
  const isStale = ({ partition, record, seq }: LoggedRecord, now: number): boolean =>
    off !== null &&
    maxAgeMillis !== undefined &&
    seq > (off.from[partition] ?? 0) &&
    seq <= (off.to[partition] ?? 0) &&
    record.timestamp < isoOf(now - maxAgeMillis)

  const dispatch = Effect.fnUntraced(function* (page: LogPage) {
    const now = clock.currentTimeMillisUnsafe()
    const entries: Array<Entry> = []
    const blocked: Array<Entry> = []
    let stale = 0
    for (const logged of page.records) {
      const isOld = isStale(logged, now)
      if (isOld) stale++
      const entry = entryOf(logged, skip.delete(logged.record.id) || isOld)
      entries.push(entry)
      if (entry.finished) continue
      const lane = lanes.add(entry, now)
      if (lane.state === "waiting") {
        entry.parking = true
        blocked.push(entry)
      }
    }
    cursors.begin(entries, page.upTo)
    hand.pump()
    if (stale > 0) {
      yield* Effect.logWarning(`${stale} events skipped: older than ${maxAgeMillis} ms, from a time switched off`)
    }
    if (blocked.length > 0) yield* parkBehind(blocked)
  })

  const parkBehind = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>) {
    const rows = entries.map((entry) => parkedOf(entry, null))
    yield* hand.write(hand.store.park(hand.name, hand.epoch, rows), "parking events")
    const touched = new Set<Lane>()
    for (const entry of entries) {
      entry.parking = false
      entry.parked = true
      cursors.finish(entry)
      const lane = lanes.get(entry.record.key)
      if (lane !== undefined) touched.add(lane)
    }
    for (const lane of touched) hand.wake(lane)
  })

  const readOn = Effect.gen(function* () {
    const open = all.filter((partition) => {
      const { bytes, count } = cursors.pending(partition)
      return count < window / 2 && bytes < LogPages.pageBytes
    })
    if (open.length === 0) {
      room.closeUnsafe()
      return yield* room.await
    }
    const page = yield* persist(
      log.read({ after: cursors.begun(), partitions: open, types, limit: window / 2 }),
      "reading the event log"
    )
    yield* dispatch(page)
    if (page.records.length > 0) return
    if (open.length === all.length) return yield* Queue.take(changes)
    room.closeUnsafe()
    yield* Effect.raceFirst(Queue.take(changes), room.await)
  })

  return yield* Effect.forever(readOn)
}, Effect.scoped)

const entryOf = ({ partition, record, seq, size }: SizedRecord, finished: boolean): Entry => ({
  partition,
  seq,
  size,
  record,
  deadLetterId: null,
  attempts: 0,
  dueAt: 0,
  parked: false,
  parking: false,
  arrival: 0,
  verdict: null,
  finished
})

/** The row of an entry. */
export const parkedOf = (entry: Entry, dueAt: number | null): Parked => ({
  partition: entry.partition,
  seq: entry.seq,
  record: entry.record,
  attempts: entry.attempts,
  dueAt,
  deadLetterId: entry.deadLetterId
})
