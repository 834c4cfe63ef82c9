import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Option, Random, Ref, Result, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../../../src/services/resilience/RetryPolicy.ts"

/** The specification's table, written out: nominal delays in ms, cap in ms, jitter. */
const table = [
  { name: "product sync", policy: RetryPolicy.productSync, delays: [1000, 2000, 4000], cap: 30_000, jitter: 0.2 },
  { name: "order dispatch", policy: RetryPolicy.orderDispatch, delays: [1000, 2000, 4000], cap: 30_000, jitter: 0.2 },
  {
    name: "design render",
    policy: RetryPolicy.designRender,
    delays: [2000, 4000, 8000, 16_000, 32_000],
    cap: 60_000,
    jitter: 0.2
  },
  { name: "status callback", policy: RetryPolicy.statusCallback, delays: [500, 1000], cap: 5000, jitter: 0.1 }
] as const

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

const delays = Effect.fnUntraced(function* (policy: RetryPolicy.RetryPolicy, attempts: number) {
  const seen: Array<number> = []
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const delay = yield* RetryPolicy.delayAfter(policy, attempt)
    if (Option.isSome(delay)) seen.push(Duration.toMillis(delay.value))
  }
  return seen
})

const assertInside = (seen: ReadonlyArray<number>, nominal: ReadonlyArray<number>, jitter: number, cap: number) => {
  assert.strictEqual(seen.length, nominal.length)
  seen.forEach((millis, index) => {
    const middle = Math.min(nominal[index] ?? NaN, cap)
    assert.isAtLeast(millis, middle * (1 - jitter) - 1e-6)
    assert.isAtMost(millis, middle * (1 + jitter) + 1e-6)
    assert.isAtMost(millis, cap)
  })
}

describe("RetryPolicy", () => {
  it.effect.prop(
    "AC-ERR-001 each policy waits as tabled, inside its jitter, never past its cap, then gives up",
    [Seed],
    ([seed]) =>
      Effect.gen(function* () {
        for (const row of table) {
          const seen = yield* delays(row.policy, row.delays.length + 3)
          assertInside(seen, row.delays, row.jitter, row.cap)
        }
      }).pipe(Random.withSeed(seed)),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "AC-ERR-001 with more retries the delays stay under the cap, jitter included",
    [Seed, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))],
    ([seed, retries]) =>
      Effect.gen(function* () {
        for (const row of table) {
          const nominal = Array.from({ length: retries }, (_, index) => row.delays[0] * 2 ** index)
          assertInside(yield* delays({ ...row.policy, retries }, retries + 1), nominal, row.jitter, row.cap)
        }
      }).pipe(Random.withSeed(seed)),
    { arbitrary: { runs: 50 } }
  )

  it.effect("AC-ERR-001 the jitter is spread over its whole range", () =>
    Effect.gen(function* () {
      const seen = yield* Effect.replicateEffect(RetryPolicy.delayAfter(RetryPolicy.orderDispatch, 1), 2000)
      const millis = seen.flatMap((delay) => (Option.isSome(delay) ? [Duration.toMillis(delay.value)] : []))
      const mean = millis.reduce((sum, each) => sum + each, 0) / millis.length
      assert.isBelow(Math.min(...millis), 820)
      assert.isAbove(Math.max(...millis), 1180)
      assert.isTrue(mean > 985 && mean < 1015, `mean ${mean}`)
    }).pipe(Random.withSeed("spread"))
  )

  it.effect("AC-ERR-001 at the cap the delays are still spread, below it", () =>
    Effect.gen(function* () {
      const policy = { ...RetryPolicy.orderDispatch, retries: 20 }
      const seen = yield* Effect.replicateEffect(RetryPolicy.delayAfter(policy, 20), 500)
      const millis = seen.flatMap((delay) => (Option.isSome(delay) ? [Duration.toMillis(delay.value)] : []))
      assert.isBelow(Math.min(...millis), 24_200)
      assert.isAbove(Math.max(...millis), 29_800)
      assert.isAbove(new Set(millis).size, 490)
    }).pipe(Random.withSeed("cap"))
  )

  it.effect("AC-ERR-001 the delay comes from the stored count alone, so a restart changes nothing", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("400 days")
      const delay = yield* RetryPolicy.delayAfter(RetryPolicy.orderDispatch, 3)
      assert.isTrue(Option.isSome(delay))
      if (Option.isSome(delay)) assertInside([Duration.toMillis(delay.value)], [4000], 0.2, 30_000)
      assert.isTrue(Option.isNone(yield* RetryPolicy.delayAfter(RetryPolicy.orderDispatch, 4)))
      assert.deepStrictEqual(yield* RetryPolicy.delayAfter(RetryPolicy.orderDispatch, 0), Option.some(Duration.zero))
    })
  )

  it.effect("AC-ERR-001 as a Schedule it retries at 1, 2 and 4 seconds and then fails", () =>
    Effect.gen(function* () {
      const attempts = yield* Ref.make(0)
      const call = Effect.andThen(
        Ref.update(attempts, (n) => n + 1),
        Effect.fail("down")
      )
      const exact = { ...RetryPolicy.orderDispatch, jitter: 0 }
      const fiber = yield* Effect.forkChild(Effect.exit(Effect.retry(call, RetryPolicy.schedule(exact))))
      yield* TestClock.adjust("999 millis")
      const counts = [yield* Ref.get(attempts)]
      for (const millis of [1, 1999, 1, 3999, 1, 100_000]) {
        yield* TestClock.adjust(millis)
        counts.push(yield* Ref.get(attempts))
      }
      assert.deepStrictEqual(counts, [1, 2, 2, 3, 3, 4, 4])
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
    })
  )

  it.effect("takes any schedule; its elapsed time is that of its own delays", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delays(Schedule.fibonacci("1 seconds"), 5), [1000, 1000, 2000, 3000, 5000])
      const limited = Schedule.exponential("1 seconds").pipe(Schedule.upTo({ duration: "10 seconds" }))
      assert.deepStrictEqual(yield* delays(limited, 10), [1000, 2000, 4000, 8000])
      assert.deepStrictEqual(yield* delays(Schedule.recurs(0), 3), [])
    })
  )

  it("reads a back-off from configuration and refuses one that could not work", () => {
    const decode = Schema.decodeUnknownResult(RetryPolicy.Backoff)
    const good = { retries: 0, base: "1 second", cap: "1 minute", jitter: 1 }
    const policy = Result.getOrThrow(decode(good))
    assert.deepStrictEqual([Duration.toMillis(policy.base), Duration.toMillis(policy.cap)], [1000, 60_000])
    const bad = [{ retries: -1 }, { retries: 1.5 }, { base: "soon" }, { cap: 60 }, { jitter: -0.1 }, { jitter: 1.1 }]
    for (const one of bad) assert.isTrue(Result.isFailure(decode({ ...good, ...one })), JSON.stringify(one))
  })
})

