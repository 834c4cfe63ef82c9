import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { noCalls } from "../../../src/domain/IntegrationHealth.ts"
import { RecentCalls } from "../../../src/services/observability/RecentCalls.ts"
import type { AttemptRecord } from "../../../src/services/providers/CallRecorder.ts"
import { makeCall, makeStub, notFound, recording, serverError, services } from "../../support/ProviderRig.ts"

const ask = { title: "dune" }

const attempt = (outcome: AttemptRecord["outcome"], more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  _tag: "Attempt",
  integration: "mes",
  provider: "mes",
  operation: "POST /dispatch",
  attempt: 1,
  outcome,
  errorClass: null,
  status: null,
  circuit: "CLOSED",
  sandbox: true,
  at: 1000,
  durationMillis: 5,
  traceId: null,
  correlationId: null,
  ...more
})

describe("RecentCalls", () => {
  it.effect("counts guarded calls by what their callers got, and hands every record on", () => {
    const { attempts, calls, layer } = recording()
    return Effect.gen(function* () {
      const recent = yield* RecentCalls
      const stub = yield* makeStub("books_one", { retry: "CONSERVATIVE" })
      const search = yield* makeCall([stub])
      const [provider, ...more] = yield* recent.providers
      assert.deepInclude(provider ?? {}, { integration: "books", provider: "books_one", mode: "live" })
      assert.isEmpty(more)
      assert.deepStrictEqual((yield* recent.activity("books")).calls, noCalls)

      yield* search.run(ask)
      yield* search.run(ask)
      yield* stub.behave(notFound)
      yield* Effect.flip(search.run({ title: "none" }))
      const { calls: counts, consecutiveFailures, lastFailureAt, lastSuccessAt } = yield* recent.activity("books")
      assert.deepStrictEqual(counts, { ...noCalls, asked: 2, hits: 1 })
      assert.deepStrictEqual([lastSuccessAt, lastFailureAt, consecutiveFailures], [0, null, 0])

      yield* TestClock.adjust("2 days")
      yield* stub.behave(serverError)
      const failing = Effect.forEach([ask, { title: "unheard of" }], (request) => Effect.exit(search.run(request)), {
        concurrency: 2
      })
      yield* Effect.forkChild(failing)
      yield* TestClock.adjust("10 seconds")
      const later = yield* recent.activity("books")
      assert.deepStrictEqual(later.calls, { ...noCalls, asked: 2, failed: 1, stale: 1, slow: 2 })
      assert.strictEqual(later.consecutiveFailures, 2)
      assert.strictEqual(calls().length, 5)
      assert.isAbove(attempts().length, 5)
    }).pipe(
      Effect.provide(
        services.pipe(
          Layer.provideMerge(RecentCalls.recorder.pipe(Layer.provideMerge(RecentCalls.layer), Layer.provide(layer)))
        )
      )
    )
  })

  it.effect("forgets what is older than five minutes", () =>
    Effect.gen(function* () {
      const recent = yield* RecentCalls
      const asked = Effect.map(recent.activity("mes"), ({ calls }) => calls.asked)
      recent.record(attempt("success"))
      yield* TestClock.adjust(269_000)
      recent.record(attempt("failed", { at: 269_000 }))
      assert.strictEqual(yield* asked, 2)
      yield* TestClock.adjust("1 minutes")
      assert.strictEqual(yield* asked, 1)
      yield* TestClock.adjust("5 minutes")
      const { calls, lastFailureAt, lastSuccessAt } = yield* recent.activity("mes")
      assert.deepStrictEqual([calls, lastSuccessAt, lastFailureAt], [noCalls, 1000, 269_000])
    }).pipe(Effect.provide(RecentCalls.layer))
  )

  it.effect("an adapter is judged by its attempts; probes, refusals by the circuit and interruptions say nothing", () =>
    Effect.gen(function* () {
      const recent = yield* RecentCalls
      const tell = (outcome: AttemptRecord["outcome"], more?: Partial<AttemptRecord>) =>
        recent.record(attempt(outcome, more))
      tell("success")
      tell("rejected")
      tell("failed")
      tell("timeout", { durationMillis: 10_000 })
      tell("failed", { probe: true })
      tell("refused-by-circuit")
      tell("interrupted")
      tell("rate-limited")
      const { calls, consecutiveFailures } = yield* recent.activity("mes")
      assert.deepStrictEqual(calls, { ...noCalls, asked: 4, failed: 2, slow: 1, rateLimited: 1 })
      assert.strictEqual(consecutiveFailures, 2)
      assert.deepStrictEqual([...(yield* recent.rateLimited)], [["mes", 1]])

      tell("failed", { integration: "fx", provider: "fx_primary", guarded: true })
      assert.deepStrictEqual((yield* recent.activity("fx")).calls, noCalls)
    }).pipe(Effect.provide(RecentCalls.layer))
  )
})
