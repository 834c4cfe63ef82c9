/** The lanes against a naive model: lists that are sorted and searched anew for every question. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { EventId } from "../../../src/domain/Ids.ts"
import * as Lanes from "../../../src/services/events/Lanes.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Key = Schema.Literals(["a", "b", "c"])

const Step = Schema.Union([
  /** Seqs come in any order: what was parked, or is replayed, may be older than what is here. */
  Schema.Struct({
    do: Schema.Literal("add"),
    key: Key,
    seq: between(1, 20),
    dueIn: between(0, 3),
    parking: Schema.Boolean
  }),
  Schema.Struct({ do: Schema.Literal("take") }),
  /** A running lane goes on: its head done with, or due at another time. */
  Schema.Struct({ do: Schema.Literal("release"), which: between(0, 2), done: Schema.Boolean, dueIn: between(0, 3) }),
  Schema.Struct({ do: Schema.Literal("wake"), which: between(0, 20) }),
  Schema.Struct({ do: Schema.Literal("parked"), key: Key }),
  Schema.Struct({ do: Schema.Literal("pass"), millis: between(1, 4) })
])
/** Without a least length most arrays would have none or a few. */
const Steps = Schema.Array(Step).check(Schema.isMinLength(30), Schema.isMaxLength(60))

const entryOf = (key: string, seq: number, more: { readonly dueAt?: number; readonly parking?: boolean } = {}) => {
  const record = {
    id: EventId.make(`00000000-0000-7000-8000-${String(seq).padStart(12, "0")}`),
    timestamp: "1970-01-01T00:00:00.000Z",
    correlationId: "trace-1",
    causationId: null,
    source: "test",
    schemaVersion: 1,
    type: "test.noted",
    key,
    payload: {}
  }
  const entry: Lanes.Entry = {
    partition: 0,
    seq,
    size: 0,
    finished: false,
    record,
    deadLetterId: null,
    attempts: 0,
    dueAt: more.dueAt ?? 0,
    parked: false,
    parking: more.parking ?? false,
    arrival: 0,
    verdict: null
  }
  return entry
}

/** What a lane is, told without a lane. */
interface ModelLane {
  entries: ReadonlyArray<Lanes.Entry>
  state: Lanes.Lane["state"]
  /** While it is ready: the arrival of what was its head then. */
  turn: number
}

const seqsOf = (lane: { readonly entries: ReadonlyArray<Lanes.Entry> } | undefined) =>
  lane?.entries.map(({ seq }) => seq)

