/** What the shop has of each product, by mode (specification, sections 2, 7 and 9, endpoint 1). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const shopProducts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // `listing`: what the shop has confirmed. The ids of the sandbox and of the live shop stand beside each other, so
  // that trying the sandbox loses none of the shop's. products.shopby_id is the one registered last, for show.
  yield* sql`
    create table shop_products (
      product_id integer not null references products (id) on delete cascade,
      mode text not null check (mode in ('sandbox', 'live')),
      shopby_id integer check (shopby_id > 0),
      sync_status text not null check (sync_status in ('never', 'pending', 'synced', 'failed')),
      listing jsonb check (jsonb_typeof(listing) = 'object'),
      error text check (length(error) between 1 and 24000),
      last_synced_at timestamptz,
      updated_at timestamptz not null,
      primary key (product_id, mode),
      constraint shop_products_shopby unique (mode, shopby_id),
      constraint shop_products_confirmed check (num_nonnulls(shopby_id, listing, last_synced_at) in (0, 3)),
      constraint shop_products_synced check (sync_status <> 'synced' or shopby_id is not null),
      constraint shop_products_never check (sync_status <> 'never' or shopby_id is null),
      constraint shop_products_error check ((sync_status = 'failed') = (error is not null))
    )`

  // Priced combinations that the confirmed listing has no room for.
  yield* sql`
    create table shop_widget_only (
      id integer generated always as identity primary key,
      product_id integer not null,
      mode text not null,
      position integer not null check (position >= 0),
      management_code text not null check (length(management_code) between 1 and 50),
      size_code text,
      option_label text,
      base_qty integer not null check (base_qty >= 1),
      selling_price integer not null check (selling_price >= 0),
      foreign key (product_id, mode) references shop_products (product_id, mode) on delete cascade,
      constraint shop_widget_only_position unique (product_id, mode, position),
      constraint shop_widget_only_once unique nulls not distinct (product_id, mode, size_code, option_label, base_qty)
    )`
})
