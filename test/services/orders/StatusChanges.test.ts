import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Orders } from "../../../src/services/orders/Orders.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"
import * as OrderDesk from "../../support/OrderDesk.ts"

describeDatabases("StatusChanges", (database) => {
  const layer = OrderDesk.coreWithLog.pipe(Layer.provideMerge(database))

  it.effect(
    "a change of status ends what blocks an order; only a cancellation ends that an operator must look at it",
    () =>
      Effect.gen(function* () {
        const shop = yield* OrderDesk.open()
        const orders = yield* Orders
        const { sql } = yield* Database
        const { id } = yield* OrderDesk.place(OrderDesk.cardOrder(shop, { paid: false }))
        yield* sql`update orders set needs_attention = true, attention_reasons = '{no-mes-item}' where id = ${id}`
        const seen = Effect.map(
          sql`
          select needs_attention as attention, attention_reasons as reasons,
            blocked_choice_ids as choices, blocked_product_ids as products
          from orders where id = ${id}`,
          ([row]) => row
        )
        const by = { actor: "operator", name: "Lee" } as const
        yield* orders.changeStatus(id, "CONFIRMED", by)
        assert.deepStrictEqual(yield* seen, { attention: true, reasons: ["no-mes-item"], choices: [], products: [] })
        yield* sql`update orders set blocked_choice_ids = '{1}', blocked_product_ids = '{2}' where id = ${id}`
        yield* orders.changeStatus(id, "CANCELLED", by)
        assert.deepStrictEqual(yield* seen, { attention: false, reasons: [], choices: [], products: [] })
      }).pipe(Effect.provide(layer))
  )
})
