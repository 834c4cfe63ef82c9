/** What comes of an attempt, judged without a database: the queue notes what it is told. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { DesignId, RenderJobId } from "../../../src/domain/Ids.ts"
import {
  CircuitOpen,
  type IntegrationError,
  Rejected,
  Transient,
  Unauthorized
} from "../../../src/domain/IntegrationError.ts"
import * as RenderAttempt from "../../../src/services/designs/RenderAttempt.ts"
import { type ClaimedRender, ClaimLost, RenderQueue } from "../../../src/services/designs/RenderQueue.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import type { SubscriptionPause } from "../../../src/services/events/SubscriptionPause.ts"
import * as CircuitBreaker from "../../../src/services/resilience/CircuitBreaker.ts"
import * as CircuitSettings from "../../../src/services/resilience/CircuitSettings.ts"
import { designRender } from "../../../src/services/resilience/RetryPolicy.ts"
import { DatabaseUnavailable } from "../../../src/services/storage/DatabaseErrors.ts"

const job: ClaimedRender = {
  renderJobId: RenderJobId.make("rnd_00000000000000000000000000"),
  designId: DesignId.make("des_00000000000000000000000000"),
  projectId: "p-1",
  outputFormat: "pdf",
  step: "rendering",
  mode: "sandbox",
  failures: 0,
  polls: 0,
  problem: null,
  begunAt: 0,
  correlationId: "trace-123",
  claim: 1
}
const place = { adapter: "edicus", operation: "POST /orders" }

/** Makes one attempt at a job; gives what the queue and the pause were told. */
const carry = Effect.fnUntraced(function* (
  attempt: Effect.Effect<RenderAttempt.RenderProgress, IntegrationError | ClaimLost>,
  options: {
    readonly job?: Partial<ClaimedRender>
    readonly mode?: ReturnType<SubscriptionPause["mode"]>
    readonly healthy?: boolean
  } = {}
) {
  const told: Array<readonly [string, ...ReadonlyArray<unknown>]> = []
  const note = (...what: readonly [string, ...ReadonlyArray<unknown>]) =>
    Effect.sync(() => {
      told.push(what)
    })
  const breaker = yield* CircuitBreaker.make({ name: "edicus", settings: CircuitSettings.edicus })
  const unused = () => Effect.die("not to be used")
  const run = RenderAttempt.make({
    adapter: "edicus",
    mode: "sandbox",
    breaker,
    attempt: (_, late) => Effect.andThen(note("attempt", late), attempt),
    retry: { ...designRender, jitter: 0 },
    deadline: Duration.minutes(30),
    queue: RenderQueue.of({
      claim: unused,
      begin: unused(),
      nextDue: unused(),
      freeAll: unused(),
      hold: unused,
      order: unused,
      place: unused,
      keepOrder: unused,
      forgetOrder: unused,
      wait: (_, next) => note("wait", next),
      release: () => note("release"),
      complete: (_, url) => note("complete", url),
      fail: (_, reason) => note("fail", reason),
      signal: () => {},
      news: unused()
    }),
    pause: {
      mode: () => options.mode ?? "flowing",
      pause: ({ reason, until }) => note("pause", reason, until),
      answered: note("answered"),
      circuit: Effect.succeed({ closed: true, retryAt: null })
    },
    isHealthy: Effect.as(note("health"), options.healthy ?? true),
    statistics: { lastSuccessAt: null, lastFailureAt: null, consecutiveFailures: 0, rateLimits: 0 }
  })
  yield* run({ ...job, ...options.job })
  return told
})

const busy = new Transient({ ...place, message: "busy" })

