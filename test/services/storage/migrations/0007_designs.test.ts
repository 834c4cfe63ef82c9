/** The rules for designs and render jobs, as the database itself enforces them. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { RenderQueue } from "../../../../src/services/designs/RenderQueue.ts"
import { EventBus } from "../../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../../src/services/events/EventLog.ts"
import { Database } from "../../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../../support/Databases.ts"
import * as DesignDesk from "../../../support/DesignDesk.ts"

const copyDesign = (more: string) => `
  insert into designs (id, product_id, design_data, editor_session_id, edicus_project_id, created_at, updated_at)
  select ${more} from designs limit 1`
const job = (set: string) => `update render_jobs set ${set} where status = 'processing'`
const queued = (set: string) => `update render_jobs set ${set} where status = 'queued'`

/** Each breaks one rule of a queued and a processing job, of one project. */
const broken = {
  "a design is of a product": copyDesign("'des_00000000000000000000000000', 2000000000, '{}', 's', 'p', now(), now()"),
  "a design id has its shape": copyDesign("'des_1', product_id, '{}', 's', 'p', now(), now()"),
  "design data is an object": "update designs set design_data = '[1]'",
  "a session has a name": "update designs set editor_session_id = ''",
  "a project id is no path": "update designs set edicus_project_id = '../x' where edicus_project_id is null",
  "a rendered file has its mode": "update designs set rendered_file_url = 'https://files.example.com/1.pdf'",
  "a design with a job keeps its project":
    "update designs set edicus_project_id = 'other' where edicus_project_id = 'p-1'",
  "a design is not changed before it is made": "update designs set updated_at = created_at - interval '1 second'",
  "a job renders a project of its design": job("project_id = 'p-2'"),
  "a job has a known status": job("status = 'lost'"),
  "a job has a known step": job("step = 'dreaming'"),
  "a format is one of two": job("output_format = 'gif'"),
  "a quality is one of two": job("quality = 'best'"),
  "a completed job has its file": job("status = 'completed', leased_until = null, completed_at = now()"),
  "only a completed job has a file": job("rendered_file_url = 'https://files.example.com/1.pdf'"),
  "a failed job has its reason": job("status = 'failed', leased_until = null, completed_at = now()"),
  "a job that has ended says when": job("status = 'failed', leased_until = null, problem = 'no'"),
  "a job that goes on has not ended": job("completed_at = now()"),
  "a queued job has done nothing": queued("step = 'ordering'"),
  "a queued job has no mode": queued("mode = 'live'"),
  "only a job in progress is leased": queued("leased_until = now()"),
  "a job in progress has a mode": job("mode = null"),
  "a job in progress has begun": job("begun_at = null"),
  "a project is rendered for one job at a time": queued("status = 'processing', mode = 'sandbox', begun_at = now()"),
  "an order has one name for each mode": `insert into edicus_orders (project_id, mode, partner_order_id, created_at)
    select 'p-2', mode, partner_order_id, created_at from edicus_orders`,
  "a project has one order in each mode": `insert into edicus_orders (project_id, mode, partner_order_id, created_at)
    select project_id, mode, (select id from render_jobs where status = 'queued'), created_at from edicus_orders`,
  "an order's name is a job": "update edicus_orders set partner_order_id = 'rnd_00000000000000000000000000'",
  "an ordered design exists": `insert into order_items (order_id, position, product_id, quantity, design_id)
    select o.id, 1, d.product_id, 1, 'des_00000000000000000000000000' from orders o, designs d limit 1`,
  "an order id is above zero": "update edicus_orders set order_id = 0"
}

describeDatabases("migration 0007_designs", (database) => {
  const layer = DesignDesk.core.pipe(
    Layer.provideMerge(EventBus.layer),
    Layer.provideMerge(EventLog.layerSql),
    Layer.provideMerge(database)
  )

  it.effect("refuses every broken rule", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      const queue = yield* RenderQueue
      const designId = yield* DesignDesk.design({ edicusProjectId: "p-1" })
      yield* DesignDesk.design({ edicusProjectId: null })
      yield* DesignDesk.render({ designId })
      yield* DesignDesk.render({ designId })
      const [claimed] = yield* queue.claim({ mode: "sandbox", limit: 1, leaseMillis: 1000 })
      assert(claimed !== undefined)
      yield* queue.place(claimed, 1000)
      yield* sql`
        insert into orders (id, source, status, customer_name, total_price, correlation_id, created_at, updated_at)
        values ('ord_00000000000000000000000000', 'widget', 'PENDING', 'Kim', 0, 'trace-123', now(), now())`
      for (const [rule, statement] of Object.entries(broken)) {
        const { reason } = yield* transaction(sql.unsafe(statement)).pipe(
          Effect.andThen(Effect.die(`${rule}: not refused`)),
          Effect.flip
        )
        assert.include(["UniqueViolation", "ConstraintError"], reason._tag, rule)
      }
    }).pipe(Effect.provide(layer))
  )
})
