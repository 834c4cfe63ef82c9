import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as CallWindow from "../../../src/services/observability/CallWindow.ts"
import type { AttemptRecord, CallRecord } from "../../../src/services/providers/CallRecorder.ts"

const call = (outcome: CallRecord["outcome"], durationMillis = 5): CallRecord => ({
  _tag: "Call",
  integration: "fx",
  operation: "rates",
  outcome,
  cache: null,
  provider: null,
  tried: [],
  attempts: 0,
  shared: false,
  sandbox: false,
  at: 0,
  durationMillis,
  traceId: null,
  correlationId: null
})

const attempt = (outcome: AttemptRecord["outcome"], more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  _tag: "Attempt",
  integration: "fx",
  provider: "fx_primary",
  operation: "GET /latest",
  attempt: 1,
  outcome,
  errorClass: null,
  status: null,
  circuit: "CLOSED",
  sandbox: false,
  at: 0,
  durationMillis: 5,
  traceId: null,
  correlationId: null,
  ...more
})

const windowOf = (records: ReadonlyArray<CallRecord | AttemptRecord>) =>
  records.reduce(CallWindow.add, CallWindow.empty)

const CallOutcome = Schema.Literals(["hit", "miss", "stale", "rejected", "unavailable", "interrupted", "defect"])
const AttemptOutcome = Schema.Literals([
  "success",
  "refused-by-circuit",
  "rate-limited",
  "timeout",
  "rejected",
  "failed",
  "interrupted",
  "defect"
])
const Duration = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200_000 }))

const many = <S extends Schema.Top>(item: S) => Schema.Array(item).check(Schema.isMinLength(20), Schema.isMaxLength(80))

describe("CallWindow", () => {
  it.effect.prop(
    "Property 24: successes and failures are counted exactly",
    [many(CallOutcome), many(AttemptOutcome)],
    ([calls, attempts]) =>
      Effect.sync(() => {
        const count = <A>(all: ReadonlyArray<A>, ...wanted: ReadonlyArray<A>) =>
          all.filter((each) => wanted.includes(each)).length
        const inside = attempts.map((outcome) => attempt(outcome, { guarded: true }))
        const guarded = CallWindow.summaryOf(windowOf([...calls.map((outcome) => call(outcome)), ...inside]))
        assert.strictEqual(guarded.successful, count(calls, "hit", "miss", "stale"))
        assert.strictEqual(guarded.failed, count(calls, "unavailable", "defect"))
        assert.strictEqual(guarded.rejected, count(calls, "rejected"))
        assert.strictEqual(guarded.total, guarded.successful + guarded.failed + guarded.rejected)
        assert.strictEqual(guarded.cached, count(calls, "hit", "stale"))
        assert.strictEqual(guarded.requests, attempts.length - count(attempts, "interrupted"))
        assert.strictEqual(guarded.timeouts, count(attempts, "timeout"))
        assert.strictEqual(guarded.rateLimited, count(attempts, "rate-limited"))
        const rate = guarded.total === 0 ? null : Math.round((guarded.failed / guarded.total) * 10_000) / 100
        assert.strictEqual(guarded.errorRate, rate)
        // An adapter's requests are its calls.
        const alone = CallWindow.summaryOf(windowOf(attempts.map((outcome) => attempt(outcome))))
        assert.strictEqual(alone.successful, count(attempts, "success"))
        assert.strictEqual(alone.rejected, count(attempts, "rejected"))
        assert.strictEqual(
          alone.failed,
          count(attempts, "failed", "timeout", "rate-limited", "refused-by-circuit", "defect")
        )
        assert.strictEqual(alone.hitRate, null)
      })
  )

  it.effect.prop("Property 33: the hit rate is hits of all looks into the cache", [many(CallOutcome)], ([calls]) =>
    Effect.sync(() => {
      const { hitRate } = CallWindow.summaryOf(windowOf(calls.map((outcome) => call(outcome))))
      const looks = calls.filter((outcome) => outcome !== "interrupted")
      const hits = looks.filter((outcome) => outcome === "hit").length
      assert.strictEqual(hitRate, looks.length === 0 ? null : Math.round((hits / looks.length) * 10_000) / 100)
    })
  )

  it.effect.prop(
    "Property 25: percentiles are those of the sorted durations, at most 10 % too high; average and maximum are exact",
    [Schema.Array(Duration).check(Schema.isMinLength(1), Schema.isMaxLength(300))],
    ([durations]) =>
      Effect.sync(() => {
        const { duration } = CallWindow.summaryOf(windowOf(durations.map((millis) => call("miss", millis))))
        const sorted = durations.toSorted((left, right) => left - right)
        const rank = (share: number) => sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0
        for (const [share, found] of [
          [0.5, duration?.p50],
          [0.95, duration?.p95],
          [0.99, duration?.p99]
        ] as const) {
          const exact = rank(share)
          assert.isAtLeast(found ?? -1, exact - 0.01, `${share}`)
          assert.isAtMost(found ?? Infinity, exact * 1.1 + 0.01, `${share}`)
        }
        assert.strictEqual(duration?.max, sorted.at(-1))
        const average = sorted.reduce((sum, millis) => sum + millis, 0) / sorted.length
        assert.closeTo(duration?.average ?? -1, average, 0.01)
      })
  )

  it.effect.prop(
    "windows add up: counts and percentiles of several are those of all their calls",
    [many(Schema.Tuple([CallOutcome, Duration])), many(Schema.Tuple([CallOutcome, Duration]))],
    ([left, right]) =>
      Effect.sync(() => {
        const of = (calls: ReadonlyArray<readonly [typeof CallOutcome.Type, number]>) =>
          windowOf(calls.map(([outcome, millis]) => call(outcome, millis)))
        assert.deepStrictEqual(
          CallWindow.summaryOf(CallWindow.plus(of(left), of(right))),
          CallWindow.summaryOf(of([...left, ...right]))
        )
      })
  )

  it("counts no health checks, and says nothing about calls that were not made", () => {
    const probed = windowOf([attempt("success", { probe: true }), attempt("failed", { probe: true })])
    assert.deepStrictEqual(probed, CallWindow.empty)
    const { duration, errorRate, hitRate } = CallWindow.summaryOf(CallWindow.empty)
    assert.deepStrictEqual([duration, errorRate, hitRate], [null, null, null])
    assert.strictEqual(CallWindow.startOf(1_700_000_123_456) % 300_000, 0)
  })
})
