import { assert, it } from "@effect/vitest"
import { Effect, Exit, Option, Queue } from "effect"
import { TestClock } from "effect/testing"
import { makeEventId } from "../../../src/domain/Ids.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import type { LoggedRecord } from "../../../src/services/events/EventRecord.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import { recordOf } from "../../support/events/Samples.ts"

const keysOf = (records: ReadonlyArray<LoggedRecord>) => records.map(({ record }) => record.key)

describeEvents("EventLog", (layer) => {
  it.effect("reads back what was appended, whole and in order within a partition", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const records = yield* Effect.forEach(["a", "b", "a", "c", "a"], (key) => recordOf({ key }))
      yield* log.append(records.slice(0, 2))
      yield* log.append(records.slice(2))
      const page = yield* log.read({ after: log.origin, limit: 10 })
      assert.strictEqual(page.records.length, 5)
      const ofA = page.records.filter(({ record }) => record.key === "a")
      assert.deepStrictEqual(
        ofA.map(({ record }) => record),
        records.filter(({ key }) => key === "a")
      )
      assert.isTrue(ofA.every(({ partition }) => partition === log.partitionOf("a")))
      assert.deepStrictEqual(page.upTo, yield* log.tail)
      const after = yield* log.read({ after: page.upTo, limit: 10 })
      assert.deepStrictEqual(after, { records: [], upTo: page.upTo })
    }).pipe(Effect.provide(layer))
  )

  it.effect("reads only some types and partitions, and says how far it has looked", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const records = yield* Effect.forEach([1, 2, 3, 4, 5], (index) =>
        recordOf({ key: "k", type: index % 2 === 0 ? "test.even" : "test.odd" })
      )
      yield* log.append(records)
      const partition = log.partitionOf("k")
      const first = yield* log.read({ after: log.origin, types: ["test.even"], limit: 1 })
      assert.deepStrictEqual(
        first.records.map(({ record }) => record.id),
        [records[1]?.id]
      )
      const second = yield* log.read({ after: first.upTo, types: ["test.even"], limit: 1 })
      assert.deepStrictEqual(
        second.records.map(({ record }) => record.id),
        [records[3]?.id]
      )
      const rest = yield* log.read({ after: second.upTo, types: ["test.even"], limit: 1 })
      assert.deepStrictEqual(rest.records, [])
      assert.deepStrictEqual(rest.upTo, yield* log.tail)
      const other = (partition + 1) % log.partitions
      const elsewhere = yield* log.read({ after: log.origin, partitions: [other], limit: 10 })
      assert.deepStrictEqual(elsewhere, { records: [], upTo: log.origin })
      assert.strictEqual(yield* log.count({ after: log.origin, types: ["test.odd"], limit: 10 }), 3)
      assert.strictEqual(yield* log.count({ after: log.origin, limit: 4 }), 4)
      assert.strictEqual(yield* log.count({ after: yield* log.tail, limit: 4 }), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("stores an id once", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const record = yield* recordOf({ key: "k" })
      yield* log.append([record])
      yield* log.append([record, record])
      const page = yield* log.read({ after: log.origin, limit: 10 })
      assert.strictEqual(page.records.length, 1)
      const found = yield* log.find(record.id)
      assert.deepStrictEqual(
        Option.map(found, (logged) => logged.record),
        Option.some(record)
      )
      assert.isTrue(Option.isNone(yield* log.find("no id")))
      assert.isTrue(Option.isNone(yield* log.find(yield* makeEventId)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists every record once, page by page, oldest first", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const keys = Array.from({ length: 50 }, (_, index) => `k${index % 7}`)
      for (const [index, key] of keys.entries()) {
        yield* log.append([
          yield* recordOf({ key, at: index, correlationId: index % 10 === 0 ? "trace-10" : "trace-1" })
        ])
      }
      const seen: Array<LoggedRecord> = []
      let after = log.origin
      for (;;) {
        const page = yield* log.list({ after, limit: 8 })
        if (page.data.length === 0) break
        seen.push(...page.data)
        after = page.next
      }
      assert.deepStrictEqual(keysOf(seen), keys)
      const traced = yield* log.list({ after: log.origin, correlationId: "trace-10", limit: 3 })
      assert.deepStrictEqual(keysOf(traced.data), [keys[0], keys[10], keys[20]])
      const more = yield* log.list({ after: traced.next, correlationId: "trace-10", types: ["test.noted"], limit: 3 })
      assert.deepStrictEqual(keysOf(more.data), [keys[30], keys[40]])
      const none = yield* log.list({ after: log.origin, types: ["test.other"], limit: 3 })
      assert.deepStrictEqual(none.data, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives positions out as text and takes only its own back", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append([yield* recordOf({ key: "k" })])
      const tail = yield* log.tail
      assert.deepStrictEqual(yield* log.decodePosition(log.encodePosition(tail)), tail)
      for (const text of [
        "",
        "1",
        "x".repeat(500),
        log.encodePosition([...tail, 1]),
        log.encodePosition(tail).replace("1", "-1")
      ]) {
        const exit = yield* Effect.exit(log.decodePosition(text))
        assert.isTrue(Exit.isFailure(exit), text)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("signals an append once, until the signal is taken", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const changes = yield* log.changes
      yield* log.append([yield* recordOf({ key: "k" })])
      yield* log.append([yield* recordOf({ key: "k" })])
      yield* Queue.take(changes)
      assert.isTrue(Option.isNone(yield* Queue.poll(changes)))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("prunes what is old, never past what is still needed", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* TestClock.setTime(1_000_000)
      const old = yield* Effect.forEach([1, 2, 3], (at) => recordOf({ key: "k", at }))
      const young = yield* recordOf({ key: "k", at: 999_000 })
      yield* log.append([...old, young])
      const first = yield* log.read({ after: log.origin, limit: 2 })
      const kept = first.upTo
      assert.strictEqual(yield* log.prune({ olderThanMillis: 10_000, keepAfter: kept }), 2)
      const left = yield* log.read({ after: log.origin, limit: 10 })
      assert.deepStrictEqual(
        left.records.map(({ record }) => record.id),
        [old[2]?.id, young.id]
      )
      assert.strictEqual(yield* log.prune({ olderThanMillis: 10_000, keepAfter: yield* log.tail }), 1)
      const rest = yield* log.read({ after: log.origin, limit: 10 })
      assert.deepStrictEqual(
        rest.records.map(({ record }) => record.id),
        [young.id]
      )
    }).pipe(Effect.provide(layer))
  )
})
