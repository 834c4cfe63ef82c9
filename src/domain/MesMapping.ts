/**
 * How options and products translate to the MES (specification, sections 2, 7 and 9): the class of an option decides
 * whether its choices need a MES code, and an operator maps and then verifies each of them.
 */
import { Schema } from "effect"
import { ChoiceId, MesItemCode, MesItemId, ProductId } from "./Ids.ts"
import { code, name } from "./Text.ts"

export const OptionClass = Schema.Literals(["material", "process", "setting"])
export type OptionClass = typeof OptionClass.Type

/** Which list of the MES a code belongs to. */
export const MappingType = Schema.Literals(["material", "process"])
export type MappingType = typeof MappingType.Type

export const MappingStatus = Schema.Literals(["pending", "mapped", "verified"])
export type MappingStatus = typeof MappingStatus.Type

/** A part of a book. */
export const Part = Schema.Literals(["inner", "cover"])
export type Part = typeof Part.Type

/** The mapping type of a class; null = choices of this class have no mapping. */
export const mappingTypeOf = (optionClass: OptionClass): MappingType | null => {
  switch (optionClass) {
    case "material":
    case "process":
      return optionClass
    case "setting":
      return null
  }
}

export const MappingAction = Schema.Literals(["map", "verify"])
export type MappingAction = typeof MappingAction.Type

/** The workflow: where an action leads from a status; null = not allowed. The same status again changes nothing. */
export const mappingWorkflow: {
  readonly [S in MappingStatus]: { readonly [A in MappingAction]: MappingStatus | null }
} = {
  pending: { map: "mapped", verify: null },
  mapped: { map: "mapped", verify: "verified" },
  verified: { map: "mapped", verify: "verified" }
}

/** The mapping of one choice of class material or process. Times are ISO-8601 UTC. */
export const ChoiceMapping = Schema.Struct({
  choiceId: ChoiceId,
  choiceCode: code,
  choiceName: name,
  optionKey: code,
  optionName: name,
  mappingType: MappingType,
  mappingStatus: MappingStatus,
  /** The MES material or process code; null while pending. */
  mesCode: Schema.NullOr(code),
  mesItemId: Schema.NullOr(MesItemId),
  itemCode: Schema.NullOr(MesItemCode),
  mappedBy: Schema.NullOr(Schema.String),
  mappedAt: Schema.NullOr(Schema.String),
  verifiedBy: Schema.NullOr(Schema.String),
  verifiedAt: Schema.NullOr(Schema.String)
})
export type ChoiceMapping = typeof ChoiceMapping.Type

/** Body of `PUT /integration/mes/choice-mappings/:choiceId`. */
export const ChoiceMappingSet = Schema.Struct({
  mesCode: code,
  itemCode: Schema.optionalKey(Schema.NullOr(MesItemCode))
})
export type ChoiceMappingSet = typeof ChoiceMappingSet.Type

/** A product's MES item, with how far the choices of its part are mapped (settings are not counted). */
export const ProductMapping = Schema.Struct({
  productId: ProductId,
  productName: name,
  mesItemId: MesItemId,
  itemCode: MesItemCode,
  coverType: Schema.NullOr(Part),
  choices: Schema.Struct({
    total: Schema.Int,
    verified: Schema.Int,
    mapped: Schema.Int,
    pending: Schema.Int
  })
})
export type ProductMapping = typeof ProductMapping.Type

/** Body of `PUT /integration/mes/mappings/:productId`. */
export const ProductMappingSet = Schema.Struct({
  itemCode: MesItemCode,
  coverType: Schema.optionalKey(Schema.NullOr(Part))
})
export type ProductMappingSet = typeof ProductMappingSet.Type

/** One job that a product needs: its part (null = a plain item) and the item it is made as; null = none is mapped. */
export interface ProductionPart {
  readonly part: Part | null
  readonly item: { readonly mesItemId: MesItemId; readonly itemCode: string; readonly isActive: boolean } | null
}

/**
 * The jobs of a product by its active mappings: part rows replace the plain row; where only a cover row exists, the
 * plain item is made as the inner part (a book has both: without a plain item the inner part is missing). No rows:
 * one plain job without an item.
 */
export const productionParts = (
  mappings: ReadonlyArray<{ readonly coverType: Part | null; readonly item: NonNullable<ProductionPart["item"]> }>
): ReadonlyArray<ProductionPart> => {
  const itemOf = (coverType: Part | null) => mappings.find((row) => row.coverType === coverType)?.item ?? null
  const [plain, inner, cover] = [itemOf(null), itemOf("inner"), itemOf("cover")]
  if (cover !== null) {
    return [
      { part: "inner", item: inner ?? plain },
      { part: "cover", item: cover }
    ]
  }
  return inner === null ? [{ part: null, item: plain }] : [{ part: "inner", item: inner }]
}
