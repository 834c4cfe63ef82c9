/** The rules for orders of the shop, as the database itself enforces them. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Database } from "../../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../../support/Databases.ts"
import * as OrderDesk from "../../../support/OrderDesk.ts"
import * as ShopDesk from "../../../support/ShopDesk.ts"

const shops = (set: string) => `update orders set ${set} where source = 'shopby'`
const own = (set: string) => `update orders set ${set} where source = 'widget'`
const item = (set: string) => `update order_items set ${set}`

/** Each breaks one rule of an order of the shop and one of the widget. */
const broken = {
  "an order of the shop has its mode": shops("shopby_mode = null"),
  "a mode is one of two": shops("shopby_mode = 'off'"),
  "only an order of the shop has a mode": own("shopby_mode = 'live'"),
  "an order of the shop is kept as it was told": shops("shopby_order = null"),
  "what it was told by is an object": shops("shopby_order = '[]'"),
  "an order number is there once in a mode": `insert into orders (id, source, external_order_id, status, customer_name,
      total_price, correlation_id, shopby_mode, shopby_order, created_at, updated_at)
    select 'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV', source, external_order_id, status, customer_name,
      total_price, correlation_id, shopby_mode, shopby_order, created_at, updated_at
    from orders where source = 'shopby'`,
  "an order of the shop has its number": shops("external_order_id = null"),
  "shipping numbers are known or empty": shops("shopby_shipping_nos = null"),
  "a tracking number is not empty": shops("tracking_number = ''"),
  "a tracking number is short": shops("tracking_number = repeat('1', 101)"),
  "a carrier is not empty": shops("carrier = ''"),
  "a carrier is short": shops("carrier = repeat('1', 101)"),
  "the shop shows a word of its own": shops("shopby_status = 'SHIPPED'"),
  "attention has its reasons": shops("needs_attention = true"),
  "a size has a code": item("size_code = ''"),
  "a label has words": item("option_label = ''"),
  "a label is not longer than in the catalogue": item("option_label = repeat('1', 201)"),
  "a sweep is of a mode": "insert into shop_sweeps (mode, position) values ('off', now())",
  "a sweep is somewhere": "insert into shop_sweeps (mode, position) values ('live', null)"
}

describeDatabases("migration 0006_shop_orders", (database) => {
  it.effect("refuses what breaks a rule, and takes what does not", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      const shop = yield* ShopDesk.open()
      yield* ShopDesk.receive(ShopDesk.order("A"))
      yield* OrderDesk.place(OrderDesk.cardOrder(shop))
      for (const [rule, statement] of Object.entries(broken)) {
        const exit = yield* Effect.exit(sql.unsafe(statement))
        assert.strictEqual(exit._tag, "Failure", rule)
      }
      // The same number in the other mode is another order.
      assert.isTrue((yield* ShopDesk.receive(ShopDesk.order("A"), { mode: "live" })).created)
      yield* sql.unsafe(shops("tracking_number = repeat('1', 100), carrier = 'CJ', shopby_status = 'DELIVERY_ING'"))
      yield* sql.unsafe(item("size_code = 'S1', option_label = repeat('가', 200)"))
      yield* sql`insert into shop_sweeps (mode, position) values ('live', now()), ('sandbox', now())`
    }).pipe(Effect.provide(ShopDesk.coreWithLog.pipe(Layer.provideMerge(database))))
  )
})
