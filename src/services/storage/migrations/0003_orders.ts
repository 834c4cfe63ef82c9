/** Orders, their production jobs and history, and notifications (specification, section 2). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const orders = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const statuses = sql.literal(
    `('PENDING','CONFIRMED','PRODUCTION_WAITING','PRODUCING','PRODUCTION_DONE','SHIPPED','DELIVERED','CANCELLED')`
  )

  yield* sql`
    create table orders (
      id text primary key check (id ~ '^ord_[0-9A-HJKMNP-TV-Z]{26}$'),
      source text not null check (source in ('widget', 'shopby', 'admin')),
      external_order_id text check (length(external_order_id) between 1 and 200),
      status text not null check (status in ${statuses}),
      customer_name text not null check (length(customer_name) between 1 and 200),
      customer_email text check (length(customer_email) between 1 and 320),
      customer_phone text check (length(customer_phone) between 1 and 50),
      total_price bigint not null check (total_price between 0 and 9007199254740991),
      memo text check (length(memo) between 1 and 2000),
      correlation_id text not null check (length(correlation_id) between 1 and 200),
      needs_attention boolean not null default false,
      attention_reasons text[] not null default '{}',
      raw_body text,
      blocked_choice_ids integer[] not null default '{}',
      blocked_product_ids integer[] not null default '{}',
      tracking_number text,
      carrier text,
      shopby_status text check (shopby_status in (
        'DEPOSIT_WAIT', 'PAY_DONE', 'PRODUCT_PREPARE', 'DELIVERY_PREPARE', 'DELIVERY_ING', 'DELIVERY_DONE', 'CANCEL_DONE'
      )),
      created_at timestamptz not null,
      updated_at timestamptz not null,
      constraint orders_external_order unique (source, external_order_id),
      constraint orders_external_when_shopby check (source <> 'shopby' or external_order_id is not null),
      constraint orders_attention_has_reasons check (needs_attention = (cardinality(attention_reasons) > 0)),
      constraint orders_only_confirmed_blocked check (
        status = 'CONFIRMED' or (blocked_choice_ids = '{}' and blocked_product_ids = '{}')
      )
    )`
  yield* sql`create index orders_newest on orders (created_at desc, id desc)`
  yield* sql`create index orders_blocked_choices on orders using gin (blocked_choice_ids) where status = 'CONFIRMED'`
  yield* sql`create index orders_blocked_products on orders using gin (blocked_product_ids) where status = 'CONFIRMED'`

  yield* sql`
    create table order_items (
      id integer generated always as identity primary key,
      order_id text not null references orders (id),
      position smallint not null check (position >= 0),
      product_id integer not null references products (id),
      quantity integer not null check (quantity >= 1),
      design_id text check (design_id ~ '^des_'),
      constraint order_items_position unique (order_id, position),
      constraint order_items_with_order unique (id, order_id)
    )`
  yield* sql`create index order_items_product on order_items (product_id)`

  yield* sql`
    create table order_item_choices (
      order_item_id integer not null references order_items (id),
      position smallint not null check (position >= 0),
      choice_id integer not null references option_choices (id),
      primary key (order_item_id, position),
      constraint order_item_choices_once unique (order_item_id, choice_id)
    )`
  yield* sql`create index order_item_choices_choice on order_item_choices (choice_id)`

  // `attempt` counts the idempotency keys used; `begun_at` is set before the call that may make the MES know the job.
  yield* sql`
    create table mes_jobs (
      id integer generated always as identity primary key,
      order_id text not null references orders (id),
      order_item_id integer not null,
      part text check (part in ('inner', 'cover')),
      mode text not null check (mode in ('sandbox', 'live')),
      mes_item_id integer not null references mes_items (id),
      attempt integer not null default 1 check (attempt >= 1),
      begun_at timestamptz,
      mes_job_id text check (length(mes_job_id) between 1 and 100),
      status text check (status in ('PRODUCTION_WAITING', 'PRODUCING', 'PRODUCTION_DONE', 'SHIPPED')),
      barcode text check (length(barcode) between 1 and 200),
      occurred_at timestamptz,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      foreign key (order_item_id, order_id) references order_items (id, order_id),
      constraint mes_jobs_item_part unique nulls not distinct (order_item_id, part),
      constraint mes_jobs_mes_job unique (order_id, mode, mes_job_id),
      constraint mes_jobs_status_when_accepted check ((mes_job_id is null) = (status is null)),
      constraint mes_jobs_begun_before_accepted check (mes_job_id is null or begun_at is not null)
    )`
  yield* sql`create index mes_jobs_order on mes_jobs (order_id)`
  yield* sql`create index mes_jobs_open on mes_jobs (mode, id) where status <> 'SHIPPED'`

  yield* sql`
    create table order_status_history (
      id integer generated always as identity primary key,
      order_id text not null references orders (id),
      from_status text check (from_status in ${statuses}),
      to_status text not null check (to_status in ${statuses}),
      actor text not null check (length(actor) between 1 and 200),
      reason text check (length(reason) between 1 and 2000),
      correlation_id text not null,
      at timestamptz not null,
      check (from_status is distinct from to_status)
    )`
  yield* sql`create index order_status_history_order on order_status_history (order_id, id)`
  yield* sql`create unique index order_status_history_begin on order_status_history (order_id) where from_status is null`

  yield* sql`
    create table notifications (
      id integer generated always as identity primary key,
      kind text not null check (kind ~ '^[a-z0-9-]{1,100}$'),
      message text not null check (length(message) between 1 and 4000),
      subject text not null check (length(subject) between 1 and 300),
      correlation_id text not null,
      at timestamptz not null,
      acknowledged_by text check (length(acknowledged_by) between 1 and 200)
    )`
  yield* sql`create index notifications_open on notifications (id desc) where acknowledged_by is null`
})
