/** Render jobs in the database: asking for them, and who carries them. What carries them is tested with the adapter. */
import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Option, Queue } from "effect"
import { TestClock } from "effect/testing"
import { DesignId, RenderJobId } from "../../../src/domain/Ids.ts"
import { Designs } from "../../../src/services/designs/Designs.ts"
import { RenderJobs } from "../../../src/services/designs/RenderJobs.ts"
import { type ClaimedRender, RenderQueue } from "../../../src/services/designs/RenderQueue.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"
import { Notifications } from "../../../src/services/orders/Notifications.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as DesignDesk from "../../support/DesignDesk.ts"

const leaseMillis = 20_000

const claim = (limit = 10, more: { mode?: "sandbox" | "live"; begunBefore?: number } = {}) =>
  RenderQueue.use((queue) => queue.claim({ mode: "sandbox", limit, leaseMillis, ...more }))

/** Claims the only job that there is. */
const claimOne = Effect.map(claim(), ([job, ...rest]): ClaimedRender => {
  assert.deepStrictEqual(rest, [])
  assert(job !== undefined)
  return job
})

const ask = (edicusProjectId: string) =>
  Effect.flatMap(DesignDesk.design({ edicusProjectId }), (designId) => DesignDesk.render({ designId }))

describeDatabases("RenderQueue", (database) => {
  const layer = DesignDesk.core.pipe(
    Layer.provideMerge(EventBus.layer),
    Layer.provideMerge(EventLog.layerSql),
    Layer.provideMerge(database)
  )
  const test = (name: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
    it.effect(name, () => Effect.provide(body, layer))

  test(
    "AC-EDICUS-005 a job is stored as it was asked for, pdf in print quality by default, and the worker is told",
    Effect.gen(function* () {
      const jobs = yield* RenderJobs
      const queue = yield* RenderQueue
      const news = yield* queue.news
      const designId = yield* DesignDesk.design()
      const job = yield* jobs.request({ designId })
      assert.match(job.renderJobId, /^rnd_[0-9A-Z]{26}$/)
      assert.deepStrictEqual(job, {
        renderJobId: job.renderJobId,
        designId,
        status: "queued",
        outputFormat: "pdf",
        quality: "print",
        renderedFileUrl: null,
        error: null,
        createdAt: "1970-01-01T00:00:00.000Z",
        completedAt: null
      })
      assert.deepStrictEqual(yield* jobs.get(job.renderJobId), job)
      assert.isTrue(Option.isSome(yield* Queue.poll(news)))
    }).pipe(Effect.scoped)
  )

  test(
    "AC-EDICUS-005 there is no job for an unknown design, none for one without a project, and none that rolled back",
    Effect.gen(function* () {
      const jobs = yield* RenderJobs
      const queue = yield* RenderQueue
      const database = yield* Database
      const unknown = DesignId.make("des_00000000000000000000000000")
      assert.strictEqual((yield* Effect.flip(jobs.request({ designId: unknown })))._tag, "DesignNotFound")
      const designId = yield* DesignDesk.design({ edicusProjectId: null })
      assert.deepInclude(yield* Effect.flip(jobs.request({ designId })), { _tag: "DesignWithoutProject", designId })
      const news = yield* queue.news
      const renderable = yield* DesignDesk.design()
      yield* Effect.flip(
        database.transaction(Effect.andThen(jobs.request({ designId: renderable }), Effect.fail("no")))
      )
      assert.isTrue(Option.isNone(yield* Queue.poll(news)))
      assert.deepStrictEqual(yield* claim(), [])
      const id = RenderJobId.make("rnd_00000000000000000000000000")
      assert.deepInclude(yield* Effect.flip(jobs.get(id)), { _tag: "RenderJobNotFound", renderJobId: id })
    }).pipe(Effect.scoped)
  )

  test(
    "a claimed job is nobody else's until its lease runs out; who held it before can then change nothing",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      const id = yield* ask("p-1")
      const first = yield* claimOne
      assert.deepInclude(first, { renderJobId: id, projectId: "p-1", step: "waiting", mode: "sandbox", claim: 1 })
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual(yield* claim(), [])
      yield* queue.hold(first, leaseMillis, "ordering")
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual(yield* claim(), [])
      yield* TestClock.adjust("1 second")
      const second = yield* claimOne
      assert.deepInclude(second, { renderJobId: id, step: "ordering", claim: 2, begunAt: 0 })

      const lost = [
        queue.hold(first, leaseMillis),
        queue.place(first, leaseMillis),
        queue.keepOrder(first, 5),
        queue.forgetOrder(first),
        queue.wait(first, { dueAt: 0, failures: 0, polls: 0, problem: null }),
        queue.complete(first, "https://files.example.com/1.pdf"),
        queue.fail(first, "too late")
      ]
      for (const write of lost) {
        assert.deepInclude(yield* Effect.flip(write), { _tag: "ClaimLost", renderJobId: id })
      }
      yield* queue.release(first)
      assert.deepStrictEqual(yield* claim(), [])
      assert.isNull(yield* queue.order(second))
      assert.strictEqual((yield* DesignDesk.get(id)).status, "processing")
      assert.strictEqual((yield* Notifications.use((all) => all.list({}, { page: 1, limit: 1 }))).total, 0)
      yield* queue.complete(second, "https://files.example.com/1.pdf")
      assert.strictEqual((yield* DesignDesk.get(id)).status, "completed")
      assert.strictEqual((yield* Effect.flip(queue.fail(second, "again")))._tag, "ClaimLost")
    })
  )

  test(
    "what is given back goes on when it is due, where it was",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      yield* ask("p-1")
      const job = yield* claimOne
      assert.strictEqual(yield* queue.nextDue, leaseMillis)
      yield* queue.wait(job, { dueAt: 5000.4, failures: 2, polls: 3, problem: "busy" })
      assert.strictEqual(yield* queue.nextDue, 5001)
      yield* TestClock.adjust(5000)
      assert.deepStrictEqual(yield* claim(), [])
      yield* TestClock.adjust(1)
      const again = yield* claimOne
      assert.deepInclude(again, { failures: 2, polls: 3, problem: "busy", claim: 2 })
      yield* queue.release(again)
      assert.deepInclude(yield* claimOne, { failures: 2, polls: 3, claim: 3 })
      yield* queue.freeAll
      assert.deepInclude(yield* claimOne, { claim: 4 })
    })
  )

  test(
    "of one project one job at a time, in the order asked for; of others as many as are wanted, the longest due first",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      const ids = []
      for (const project of ["p-1", "p-1", "p-2", "p-1", "p-3"]) {
        ids.push(yield* ask(project))
        yield* TestClock.adjust("1 second")
      }
      const [one, two, three, four, five] = ids
      const claimed = yield* claim(2)
      assert.sameMembers(
        claimed.map((job) => job.renderJobId),
        [one, three]
      )
      assert.deepStrictEqual(
        (yield* claim()).map((job) => job.renderJobId),
        [five]
      )
      const first = claimed.find((job) => job.renderJobId === one)
      assert(first !== undefined)
      // It waits for its render: still nobody else's turn.
      yield* queue.wait(first, { dueAt: 3_600_000, failures: 0, polls: 1, problem: null })
      assert.deepStrictEqual(yield* claim(), [])
      yield* TestClock.setTime(3_600_000)
      const again = (yield* claim()).find((job) => job.renderJobId === one)
      assert(again !== undefined)
      yield* queue.fail(again, "no")
      const next = yield* claim()
      assert.include(
        next.map((job) => job.renderJobId),
        two
      )
      assert.notInclude(
        next.map((job) => job.renderJobId),
        four
      )
    })
  )

  test(
    "many claims at once: each job has one holder",
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(Array.from({ length: 20 }), (_, index) => ask(`p-${index % 10}`))
      const claimed = yield* Effect.forEach(Array.from({ length: 8 }), () => claim(3), { concurrency: "unbounded" })
      const held = claimed.flat().map((job) => job.renderJobId)
      assert.strictEqual(new Set(held).size, held.length)
      assert.isAtMost(held.length, 10)
      const rest = yield* claim(100)
      assert.strictEqual(held.length + rest.length, 10)
      assert.includeMembers(ids, held)
    })
  )

  test(
    "a job's time runs from when it could first be taken up, also while nothing can be done for it",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      const [first, behind] = [yield* ask("p-1"), yield* ask("p-1")]
      yield* TestClock.adjust("1 hour")
      yield* queue.begin
      yield* TestClock.adjust("1 hour")
      yield* queue.begin
      const now = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(yield* claim(10, { begunBefore: now - Duration.toMillis("61 minutes") }), [])
      const [job, ...rest] = yield* claim(10, { begunBefore: now - Duration.toMillis("1 hour") })
      assert.deepStrictEqual(rest, [])
      assert.deepInclude(job, { renderJobId: first, begunAt: Duration.toMillis("1 hour") })
      assert(job !== undefined)
      yield* queue.fail(job, "out of time")
      assert.deepInclude(yield* claimOne, { renderJobId: behind, begunAt: now })
    })
  )

  test(
    "the order of a project is recorded before it is placed, once per mode, under the name of the job that places it",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      const id = yield* ask("p-1")
      const job = yield* claimOne
      assert.isNull(yield* queue.order(job))
      assert.deepStrictEqual(yield* queue.place(job, leaseMillis), { partnerOrderId: id, orderId: null })
      assert.deepStrictEqual(yield* queue.order(job), { partnerOrderId: id, orderId: null })
      // Refused: nothing was placed.
      yield* queue.forgetOrder(job)
      assert.isNull(yield* queue.order(job))
      yield* queue.place(job, leaseMillis)
      assert.isTrue(yield* queue.keepOrder(job, 2 ** 52))
      yield* queue.forgetOrder(job)
      assert.deepStrictEqual(yield* queue.order(job), { partnerOrderId: id, orderId: 2 ** 52 })
      assert.isNull(yield* queue.order({ ...job, mode: "live" }))
      yield* queue.fail(job, "no")

      const later = yield* ask("p-1")
      const second = yield* claimOne
      assert.strictEqual(second.renderJobId, later)
      assert.deepStrictEqual(yield* queue.place(second, leaseMillis), { partnerOrderId: id, orderId: 2 ** 52 })
      yield* ask("p-2")
      const other = yield* claimOne
      yield* queue.place(other, leaseMillis)
      assert.isFalse(yield* queue.keepOrder(other, 2 ** 52))
      assert.deepInclude(yield* queue.order(other), { orderId: null })
      assert.isTrue(yield* queue.keepOrder(other, 7))
    })
  )

  test(
    "AC-EDICUS-006 a job that ends changes its design, or tells the operator, with it",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      const designs = yield* Designs
      const designId = yield* DesignDesk.design()
      const url = "https://files.example.com/1.pdf"
      yield* TestClock.adjust("1 minute")
      const first = yield* DesignDesk.render({ designId })
      yield* queue.complete(yield* claimOne, url)
      assert.deepInclude(yield* DesignDesk.get(first), {
        status: "completed",
        renderedFileUrl: url,
        error: null,
        completedAt: "1970-01-01T00:01:00.000Z"
      })
      assert.deepInclude(yield* designs.get(designId), {
        renderedFileUrl: url,
        createdAt: "1970-01-01T00:00:00.000Z",
        updatedAt: "1970-01-01T00:01:00.000Z"
      })
      const second = yield* DesignDesk.render({ designId })
      yield* queue.fail(yield* claimOne, "Edicus said no")
      assert.deepInclude(yield* DesignDesk.get(second), {
        status: "failed",
        renderedFileUrl: null,
        error: "Edicus said no",
        completedAt: "1970-01-01T00:01:00.000Z"
      })
      assert.strictEqual((yield* designs.get(designId)).renderedFileUrl, url)
      const { data } = yield* Notifications.use((notifications) => notifications.list({}, { page: 1, limit: 10 }))
      assert.deepStrictEqual(
        data.map((one) => [one.kind, one.subject, one.correlationId]),
        [["render-failed", `render:${second}`, "trace-123"]]
      )
    })
  )

  test(
    "a real file of a design is not replaced by one of the sandbox",
    Effect.gen(function* () {
      const queue = yield* RenderQueue
      const designId = yield* DesignDesk.design()
      const render = Effect.fnUntraced(function* (mode: "sandbox" | "live") {
        yield* DesignDesk.render({ designId })
        const [job] = yield* claim(1, { mode })
        assert(job !== undefined)
        yield* queue.complete(job, `https://${mode}.example.com`)
        return (yield* Designs.use((designs) => designs.get(designId))).renderedFileUrl
      })
      assert.strictEqual(yield* render("sandbox"), "https://sandbox.example.com")
      assert.strictEqual(yield* render("live"), "https://live.example.com")
      assert.strictEqual(yield* render("sandbox"), "https://live.example.com")
    })
  )
})