describe("RenderAttempt", () => {
  it.effect("AC-EDICUS-006 asks later whether it is rendered, ever less often, but at the deadline", () =>
    Effect.gen(function* () {
      const dueAt = Effect.fnUntraced(function* (polls: number) {
        const [, told] = yield* carry(Effect.succeed({ _tag: "Rendering" }), {
          job: { polls, failures: 3, problem: "x" }
        })
        const [what, next] = told ?? []
        assert.strictEqual(what, "wait")
        assert.deepInclude(next, { polls: polls + 1, failures: 0, problem: null })
        return Object(next).dueAt
      })
      const delays = yield* Effect.forEach([0, 1, 2, 3, 4, 5, 6, 50], dueAt)
      assert.deepStrictEqual(delays, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
      yield* TestClock.adjust("1799 seconds")
      assert.strictEqual(yield* dueAt(50), Duration.toMillis("30 minutes"))
    })
  )

  it.effect("AC-ERR-001 tries again after a passing failure, by the count in the row", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* carry(Effect.fail(busy), { job: { failures: 2, polls: 7 } }), [
        ["attempt", false],
        ["wait", { dueAt: 8000, failures: 3, polls: 7, problem: "POST /orders: busy" }]
      ])
    })
  )

  it.effect("AC-ERR-002 gives up after the last retry if the system is well, before it and after; else it waits", () =>
    Effect.gen(function* () {
      const last = { failures: 5, problem: "x" }
      assert.deepStrictEqual(yield* carry(Effect.fail(busy), { job: last }), [
        ["health"],
        ["attempt", false],
        ["health"],
        ["fail", "POST /orders: busy"]
      ])
      assert.deepStrictEqual(yield* carry(Effect.fail(busy), { job: last, healthy: false }), [
        ["health"],
        ["attempt", false],
        ["pause", "unhealthy", 30_000],
        ["wait", { dueAt: 0, failures: 5, polls: 0, problem: "POST /orders: busy" }]
      ])
    })
  )

  it.effect("AC-ERR-006 a refusal, a credential that is not taken, and a bug end a job at once", () =>
    Effect.gen(function* () {
      const end = (attempt: Parameters<typeof carry>[0]) => Effect.map(carry(attempt), (told) => told.at(-1))
      const refused = new Rejected({ ...place, message: "no such project" })
      assert.deepStrictEqual(yield* end(Effect.fail(refused)), ["fail", "POST /orders: no such project"])
      const stranger = new Unauthorized({ ...place, message: "answered 401" })
      assert.deepStrictEqual(yield* end(Effect.fail(stranger)), ["fail", "POST /orders: answered 401"])
      // What it says is for the log alone.
      assert.deepStrictEqual(yield* end(Effect.die(new Error("secret"))), ["fail", "a defect on the hub's side"])
      const long = new Rejected({ ...place, message: `\0\ud800${"가".repeat(5000)}` })
      const [, reason] = (yield* end(Effect.fail(long))) ?? []
      assert.strictEqual([...String(reason)].length, 1000)
      assert.match(String(reason), /^POST \/orders: \\u0000\\ud800가/)
    })
  )

  it.effect("AC-ERR-008 an open circuit defers all jobs, and uses up no retry", () =>
    Effect.gen(function* () {
      const open = new CircuitOpen({ ...place, operation: "", message: "the circuit is open", until: 30_000 })
      assert.deepStrictEqual(yield* carry(Effect.fail(open), { job: { failures: 4 } }), [
        ["attempt", false],
        ["pause", "circuit", 30_000],
        ["wait", { dueAt: 0, failures: 4, polls: 0, problem: "the circuit is open" }]
      ])
    })
  )

  it.effect("a lost database is no fault of the job: it is given back as it was", () =>
    Effect.gen(function* () {
      const lost = Effect.die(new DatabaseUnavailable({ reason: "gone" }))
      assert.deepStrictEqual(yield* carry(lost, { job: { failures: 4, polls: 2, problem: "before" } }), [
        ["attempt", false],
        ["wait", { dueAt: 0, failures: 4, polls: 2, problem: "before" }]
      ])
    })
  )

  it.effect("a job that another has taken over is left alone", () =>
    Effect.gen(function* () {
      const lost = Effect.fail(new ClaimLost({ renderJobId: job.renderJobId }))
      assert.deepStrictEqual(yield* carry(lost), [["attempt", false]])
    })
  )

  it.effect("past its deadline a job is looked at once more, but not during a pause", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("30 minutes")
      const url = "https://files.example.com/1.pdf"
      assert.deepStrictEqual(yield* carry(Effect.succeed({ _tag: "Rendered", url })), [
        ["attempt", true],
        ["complete", url]
      ])
      const late = "not rendered within 30m"
      assert.deepStrictEqual((yield* carry(Effect.succeed({ _tag: "Expired" }))).at(-1), ["fail", late])
      assert.deepStrictEqual((yield* carry(Effect.fail(busy))).at(-1), [
        "fail",
        `${late}; last problem: POST /orders: busy`
      ])
      assert.deepStrictEqual(yield* carry(Effect.fail(busy), { mode: "paused", job: { problem: "busy" } }), [
        ["fail", `${late}; last problem: busy`]
      ])
      assert.deepStrictEqual(yield* carry(Effect.fail(busy), { mode: "paused" }), [
        ["fail", `${late}; last problem: the system was not available`]
      ])
    })
  )

  it.effect("after a pause an answer lets all jobs go on", () =>
    Effect.gen(function* () {
      const refused = Effect.fail(new Rejected({ ...place, message: "no" }))
      for (const attempt of [Effect.succeed({ _tag: "Rendering" } as const), Effect.fail(busy), refused]) {
        assert.include((yield* carry(attempt, { mode: "probing" })).flat(), "answered")
      }
      const expired = yield* carry(Effect.succeed({ _tag: "Expired" }), { mode: "probing" })
      assert.notInclude(expired.flat(), "answered")
    })
  )

  it.effect("a job that was begun in another mode fails without an attempt", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* carry(Effect.die("no attempt"), { job: { mode: "live" } }), [
        ["fail", "begun in live mode, and the hub is in sandbox mode now"]
      ])
    })
  )

  it.effect("an attempt goes under the correlation id of the job", () =>
    Effect.gen(function* () {
      let context: unknown = null
      yield* carry(
        Effect.map(EventContext, (found) => {
          context = found
          return { _tag: "Rendering" } as const
        })
      )
      assert.deepStrictEqual(context, { correlationId: "trace-123", causationId: null, source: "edicus" })
    })
  )
})
