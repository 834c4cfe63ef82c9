/** Reads products and what they offer. */
import { Effect, Schema } from "effect"
import { ChoiceId, edicusCode, type ProductId } from "../../domain/Ids.ts"
import { ChoiceMappingState, ProductOption } from "../../domain/Option.ts"
import { Product } from "../../domain/Product.ts"
import type { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { rowsOf } from "./CatalogSql.ts"

const { edicusCode: _derived, ...stored } = Product.fields
const productRows = rowsOf({ ...stored, createdAt: IsoFromDate, updatedAt: IsoFromDate })

const offerRows = rowsOf({
  optionId: ProductOption.fields.optionId,
  key: Schema.String,
  optionName: Schema.String,
  optionClass: ProductOption.fields.optionClass,
  choiceId: ChoiceId,
  code: Schema.String,
  name: Schema.String,
  mapping: ChoiceMappingState
})

export const makeProductRows = ({ sql }: Database["Service"]) => {
  const columns = sql.literal(`
    p.id, p.huni_code as "huniCode", p.name, p.slug, p.product_type as "productType", c.code as "categoryCode",
    p.pricing_model as "pricingModel", p.order_method as "orderMethod", p.editor_enabled as "editorEnabled",
    p.selling_price as "sellingPrice", p.min_qty as "minQty", p.max_qty as "maxQty", p.qty_step as "qtyStep",
    p.shopby_id as "shopbyId", p.is_active as "isActive", p.created_at as "createdAt", p.updated_at as "updatedAt"`)

  /** Products that match a condition on `p`, by id; `tail` comes after the order. */
  const select = (where: ReturnType<typeof sql.and>, tail = sql.literal("")) =>
    Effect.map(
      productRows(sql`
        select ${columns} from products p left join categories c on c.id = p.category_id
        where ${where} order by p.id ${tail}`),
      (rows) => rows.map((row): Product => ({ ...row, edicusCode: edicusCode(row.huniCode) }))
    )

  /** The product's options with the offered choices, in display order. */
  const options = Effect.fnUntraced(function* (id: ProductId) {
    const rows = yield* offerRows(sql`
      select d.id as "optionId", d.key, d.name as "optionName", d.option_class as "optionClass",
        c.id as "choiceId", c.code, c.name,
        case when m.choice_id is not null then jsonb_build_object(
          'status', m.mapping_status, 'type', m.mapping_type, 'mesCode', m.mes_code
        ) end as mapping
      from product_option_choices o
        join option_choices c on c.id = o.choice_id
        join option_definitions d on d.id = o.option_id
        left join option_choice_mes_mapping m on m.choice_id = c.id
      where o.product_id = ${id}
      order by d.display_order, d.id, c.display_order, c.id`)
    return [...Map.groupBy(rows, (row) => row.optionId).values()].flatMap((choices): ReadonlyArray<ProductOption> => {
      const [first] = choices
      if (first === undefined) return []
      return [
        {
          optionId: first.optionId,
          key: first.key,
          name: first.optionName,
          optionClass: first.optionClass,
          choices: choices.map(({ choiceId, code, mapping, name }) => ({ choiceId, code, name, mapping }))
        }
      ]
    })
  })

  return { select, options }
}
