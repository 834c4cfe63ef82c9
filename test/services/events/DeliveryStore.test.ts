import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { EventRecord } from "../../../src/services/events/EventRecord.ts"
import { DeliveryStore, type Ownership, type Parked } from "../../../src/services/events/DeliveryStore.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import * as FailureText from "../../../src/services/events/FailureText.ts"
import { describeEvents } from "../../support/events/EventSystems.ts"
import { recordOf, rejected } from "../../support/events/Samples.ts"

const failure = FailureText.describe({ _tag: "Error", error: rejected }, rejected)

const parkedOf = (record: EventRecord, seq: number, more: Partial<Parked> = {}): Parked => ({
  partition: 1,
  seq,
  record,
  attempts: 0,
  dueAt: null,
  deadLetterId: null,
  ...more
})

/** A subscription that an owner has. */
const owned = Effect.gen(function* () {
  const store = yield* DeliveryStore
  const { origin } = yield* EventLog
  yield* store.register("test", { from: origin, tail: origin, now: 0 })
  return yield* taken("first")
})

const taken = (owner: string) =>
  Effect.gen(function* () {
    const store = yield* DeliveryStore
    const ownership = yield* store.acquire("test", owner, yield* store.lease("test"))
    assert(Option.isSome(ownership))
    return ownership.value
  })

const letterIds = ["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"] as const

/** Everything an owner may write; each with its answer. */
const writesOf = ({ epoch, position }: Ownership, records: ReadonlyArray<EventRecord>) =>
  Effect.gen(function* () {
    const store = yield* DeliveryStore
    const [first, second, third] = records
    assert(first !== undefined && second !== undefined && third !== undefined)
    return [
      yield* store.renew("test", epoch),
      yield* store.moveCursors(
        "test",
        epoch,
        position.map((seq) => seq + 1)
      ),
      yield* store.park("test", epoch, [parkedOf(first, 1), parkedOf(second, 2, { attempts: 1, dueAt: 5000 })]),
      yield* store.unpark("test", epoch, first.id),
      yield* store.bury("test", epoch, {
        ...parkedOf(third, 3),
        deadLetterId: letterIds[0],
        failure,
        attempts: 2,
        now: 1
      }),
      yield* store.take("test", epoch, [second.id]),
      (yield* store.claimReplay("test", epoch, { deadLetterId: letterIds[0], claimedUntil: 9 })) !== "refused",
      yield* store.finishReplay("test", epoch, { deadLetterId: letterIds[0], failed: null, now: 2 })
    ]
  })

