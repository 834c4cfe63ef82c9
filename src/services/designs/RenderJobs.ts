/**
 * Render jobs for those who ask for them: take in, tell how far they are. A job that was answered is kept until it has
 * ended, well or not, whatever happens to this process; see `RenderQueue` and `RenderWorker` for how it gets there.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { RenderJob, type RenderRequest } from "../../domain/Design.ts"
import { DesignId, makeEventId, makeRenderJobId, now, RenderJobId } from "../../domain/Ids.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import { EventContext } from "../events/EventContext.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { DesignNotFound } from "./Designs.ts"
import { RenderQueue } from "./RenderQueue.ts"

/** Edicus has nothing of this design to render. HTTP 409. */
export class DesignWithoutProject extends Schema.TaggedError<DesignWithoutProject>()("DesignWithoutProject", {
  designId: DesignId
}) {}

/** There is no such render job. HTTP 404. */
export class RenderJobNotFound extends Schema.TaggedError<RenderJobNotFound>()("RenderJobNotFound", {
  renderJobId: RenderJobId
}) {}

export class RenderJobs extends Context.Service<
  RenderJobs,
  {
    /** Stores a job and wakes the worker. Its correlation id is EventContext's, else a new one. */
    readonly request: (request: RenderRequest) => Effect.Effect<RenderJob, DesignNotFound | DesignWithoutProject>
    readonly get: (renderJobId: RenderJobId) => Effect.Effect<RenderJob, RenderJobNotFound>
  }
>()("hub/services/designs/RenderJobs") {
  /** With the queue that its jobs go through. */
  static readonly layer = Layer.effect(
    RenderJobs,
    Effect.suspend(() => make)
  ).pipe(Layer.provideMerge(RenderQueue.layer))
}

const jobRows = rowsOf({
  ...RenderJob.fields,
  createdAt: IsoFromDate,
  completedAt: Schema.NullOr(IsoFromDate)
})
const projectRows = rowsOf({ projectId: Schema.NullOr(Schema.String) })

const make = Effect.gen(function* () {
  const database = yield* Database
  const queue = yield* RenderQueue
  const { sql } = database
  const columns = sql.literal(
    `id as "renderJobId", design_id as "designId", status, output_format as "outputFormat", quality,
      rendered_file_url as "renderedFileUrl", case status when 'failed' then problem end as error,
      created_at as "createdAt", completed_at as "completedAt"`
  )

  const request: RenderJobs["Service"]["request"] = Effect.fn("RenderJobs.request")(function* ({
    designId,
    outputFormat = "pdf",
    quality = "print"
  }) {
    const [design] = yield* projectRows(sql`
      select edicus_project_id as "projectId" from designs where id = ${designId}`)
    if (design === undefined) return yield* new DesignNotFound({ designId })
    if (design.projectId === null) return yield* new DesignWithoutProject({ designId })
    const context = yield* EventContext
    const at = yield* now
    const [job] = yield* jobRows(sql`
      insert into render_jobs ${sql.insert({
        id: yield* makeRenderJobId,
        design_id: designId,
        project_id: design.projectId,
        output_format: outputFormat,
        quality,
        due_at: at,
        correlation_id: context?.correlationId ?? (yield* makeEventId),
        created_at: at
      })} returning ${columns}`)
    yield* database.afterCommit(Effect.sync(queue.signal))
    return job ?? (yield* Effect.die("a render job was not stored"))
  })

  const get: RenderJobs["Service"]["get"] = Effect.fn("RenderJobs.get")(function* (renderJobId) {
    const [job] = yield* jobRows(sql`select ${columns} from render_jobs where id = ${renderJobId}`)
    return job ?? (yield* new RenderJobNotFound({ renderJobId }))
  })

  return RenderJobs.of({ request, get })
})
