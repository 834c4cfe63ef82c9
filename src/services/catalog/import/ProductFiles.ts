/** Writers of categories.json and products.json. */
import { Effect, Schema } from "effect"
import { ProductCreated, ProductDeactivated, ProductUpdated } from "../../../domain/events/DomainEvents.ts"
import { CategoryId, type ProductId } from "../../../domain/Ids.ts"
import { makeSlug } from "../../../domain/Product.ts"
import { queryOf } from "../CatalogSql.ts"
import { fileImport, type ImportRun } from "./FileImport.ts"
import type { Entry } from "./ParsedFile.ts"
import { CategoryRecord, ProductRecord } from "./Records.ts"
import { pricesChanged, productsByCode } from "./References.ts"
import { type Row, upsert } from "./Upsert.ts"

const categoryRows = queryOf({ code: Schema.String, id: CategoryId, depth: Schema.Int })

/** Held until the transaction ends: whoever maps a category to the shop must not miss a product that joins it. */
const categoriesByCode = ({ sql }: ImportRun, codes: Iterable<string>) =>
  Effect.map(
    categoryRows(
      sql`select code, id, depth from categories where code = any(${[...new Set(codes)]}::text[]) order by code for share`
    ),
    (rows) => new Map(rows.map((row) => [row.code, row]))
  )

/** Categories by depth, so that a parent is written before its children; a branch may move. */
export const categories = fileImport({
  file: "categories.json",
  shape: { schema: CategoryRecord, key: ["code"], wins: "first" },
  rank: ({ depth }) => depth,
  write: Effect.fnUntraced(function* (entries, run) {
    const rejected = new Map<number, string>()
    const inserted: Array<number> = []
    const changed: Array<number> = []
    yield* run.sql`set constraints categories_parent deferred`
    for (const level of Map.groupBy(entries, ({ value }) => value.depth).values()) {
      const parents = yield* categoriesByCode(
        run,
        level.flatMap(({ value }) => value.parentCode ?? [])
      )
      const rows: Array<Row<"code" | "name" | "parent_id" | "depth" | "display_order">> = []
      for (const {
        index,
        value: { code, depth, displayOrder, name, parentCode }
      } of level) {
        const parent = parents.get(parentCode ?? "")
        if ((parentCode ?? null) !== null && parent === undefined) {
          rejected.set(index, `parentCode: no such category: ${parentCode}`)
        } else if (depth !== (parent === undefined ? 0 : parent.depth + 1)) {
          rejected.set(index, "depth: must be 0 without a parent, else one more than the parent's")
        } else {
          rows.push({ index, columns: { code, name, parent_id: parent?.id, depth, display_order: displayOrder } })
        }
      }
      const written = yield* upsert(
        run.sql,
        {
          name: "categories",
          columns: {
            code: { as: "key", type: "text" },
            name: { as: "value", type: "text" },
            parent_id: { as: "value", type: "integer" },
            depth: { as: "value", type: "integer" },
            display_order: { as: "keep", type: "integer", default: "0" }
          }
        },
        rows
      )
      inserted.push(...written.inserted)
      changed.push(...written.changed.keys())
    }
    yield* run.sql`set constraints categories_parent immediate`
    return { inserted, changed, rejected }
  })
})

/** Field of the API by column, for the changes in product.updated. */
const productFields = {
  name: "name",
  slug: "slug",
  category_id: "categoryCode",
  product_type: "productType",
  pricing_model: "pricingModel",
  order_method: "orderMethod",
  editor_enabled: "editorEnabled",
  is_active: "isActive",
  min_qty: "minQty",
  max_qty: "maxQty",
  qty_step: "qtyStep"
} as const

export const products = fileImport({
  file: "products.json",
  shape: { schema: ProductRecord, key: ["huniCode"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const { at, sql } = run
    const found = yield* categoriesByCode(
      run,
      entries.flatMap(({ value }) => value.categoryCode ?? [])
    )
    const before = yield* productsByCode(
      run,
      entries.map(({ value }) => value.huniCode)
    )
    const rejected = new Map<number, string>()
    const written = yield* upsert(
      sql,
      {
        name: "products",
        columns: {
          huni_code: { as: "key", type: "text" },
          name: { as: "value", type: "text" },
          slug: { as: "keep", type: "text", default: "null" },
          category_id: { as: "value", type: "integer" },
          product_type: { as: "value", type: "text" },
          pricing_model: { as: "value", type: "text" },
          order_method: { as: "keep", type: "text", default: "'upload'" },
          editor_enabled: { as: "keep", type: "boolean", default: "false" },
          is_active: { as: "keep", type: "boolean", default: "true" },
          selling_price: { as: "keep", type: "integer", default: "null" },
          min_qty: { as: "value", type: "integer" },
          max_qty: { as: "value", type: "integer" },
          qty_step: { as: "value", type: "integer" },
          created_at: { as: "created", type: "timestamptz" },
          updated_at: { as: "touched", type: "timestamptz" }
        }
      },
      entries.flatMap(({ index, value }) => {
        const { categoryCode, huniCode } = value
        const category = found.get(categoryCode ?? "")
        if ((categoryCode ?? null) !== null && category === undefined) {
          rejected.set(index, `categoryCode: no such category: ${categoryCode}`)
          return []
        }
        return [
          {
            index,
            columns: {
              huni_code: huniCode,
              name: value.name,
              slug: value.slug ?? (before.has(huniCode) ? null : makeSlug(value.name, huniCode)),
              category_id: category?.id,
              product_type: value.productType,
              pricing_model: value.pricingModel,
              order_method: value.orderMethod,
              editor_enabled: value.editorEnabled,
              is_active: value.isActive,
              selling_price: value.sellingPrice,
              min_qty: value.minQty,
              max_qty: value.maxQty,
              qty_step: value.qtyStep,
              created_at: at,
              updated_at: at
            }
          }
        ]
      })
    )
    yield* publishProducts(entries, written, run)
    return { inserted: written.inserted, changed: written.changed.keys(), rejected }
  })
})

const publishProducts = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Entry<typeof ProductRecord.Type>>,
  written: { readonly inserted: ReadonlySet<number>; readonly changed: ReadonlyMap<number, ReadonlyArray<string>> },
  run: ImportRun
) {
  const after = yield* productsByCode(
    run,
    entries.map(({ value }) => value.huniCode)
  )
  const repriced: Array<ProductId> = []
  for (const { index, value } of entries) {
    const productId = after.get(value.huniCode)?.id
    if (productId === undefined) continue
    if (written.inserted.has(index)) {
      yield* Effect.orDie(run.bus.publish(ProductCreated, { productId, huniCode: value.huniCode }))
      continue
    }
    const changed = new Set(written.changed.get(index))
    const changes = Object.fromEntries(
      Object.entries(productFields).flatMap(([column, field]) =>
        changed.has(column) ? [[field, value[field] ?? null] as const] : []
      )
    )
    const isDeactivated = changes["isActive"] === false
    if (isDeactivated) delete changes["isActive"]
    if (Object.keys(changes).length > 0) {
      yield* Effect.orDie(run.bus.publish(ProductUpdated, { productId, changes }))
    }
    if (isDeactivated) yield* Effect.orDie(run.bus.publish(ProductDeactivated, { productId }))
    if (changed.has("selling_price")) repriced.push(productId)
  }
  yield* pricesChanged(run, repriced)
})
