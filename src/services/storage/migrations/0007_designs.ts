/** Designs, their render jobs, and the orders that Edicus has for them (specification, sections 2 and 7). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const designs = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const ulid = "[0-9A-HJKMNP-TV-Z]{26}"
  const projectId = "^[0-9A-Za-z_-][0-9A-Za-z_.:~-]{0,127}$"

  // Design data is json, not jsonb: it comes back as it was, with its keys in their order and its numbers as written.
  yield* sql`
    create table designs (
      id text primary key check (id ~ ${sql.literal(`'^des_${ulid}$'`)}),
      product_id integer not null references products (id),
      design_data json not null check (json_typeof(design_data) = 'object'),
      editor_session_id text not null check (char_length(editor_session_id) between 1 and 200),
      edicus_project_id text check (edicus_project_id ~ ${sql.literal(`'${projectId}'`)}),
      rendered_file_url text check (char_length(rendered_file_url) between 1 and 4000),
      rendered_mode text check (rendered_mode in ('sandbox', 'live')),
      created_at timestamptz not null,
      updated_at timestamptz not null check (updated_at >= created_at),
      constraint designs_project unique (id, edicus_project_id),
      constraint designs_rendered check ((rendered_file_url is null) = (rendered_mode is null))
    )`
  yield* sql`create index designs_product on designs (product_id)`

  // Not checked for orders that are older than designs.
  yield* sql`
    alter table order_items
    add constraint order_items_design foreign key (design_id) references designs (id) not valid`
  yield* sql`create index order_items_design on order_items (design_id) where design_id is not null`

  // A job is carried by who holds its claim until `leased_until`; each claim has a higher number, and every write of its
  // holder names it. `step` says which render is the job's, `problem` what went wrong last.
  yield* sql`
    create table render_jobs (
      id text primary key check (id ~ ${sql.literal(`'^rnd_${ulid}$'`)}),
      design_id text not null,
      project_id text not null,
      output_format text not null check (output_format in ('pdf', 'png')),
      quality text not null check (quality in ('print', 'preview')),
      status text not null default 'queued' check (status in ('queued', 'processing', 'completed', 'failed')),
      step text not null default 'waiting' check (step in ('waiting', 'ordering', 'rendering')),
      mode text check (mode in ('sandbox', 'live')),
      failures integer not null default 0 check (failures >= 0),
      polls integer not null default 0 check (polls >= 0),
      problem text check (char_length(problem) between 1 and 4000),
      due_at timestamptz not null,
      begun_at timestamptz,
      claim integer not null default 0 check (claim >= 0),
      leased_until timestamptz,
      correlation_id text not null check (char_length(correlation_id) between 1 and 200),
      rendered_file_url text check (char_length(rendered_file_url) between 1 and 4000),
      created_at timestamptz not null,
      completed_at timestamptz,
      foreign key (design_id, project_id) references designs (id, edicus_project_id),
      constraint render_jobs_ended check ((status in ('completed', 'failed')) = (completed_at is not null)),
      constraint render_jobs_completed check ((status = 'completed') = (rendered_file_url is not null)),
      constraint render_jobs_failed check (status <> 'failed' or problem is not null),
      constraint render_jobs_queued check (status <> 'queued' or (step = 'waiting' and mode is null)),
      constraint render_jobs_processing check (status <> 'processing' or (mode is not null and begun_at is not null)),
      constraint render_jobs_lease check (leased_until is null or status = 'processing')
    )`
  yield* sql`create index render_jobs_design on render_jobs (design_id)`
  yield* sql`create index render_jobs_due on render_jobs (due_at) where status in ('queued', 'processing')`
  yield* sql`
    create index render_jobs_waiting on render_jobs (project_id, created_at, id) where status in ('queued', 'processing')`
  // Edicus renders a project for one job at a time: the others wait for their turn.
  yield* sql`create unique index render_jobs_one_at_a_time on render_jobs (project_id) where status = 'processing'`

  // One per project and mode, from the moment before it may have been placed. `partner_order_id` is its name at Edicus.
  yield* sql`
    create table edicus_orders (
      project_id text not null check (project_id ~ ${sql.literal(`'${projectId}'`)}),
      mode text not null check (mode in ('sandbox', 'live')),
      partner_order_id text not null references render_jobs (id),
      order_id bigint check (order_id between 1 and 9007199254740991),
      created_at timestamptz not null,
      primary key (project_id, mode),
      constraint edicus_orders_order unique (mode, order_id),
      constraint edicus_orders_partner_order unique (mode, partner_order_id)
    )`
})
