/** Writers of what belongs to a product: product-sizes.json, fixed-prices.json, product-editor-mapping.json. */
import { Effect, Schema } from "effect"
import { queryOf } from "../CatalogSql.ts"
import { fileImport, type ImportRun } from "./FileImport.ts"
import type { Entry } from "./ParsedFile.ts"
import { FixedPriceRecord, ProductEditorMappingRecord, ProductSizeRecord } from "./Records.ts"
import { pricesChanged, type ProductReference, productsByCode, productsUpdated } from "./References.ts"
import { toParameter, upsert } from "./Upsert.ts"

const sizeRows = queryOf({ index: Schema.Int })

/** Rejects the records whose product does not exist, and gives the others with theirs. */
const withProducts = <A extends { readonly huniCode: string }>(
  entries: ReadonlyArray<Entry<A>>,
  run: ImportRun,
  rejected: Map<number, string>
) =>
  Effect.map(
    productsByCode(
      run,
      entries.map(({ value }) => value.huniCode)
    ),
    (found) =>
      entries.flatMap((entry): ReadonlyArray<Entry<A> & { readonly product: ProductReference }> => {
        const product = found.get(entry.value.huniCode)
        if (product !== undefined) return [{ ...entry, product }]
        rejected.set(entry.index, `huniCode: no such product: ${entry.value.huniCode}`)
        return []
      })
  )

export const productSizes = fileImport({
  file: "product-sizes.json",
  shape: { schema: ProductSizeRecord, key: ["huniCode", "code"], wins: "first" },
  group: ({ huniCode }) => huniCode,
  write: Effect.fnUntraced(function* (entries, run) {
    const rejected = new Map<number, string>()
    const known = yield* withProducts(entries, run, rejected)
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "product_sizes",
        columns: {
          product_id: { as: "key", type: "integer" },
          code: { as: "key", type: "text" },
          display_name: { as: "value", type: "text" },
          cut_width: { as: "value", type: "numeric(8, 2)" },
          cut_height: { as: "value", type: "numeric(8, 2)" },
          work_width: { as: "value", type: "numeric(8, 2)" },
          work_height: { as: "value", type: "numeric(8, 2)" },
          bleed: { as: "value", type: "numeric(8, 2)" },
          imposition_count: { as: "value", type: "integer" },
          custom_min_width: { as: "value", type: "numeric(8, 2)" },
          custom_max_width: { as: "value", type: "numeric(8, 2)" },
          custom_min_height: { as: "value", type: "numeric(8, 2)" },
          custom_max_height: { as: "value", type: "numeric(8, 2)" },
          is_active: { as: "keep", type: "boolean", default: "true" },
          display_order: { as: "keep", type: "integer", default: "0" }
        }
      },
      known.map(({ index, product, value }) => ({
        index,
        columns: {
          product_id: product.id,
          code: value.code,
          display_name: value.displayName,
          cut_width: value.cutWidth,
          cut_height: value.cutHeight,
          work_width: value.workWidth,
          work_height: value.workHeight,
          bleed: value.bleed,
          imposition_count: value.impositionCount,
          custom_min_width: value.customMinW,
          custom_max_width: value.customMaxW,
          custom_min_height: value.customMinH,
          custom_max_height: value.customMaxH,
          is_active: value.isActive,
          display_order: value.displayOrder
        }
      }))
    )
    const news = Map.groupBy(
      known.filter(({ index }) => inserted.has(index) || changed.has(index)),
      ({ product }) => product
    )
    yield* productsUpdated(
      run,
      [...news].map(([product, sizes]) => ({
        product,
        changes: { sizes: sizes.map(({ value: { huniCode: _, ...size } }) => ({ ...size })) }
      }))
    )
    return { inserted, changed: changed.keys(), rejected }
  })
})

export const fixedPrices = fileImport({
  file: "fixed-prices.json",
  shape: {
    schema: FixedPriceRecord,
    key: ["huniCode", "sizeCode", "optionLabel", "baseQty"],
    wins: "last"
  },
  group: ({ huniCode }) => huniCode,
  write: Effect.fnUntraced(function* (entries, run) {
    const rejected = new Map<number, string>()
    const known = yield* withProducts(entries, run, rejected)
    const sized = new Set(
      (yield* sizeRows(run.sql`
      select r.index from json_to_recordset(${toParameter(
        known.map(({ index, product, value }) => ({
          index,
          columns: { product_id: product.id, size_code: value.sizeCode }
        }))
      )}::json) as r(index integer, product_id integer, size_code text)
        join product_sizes s on s.product_id = r.product_id and s.code = r.size_code`)).map(({ index }) => index)
    )
    const priced = known.filter(({ index, value: { sizeCode } }) => {
      if ((sizeCode ?? null) === null || sized.has(index)) return true
      rejected.set(index, `sizeCode: the product has no such size: ${sizeCode}`)
      return false
    })
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "fixed_prices",
        columns: {
          product_id: { as: "key", type: "integer" },
          size_code: { as: "nullable-key", type: "text" },
          option_label: { as: "nullable-key", type: "text" },
          base_qty: { as: "key", type: "integer" },
          selling_price: { as: "value", type: "integer" },
          vat_included: { as: "keep", type: "boolean", default: "false" }
        }
      },
      priced.map(({ index, product, value }) => ({
        index,
        columns: {
          product_id: product.id,
          size_code: value.sizeCode,
          option_label: value.optionLabel,
          base_qty: value.baseQty,
          selling_price: value.sellingPrice,
          vat_included: value.vatIncluded
        }
      }))
    )
    yield* pricesChanged(
      run,
      priced.flatMap(({ index, product }) => (inserted.has(index) || changed.has(index) ? [product.id] : []))
    )
    return { inserted, changed: changed.keys(), rejected }
  })
})

export const productEditorMapping = fileImport({
  file: "product-editor-mapping.json",
  shape: { schema: ProductEditorMappingRecord, key: ["huniCode"], wins: "first" },
  write: Effect.fnUntraced(function* (entries, run) {
    const rejected = new Map<number, string>()
    const known = yield* withProducts(entries, run, rejected)
    const { changed, inserted } = yield* upsert(
      run.sql,
      {
        name: "product_editor_mapping",
        columns: {
          product_id: { as: "key", type: "integer" },
          editor_type: { as: "value", type: "text" },
          template_id: { as: "value", type: "text" },
          template_config: { as: "value", type: "jsonb" },
          is_active: { as: "keep", type: "boolean", default: "true" }
        }
      },
      known.map(({ index, product, value }) => ({
        index,
        columns: {
          product_id: product.id,
          editor_type: value.editorType,
          template_id: value.templateId,
          template_config: value.templateConfig,
          is_active: value.isActive
        }
      }))
    )
    yield* productsUpdated(
      run,
      known.flatMap(({ index, product, value: { huniCode: _, ...editor } }) =>
        inserted.has(index) || changed.has(index) ? [{ product, changes: { editor: { ...editor } } }] : []
      )
    )
    return { inserted, changed: changed.keys(), rejected }
  })
})
