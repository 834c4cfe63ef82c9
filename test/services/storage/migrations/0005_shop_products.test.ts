/** What the shop has of a product, as the database itself enforces it. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CatalogImport } from "../../../../src/services/catalog/CatalogImport.ts"
import { Database } from "../../../../src/services/storage/Database.ts"
import { catalogue } from "../../../support/catalog/Catalogue.ts"
import { demoFiles } from "../../../support/catalog/Demo.ts"
import { describeDatabases } from "../../../support/Databases.ts"

const insert = (values: string) => `insert into shop_products
  (product_id, mode, shopby_id, sync_status, listing, error, last_synced_at, updated_at)
  select id, ${values}, now() from products where huni_code = '50002'`
const leave = (values: string) => `insert into shop_widget_only
  (product_id, mode, position, management_code, size_code, option_label, base_qty, selling_price)
  select id, ${values} from products where huni_code = '50001'`

/** Each breaks one rule. The poster is synced in live mode under 7. */
const broken = {
  "a mode is one of two": insert("'off', null, 'never', null, null, null"),
  "a sync status is one of four": insert("'live', null, 'done', null, null, null"),
  "a number stands for one product of its mode": insert("'live', 7, 'synced', '{}', null, now()"),
  "a number is positive": insert("'live', 0, 'synced', '{}', null, now()"),
  "synced needs a number": insert("'live', null, 'synced', null, null, null"),
  "a number comes with what was confirmed": insert("'live', 8, 'synced', null, null, now()"),
  "what was confirmed comes with its time": insert("'live', 8, 'synced', '{}', null, null"),
  "a listing is an object": insert("'live', 8, 'synced', '[]', null, now()"),
  "never has no number": insert("'live', 8, 'never', '{}', null, now()"),
  "failed says why": insert("'live', null, 'failed', null, null, null"),
  "only failed says why": insert("'live', null, 'pending', null, 'x', null"),
  "a combination is left out once, nulls being equal": leave("'live', 1, 'b', null, null, 100, 5"),
  "a combination belongs to a listing": leave("'sandbox', 1, 'b', null, null, 100, 5"),
  "places are unique": leave("'live', 0, 'b', 'A2', null, 100, 5")
}

describeDatabases("migration 0005_shop_products", (database) => {
  it.effect("refuses every broken rule", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      yield* sql.unsafe(insert("'live', 7, 'synced', '{}', null, now()").replace("'50002'", "'50001'"))
      yield* sql.unsafe(leave("'live', 0, 'a', null, null, 100, 5"))
      for (const [rule, statement] of Object.entries(broken)) {
        const { reason } = yield* transaction(sql.unsafe(statement)).pipe(
          Effect.andThen(Effect.die(`${rule}: not refused`)),
          Effect.flip
        )
        assert.include(["UniqueViolation", "ConstraintError"], reason._tag, rule)
      }
      // The same number may stand for another product in the other mode.
      yield* sql.unsafe(insert("'sandbox', 7, 'synced', '{}', null, now()"))
    }).pipe(Effect.provide(catalogue.pipe(Layer.provideMerge(database))))
  )
})
