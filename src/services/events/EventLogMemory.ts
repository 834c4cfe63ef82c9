/** EventLog in this process: arrays, one per partition. For tests and for programs that need no durability. */
import { Clock, DateTime, Effect, Option } from "effect"
import type { ListOptions, LogPage, ReadOptions } from "./EventLog.ts"
import { EventLogSettings } from "./EventLogSettings.ts"
import type { EventRecord, LoggedRecord, Position, SizedRecord } from "./EventRecord.ts"
import * as LogPages from "./LogPages.ts"
import * as Places from "./Position.ts"
import * as Signals from "./Signals.ts"

export const make = Effect.gen(function* () {
  const { partitions } = yield* EventLogSettings
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  const lanes = all.map((): Array<LoggedRecord> => [])
  const ends = all.map(() => 0)
  const byId = new Map<string, LoggedRecord>()
  const signals = Signals.make()

  const append = (records: ReadonlyArray<EventRecord>) =>
    Effect.sync(() => {
      for (const record of records) {
        if (byId.has(record.id)) continue
        const partition = Places.partitionOf(record.key, partitions)
        const seq = (ends[partition] ?? 0) + 1
        const logged = { partition, seq, record }
        ends[partition] = seq
        byId.set(record.id, logged)
        lanes[partition]?.push(logged)
      }
      if (records.length > 0) signals.signal()
    })

  const readSync = (options: ReadOptions, matches: (record: EventRecord) => boolean): LogPage => {
    const records: Array<SizedRecord> = []
    const upTo = [...options.after]
    for (const partition of options.partitions ?? all) {
      const after = options.after[partition] ?? 0
      const lane = lanes[partition] ?? []
      let found = 0
      let index = indexAfter(lane, after)
      for (; index < lane.length && found < options.limit; index++) {
        const logged = lane[index]
        if (logged === undefined || !matches(logged.record)) continue
        records.push({ ...logged, size: 0 })
        found++
      }
      upTo[partition] =
        found === options.limit ? (lane[index - 1]?.seq ?? after) : Math.max(after, ends[partition] ?? 0)
    }
    return { records, upTo }
  }
  const ofTypes = (types: ReadonlyArray<string> | undefined) => (record: EventRecord) =>
    types === undefined || types.includes(record.type)

  return {
    partitions,
    partitionOf: (key: string) => Places.partitionOf(key, partitions),
    append,
    read: (options: ReadOptions) => Effect.sync(() => readSync(options, ofTypes(options.types))),
    list: (options: ListOptions) =>
      Effect.sync(() => {
        const ofType = ofTypes(options.types)
        const matches = (record: EventRecord) =>
          ofType(record) && (options.correlationId === undefined || record.correlationId === options.correlationId)
        return LogPages.merge(readSync({ after: options.after, limit: options.limit }, matches), options)
      }),
    find: (id: string) => Effect.sync(() => Option.fromUndefinedOr(byId.get(id))),
    count: (options: { readonly after: Position; readonly types?: ReadonlyArray<string>; readonly limit: number }) =>
      Effect.sync(() => {
        const { records } = readSync({ after: options.after, limit: options.limit }, ofTypes(options.types))
        return Math.min(records.length, options.limit)
      }),
    tail: Effect.sync((): Position => [...ends]),
    origin: Places.origin(partitions),
    encodePosition: Places.encodePosition,
    decodePosition: (text: string) => Places.decodePosition(text, partitions),
    changes: signals.listen,
    prune: (options: { readonly olderThanMillis: number; readonly keepAfter: Position }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const before = DateTime.formatIso(DateTime.makeUnsafe(now - options.olderThanMillis))
        let pruned = 0
        for (const [partition, lane] of lanes.entries()) {
          const kept = lane.filter(
            ({ record, seq }) => seq > (options.keepAfter[partition] ?? 0) || record.timestamp >= before
          )
          for (const logged of lane) if (!kept.includes(logged)) byId.delete(logged.record.id)
          pruned += lane.length - kept.length
          lanes[partition] = kept
        }
        return pruned
      })
  }
})

/** Index of the first record with a greater seq: seqs ascend, and pruning removes some. */
const indexAfter = (lane: ReadonlyArray<LoggedRecord>, after: number): number => {
  let low = 0
  let high = lane.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((lane[middle]?.seq ?? 0) > after) high = middle
    else low = middle + 1
  }
  return low
}
