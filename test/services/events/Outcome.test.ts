import { assert, describe, it } from "@effect/vitest"
import {
  decide,
  errorClassOf,
  type Failure,
  needsHealth,
  type Outcome,
  type Situation
} from "../../../src/services/events/Outcome.ts"
import {
  ambiguous,
  circuitOpen,
  invalid,
  rateLimited,
  rejected,
  retryAfter,
  transient,
  unauthorized
} from "../../support/events/Samples.ts"

const now = 1_000_000

const situation = (failure: Failure, more: Partial<Situation> = {}): Situation => ({
  failure,
  attempts: 0,
  replay: false,
  retryDelay: 1000,
  circuit: null,
  openMillis: 60_000,
  healthy: null,
  rateLimits: 1,
  now,
  ...more
})

const closed = { closed: true, retryAt: now }
const open = { closed: false, retryAt: now + 45_000 }
const failed = (error: Extract<Failure, { _tag: "Error" }>["error"]): Failure => ({ _tag: "Error", error })

describe("Outcome", () => {
  it("a transient failure is tried again while a retry is left, counting this attempt", () => {
    for (const failure of [failed(transient), failed(ambiguous), { _tag: "Interrupted" } as const]) {
      assert.deepStrictEqual(decide(situation(failure, { attempts: 2, circuit: closed })), {
        _tag: "RetryAt",
        at: now + 1000,
        attempts: 3
      })
      assert.isFalse(
        needsHealth(situation(failure, { attempts: 2, circuit: closed })),
        "nobody need ask for the health"
      )
    }
  })

  it("with no retry left the health decides: healthy is dead, sick is deferred for no longer than the open time", () => {
    const last = situation(failed(transient), { attempts: 3, retryDelay: null, circuit: closed, openMillis: 30_000 })
    assert.isTrue(needsHealth(last))
    assert.deepStrictEqual(decide({ ...last, healthy: true }), { _tag: "Dead", attempts: 4 })
    assert.deepStrictEqual(decide({ ...last, healthy: null }), { _tag: "Dead", attempts: 4 })
    assert.deepStrictEqual(decide({ ...last, healthy: false }), {
      _tag: "DeferredUntil",
      pause: { reason: "unhealthy", until: now + 30_000 }
    })
  })

  it("AC-ERR-008 the failure that opened the circuit, a failed trial and a refusal by it are deferred, uncounted", () => {
    for (const failure of [
      failed(transient),
      failed(ambiguous),
      failed(circuitOpen(now + 45_000)),
      failed(circuitOpen(null))
    ]) {
      const tripped = situation(failure, { attempts: 3, retryDelay: null, circuit: open })
      assert.isFalse(needsHealth(tripped))
      assert.deepStrictEqual(decide(tripped), {
        _tag: "DeferredUntil",
        pause: { reason: "circuit", until: now + 45_000 }
      })
    }
    const held = { closed: false, retryAt: null }
    assert.deepStrictEqual(decide(situation(failed(circuitOpen(null)), { circuit: held })), {
      _tag: "DeferredUntil",
      pause: { reason: "circuit", until: now + 60_000 }
    })
  })

  it("AC-ERR-008 a refusal by the circuit waits for what the circuit said then, whatever has become of it", () => {
    const pauseAfter = (until: number | null, circuit: Situation["circuit"]) =>
      decide(situation(failed(circuitOpen(until)), { circuit }))
    const deferred = (until: number): Outcome => ({ _tag: "DeferredUntil", pause: { reason: "circuit", until } })
    for (const circuit of [null, closed, open]) {
      assert.deepStrictEqual(pauseAfter(now + 20_000, circuit), deferred(now + 20_000))
    }
    assert.deepStrictEqual(pauseAfter(null, null), deferred(now + 60_000))
    assert.deepStrictEqual(pauseAfter(null, closed), deferred(now))
  })

  it("AC-ERR-006 refusals, defects and what cannot be decoded are dead at once, whatever the circuit says", () => {
    const failures: ReadonlyArray<Failure> = [
      failed(rejected),
      failed(unauthorized),
      failed(invalid),
      { _tag: "Defect" },
      { _tag: "Undecodable" }
    ]
    for (const failure of failures) {
      for (const circuit of [null, closed, open]) {
        const refused = situation(failure, { attempts: 1, circuit, healthy: false })
        assert.isFalse(needsHealth(refused))
        assert.deepStrictEqual(decide(refused), { _tag: "Dead", attempts: 2 })
      }
    }
  })

  it("AC-ERR-007 a Retry-After pauses for what it says, at a 429 and at a 503, and counts nothing", () => {
    for (const failure of [failed(rateLimited(20_000)), failed(retryAfter(20_000))]) {
      for (const circuit of [null, closed, open]) {
        assert.deepStrictEqual(decide(situation(failure, { attempts: 3, retryDelay: null, circuit })), {
          _tag: "DeferredUntil",
          pause: { reason: "retry-after", until: now + 20_000 }
        })
      }
    }
  })

  it("a 429 without a time pauses 1 s, doubled for each in a row, at most a minute", () => {
    const waits = [1, 2, 3, 7, 50].map((rateLimits) => {
      const outcome = decide(situation(failed(rateLimited(null)), { rateLimits }))
      return outcome._tag === "DeferredUntil" ? outcome.pause.until - now : 0
    })
    assert.deepStrictEqual(waits, [1000, 2000, 4000, 60_000, 60_000])
  })

  it("a replay has one attempt: a transient failure ends it, a pause does not", () => {
    assert.deepStrictEqual(decide(situation(failed(transient), { replay: true, attempts: 4 })), {
      _tag: "Dead",
      attempts: 5
    })
    assert.isFalse(needsHealth(situation(failed(transient), { replay: true, retryDelay: null })))
    assert.strictEqual(decide(situation(failed(rateLimited(5)), { replay: true }))._tag, "DeferredUntil")
    assert.strictEqual(decide(situation(failed(transient), { replay: true, circuit: open }))._tag, "DeferredUntil")
  })

  it("every failure has a class", () => {
    assert.deepStrictEqual(
      [
        failed(transient),
        failed(rejected),
        { _tag: "Defect" } as const,
        { _tag: "Undecodable" } as const,
        { _tag: "Interrupted" } as const
      ].map(errorClassOf),
      ["Transient", "Rejected", "Defect", "Undecodable", "Transient"]
    )
  })
})
