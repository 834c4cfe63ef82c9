/** Writers of mes-items.json, mes-item-options.json and product-mes-mapping.json. */
import { Effect } from "effect"
import { ReleaseOrdersToMes } from "../../../domain/events/Commands.ts"
import { ProductId } from "../../../domain/Ids.ts"
import { queryOf } from "../CatalogSql.ts"
import { fileImport, type ImportRun } from "./FileImport.ts"
import { MesItemOptionRecord, MesItemRecord, ProductMesMappingRecord } from "./Records.ts"
import { itemsByCode, productsByCode } from "./References.ts"
import { upsert } from "./Upsert.ts"

const productIds = queryOf({ id: ProductId })

/** Orders may have waited for an item of these products. */
const release = ({ bus }: ImportRun, ids: Iterable<ProductId>) =>
  Effect.orDie(
    bus.publishAll(
      ReleaseOrdersToMes,
      [...new Set(ids)].sort((a, b) => a - b).map((productId) => ({ productId }))
    )
  )

export const mesItems = fileImport({
  file: "mes-items.json",
  shape: { schema: MesItemRecord, key: ["itemCode"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "mes_items",
        columns: {
          item_code: { as: "key", type: "text" },
          group_code: { as: "value", type: "text" },
          name: { as: "value", type: "text" },
          abbreviation: { as: "value", type: "text" },
          item_type: { as: "value", type: "text" },
          unit: { as: "value", type: "text" },
          is_active: { as: "keep", type: "boolean", default: "true" }
        }
      },
      entries.map(({ index, value }) => ({
        index,
        columns: {
          item_code: value.itemCode,
          group_code: value.groupCode,
          name: value.name,
          abbreviation: value.abbreviation,
          item_type: value.itemType,
          unit: value.unit,
          is_active: value.isActive
        }
      }))
    )
    const activated = entries.flatMap(({ index, value }) =>
      value.isActive === true && changed.get(index)?.includes("is_active") === true ? [value.itemCode] : []
    )
    const products = yield* productIds(run.sql`
      select distinct m.product_id as id from product_mes_mapping m join mes_items i on i.id = m.mes_item_id
      where m.is_active and i.item_code = any(${activated}::text[])`)
    yield* release(
      run,
      products.map(({ id }) => id)
    )
    return { inserted, changed: changed.keys(), rejected: new Map() }
  })
})

export const mesItemOptions = fileImport({
  file: "mes-item-options.json",
  shape: { schema: MesItemOptionRecord, key: ["itemCode", "optionNumber"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const items = yield* itemsByCode(
      run,
      entries.map(({ value }) => value.itemCode)
    )
    const rejected = new Map<number, string>()
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "mes_item_options",
        columns: {
          mes_item_id: { as: "key", type: "integer" },
          option_number: { as: "key", type: "smallint" },
          option_value: { as: "value", type: "text" }
        }
      },
      entries.flatMap(({ index, value: { itemCode, optionNumber, optionValue } }) => {
        const itemId = items.get(itemCode)
        if (itemId === undefined) rejected.set(index, `itemCode: no such item: ${itemCode}`)
        return itemId === undefined
          ? []
          : [{ index, columns: { mes_item_id: itemId, option_number: optionNumber, option_value: optionValue } }]
      })
    )
    return { inserted, changed: changed.keys(), rejected }
  })
})

export const productMesMapping = fileImport({
  file: "product-mes-mapping.json",
  shape: { schema: ProductMesMappingRecord, key: ["huniCode", "coverType"], wins: "first" },
  group: ({ huniCode }) => huniCode,
  write: Effect.fnUntraced(function* (entries, run) {
    const products = yield* productsByCode(
      run,
      entries.map(({ value }) => value.huniCode)
    )
    const items = yield* itemsByCode(
      run,
      entries.map(({ value }) => value.mesItemCode)
    )
    const rejected = new Map<number, string>()
    const rows = entries.flatMap(({ index, value: { coverType, huniCode, isActive, mesItemCode } }) => {
      const productId = products.get(huniCode)?.id
      const itemId = items.get(mesItemCode)
      if (productId !== undefined && itemId !== undefined) {
        const columns = { product_id: productId, cover_type: coverType, mes_item_id: itemId, is_active: isActive }
        return [{ index, productId, columns }]
      }
      rejected.set(
        index,
        [
          ...(productId === undefined ? [`huniCode: no such product: ${huniCode}`] : []),
          ...(itemId === undefined ? [`mesItemCode: no such item: ${mesItemCode}`] : [])
        ].join("; ")
      )
      return []
    })
    // A dispatch that finds no item holds the product while it marks the order blocked.
    yield* run.sql`
      select 1 from products where id = any(${rows.map(({ productId }) => productId)}::integer[])
      order by id for no key update`
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "product_mes_mapping",
        columns: {
          product_id: { as: "key", type: "integer" },
          cover_type: { as: "nullable-key", type: "text" },
          mes_item_id: { as: "value", type: "integer" },
          is_active: { as: "keep", type: "boolean", default: "true" }
        }
      },
      rows
    )
    yield* release(
      run,
      rows.flatMap(({ index, productId }) => (inserted.has(index) || changed.has(index) ? [productId] : []))
    )
    return { inserted, changed: changed.keys(), rejected }
  })
})