describe("Lanes", () => {
  it.prop(
    "hand out one event of a key at a time, in order of the log, when it is due and written; the first to come goes first",
    [Steps],
    ([steps]) => {
      const lanes = Lanes.make()
      const model = new Map<string, ModelLane>()
      let turns: ReadonlyArray<string> = []
      const arrivals: Array<Lanes.Entry> = []
      let running: ReadonlyArray<Lanes.Lane> = []
      /** All lanes there ever were: a timer may hold one that is long gone. */
      const seen: Array<Lanes.Lane> = []
      let now = 0

      const settle = (key: string, lane: ModelLane) => {
        const head = lane.entries[0]
        if (head === undefined) model.delete(key)
        else {
          lane.state = head.dueAt <= now && !head.parking ? "ready" : "waiting"
          lane.turn = arrivals.indexOf(head)
          const turnOf = (one: string) => model.get(one)?.turn ?? 0
          if (lane.state === "ready") turns = [...turns, key].toSorted((a, b) => turnOf(a) - turnOf(b))
        }
      }

      for (const step of steps) {
        switch (step.do) {
          case "add": {
            const entry = entryOf(step.key, step.seq, { dueAt: now + step.dueIn, parking: step.parking })
            arrivals.push(entry)
            const lane: ModelLane = model.get(step.key) ?? { entries: [], state: "waiting", turn: 0 }
            const isBefore = (other: Lanes.Entry, index: number) =>
              other.seq <= entry.seq || (index === 0 && lane.state === "running")
            lane.entries = lane.entries.toSpliced(lane.entries.findLastIndex(isBefore) + 1, 0, entry)
            model.set(step.key, lane)
            if (lane.state === "waiting") settle(step.key, lane)
            const added = lanes.add(entry, now)
            assert.strictEqual(added, lanes.get(step.key))
            if (!seen.includes(added)) seen.push(added)
            break
          }
          case "take": {
            const taken = lanes.take()
            assert.strictEqual(taken?.key, turns[0])
            const lane = taken === undefined ? undefined : model.get(taken.key)
            if (taken === undefined || lane === undefined) break
            lane.state = "running"
            turns = turns.slice(1)
            running = [...running, taken]
            break
          }
          case "release": {
            const lane = running[step.which % Math.max(1, running.length)]
            const told = lane === undefined ? undefined : model.get(lane.key)
            const head = lane?.entries[0]
            if (lane === undefined || told === undefined || head === undefined) break
            running = running.filter((one) => one !== lane)
            if (step.done) {
              told.entries = told.entries.slice(1)
              lanes.shift(lane)
            } else head.dueAt = now + step.dueIn
            settle(lane.key, told)
            lanes.release(lane, now)
            break
          }
          case "wake": {
            const lane = seen[step.which % Math.max(1, seen.length)]
            if (lane === undefined) break
            const told = model.get(lane.key)
            if (told?.state === "waiting" && lanes.get(lane.key) === lane) settle(lane.key, told)
            lanes.wake(lane, now)
            break
          }
          case "parked":
            for (const entry of model.get(step.key)?.entries ?? []) entry.parking = false
            break
          case "pass":
            now += step.millis
        }
        for (const key of Key.literals) {
          const [lane, told] = [lanes.get(key), model.get(key)]
          assert.deepStrictEqual(seqsOf(lane), seqsOf(told))
          assert.strictEqual(lane?.state, told?.state)
        }
        assert.strictEqual(lanes.hasReady(), turns.length > 0)
        assert.strictEqual(lanes.isIdle(), turns.length === 0 && running.length === 0)
      }
    },
    { arbitrary: { runs: 1000 } }
  )

  it("a key's second event need not wait for keys that came after it", () => {
    const lanes = Lanes.make()
    for (const [index, key] of ["a", "a", "b", "c", "b", "d", "a"].entries()) lanes.add(entryOf(key, index + 1), 0)
    const handled: Array<number | undefined> = []
    for (let lane = lanes.take(); lane !== undefined; lane = lanes.take()) {
      handled.push(lane.entries[0]?.seq)
      lanes.shift(lane)
      lanes.release(lane, 0)
    }
    assert.deepStrictEqual(handled, [1, 2, 3, 4, 5, 6, 7])
  })

  it("an older event goes to the front, but never before the one that is running", () => {
    const lanes = Lanes.make()
    lanes.add(entryOf("a", 5), 0)
    lanes.add(entryOf("a", 3), 0)
    assert.deepStrictEqual(seqsOf(lanes.get("a")), [3, 5])
    assert.strictEqual(lanes.take()?.entries[0]?.seq, 3)
    lanes.add(entryOf("a", 1), 0)
    assert.deepStrictEqual(seqsOf(lanes.get("a")), [3, 1, 5])
  })

  it("a lane waits until its head is due and its row is written, then goes on when it is woken", () => {
    const lanes = Lanes.make()
    const head = entryOf("a", 1, { dueAt: 10, parking: true })
    const lane = lanes.add(head, 0)
    assert.isTrue(lanes.isIdle())
    lanes.wake(lane, 10)
    assert.isUndefined(lanes.take(), "its row is not written")
    head.parking = false
    lanes.wake(lane, 9)
    assert.isUndefined(lanes.take(), "it is not due")
    lanes.wake(lane, 10)
    lanes.wake(lane, 10)
    assert.strictEqual(lanes.take(), lane)
    assert.isUndefined(lanes.take(), "once")
    lanes.wake(lane, 10)
    assert.isUndefined(lanes.take(), "not while it is running")
  })
})