describeEvents("DeliveryStore", (layer) => {
  it.effect("AC-EVT-009 a former owner of a subscription that wakes up late can change nothing", () =>
    Effect.gen(function* () {
      const store = yield* DeliveryStore
      const records = yield* Effect.forEach(["a", "b", "c"], (key) => recordOf({ key }))
      const former = yield* owned
      assert.isTrue((yield* writesOf(former, records)).every((written) => written))
      const present = yield* taken("second")
      assert.isAbove(present.epoch, former.epoch)
      const snapshot = Effect.all([
        store.lease("test"),
        store.position("test"),
        store.counts("test"),
        store.deadLetters.list({}, { page: 1, limit: 10 })
      ])
      const before = yield* snapshot
      assert.isTrue((yield* writesOf(former, records)).every((written) => !written))
      yield* store.release("test", former.epoch)
      assert.deepStrictEqual(yield* snapshot, before)
      assert.isTrue(yield* store.renew("test", present.epoch))
    }).pipe(Effect.provide(layer))
  )

  it.effect("a subscription is taken over only as it was seen", () =>
    Effect.gen(function* () {
      const store = yield* DeliveryStore
      const first = yield* owned
      const seen = yield* store.lease("test")
      assert.deepStrictEqual(seen, { owner: "first", epoch: first.epoch, beat: 0 })
      yield* store.renew("test", first.epoch)
      assert.isTrue(Option.isNone(yield* store.acquire("test", "second", seen)))
      const again = yield* store.lease("test")
      assert.isTrue(Option.isSome(yield* store.acquire("test", "second", again)))
      assert.isTrue(Option.isNone(yield* store.acquire("test", "third", again)))
      const last = yield* store.lease("test")
      yield* store.release("test", last.epoch)
      assert.deepStrictEqual(yield* store.lease("test"), { ...last, owner: null })
    }).pipe(Effect.provide(layer))
  )

  it.effect("a new owner takes the parked events of the former one, once, in order, as they were", () =>
    Effect.gen(function* () {
      const store = yield* DeliveryStore
      const records = yield* Effect.forEach(
        Array.from({ length: 1203 }, (_, index) => `k${index}`),
        (key) => recordOf({ key })
      )
      const former = yield* owned
      const parked = records.map((record, index) =>
        parkedOf(record, index + 1, index % 2 === 0 ? { attempts: index % 5, dueAt: 1_700_000_000_123 + index } : {})
      )
      yield* store.park("test", former.epoch, [...parked].reverse())
      assert.deepStrictEqual(yield* store.untaken("test", former.epoch), [])
      const { epoch } = yield* taken("second")
      const all: Array<Parked> = []
      for (;;) {
        const batch = yield* store.untaken("test", epoch)
        if (batch.length === 0) break
        assert.deepStrictEqual(yield* store.untaken("test", epoch), batch)
        assert.isTrue(
          yield* store.take(
            "test",
            epoch,
            batch.map(({ record }) => record.id)
          )
        )
        all.push(...batch)
      }
      assert.deepStrictEqual(all, parked)
      yield* store.park("test", epoch, [
        parkedOf(records[0] ?? (yield* recordOf({ key: "a" })), 1, { attempts: 9, dueAt: 7 })
      ])
      assert.deepInclude(yield* store.counts("test"), { parked: 1203 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells a new owner which events after its cursors are dead already, whatever became of them", () =>
    Effect.gen(function* () {
      const store = yield* DeliveryStore
      const { origin } = yield* EventLog
      const { epoch } = yield* owned
      const records = yield* Effect.forEach(["a", "b", "c"], (key) => recordOf({ key }))
      for (const [index, record] of records.entries()) {
        const deadLetterId = `00000000-0000-7000-8000-00000000000${index}`
        yield* store.bury("test", epoch, { ...parkedOf(record, index + 1), deadLetterId, failure, attempts: 1, now: 1 })
        if (index === 2) yield* store.deadLetters.discard(deadLetterId, 1)
      }
      yield* store.moveCursors(
        "test",
        epoch,
        origin.map((_, partition) => (partition === 1 ? 1 : 0))
      )
      const next = yield* taken("second")
      assert.deepStrictEqual(next.buried, new Set(records.slice(1).map(({ id }) => id)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps one pending dead letter per subscription and event", () =>
    Effect.gen(function* () {
      const store = yield* DeliveryStore
      const { epoch } = yield* owned
      const record = yield* recordOf({ key: "a" })
      yield* store.bury("test", epoch, {
        ...parkedOf(record, 1),
        deadLetterId: letterIds[0],
        failure,
        attempts: 1,
        now: 1
      })
      const later = FailureText.describe({ _tag: "Defect" }, new Error("later"))
      yield* store.bury("test", epoch, {
        ...parkedOf(record, 1),
        deadLetterId: letterIds[1],
        failure: later,
        attempts: 3,
        now: 2
      })
      const { data } = yield* store.deadLetters.list({}, { page: 1, limit: 10 })
      assert.deepStrictEqual(
        data.map(({ errorClass, errorMessage, id, retryCount }) => ({ id, errorClass, errorMessage, retryCount })),
        [{ id: letterIds[0], errorClass: "Defect", errorMessage: "later", retryCount: 2 }]
      )
      yield* store.deadLetters.discard(letterIds[0], 3)
      yield* store.bury("test", epoch, {
        ...parkedOf(record, 1),
        deadLetterId: letterIds[1],
        failure,
        attempts: 1,
        now: 4
      })
      assert.deepInclude(yield* store.counts("test"), { dead: 1 })
    }).pipe(Effect.provide(layer))
  )
})
