import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { hash } from "node:crypto"

import { Idempotency, type IdempotentRequest } from "../../../src/services/security/Idempotency.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

const apiKey = { apiKeyId: "key_1", credential: Redacted.make("hub_secret") }

const request = (change: Partial<Omit<IdempotentRequest, "fingerprint">> & { readonly body?: string } = {}) => ({
  apiKeyId: change.apiKeyId ?? apiKey.apiKeyId,
  credential: apiKey.credential,
  method: change.method ?? "POST",
  path: change.path ?? "/api/v1/orders",
  key: change.key ?? "key-1",
  fingerprint: hash("sha256", change.body ?? "{}", "buffer")
})

const effect = (note: string) =>
  Effect.gen(function* () {
    const { sql } = yield* Database
    yield* Effect.orDie(sql`insert into effects (note) values (${note})`)
    return { status: 201, body: `{"note":"${note}","key":"hub_new_secret"}` }
  })

const effects = Effect.gen(function* () {
  const { sql } = yield* Database
  const rows = yield* sql`select note from effects order by note`
  return rows.map((row) => row["note"])
})

/** Before anything is built: what repeats every hour would have 56 years to catch up with. */
const november = Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 10, 1)))

const prepare = Effect.gen(function* () {
  yield* (yield* Database).sql`create table effects (note text)`
})

describeDatabases("Idempotency", (database) => {
  const live = Idempotency.layer.pipe(Layer.provideMerge(database), Layer.provide(november))

  it.effect("AC-API-007 the same request again gets the first answer and has no second effect", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      const first = yield* run(request(), effect("first"))
      const again = yield* run(request(), effect("again"))
      assert.deepStrictEqual(again, { answer: first.answer, repeated: true })
      assert.strictEqual(first.answer.status, 201)
      assert.deepStrictEqual(yield* effects, ["first"])
    }).pipe(Effect.provide(live))
  )

  it.effect("AC-API-007 another body under the same key is a mismatch", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      yield* run(request(), effect("first"))
      const error = yield* Effect.flip(run(request({ body: "{ }" }), effect("other")))
      assert.strictEqual(error._tag, "IdempotencyMismatch")
      assert.deepStrictEqual(yield* effects, ["first"])
    }).pipe(Effect.provide(live))
  )

  it.effect("keys are apart by API key, method and path", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      const others = [
        request({ apiKeyId: "key_2" }),
        request({ method: "PUT" }),
        request({ path: "/api/v1/products" }),
        request({ key: "key-2" })
      ]
      yield* run(request(), effect("0"))
      for (const [index, other] of others.entries()) {
        assert.isFalse((yield* run(other, effect(String(index + 1)))).repeated)
      }
      assert.deepStrictEqual(yield* effects, ["0", "1", "2", "3", "4"])
    }).pipe(Effect.provide(live))
  )

  it.effect("AC-API-007 while the first one runs: in progress; its lease ends after 60 s", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      const entered = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      // Outside a transaction: on the embedded database there is one session.
      const slow = Deferred.succeed(entered, undefined).pipe(
        Effect.andThen(Deferred.await(leave)),
        Effect.andThen(effect("slow"))
      )
      const first = yield* Effect.forkChild(Effect.exit(run(request(), slow, { transaction: false })))
      yield* Deferred.await(entered)
      const error = yield* Effect.flip(run(request(), effect("early")))
      assert.deepStrictEqual(
        [error._tag, "retryAfterSeconds" in error ? error.retryAfterSeconds : 0],
        ["IdempotencyInProgress", 60]
      )
      assert.strictEqual(
        (yield* Effect.flip(run(request({ body: "other" }), effect("early"))))._tag,
        "IdempotencyMismatch"
      )
      yield* TestClock.adjust("60 seconds")
      assert.isFalse((yield* run(request(), effect("take-over"))).repeated)
      yield* Deferred.succeed(leave, undefined)
      assert.strictEqual((yield* Fiber.join(first))._tag, "Failure")
      assert.isTrue((yield* run(request(), effect("late"))).repeated)
    }).pipe(Effect.provide(live))
  )

  it.effect("after a restart on an embedded database no key is held by the process that died", () =>
    Effect.gen(function* () {
      yield* prepare
      const { kind } = yield* Database
      const running = yield* Deferred.make<void>()
      const { run } = yield* Idempotency
      yield* Effect.forkChild(
        run(request(), Effect.andThen(Deferred.succeed(running, undefined), Effect.never), { transaction: false })
      )
      yield* Deferred.await(running)
      const again = Effect.gen(function* () {
        const restarted = yield* Idempotency
        return yield* restarted.run(request(), effect("again"))
      }).pipe(Effect.provide(Layer.fresh(Idempotency.layer)), Effect.result)
      // On a server the other one may well be alive: its lease counts.
      assert.strictEqual((yield* again)._tag, kind === "embedded" ? "Success" : "Failure")
      assert.deepStrictEqual(yield* effects, kind === "embedded" ? ["again"] : [])
    }).pipe(Effect.provide(live))
  )

  it.effect("a failure is not kept, and frees the key at once", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      const failing = Effect.andThen(effect("failed"), Effect.fail(new Refused()))
      assert.strictEqual((yield* Effect.flip(run(request(), failing)))._tag, "Refused")
      assert.strictEqual((yield* Effect.exit(run(request(), Effect.die("bug"))))._tag, "Failure")
      assert.deepStrictEqual(yield* effects, [])
      assert.isFalse((yield* run(request({ body: "corrected" }), effect("second"))).repeated)
      assert.deepStrictEqual(yield* effects, ["second"])
    }).pipe(Effect.provide(live))
  )

  it.effect("an answer is kept for 24 hours", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      yield* run(request(), effect("1"))
      yield* TestClock.setTime(Date.UTC(2026, 10, 2) - 1)
      assert.isTrue((yield* run(request(), effect("2"))).repeated)
      yield* TestClock.setTime(Date.UTC(2026, 10, 2))
      assert.isFalse((yield* run(request({ body: "new" }), effect("3"))).repeated)
      assert.deepStrictEqual(yield* effects, ["1", "3"])
    }).pipe(Effect.provide(live))
  )

  it.effect("answers are stored sealed: the database alone does not tell them", () =>
    Effect.gen(function* () {
      yield* prepare
      const { sql } = yield* Database
      const { run } = yield* Idempotency
      yield* run(request(), effect("first"))
      const [row] = yield* sql`select encode(answer, 'escape') as answer, k::text as row from idempotency_keys k`
      assert.isNotEmpty(String(row?.["answer"]))
      assert.notInclude(JSON.stringify(row), "hub_")
    }).pipe(Effect.provide(live))
  )

  it.effect("many at once under one key: one effect", () =>
    Effect.gen(function* () {
      yield* prepare
      const { run } = yield* Idempotency
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 20 }),
        (_, index) => Effect.exit(run(request(), effect(String(index)))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* effects).length, 1)
      assert.isTrue(outcomes.some(({ _tag }) => _tag === "Success"))
    }).pipe(Effect.provide(live))
  )
})
