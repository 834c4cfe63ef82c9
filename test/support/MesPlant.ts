/**
 * An independent MES on a port of its own, written from section 8.1 alone: it shares nothing with the hub's sandbox.
 * The ledger of jobs is what decides in crash tests: one job per (order, item code, part).
 */
import { Deferred, Effect, Ref, type Scope } from "effect"
import * as HttpSimulator from "./simulator/HttpSimulator.ts"

export interface PlantJob {
  readonly mesJobId: string
  readonly idempotencyKey: string
  readonly correlationId: string | undefined
  readonly orderId: string
  readonly itemCode: string
  readonly part: string | null
  readonly materialCodes: ReadonlyArray<string>
  readonly processCodes: ReadonlyArray<string>
  readonly quantity: number
  readonly memo: string | undefined
}

/** What the plant does with the next dispatches. */
export type PlantMood =
  | { readonly _tag: "Accept" }
  | { readonly _tag: "Reject"; readonly errorMessage: string }
  /** Answers nothing and makes no job. `arrived` tells of each request. */
  | { readonly _tag: "Hang"; readonly arrived: Deferred.Deferred<void> }
  /** Makes the job, then answers nothing. */
  | { readonly _tag: "AcceptAndHang"; readonly arrived: Deferred.Deferred<void> }
  /** Makes the job and answers after this time. */
  | { readonly _tag: "Slow"; readonly arrived: Deferred.Deferred<void>; readonly millis: number }
  | { readonly _tag: "Status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }

export interface MesPlant {
  readonly url: string
  /** Every job ever made, in order. */
  readonly jobs: Effect.Effect<ReadonlyArray<PlantJob>>
  /** Number of POST /dispatch requests that arrived. */
  readonly dispatches: Effect.Effect<number>
  readonly setMood: (mood: PlantMood) => Effect.Effect<void>
  /** Waits until this many jobs were made. */
  readonly awaitJobs: (count: number) => Effect.Effect<ReadonlyArray<PlantJob>>
  readonly simulator: HttpSimulator.HttpSimulator
}

interface State {
  readonly jobs: ReadonlyArray<PlantJob>
  readonly mood: PlantMood
  readonly dispatches: number
  readonly waiting: ReadonlyArray<{ readonly count: number; readonly done: Deferred.Deferred<void> }>
}

const text = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0]

export const make: Effect.Effect<MesPlant, never, Scope.Scope> = Effect.gen(function* () {
  const simulator = yield* HttpSimulator.make
  const state = yield* Ref.make<State>({ jobs: [], mood: { _tag: "Accept" }, dispatches: 0, waiting: [] })

  const accept = Effect.fnUntraced(function* (request: HttpSimulator.RecordedRequest) {
    const key = text(request.headers["idempotency-key"]) ?? ""
    const before = (yield* Ref.get(state)).jobs.find((job) => job.idempotencyKey === key)
    if (before !== undefined) {
      return HttpSimulator.json(200, { mesJobId: before.mesJobId, itemCode: before.itemCode, status: "accepted" })
    }
    const body: Omit<PlantJob, "mesJobId" | "idempotencyKey" | "correlationId"> = JSON.parse(request.body)
    const after = yield* Ref.updateAndGet(state, (current) => ({
      ...current,
      jobs: [
        ...current.jobs,
        {
          ...body,
          mesJobId: `MJ-${String(current.jobs.length + 1).padStart(6, "0")}`,
          idempotencyKey: key,
          correlationId: text(request.headers["x-correlation-id"])
        }
      ]
    }))
    for (const { count, done } of after.waiting) {
      if (after.jobs.length >= count) yield* Deferred.succeed(done, undefined)
    }
    const job = after.jobs.find((made) => made.idempotencyKey === key)
    return HttpSimulator.json(201, { mesJobId: job?.mesJobId, itemCode: job?.itemCode, status: "accepted" })
  })

  yield* simulator.respond(
    Effect.fnUntraced(function* (request) {
      const { mood } = yield* Ref.get(state)
      if (mood._tag === "Status") return HttpSimulator.json(mood.status, { message: "told to" }, mood.headers)
      if (request.path === "/health") return HttpSimulator.json(200, { status: "ok" })
      if (request.method !== "POST" || request.path !== "/dispatch") return HttpSimulator.json(404, {})
      yield* Ref.update(state, (current) => ({ ...current, dispatches: current.dispatches + 1 }))
      switch (mood._tag) {
        case "Accept":
          return yield* accept(request)
        case "Reject":
          return HttpSimulator.json(201, {
            mesJobId: "MJ-none",
            itemCode: JSON.parse(request.body).itemCode,
            status: "rejected",
            errorMessage: mood.errorMessage
          })
        case "Hang":
          yield* Deferred.succeed(mood.arrived, undefined)
          return { _tag: "Hang" }
        case "Slow": {
          const answer = yield* accept(request)
          yield* Deferred.succeed(mood.arrived, undefined)
          yield* Effect.sleep(mood.millis)
          return answer
        }
        case "AcceptAndHang":
          yield* accept(request)
          yield* Deferred.succeed(mood.arrived, undefined)
          return { _tag: "Hang" }
      }
    })
  )

  return {
    url: simulator.url,
    simulator,
    jobs: Effect.map(Ref.get(state), (current) => current.jobs),
    dispatches: Effect.map(Ref.get(state), (current) => current.dispatches),
    setMood: (mood) => Ref.update(state, (current) => ({ ...current, mood })),
    awaitJobs: Effect.fnUntraced(function* (count) {
      const done = yield* Deferred.make<void>()
      const current = yield* Ref.updateAndGet(state, (now) => ({ ...now, waiting: [...now.waiting, { count, done }] }))
      if (current.jobs.length < count) yield* Deferred.await(done)
      return (yield* Ref.get(state)).jobs
    })
  }
})
