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
  /** How far a job is, for who asks: `제작대기` at first. Nobody is told. */
  readonly setStatus: (mesJobId: string, status: string) => Effect.Effect<void>
  /** Keys that arrived while a request with the same key was still being answered, once for each time. */
  readonly overlaps: Effect.Effect<ReadonlyArray<string>>
  readonly simulator: HttpSimulator.HttpSimulator
}

const text = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0]

const keyOf = (request: HttpSimulator.RecordedRequest): string => text(request.headers["idempotency-key"]) ?? ""

export const make: Effect.Effect<MesPlant, never, Scope.Scope> = Effect.gen(function* () {
  const simulator = yield* HttpSimulator.make
  const mood = yield* Ref.make<PlantMood>({ _tag: "Accept" })
  // These grow in place: tens of thousands of jobs are made in a drill.
  const jobs: Array<PlantJob> = []
  const byKey = new Map<string, PlantJob>()
  const byId = new Map<string, { readonly job: PlantJob; status: string }>()
  const waiting = new Set<{ readonly count: number; readonly done: Deferred.Deferred<void> }>()
  const answering = new Map<string, number>()
  const overlaps: Array<string> = []
  let dispatches = 0

  const answerOf = ({ itemCode, mesJobId }: PlantJob) => ({ mesJobId, itemCode, status: "accepted" })

  const accept = Effect.fnUntraced(function* (request: HttpSimulator.RecordedRequest) {
    const key = keyOf(request)
    const before = byKey.get(key)
    if (before !== undefined) return HttpSimulator.json(200, answerOf(before))
    const body: Omit<PlantJob, "mesJobId" | "idempotencyKey" | "correlationId"> = JSON.parse(request.body)
    const job: PlantJob = {
      ...body,
      mesJobId: `MJ-${String(jobs.length + 1).padStart(6, "0")}`,
      idempotencyKey: key,
      correlationId: text(request.headers["x-correlation-id"])
    }
    jobs.push(job)
    byKey.set(key, job)
    byId.set(job.mesJobId, { job, status: "제작대기" })
    for (const waiter of waiting) {
      if (jobs.length < waiter.count) continue
      waiting.delete(waiter)
      yield* Deferred.succeed(waiter.done, undefined)
    }
    return HttpSimulator.json(201, answerOf(job))
  })

  const dispatch = Effect.fnUntraced(function* (request: HttpSimulator.RecordedRequest, mood: PlantMood) {
    switch (mood._tag) {
      case "Status":
        return HttpSimulator.json(mood.status, { message: "told to" }, mood.headers)
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
        return hang
      case "Slow": {
        const answer = yield* accept(request)
        yield* Deferred.succeed(mood.arrived, undefined)
        yield* Effect.sleep(mood.millis)
        return answer
      }
      case "AcceptAndHang":
        yield* accept(request)
        yield* Deferred.succeed(mood.arrived, undefined)
        return hang
    }
  })

  /** A request that is left hanging is not being answered. */
  const noteOverlap = <A>(key: string, answer: Effect.Effect<A>) =>
    Effect.suspend(() => {
      const others = answering.get(key) ?? 0
      if (others > 0) overlaps.push(key)
      answering.set(key, others + 1)
      return Effect.ensuring(
        answer,
        Effect.sync(() => {
          const left = (answering.get(key) ?? 1) - 1
          if (left === 0) answering.delete(key)
          else answering.set(key, left)
        })
      )
    })

  const look = (path: string) => {
    const found = byId.get(decodeURIComponent(path.slice("/jobs/".length)))
    if (found === undefined) return HttpSimulator.json(404, {})
    const { job, status } = found
    return HttpSimulator.json(200, { mesJobId: job.mesJobId, orderId: job.orderId, status })
  }

  yield* simulator.respond(
    Effect.fnUntraced(function* (request) {
      const now = yield* Ref.get(mood)
      if (now._tag === "Status") return yield* dispatch(request, now)
      if (request.path === "/health") return HttpSimulator.json(200, { status: "ok" })
      if (request.method === "GET" && request.path.startsWith("/jobs/")) return look(request.path)
      if (request.method !== "POST" || request.path !== "/dispatch") return HttpSimulator.json(404, {})
      dispatches++
      return yield* noteOverlap(keyOf(request), dispatch(request, now))
    })
  )

  return {
    url: simulator.url,
    simulator,
    jobs: Effect.sync(() => [...jobs]),
    dispatches: Effect.sync(() => dispatches),
    setMood: (next) => Ref.set(mood, next),
    awaitJobs: Effect.fnUntraced(function* (count) {
      if (jobs.length < count) {
        const waiter = { count, done: yield* Deferred.make<void>() }
        waiting.add(waiter)
        yield* Effect.onInterrupt(Deferred.await(waiter.done), () => Effect.sync(() => waiting.delete(waiter)))
      }
      return [...jobs]
    }),
    setStatus: (mesJobId, status) =>
      Effect.sync(() => {
        const found = byId.get(mesJobId)
        if (found !== undefined) found.status = status
      }),
    overlaps: Effect.sync(() => [...overlaps])
  }
})

const hang: HttpSimulator.SimulatedAnswer = { _tag: "Hang" }
