/**
 * The plant at work: one job in three goes through its three statuses, and the hub is told of each by a signed webhook,
 * the next one only after an answer to the one before. What is not answered is told again.
 */
import { Effect, Fiber, Semaphore, type Scope } from "effect"
import type { MesPlant, PlantJob } from "../../test/support/MesPlant.ts"
import { deliver, type Target } from "./Sender.ts"

const steps = ["제작중", "제작완료", "출고완료"]
const everyTold = 3
const concurrency = 8

export interface PlantFloor {
  /** Ends when the hub has answered for every chosen job that was made by now. */
  readonly finish: Effect.Effect<void>
  /** Jobs whose three statuses the hub has taken. */
  readonly shipped: ReadonlySet<PlantJob>
  /** Answers that must not be. */
  readonly violations: ReadonlyArray<string>
}

const isChosen = ({ mesJobId }: PlantJob) => Number(mesJobId.slice("MJ-".length)) % everyTold === 0

export const make = Effect.fnUntraced(function* (
  plant: MesPlant,
  target: Target
): Effect.fn.Return<PlantFloor, never, Scope.Scope> {
  const working = yield* Semaphore.make(concurrency)
  const shipped = new Set<PlantJob>()
  const violations: Array<string> = []
  const running = new Map<string, Fiber.Fiber<void>>()
  const scope = yield* Effect.scope

  const work = Effect.fnUntraced(function* (job: PlantJob) {
    for (const status of steps) {
      yield* plant.setStatus(job.mesJobId, status)
      const { body, status: code } = yield* deliver(target, {
        method: "PUT",
        path: `/api/v1/integration/mes/orders/${job.orderId}/status`,
        body: JSON.stringify({ mesJobId: job.mesJobId, status }),
        id: `msg_${job.mesJobId}_${steps.indexOf(status)}`
      })
      if (code === 200) continue
      violations.push(`${job.mesJobId} to ${status} answered ${code}: ${JSON.stringify(body)}`)
      return
    }
    shipped.add(job)
  })

  const begin = (jobs: ReadonlyArray<PlantJob>) =>
    Effect.forEach(
      jobs.filter((job) => isChosen(job) && !running.has(job.mesJobId)),
      (job) =>
        Effect.map(Effect.forkIn(Semaphore.withPermits(working, 1)(work(job)), scope), (fiber) =>
          running.set(job.mesJobId, fiber)
        ),
      { discard: true }
    )

  const follow = Effect.gen(function* () {
    let seen = 0
    for (;;) {
      const jobs = yield* plant.awaitJobs(seen + 1)
      yield* begin(jobs.slice(seen))
      seen = jobs.length
    }
  })
  yield* Effect.forkScoped(follow)

  return {
    shipped,
    violations,
    finish: Effect.gen(function* () {
      yield* begin(yield* plant.jobs)
      for (const fiber of running.values()) yield* Fiber.await(fiber)
    })
  }
})
