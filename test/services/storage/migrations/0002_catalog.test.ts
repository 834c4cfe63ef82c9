/** The rules of the specification's section 2, as the database itself enforces them. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CatalogImport } from "../../../../src/services/catalog/CatalogImport.ts"
import { Database } from "../../../../src/services/storage/Database.ts"
import { catalogue } from "../../../support/catalog/Catalogue.ts"
import { demoFiles } from "../../../support/catalog/Demo.ts"
import { describeDatabases } from "../../../support/Databases.ts"

const poster = "(select id from products where huni_code = '50001')"
const card = "(select id from products where huni_code = '50002')"
const matt = "(select id from option_choices where code = 'matt')"
const posterItem = "(select id from mes_items where item_code = '700-0001')"

/** Each breaks one rule of a valid catalogue. */
const broken = {
  "a code of a category is unique": "insert into categories (code, name, depth) values ('PAPER', 'x', 0)",
  "a category without parent has depth 0": "insert into categories (code, name, depth) values ('X', 'x', 1)",
  "a category is one deeper than its parent":
    "insert into categories (code, name, parent_id, depth) select 'X', 'x', id, 2 from categories where code = 'PAPER'",
  "a category is not its own ancestor":
    "update categories set parent_id = (select id from categories where code = 'BOUND'), depth = 2 where code = 'PAPER'",
  "a huniCode has five digits": `update products set huni_code = '5000' where id = ${poster}`,
  "a huniCode is unique": `update products set huni_code = '50002' where id = ${poster}`,
  "a name is not blank": `update products set name = ' ' where id = ${poster}`,
  "a name has at most 200 characters": `update products set name = repeat('x', 201) where id = ${poster}`,
  "a slug is unique": `update products set slug = 'card-50002' where id = ${poster}`,
  "an order method is one of three": `update products set order_method = 'fax' where id = ${poster}`,
  "a price is not negative": `update products set selling_price = -1 where id = ${poster}`,
  "quantities are a range": `update products set min_qty = 5, max_qty = 4 where id = ${poster}`,
  "a shopbyId is stored with its mode": `update products set shopby_id = 1 where id = ${poster}`,
  "a shopbyId is unique in its mode": "update products set shopby_id = 1, shopby_mode = 'sandbox'",
  "a size is unique in its product": `insert into product_sizes (product_id, code, display_name) values (${poster}, 'A2', 'x')`,
  "a cut size has width and height": `insert into product_sizes (product_id, code, display_name, cut_width) values (${poster}, 'X', 'x', 1)`,
  "custom limits go together": `insert into product_sizes (product_id, code, display_name, custom_min_width) values (${poster}, 'X', 'x', 1)`,
  "custom limits are ranges": "update product_sizes set custom_max_width = 99 where code = 'FREE'",
  "a price row is unique, nulls being equal": `insert into fixed_prices (product_id, base_qty, selling_price, vat_included) values (${card}, 100, 1, false)`,
  "a price row names a size of its product": `insert into fixed_prices
    (product_id, size_code, base_qty, selling_price, vat_included) values (${card}, 'A2', 1, 1, false)`,
  "an option key is unique":
    "insert into option_definitions (key, name, option_class) values ('paper', 'x', 'setting')",
  "an option class is one of three": "insert into option_definitions (key, name, option_class) values ('x', 'x', 'x')",
  "a part is derived": "update option_definitions set part = 'cover' where key = 'paper'",
  "a choice is unique in its option": `insert into option_choices (option_id, option_class, code, name)
    select id, option_class, 'matt', 'x' from option_definitions where key = 'paper'`,
  "a choice has the class of its option": `insert into option_choices (option_id, option_class, code, name)
    select id, 'process', 'x', 'x' from option_definitions where key = 'paper'`,
  "an option keeps its class while choices have it":
    "update option_definitions set option_class = 'setting' where key = 'paper'",
  "an offered choice belongs to the offered option": `insert into product_option_choices (product_id, option_id, choice_id)
    select ${poster}, option_id, (select id from option_choices where code = 'cream') from product_options limit 1`,
  "an item code has its shape": `update mes_items set item_code = '7000001' where id = ${posterItem}`,
  "an item code is unique": `update mes_items set item_code = '700-0002' where id = ${posterItem}`,
  "a group code has ten digits": `update mes_items set group_code = '1' where id = ${posterItem}`,
  "a semi-finished part has a code of its own": `update mes_items set item_code = '700-5555' where id = ${posterItem}`,
  "an item has at most ten options": `insert into mes_item_options values (${posterItem}, 11, 'x')`,
  "an option number is unique in its item": `insert into mes_item_options values (${posterItem}, 1, 'x')`,
  "a product has one plain item": `insert into product_mes_mapping (product_id, mes_item_id) values (${poster}, ${posterItem})`,
  "a part is inner or cover": `insert into product_mes_mapping (product_id, mes_item_id, cover_type) values (${poster}, ${posterItem}, 'spine')`,
  "a product has one editor mapping": "insert into product_editor_mapping select * from product_editor_mapping",
  "a choice has one mapping": `insert into option_choice_mes_mapping (choice_id, mapping_type) values (${matt}, 'material')`,
  "a mapping has the type of its class": `update option_choice_mes_mapping set mapping_type = 'process' where choice_id = ${matt}`,
  "a setting has no mapping": `insert into option_choice_mes_mapping (choice_id, mapping_type)
    select id, 'process' from option_choices where code = 'p96'`,
  "a pending mapping has no code": `update option_choice_mes_mapping set mes_code = 'M' where choice_id = ${matt}`,
  "a mapped one has code, who and when": `update option_choice_mes_mapping
    set mapping_status = 'mapped', mes_code = 'M' where choice_id = ${matt}`,
  "a verified one has who and when": `update option_choice_mes_mapping
    set mapping_status = 'verified', mes_code = 'M', mapped_by = 'x', mapped_at = now() where choice_id = ${matt}`
}

describeDatabases("migration 0002_catalog", (database) => {
  it.effect("refuses every broken rule", () =>
    Effect.gen(function* () {
      const { sql, transaction } = yield* Database
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      for (const [rule, statement] of Object.entries(broken)) {
        const error = yield* transaction(sql.unsafe(statement)).pipe(
          Effect.andThen(Effect.die(`${rule}: not refused`)),
          Effect.flip
        )
        const { reason } = error
        // A generated column cannot be written at all: that is a syntax error.
        assert.include(["UniqueViolation", "ConstraintError", "SqlSyntaxError"], reason._tag, rule)
        if (reason._tag === "SqlSyntaxError") assert.strictEqual(rule, "a part is derived")
      }
    }).pipe(Effect.provide(catalogue.pipe(Layer.provideMerge(database))))
  )

  it.effect("a choice has its pending mapping from the moment it exists", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      yield* sql`
        insert into option_choices (option_id, option_class, code, name)
        select id, option_class, 'new', 'New' from option_definitions`
      assert.deepStrictEqual(
        yield* sql`
          select d.key, m.mapping_type as type, m.mapping_status as status
          from option_choices c join option_definitions d on d.id = c.option_id
            left join option_choice_mes_mapping m on m.choice_id = c.id
          where c.code = 'new' order by d.id`,
        [
          { key: "paper", type: "material", status: "pending" },
          { key: "innerPaper", type: "material", status: "pending" },
          { key: "coverCoating", type: "process", status: "pending" },
          { key: "pages", type: null, status: null }
        ]
      )
    }).pipe(Effect.provide(catalogue.pipe(Layer.provideMerge(database))))
  )
})
