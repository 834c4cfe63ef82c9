import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  type CallCounts,
  failureShare,
  HealthStatus,
  judge,
  noCalls,
  type Observation,
  severityOf
} from "../../src/domain/IntegrationHealth.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const State = Schema.Literals(["CLOSED", "OPEN", "HALF_OPEN"])

const Facts = Schema.Struct({
  off: Schema.Boolean,
  check: Schema.NullOr(Schema.Boolean),
  states: Schema.Array(State).check(Schema.isMaxLength(3)),
  answered: upTo(40),
  failed: upTo(10),
  stale: upTo(10),
  slow: upTo(10),
  hits: upTo(100)
})

const observe = (facts: typeof Facts.Type): Observation => {
  const asked = facts.answered + facts.failed + facts.stale
  return {
    off: facts.off,
    check: facts.check,
    circuits: facts.states.map((state, index) => ({ name: `p${index}`, state })),
    calls: {
      asked,
      failed: facts.failed,
      stale: facts.stale,
      slow: Math.min(asked, facts.slow),
      hits: facts.hits,
      rateLimited: 0
    }
  }
}

const quiet: Observation = { off: false, check: null, circuits: [], calls: noCalls }
const after = (calls: Partial<CallCounts>): Observation => ({ ...quiet, calls: { ...noCalls, ...calls } })
const statusOf = (observation: Observation) => judge(observation).status

describe("IntegrationHealth", () => {
  it.prop(
    "Property 40: every observation has one of the four statuses, and says why",
    [Facts],
    ([facts]) => {
      const { reason, status } = judge(observe(facts))
      assert.include(HealthStatus.literals, status)
      assert.isAbove(reason.length, 0)
      assert.isBelow(reason.length, 500)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "Property 40: what becomes worse never makes the judgement better",
    [Facts],
    ([facts]) => {
      if (facts.off) return
      const before = severityOf(statusOf(observe(facts)))
      if (before === null) return
      for (const worse of [
        { ...facts, answered: Math.max(0, facts.answered - 1), failed: facts.failed + Math.min(1, facts.answered) },
        { ...facts, check: false },
        { ...facts, answered: 0, failed: facts.failed + facts.answered }
      ]) {
        const severity = severityOf(statusOf(observe(worse)))
        assert.isAtLeast(severity ?? -1, before, JSON.stringify(worse))
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it("no data is not health: nothing asked, answers of the cache alone, or switched off", () => {
    assert.strictEqual(statusOf(quiet), "unknown")
    assert.strictEqual(statusOf(after({ hits: 50 })), "unknown")
    assert.deepStrictEqual(judge({ ...quiet, off: true, check: true }), { status: "unknown", reason: "switched off" })
  })

  it("a closed circuit alone says nothing; a check or an answer does", () => {
    assert.strictEqual(statusOf({ ...quiet, circuits: [{ name: "mes", state: "CLOSED" }] }), "unknown")
    assert.strictEqual(statusOf({ ...quiet, check: true }), "healthy")
    assert.strictEqual(statusOf(after({ asked: 1 })), "healthy")
  })

  it("degraded: slow, older answers, a part of the circuits open, some failures", () => {
    assert.strictEqual(statusOf(after({ asked: 40, slow: 2 })), "healthy")
    assert.strictEqual(statusOf(after({ asked: 39, slow: 2 })), "degraded")
    assert.strictEqual(statusOf(after({ asked: 1, slow: 1 })), "healthy")
    assert.strictEqual(statusOf(after({ asked: 100, stale: 1 })), "degraded")
    assert.strictEqual(statusOf(after({ asked: 10, failed: 1 })), "healthy")
    assert.strictEqual(statusOf(after({ asked: 9, failed: 1 })), "degraded")
    assert.strictEqual(failureShare, 0.1)
    const circuits = [
      { name: "fx_primary", state: "OPEN" },
      { name: "fx_secondary", state: "CLOSED" }
    ] as const
    assert.deepStrictEqual(judge({ ...after({ asked: 3 }), circuits }), {
      status: "degraded",
      reason: "circuit open: fx_primary"
    })
  })

  it("unhealthy: a failed check, half of the calls (three or more) without an answer, every circuit open and nothing older to give", () => {
    const open = [{ name: "mes", state: "OPEN" }] as const
    assert.strictEqual(statusOf({ ...quiet, check: false }), "unhealthy")
    assert.strictEqual(statusOf(after({ asked: 6, failed: 3 })), "unhealthy")
    assert.strictEqual(statusOf(after({ asked: 7, failed: 3 })), "degraded")
    assert.strictEqual(statusOf(after({ asked: 2, failed: 2 })), "degraded")
    assert.strictEqual(statusOf({ ...quiet, circuits: open }), "unhealthy")
    assert.strictEqual(statusOf({ ...quiet, check: true, circuits: open }), "unhealthy")
    assert.strictEqual(statusOf({ ...after({ asked: 4, stale: 4 }), circuits: open }), "degraded")
  })
})
