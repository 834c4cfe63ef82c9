/** Writers of option-definitions.json, option-choices.json, product-option-choices.json and choice-mappings.json. */
import { Effect, Schema } from "effect"
import { ChoiceId, MesItemId, ProductId } from "../../../domain/Ids.ts"
import { queryOf } from "../CatalogSql.ts"
import { fileImport } from "./FileImport.ts"
import {
  ChoiceMappingRecord,
  OptionChoiceRecord,
  OptionDefinitionRecord,
  ProductOptionChoiceRecord
} from "./Records.ts"
import { choicesByIndex, itemsByCode, optionsByKey, productsByCode, productsUpdated } from "./References.ts"
import { toParameter, upsert } from "./Upsert.ts"

const offerRows = queryOf({ id: ProductId, choiceIds: Schema.Array(ChoiceId) })
const mappingRows = queryOf({
  choiceId: ChoiceId,
  mesCode: Schema.NullOr(Schema.String),
  mesItemId: Schema.NullOr(MesItemId)
})

export const optionDefinitions = fileImport({
  file: "option-definitions.json",
  shape: { schema: OptionDefinitionRecord, key: ["key"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "option_definitions",
        columns: {
          key: { as: "key", type: "text" },
          name: { as: "value", type: "text" },
          option_class: { as: "value", type: "text" },
          display_order: { as: "keep", type: "integer", default: "0" }
        }
      },
      entries.map(({ index, value: { displayOrder, key, name, optionClass } }) => ({
        index,
        columns: { key, name, option_class: optionClass, display_order: displayOrder }
      }))
    )
    return { inserted, changed: changed.keys(), rejected: new Map() }
  })
})

/** The database makes the pending mapping of a new choice. */
export const optionChoices = fileImport({
  file: "option-choices.json",
  shape: { schema: OptionChoiceRecord, key: ["optionKey", "code"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const options = yield* optionsByKey(
      run,
      entries.map(({ value }) => value.optionKey)
    )
    const rejected = new Map<number, string>()
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "option_choices",
        columns: {
          option_id: { as: "key", type: "integer" },
          option_class: { as: "created", type: "text" },
          code: { as: "key", type: "text" },
          name: { as: "value", type: "text" },
          display_order: { as: "keep", type: "integer", default: "0" }
        }
      },
      entries.flatMap(({ index, value: { code, displayOrder, name, optionKey } }) => {
        const option = options.get(optionKey)
        if (option === undefined) {
          rejected.set(index, `optionKey: no such option: ${optionKey}`)
          return []
        }
        const { id, optionClass } = option
        return [
          {
            index,
            columns: { option_id: id, option_class: optionClass, code, name, display_order: displayOrder }
          }
        ]
      })
    )
    return { inserted, changed: changed.keys(), rejected }
  })
})

/** Adds to what products offer; takes nothing away. */
export const productOptionChoices = fileImport({
  file: "product-option-choices.json",
  shape: { schema: ProductOptionChoiceRecord, key: ["huniCode", "optionKey", "choiceCode"], wins: "first" },
  group: ({ huniCode }) => huniCode,
  write: Effect.fnUntraced(function* (entries, run) {
    const { sql } = run
    const products = yield* productsByCode(
      run,
      entries.map(({ value }) => value.huniCode)
    )
    const choices = yield* choicesByIndex(run, entries)
    const rejected = new Map<number, string>()
    const rows = entries.flatMap(({ index, value: { choiceCode, huniCode, optionKey } }) => {
      const product = products.get(huniCode)
      const choice = choices.get(index)
      if (product !== undefined && choice !== undefined) {
        return [
          {
            index,
            product,
            columns: { product_id: product.id, option_id: choice.optionId, choice_id: choice.choiceId }
          }
        ]
      }
      rejected.set(
        index,
        [
          ...(product === undefined ? [`huniCode: no such product: ${huniCode}`] : []),
          ...(choice === undefined ? [`choiceCode: no such choice: ${optionKey}/${choiceCode}`] : [])
        ].join("; ")
      )
      return []
    })
    yield* sql`
      insert into product_options (product_id, option_id)
      select distinct product_id, option_id
      from json_to_recordset(${toParameter(rows.map(({ columns, index }) => ({ index, columns })))}::json)
        as r(product_id integer, option_id integer)
      order by 1, 2 on conflict do nothing`
    const { inserted } = yield* upsert(
      sql,
      {
        name: "product_option_choices",
        columns: {
          product_id: { as: "key", type: "integer" },
          option_id: { as: "created", type: "integer" },
          choice_id: { as: "key", type: "integer" }
        }
      },
      rows
    )
    const grown = new Map(rows.flatMap(({ index, product }) => (inserted.has(index) ? [[product.id, product]] : [])))
    const offers = yield* offerRows(sql`
      select product_id as id, array_agg(choice_id order by choice_id) as "choiceIds" from product_option_choices
      where product_id = any(${[...grown.keys()]}::integer[]) group by product_id`)
    yield* productsUpdated(
      run,
      offers.flatMap(({ choiceIds, id }) => {
        const product = grown.get(id)
        return product === undefined ? [] : [{ product, changes: { choiceIds } }]
      })
    )
    return { inserted, changed: [], rejected }
  })
})

/** Maps in bulk, to mapped. What has that code already stays as it is, verified or not. */
export const choiceMappings = fileImport({
  file: "choice-mappings.json",
  shape: { schema: ChoiceMappingRecord, key: ["optionKey", "choiceCode"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const { sql } = run
    const choices = yield* choicesByIndex(run, entries)
    const items = yield* itemsByCode(
      run,
      entries.flatMap(({ value }) => value.itemCode ?? [])
    )
    const before = new Map(
      (yield* mappingRows(sql`
      select choice_id as "choiceId", mes_code as "mesCode", mes_item_id as "mesItemId" from option_choice_mes_mapping
      where choice_id = any(${[...choices.values()].map(({ choiceId }) => choiceId)}::integer[])
      order by choice_id for no key update`)).map((row) => [row.choiceId, row])
    )
    const rejected = new Map<number, string>()
    const rows = entries.flatMap(({ index, value: { choiceCode, itemCode, mesCode, optionKey } }) => {
      const choice = choices.get(index)
      const current = choice === undefined ? undefined : before.get(choice.choiceId)
      const given = itemCode ?? null
      const reason =
        choice === undefined
          ? `choiceCode: no such choice: ${optionKey}/${choiceCode}`
          : current === undefined
            ? `choices of class ${choice.optionClass} have no mapping`
            : given !== null && !items.has(given)
              ? `itemCode: no such item: ${given}`
              : null
      if (reason !== null) rejected.set(index, reason)
      if (reason !== null || current === undefined) return []
      const mesItemId = given === null ? current.mesItemId : (items.get(given) ?? null)
      if (current.mesCode === mesCode && current.mesItemId === mesItemId) return []
      return [{ index, columns: { choice_id: current.choiceId, mes_code: mesCode, mes_item_id: mesItemId } }]
    })
    yield* sql`
      update option_choice_mes_mapping m
      set mapping_status = 'mapped', mes_code = r.mes_code, mes_item_id = r.mes_item_id,
        mapped_by = ${run.actor}, mapped_at = ${run.at}, verified_by = null, verified_at = null
      from json_to_recordset(${toParameter(rows)}::json) as r(choice_id integer, mes_code text, mes_item_id integer)
      where m.choice_id = r.choice_id`
    return { inserted: [], changed: rows.map(({ index }) => index), rejected }
  })
})