describe("parseRetryAfter", () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 0)
  const parse = (value: string | undefined) => RetryPolicy.parseRetryAfter(value, now)

  it("AC-ERR-007 reads seconds", () => {
    assert.strictEqual(parse("120"), 120_000)
    assert.strictEqual(parse(" 7 "), 7000)
    assert.strictEqual(parse("0"), 0)
  })

  it("AC-ERR-007 reads the three forms of an HTTP date", () => {
    for (const date of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994"
    ]) {
      assert.strictEqual(parse(date), 37_000, date)
    }
  })

  it("AC-ERR-007 is never negative and never more than an hour", () => {
    assert.strictEqual(parse("Sun, 06 Nov 1994 08:48:59 GMT"), 0)
    assert.strictEqual(parse("3600"), 3_600_000)
    assert.strictEqual(parse("3601"), 3_600_000)
    assert.strictEqual(parse("9".repeat(400)), 3_600_000)
    assert.strictEqual(parse("Fri, 31 Dec 1999 23:59:59 GMT"), 3_600_000)
  })

  it("AC-ERR-007 ignores garbage", () => {
    const garbage = [
      "",
      "-5",
      "1.5",
      "1e3",
      "soon",
      "NaN",
      "Infinity",
      "5 seconds",
      "1994-11-06T08:49:37Z",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 25:49:37 GMT",
      "0x10"
    ]
    for (const value of garbage) assert.strictEqual(parse(value), null, value)
    assert.strictEqual(parse(undefined), null)
  })

  it.prop("AC-ERR-007 whatever the header says, the wait is within an hour", [Schema.String], ([value]) => {
    const millis = parse(value)
    assert.isTrue(millis === null || (millis >= 0 && millis <= 3_600_000))
  })
})
