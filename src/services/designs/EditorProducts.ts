/** Products that can be designed in the Edicus editor, and what the editor is opened with. Reads only: the catalogue writes. */
import { Context, Effect, Layer, Schema, Struct } from "effect"
import { EditorConfig, EditorProduct, EditorSize } from "../../domain/Design.ts"
import { edicusCode, HuniCode, ProductId } from "../../domain/Ids.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { rowsOf, totalOf } from "../catalog/CatalogSql.ts"
import { Database } from "../storage/Database.ts"

/** There is no such product, or it is not made in the editor. HTTP 404. */
export class EditorProductNotFound extends Schema.TaggedError<EditorProductNotFound>()("EditorProductNotFound", {
  productId: ProductId
}) {}

export class EditorProducts extends Context.Service<
  EditorProducts,
  {
    /** Every product with an editor mapping, inactive ones too, by product id. */
    readonly list: (page: PageRequest) => Effect.Effect<Page<EditorProduct>>
    /** Of an editor-enabled product whose mapping is active, with all its active sizes. */
    readonly config: (productId: ProductId) => Effect.Effect<EditorConfig, EditorProductNotFound>
  }
>()("hub/services/designs/EditorProducts") {
  static readonly layer = Layer.effect(
    EditorProducts,
    Effect.suspend(() => make)
  )
}

const productRows = rowsOf(Struct.omit(EditorProduct.fields, ["edicusCode"]))

const configRows = rowsOf({
  ...Struct.omit(EditorConfig.fields, ["edicusCode", "sizes"]),
  huniCode: Schema.NullOr(HuniCode)
})

const sizeRows = rowsOf(EditorSize.fields)

const make = Effect.gen(function* () {
  const { sql } = yield* Database

  const list: EditorProducts["Service"]["list"] = Effect.fn("EditorProducts.list")(function* ({ limit, page }) {
    const total = yield* totalOf(sql`select count(*)::int as total from product_editor_mapping`)
    const rows = yield* productRows(sql`
      select p.id as "productId", p.huni_code as "huniCode", p.name, m.editor_type as "editorType",
        m.template_id as "templateId", m.is_active as "isActive"
      from product_editor_mapping m join products p on p.id = m.product_id
      order by p.id limit ${limit} offset ${(page - 1) * limit}`)
    return { data: rows.map((row) => ({ ...row, edicusCode: edicusCode(row.huniCode) })), total }
  })

  const config: EditorProducts["Service"]["config"] = Effect.fn("EditorProducts.config")(function* (productId) {
    const [row] = yield* configRows(sql`
      select p.id as "productId", p.huni_code as "huniCode", m.editor_type as "editorType",
        m.template_id as "templateId", m.template_config as "templateConfig"
      from product_editor_mapping m join products p on p.id = m.product_id
      where p.id = ${productId} and p.editor_enabled and m.is_active`)
    if (row === undefined) return yield* new EditorProductNotFound({ productId })
    const sizes = yield* sizeRows(sql`
      select code, display_name as "displayName", cut_width::float8 as "cutWidth", cut_height::float8 as "cutHeight",
        work_width::float8 as "workWidth", work_height::float8 as "workHeight", bleed::float8 as bleed,
        case when custom_min_width is not null then jsonb_build_object(
          'minWidth', custom_min_width, 'maxWidth', custom_max_width,
          'minHeight', custom_min_height, 'maxHeight', custom_max_height
        ) end as custom
      from product_sizes where product_id = ${productId} and is_active order by display_order, id`)
    const { huniCode, ...rest } = row
    return { ...rest, edicusCode: edicusCode(huniCode), sizes }
  })

  return EditorProducts.of({ list, config })
})
