/** Designs as the editor leaves them. What it hands over is kept as it is; a design does not change afterwards. */
import { Context, Effect, Layer, Schema } from "effect"
import { Design, type DesignCreated, type NewDesign } from "../../domain/Design.ts"
import { DesignId, makeDesignId, now } from "../../domain/Ids.ts"
import { CatalogNotFound } from "../catalog/CatalogError.ts"
import { rowsOf } from "../catalog/CatalogSql.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

/** There is no such design. HTTP 404. */
export class DesignNotFound extends Schema.TaggedError<DesignNotFound>()("DesignNotFound", {
  designId: DesignId
}) {}

export class Designs extends Context.Service<
  Designs,
  {
    /** For any product that exists: whether it is offered today says nothing about a design that was made for it. */
    readonly create: (design: NewDesign) => Effect.Effect<DesignCreated, CatalogNotFound>
    readonly get: (designId: DesignId) => Effect.Effect<Design, DesignNotFound>
  }
>()("hub/services/designs/Designs") {
  static readonly layer = Layer.effect(
    Designs,
    Effect.suspend(() => make)
  )
}

const designRows = rowsOf({ ...Design.fields, createdAt: IsoFromDate, updatedAt: IsoFromDate })
const idRows = rowsOf({ id: DesignId })

const make = Effect.gen(function* () {
  const { sql } = yield* Database

  const create: Designs["Service"]["create"] = Effect.fn("Designs.create")(function* (design) {
    const { productId } = design
    const designId = yield* makeDesignId
    const createdAt = yield* now
    const [stored] = yield* idRows(sql`
      insert into designs
        (id, product_id, design_data, editor_session_id, edicus_project_id, created_at, updated_at)
      select ${designId}, p.id, ${encodeJson(design.designData)}::json, ${design.editorSessionId},
        ${design.edicusProjectId ?? null}, ${createdAt}::timestamptz, ${createdAt}::timestamptz
      from products p where p.id = ${productId}
      returning id`)
    if (stored === undefined) return yield* new CatalogNotFound({ resource: "product", id: productId })
    return { designId, productId, createdAt }
  })

  const get: Designs["Service"]["get"] = Effect.fn("Designs.get")(function* (designId) {
    const [design] = yield* designRows(sql`
      select id as "designId", product_id as "productId", design_data as "designData",
        editor_session_id as "editorSessionId", edicus_project_id as "edicusProjectId",
        rendered_file_url as "renderedFileUrl", created_at as "createdAt", updated_at as "updatedAt"
      from designs where id = ${designId}`)
    return design ?? (yield* new DesignNotFound({ designId }))
  })

  return Designs.of({ create, get })
})

const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.JsonObject))
