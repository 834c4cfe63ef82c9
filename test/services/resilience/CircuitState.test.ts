import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { CircuitSettings } from "../../../src/services/resilience/CircuitSettings.ts"
import * as CircuitState from "../../../src/services/resilience/CircuitState.ts"
import * as CircuitWindow from "../../../src/services/resilience/CircuitWindow.ts"

const settings = CircuitSettings.make({ failures: 1, openFor: Duration.millis(100), halfOpenTrials: 2 })
const step = CircuitState.makeStep(settings)
const common = { generation: 7, since: 0, consecutiveFailures: 0 }
const closed = { ...common, status: "CLOSED", held: false, window: CircuitWindow.empty } as const
const open = { ...common, status: "OPEN", held: false, until: 100 } as const
const halfOpen = { ...common, status: "HALF_OPEN", slots: 1, out: 1, deadline: 30_000 } as const

const states: ReadonlyArray<CircuitState.CircuitState> = [
  closed,
  { ...closed, held: true },
  open,
  { ...open, held: true, until: Infinity },
  halfOpen,
  { ...halfOpen, slots: 0, out: 2 },
  { ...halfOpen, slots: 2, out: 0, deadline: Infinity },
  { ...halfOpen, slots: 0, out: 1 }
]

const events: ReadonlyArray<CircuitState.CircuitEvent> = [
  { _tag: "Admit" },
  { _tag: "Peek" },
  { _tag: "ForceOpen" },
  { _tag: "ForceClosed" },
  { _tag: "Reset" },
  ...(["success", "failure", "ignored"] as const).flatMap((outcome) =>
    [6, 7, 8].map((generation) => ({ _tag: "Settle", generation, startedAt: 0, outcome }) as const)
  )
]
const times = [-1, 0, 99, 100, 101, 29_999, 30_000, 30_099, 30_100, 1e15]

describe("CircuitState", () => {
  it("takes every event in every state at every time, along legal edges only", () => {
    const taken = new Set<string>()
    for (const state of states) {
      for (const event of events) {
        for (const now of times) {
          const before = structuredClone(state)
          const { admitted, state: after, transitions } = step(state, event, now)
          assert.deepStrictEqual(state, before, "the state given is not touched")
          assert.isTrue(!admitted || event._tag === "Admit")
          assert.isAtMost(transitions.length, 2)
          let at: CircuitState.CircuitStatus = state.status
          for (const { from, generation, reason, to } of transitions) {
            assert.strictEqual(from, at)
            assert.include(CircuitState.legalEdges[reason].from, from)
            assert.strictEqual(CircuitState.legalEdges[reason].to, to)
            taken.add(`${from} ${reason}`)
            at = to
            assert.isAbove(generation, state.generation)
          }
          assert.strictEqual(after.status, at)
          assert.strictEqual(after.generation, state.generation + transitions.length)
          if (after.status === "HALF_OPEN") {
            assert.isTrue(after.slots >= 0 && after.out >= 0 && after.slots + after.out <= settings.halfOpenTrials)
            assert.strictEqual(after.deadline === Infinity, after.out === 0)
          }
        }
      }
    }
    const rates = ["CLOSED failure-rate", "CLOSED slow-call-rate"]
    const legal = Object.entries(CircuitState.legalEdges).flatMap(([reason, { from }]) =>
      from.map((status) => `${status} ${reason}`)
    )
    assert.deepStrictEqual([...taken, ...rates].sort(), legal.sort(), "and every legal edge is taken")
  })

  it("refuses and retryAt say what an Admit would do", () => {
    for (const state of states) {
      for (const now of times) {
        if (CircuitState.refuses(state, now)) {
          const taken = step(state, { _tag: "Admit" }, now)
          assert.isFalse(taken.admitted)
          assert.strictEqual(taken.state, state)
        }
        const current = step(state, { _tag: "Peek" }, now).state
        const at = CircuitState.retryAt(current, settings, now)
        const admits = (when: number) => step(current, { _tag: "Admit" }, when).admitted
        if (at === null) assert.isFalse(admits(Number.MAX_SAFE_INTEGER))
        else {
          assert.isTrue(admits(at))
          assert.isTrue(at === now || !admits(at - 1))
        }
      }
    }
  })

  it("has an edge for every reason, and a reason for every edge", () => {
    assert.sameMembers(Object.keys(CircuitState.legalEdges), [...CircuitState.TransitionReason.literals])
  })

  it("an answer changes nothing while it is open, whatever generation it claims, nor does a held circuit count it", () => {
    for (const state of [open, { ...open, held: true, until: Infinity }, { ...closed, held: true }]) {
      for (const outcome of ["success", "failure", "ignored"] as const) {
        const { freed, state: after } = step(state, { _tag: "Settle", generation: 7, startedAt: 0, outcome }, 0)
        assert.strictEqual(after, state)
        assert.isFalse(freed)
      }
    }
    assert.isFalse(CircuitState.refuses(closed, 0))
  })

  it("an answer of another generation changes nothing, nor does one that nobody waits for", () => {
    for (const state of states) {
      for (const outcome of ["success", "failure", "ignored"] as const) {
        assert.strictEqual(step(state, { _tag: "Settle", generation: 6, startedAt: 0, outcome }, 0).state, state)
      }
    }
    const idle = { ...halfOpen, slots: 2, out: 0, deadline: Infinity }
    assert.strictEqual(step(idle, { _tag: "Settle", generation: 7, startedAt: 0, outcome: "success" }, 0).state, idle)
  })
})
