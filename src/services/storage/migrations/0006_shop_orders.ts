/** What the hub knows of an order in the shop, and how far the sweep is (specification, sections 2 and 7). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const shopOrders = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // `shopby_mode`: where the order was placed; an order number of the sandbox is no number of the real shop.
  // `shopby_order`: the order as it was understood, to be translated anew. `shopby_status`, `shopby_tracking_number`,
  // `shopby_carrier`: what the shop is known to show.
  yield* sql`
    alter table orders
      add column shopby_mode text check (shopby_mode in ('sandbox', 'live')),
      add column shopby_order jsonb check (jsonb_typeof(shopby_order) = 'object'),
      add column shopby_shipping_nos text[] not null default '{}',
      add column shopby_tracking_number text,
      add column shopby_carrier text,
      add constraint orders_shopby_mode check ((source = 'shopby') = (shopby_mode is not null)),
      add constraint orders_shopby_order check (source <> 'shopby' or shopby_order is not null),
      add constraint orders_tracking_number check (length(tracking_number) between 1 and 100),
      add constraint orders_carrier check (length(carrier) between 1 and 100),
      drop constraint orders_external_order,
      add constraint orders_external_order unique (source, shopby_mode, external_order_id)`

  // What a combination of the shop said that no choice carries.
  yield* sql`
    alter table order_items
      add column size_code text check (length(size_code) between 1 and 50),
      add column option_label text check (length(option_label) between 1 and 200)`

  yield* sql`
    create table shop_sweeps (
      mode text primary key check (mode in ('sandbox', 'live')),
      position timestamptz not null
    )`
})
