/** Designs made in the Edicus editor, and their rendering (specification, sections 2, 7 and 9, endpoints 11 to 16). */
import { Schema } from "effect"
import { DesignId, HuniCode, ProductId, RenderJobId } from "./Ids.ts"
import { code, name, text } from "./Text.ts"

/** Edicus' id of a project: what a customer has made in the editor. It stands in paths, so it is no `.` or `..`. */
export const EdicusProjectId = Schema.String.check(Schema.isPattern(/^[0-9A-Za-z_-][0-9A-Za-z_.:~-]{0,127}$/))

/** Edicus' id of an order: a number. */
export const EdicusOrderId = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))

/** The mode an id of Edicus was made in. An id from the sandbox means nothing in live mode, and the reverse. */
export const EdicusMode = Schema.Literals(["sandbox", "live"])
export type EdicusMode = typeof EdicusMode.Type

/** A product that can be designed in the editor. */
export const EditorProduct = Schema.Struct({
  productId: ProductId,
  huniCode: Schema.NullOr(HuniCode),
  name,
  /** `HU_` and the huniCode: derived, never stored. */
  edicusCode: Schema.NullOr(Schema.String),
  editorType: code,
  templateId: Schema.NullOr(Schema.String),
  /** Of the product's editor mapping. */
  isActive: Schema.Boolean
})
export type EditorProduct = typeof EditorProduct.Type

const Millimetres = Schema.NullOr(Schema.Finite)

/** A size as the editor needs it. Millimetres with up to two decimals; null for special shapes. */
export const EditorSize = Schema.Struct({
  code,
  displayName: name,
  cutWidth: Millimetres,
  cutHeight: Millimetres,
  workWidth: Millimetres,
  workHeight: Millimetres,
  bleed: Millimetres,
  /** Limits of a size that the customer chooses; null = a fixed size. */
  custom: Schema.NullOr(
    Schema.Struct({
      minWidth: Schema.Finite,
      maxWidth: Schema.Finite,
      minHeight: Schema.Finite,
      maxHeight: Schema.Finite
    })
  )
})
export type EditorSize = typeof EditorSize.Type

/** What the editor is opened with. */
export const EditorConfig = Schema.Struct({
  productId: ProductId,
  edicusCode: Schema.NullOr(Schema.String),
  editorType: code,
  templateId: Schema.NullOr(Schema.String),
  /** As the catalogue has it. */
  templateConfig: Schema.Json,
  /** The active ones, in display order. */
  sizes: Schema.Array(EditorSize)
})
export type EditorConfig = typeof EditorConfig.Type

/** Body of `POST /integration/edicus/designs`. */
export const NewDesign = Schema.Struct({
  productId: ProductId,
  /** Whatever the editor wants back; kept as it is. */
  designData: Schema.JsonObject,
  editorSessionId: text(200),
  /** Null or left out: not to be rendered. */
  edicusProjectId: Schema.optionalKey(Schema.NullOr(EdicusProjectId))
})
export type NewDesign = typeof NewDesign.Type

/** Answer of `POST /integration/edicus/designs`. */
export const DesignCreated = Schema.Struct({ designId: DesignId, productId: ProductId, createdAt: Schema.String })
export type DesignCreated = typeof DesignCreated.Type

export const Design = Schema.Struct({
  designId: DesignId,
  productId: ProductId,
  designData: Schema.JsonObject,
  editorSessionId: Schema.String,
  edicusProjectId: Schema.NullOr(EdicusProjectId),
  /** Of the last render that was completed. */
  renderedFileUrl: Schema.NullOr(Schema.String),
  createdAt: Schema.String,
  updatedAt: Schema.String
})
export type Design = typeof Design.Type

export const OutputFormat = Schema.Literals(["pdf", "png"])
export type OutputFormat = typeof OutputFormat.Type

export const RenderQuality = Schema.Literals(["print", "preview"])
export type RenderQuality = typeof RenderQuality.Type

/** Body of `POST /integration/edicus/render`. Default: pdf in print quality. */
export const RenderRequest = Schema.Struct({
  designId: DesignId,
  outputFormat: Schema.optionalKey(OutputFormat),
  quality: Schema.optionalKey(RenderQuality)
})
export type RenderRequest = typeof RenderRequest.Type

export const RenderStatus = Schema.Literals(["queued", "processing", "completed", "failed"])
export type RenderStatus = typeof RenderStatus.Type

/** A render job as its requester sees it. */
export const RenderJob = Schema.Struct({
  renderJobId: RenderJobId,
  designId: DesignId,
  status: RenderStatus,
  outputFormat: OutputFormat,
  quality: RenderQuality,
  /** Once it is completed. */
  renderedFileUrl: Schema.NullOr(Schema.String),
  /** Why it failed. */
  error: Schema.NullOr(Schema.String),
  createdAt: Schema.String,
  /** When it ended, well or not. */
  completedAt: Schema.NullOr(Schema.String)
})
export type RenderJob = typeof RenderJob.Type

/** The URL of a rendered file: `{orderId}` and `{format}` of the template filled in. */
export const renderedFileUrl = (
  template: string,
  of: { readonly orderId: number; readonly format: OutputFormat }
): string => template.replaceAll("{orderId}", String(of.orderId)).replaceAll("{format}", of.format)
