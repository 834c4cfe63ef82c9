/** Designs and their rendering on a real database: a product, a design of it, what a test waits for. */
import { Clock, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { NewDesign, RenderJob, RenderRequest } from "../../src/domain/Design.ts"
import type { RenderJobId } from "../../src/domain/Ids.ts"
import { Products } from "../../src/services/catalog/Products.ts"
import { Designs } from "../../src/services/designs/Designs.ts"
import { EditorProducts } from "../../src/services/designs/EditorProducts.ts"
import { RenderJobs } from "../../src/services/designs/RenderJobs.ts"
import { EventContext } from "../../src/services/events/EventContext.ts"
import { Notifications } from "../../src/services/orders/Notifications.ts"
import { Database } from "../../src/services/storage/Database.ts"

/** All that designs stand on, but the database and the events. */
export const core = Layer.mergeAll(Designs.layer, EditorProducts.layer, RenderJobs.layer).pipe(
  Layer.provideMerge(Layer.merge(Products.layer, Notifications.layer))
)

/** A design of a new product, with a project unless the test says otherwise. */
export const design = Effect.fnUntraced(function* (more: Partial<NewDesign> = {}) {
  const product = yield* Products.use((products) => products.create({ name: "Card", productType: "card" }))
  const { designId } = yield* Designs.use((designs) =>
    designs.create({
      productId: product.id,
      designData: { pages: [] },
      editorSessionId: "session-1",
      edicusProjectId: "project-1",
      ...more
    })
  )
  return designId
})

/** Asks for a render under a correlation id. */
export const render = (request: RenderRequest, correlationId = "trace-123") =>
  RenderJobs.use((jobs) => jobs.request(request)).pipe(
    Effect.map((job) => job.renderJobId),
    Effect.provideService(EventContext, { correlationId, causationId: null, source: "api" })
  )

export const get = (id: RenderJobId) => RenderJobs.use((jobs) => jobs.get(id))

const decodeState = Schema.decodeUnknownEffect(
  Schema.Tuple([
    Schema.Struct({ leased: Schema.Int, dueAt: Schema.NullOr(Schema.Finite), step: Schema.NullOr(Schema.String) })
  ])
)

/** How many jobs are being worked on, and when the next is due. */
export const state = Effect.gen(function* () {
  const { sql } = yield* Database
  const [row] = yield* Effect.flatMap(
    sql`
      select count(leased_until)::int as leased, round(extract(epoch from min(due_at)) * 1000)::float8 as "dueAt",
        min(step) as step
      from render_jobs where status in ('queued', 'processing')`,
    decodeState
  )
  return row
})

/** Lets the database answer, and whoever waited for it go on: virtual time does not wait for that. */
export const turn = Effect.repeat(
  Effect.andThen(
    state,
    Effect.callback<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    })
  ),
  { times: 4 }
)

export const isOver = (job: RenderJob) => job.status === "completed" || job.status === "failed"

/** Until this is so, without any time passing. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>) => Effect.repeat(turn, { until: () => condition })

/** Waits until nothing is being worked on or due. */
export const quiet = until(
  Effect.gen(function* () {
    const { dueAt, leased } = yield* state
    return leased === 0 && (dueAt === null || dueAt > (yield* Clock.currentTimeMillis))
  })
)

/** Lets time pass to where the next job is due, again and again, until the job is over. */
export const finish = Effect.fnUntraced(function* (id: RenderJobId) {
  for (;;) {
    yield* quiet
    const job = yield* get(id)
    if (isOver(job)) return job
    const { dueAt } = yield* state
    yield* TestClock.adjust((dueAt ?? 0) - (yield* Clock.currentTimeMillis))
  }
})

/** Lets time pass second by second, whatever happens, until this is so. */
export const pass = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), turn), { until: () => condition })
