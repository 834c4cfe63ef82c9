/** Reads mappings of choices and of products. */
import { Effect, Schema } from "effect"
import { ChoiceMapping, type MappingStatus, ProductMapping } from "../../domain/MesMapping.ts"
import type { PageRequest } from "../../domain/Page.ts"
import type { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { rowsOf, totalOf } from "./CatalogSql.ts"

const choiceMappings = rowsOf({
  ...ChoiceMapping.fields,
  mappedAt: Schema.NullOr(IsoFromDate),
  verifiedAt: Schema.NullOr(IsoFromDate)
})
const productMappings = rowsOf(ProductMapping.fields)

export const makeMappingRows = ({ sql }: Database["Service"]) => {
  type Where = ReturnType<typeof sql.and>

  /** Conditions are on `m`. */
  const choices = (where: Where, tail = sql.literal("")) =>
    choiceMappings(sql`
      select m.choice_id as "choiceId", c.code as "choiceCode", c.name as "choiceName", d.key as "optionKey",
        d.name as "optionName", m.mapping_type as "mappingType", m.mapping_status as "mappingStatus",
        m.mes_code as "mesCode", m.mes_item_id as "mesItemId", i.item_code as "itemCode",
        m.mapped_by as "mappedBy", m.mapped_at as "mappedAt",
        m.verified_by as "verifiedBy", m.verified_at as "verifiedAt"
      from option_choice_mes_mapping m
        join option_choices c on c.id = m.choice_id
        join option_definitions d on d.id = c.option_id
        left join mes_items i on i.id = m.mes_item_id
      where ${where} order by d.display_order, d.id, c.display_order, c.id ${tail}`)

  const choicePage = Effect.fnUntraced(function* (where: Where, { limit, page }: PageRequest) {
    const total = yield* totalOf(sql`select count(*)::int as total from option_choice_mes_mapping m where ${where}`)
    return { data: yield* choices(where, sql`limit ${limit} offset ${(page - 1) * limit}`), total }
  })

  // The choices of a row are those its job gets: of its part, or of every part. A plain row beside a cover row alone
  // stands for the inner part.
  const counted = (where: Where) =>
    sql`
      select m.product_id, m.mes_item_id, m.cover_type, n.total, n.verified, n.mapped, n.pending,
        case when n.pending > 0 then 'pending' when n.mapped > 0 then 'mapped' else 'verified' end as status
      from product_mes_mapping m cross join lateral (
        select count(*)::int as total,
          (count(*) filter (where cm.mapping_status = 'verified'))::int as verified,
          (count(*) filter (where cm.mapping_status = 'mapped'))::int as mapped,
          (count(*) filter (where cm.mapping_status = 'pending'))::int as pending
        from product_option_choices o
          join option_definitions d on d.id = o.option_id
          join option_choice_mes_mapping cm on cm.choice_id = o.choice_id
        where o.product_id = m.product_id and (d.part is null or d.part = m.cover_type or m.cover_type is null and (
          d.part = 'inner' or not exists (
            select from product_mes_mapping c
            where c.product_id = m.product_id and c.is_active and c.cover_type = 'cover'
          )
        ))
      ) n
      where m.is_active and ${where}`

  /** Conditions are on `m`. `status`: the least advanced of the row's choices. */
  const productPage = Effect.fnUntraced(function* (
    where: Where,
    status: MappingStatus | undefined,
    { limit, page }: PageRequest
  ) {
    const wanted = status === undefined ? sql`true` : sql`r.status = ${status}`
    const total = yield* totalOf(sql`select count(*)::int as total from (${counted(where)}) r where ${wanted}`)
    const data = yield* productMappings(sql`
      select r.product_id as "productId", p.name as "productName", r.mes_item_id as "mesItemId",
        i.item_code as "itemCode", r.cover_type as "coverType", jsonb_build_object(
          'total', r.total, 'verified', r.verified, 'mapped', r.mapped, 'pending', r.pending
        ) as choices
      from (${counted(where)}) r
        join products p on p.id = r.product_id
        join mes_items i on i.id = r.mes_item_id
      where ${wanted}
      order by r.product_id, r.cover_type desc nulls first limit ${limit} offset ${(page - 1) * limit}`)
    return { data, total }
  })

  return { choices, choicePage, productPage }
}
