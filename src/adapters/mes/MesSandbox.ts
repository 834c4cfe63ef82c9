/**
 * A print plant in the process: the contract of section 8.1 implemented with its state in memory. Mounted as the
 * adapter's HttpClient in sandbox mode; its `routes` can be served on a port for a demonstration.
 *
 * Deterministic: the id of a job follows from its idempotency key, so even a sandbox that forgot everything answers a
 * repeated dispatch with the id it gave before. Jobs move only when told to (`advance`). It does not check the API key,
 * and it makes no faults: see FaultInjection.
 */
import { Context, Effect, Layer, Ref, Schema } from "effect"
import { type HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { createHash } from "node:crypto"
import { JobPart, MesJobId } from "../../domain/MesJob.ts"
import { JobStatus, JobStatusFromMes } from "../../domain/OrderStatus.ts"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { MesContract } from "./MesContract.ts"

/** What the plant keeps of a job. */
export const SandboxJob = Schema.Struct({
  mesJobId: MesJobId,
  idempotencyKey: Schema.String,
  /** `X-Correlation-Id` of the dispatch; null = none came. */
  correlationId: Schema.NullOr(Schema.String),
  orderId: Schema.String,
  itemCode: Schema.String,
  part: JobPart,
  materialCodes: Schema.Array(Schema.String),
  processCodes: Schema.Array(Schema.String),
  quantity: Schema.Int,
  memo: Schema.NullOr(Schema.String),
  status: JobStatusFromMes
})
export type SandboxJob = typeof SandboxJob.Type

export class UnknownSandboxJob extends Schema.TaggedError<UnknownSandboxJob>()(
  "UnknownSandboxJob",
  {
    mesJobId: Schema.String
  },
  { httpApiStatus: 404 }
) {}

/** Tells the hub of a job's new status; see MesSandboxReporter. Default: nobody is told (the hub's sweep finds out). */
export const SandboxReporter = Context.Reference<(job: SandboxJob) => Effect.Effect<void>>(
  "hub/adapters/mes/MesSandbox/SandboxReporter",
  { defaultValue: () => () => Effect.void }
)

/** The sandbox's own handles, for whoever demonstrates with it. Not part of the plant's interface. */
const SandboxApi = HttpApi.make("mes-sandbox").add(
  HttpApiGroup.make("sandbox").add(
    HttpApiEndpoint.get("jobs", "/sandbox/jobs", { success: Schema.Struct({ data: Schema.Array(SandboxJob) }) }),
    HttpApiEndpoint.post("advance", "/sandbox/jobs/:mesJobId/advance", {
      params: { mesJobId: MesJobId },
      success: SandboxJob,
      error: UnknownSandboxJob
    }),
    HttpApiEndpoint.put("refuse", "/sandbox/refuse", {
      payload: Schema.Struct({ reason: Schema.NullOr(Schema.String) }),
      success: Schema.Struct({ reason: Schema.NullOr(Schema.String) })
    })
  )
)

export class MesSandbox extends Context.Service<
  MesSandbox,
  {
    /** Transport to this sandbox, in the process. */
    readonly httpClient: HttpClient.HttpClient
    /** The plant's interface and the handles under /sandbox, to be served on a port. */
    readonly routes: Layer.Layer<never, never, HttpRouter.HttpRouter>
    /** All jobs ever accepted, oldest first. */
    readonly jobs: Effect.Effect<ReadonlyArray<SandboxJob>>
    /** Moves a job on, by default to the next status, and reports it. A job that is SHIPPED stays. */
    readonly advance: (mesJobId: string, to?: JobStatus) => Effect.Effect<SandboxJob, UnknownSandboxJob>
    /** From now on every new job is refused for this reason; null = accepted again. */
    readonly refuse: (reason: string | null) => Effect.Effect<void>
  }
>()("hub/adapters/mes/MesSandbox") {
  static readonly layer: Layer.Layer<MesSandbox> = Layer.effect(
    MesSandbox,
    Effect.suspend(() => make)
  )

  /** Serves the sandbox on a port, as a process of its own. */
  static readonly layerServed = Layer.unwrap(Effect.map(MesSandbox, ({ routes }) => HttpRouter.serve(routes)))
}

interface State {
  readonly jobs: ReadonlyMap<string, SandboxJob>
  readonly refusal: string | null
}

type Dispatched =
  | { readonly _tag: "Made" | "Known"; readonly job: SandboxJob }
  | { readonly _tag: "Refused"; readonly reason: string }

const make = Effect.gen(function* () {
  const report = yield* SandboxReporter
  const state = yield* Ref.make<State>({ jobs: new Map(), refusal: null })

  const advance: MesSandbox["Service"]["advance"] = Effect.fnUntraced(function* (mesJobId, to) {
    const job = yield* Ref.modify(state, (current): [SandboxJob | undefined, State] => {
      const found = current.jobs.get(mesJobId)
      if (found === undefined) return [undefined, current]
      const moved = { ...found, status: to ?? next(found.status) }
      return [moved, { ...current, jobs: new Map(current.jobs).set(mesJobId, moved) }]
    })
    if (job === undefined) return yield* new UnknownSandboxJob({ mesJobId })
    yield* report(job)
    return job
  })
  const jobs = Effect.map(Ref.get(state), (current) => [...current.jobs.values()])
  const refuse = (reason: string | null) => Ref.update(state, (current) => ({ ...current, refusal: reason }))

  const jobHandlers = HttpApiBuilder.group(MesContract, "jobs", (handlers) =>
    handlers
      .handle(
        "dispatch",
        Effect.fnUntraced(function* ({ headers, payload, request }) {
          const idempotencyKey = headers["idempotency-key"]
          const mesJobId = jobIdOf(idempotencyKey)
          const made: SandboxJob = {
            mesJobId,
            idempotencyKey,
            correlationId: request.headers["x-correlation-id"] ?? null,
            ...payload,
            memo: payload.memo ?? null,
            status: "PRODUCTION_WAITING"
          }
          const outcome = yield* Ref.modify(state, (current): [Dispatched, State] => {
            const known = current.jobs.get(mesJobId)
            if (known !== undefined) return [{ _tag: "Known", job: known }, current]
            if (current.refusal !== null) return [{ _tag: "Refused", reason: current.refusal }, current]
            return [
              { _tag: "Made", job: made },
              { ...current, jobs: new Map(current.jobs).set(mesJobId, made) }
            ]
          })
          if (outcome._tag === "Refused") {
            return { status: "rejected", mesJobId, itemCode: payload.itemCode, errorMessage: outcome.reason } as const
          }
          const answer = { status: "accepted", mesJobId, itemCode: outcome.job.itemCode } as const
          return outcome._tag === "Made" ? answer : HttpServerResponse.jsonUnsafe(answer, { status: 200 })
        })
      )
      .handle(
        "get",
        Effect.fnUntraced(function* ({ params }) {
          const job = (yield* Ref.get(state)).jobs.get(params.mesJobId)
          return job === undefined
            ? HttpServerResponse.jsonUnsafe({ message: "no such job" }, { status: 404 })
            : {
                mesJobId: job.mesJobId,
                orderId: job.orderId,
                status: yield* Effect.orDie(Schema.encodeEffect(JobStatusFromMes)(job.status))
              }
        })
      )
  )
  const systemHandlers = HttpApiBuilder.group(MesContract, "system", (handlers) =>
    handlers.handle("health", () => Effect.void)
  )
  const sandboxHandlers = HttpApiBuilder.group(SandboxApi, "sandbox", (handlers) =>
    handlers
      .handle("jobs", () => Effect.map(jobs, (data) => ({ data })))
      .handle("advance", ({ params }) => advance(params.mesJobId))
      .handle("refuse", ({ payload }) => Effect.as(refuse(payload.reason), payload))
  )

  const routes = Layer.mergeAll(
    HttpApiBuilder.layer(MesContract).pipe(Layer.provide([jobHandlers, systemHandlers])),
    HttpApiBuilder.layer(SandboxApi).pipe(Layer.provide(sandboxHandlers))
  ).pipe(Layer.provide(HttpServer.layerServices))

  const handler = yield* HttpRouter.toHttpEffect(routes)
  return MesSandbox.of({ httpClient: InProcessClient.fromHttpEffect(handler), routes, jobs, advance, refuse })
})

const jobIdOf = (idempotencyKey: string): string =>
  `MJ-${createHash("sha256").update(idempotencyKey).digest("hex").slice(0, 16)}`

const next = (status: JobStatus): JobStatus => {
  const { literals } = JobStatus
  return literals[literals.indexOf(status) + 1] ?? status
}
