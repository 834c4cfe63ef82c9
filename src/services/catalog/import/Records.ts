/**
 * The files of a catalogue export and the shape of their records (specification, section 10). References go by
 * business key; unknown fields are ignored.
 */
import { Schema } from "effect"
import { HuniCode, maxInt, MesItemCode } from "../../../domain/Ids.ts"
import { MesGroupCode, MesItemOption, MesItemType } from "../../../domain/MesItem.ts"
import { OptionClass, Part } from "../../../domain/MesMapping.ts"
import { Money, OrderMethod, Quantity } from "../../../domain/Product.ts"
import { code, name, text } from "../../../domain/Text.ts"

/** May be left out, or null: no value. */
const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
/** May be left out: a new row gets the default, an existing one keeps its value. */
const keeps = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(schema)

const DisplayOrder = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

/** Millimetres with at most two decimals; the noise of binary fractions is forgiven. */
const millimetres = (minimum: number) =>
  Schema.Finite.check(
    Schema.isBetween({ minimum, maximum: 100_000 }),
    Schema.makeFilter((value: number) =>
      Math.abs(value * 100 - Math.round(value * 100)) < 1e-6 ? undefined : "must have at most 2 decimals"
    )
  )
const Length = millimetres(0.01)

const limits = ["customMinW", "customMaxW", "customMinH", "customMaxH"] as const

export const CategoryRecord = Schema.Struct({
  code,
  name,
  parentCode: nullable(code),
  depth: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
  displayOrder: keeps(DisplayOrder)
})

export const ProductRecord = Schema.Struct({
  huniCode: HuniCode,
  name,
  /** Left out: made from name and huniCode. */
  slug: keeps(text(250)),
  categoryCode: nullable(code),
  productType: code,
  pricingModel: nullable(code),
  orderMethod: keeps(OrderMethod),
  editorEnabled: keeps(Schema.Boolean),
  isActive: keeps(Schema.Boolean),
  sellingPrice: keeps(Money),
  minQty: nullable(Quantity),
  maxQty: nullable(Quantity),
  qtyStep: nullable(Quantity)
}).check(
  Schema.makeFilter(({ maxQty, minQty }) => {
    const isRange = (minQty ?? 1) <= (maxQty ?? maxInt)
    return isRange ? undefined : { path: ["maxQty"], issue: "must not be less than minQty" }
  })
)

export const ProductSizeRecord = Schema.Struct({
  huniCode: HuniCode,
  code,
  displayName: name,
  cutWidth: nullable(Length),
  cutHeight: nullable(Length),
  workWidth: nullable(Length),
  workHeight: nullable(Length),
  bleed: nullable(millimetres(0)),
  impositionCount: nullable(Quantity),
  isCustom: nullable(Schema.Boolean),
  customMinW: nullable(Length),
  customMaxW: nullable(Length),
  customMinH: nullable(Length),
  customMaxH: nullable(Length),
  isActive: keeps(Schema.Boolean),
  displayOrder: keeps(DisplayOrder)
}).check(
  Schema.makeFilter((size) => {
    const given = limits.filter((limit) => (size[limit] ?? null) !== null).length
    if (((size.cutWidth ?? null) === null) !== ((size.cutHeight ?? null) === null)) {
      return "cut width and height go together"
    }
    if (((size.workWidth ?? null) === null) !== ((size.workHeight ?? null) === null)) {
      return "work width and height go together"
    }
    if (given !== 0 && given !== limits.length) return "the four custom limits go together"
    if (size.isCustom === true && given === 0) return "a custom size needs its limits"
    if ((size.customMinW ?? 0) > (size.customMaxW ?? 0)) return "customMaxW must not be less than customMinW"
    if ((size.customMinH ?? 0) > (size.customMaxH ?? 0)) return "customMaxH must not be less than customMinH"
    return undefined
  })
)

export const FixedPriceRecord = Schema.Struct({
  huniCode: HuniCode,
  sizeCode: nullable(code),
  optionLabel: nullable(name),
  baseQty: Quantity,
  sellingPrice: Money,
  vatIncluded: keeps(Schema.Boolean)
})

export const OptionDefinitionRecord = Schema.Struct({
  key: code,
  name,
  optionClass: OptionClass,
  displayOrder: keeps(DisplayOrder)
})

export const OptionChoiceRecord = Schema.Struct({
  optionKey: code,
  code,
  name,
  displayOrder: keeps(DisplayOrder)
})

export const ProductOptionChoiceRecord = Schema.Struct({ huniCode: HuniCode, optionKey: code, choiceCode: code })

export const MesItemRecord = Schema.Struct({
  itemCode: MesItemCode,
  groupCode: nullable(MesGroupCode),
  name,
  abbreviation: nullable(name),
  itemType: MesItemType,
  unit: code,
  isActive: keeps(Schema.Boolean)
}).check(
  Schema.makeFilter(({ itemCode, itemType }) => {
    const isPart = itemCode.startsWith("5", 4)
    return isPart === (itemType === "semi_finished")
      ? undefined
      : { path: ["itemType"], issue: "item codes NNN-5NNN are semi_finished, and no others" }
  })
)

export const MesItemOptionRecord = Schema.Struct({ itemCode: MesItemCode, ...MesItemOption.fields })

export const ProductMesMappingRecord = Schema.Struct({
  huniCode: HuniCode,
  mesItemCode: MesItemCode,
  coverType: nullable(Part),
  isActive: keeps(Schema.Boolean)
})

/** JSON that jsonb can hold: no NUL and no lone surrogate in any text or key. Nesting is limited by the parser. */
const isStorable = (value: Schema.Json): boolean => {
  if (typeof value === "string") return isStorableText(value)
  if (typeof value !== "object" || value === null) return true
  return Object.entries(value).every(([key, member]) => isStorableText(key) && isStorable(member))
}
const isStorableText = (value: string): boolean => !value.includes("\0") && value.isWellFormed()

export const ProductEditorMappingRecord = Schema.Struct({
  huniCode: HuniCode,
  editorType: code,
  templateId: nullable(name),
  templateConfig: nullable(
    Schema.Json.check(
      Schema.makeFilter((value) => (isStorable(value) ? undefined : "must not contain NUL or a lone surrogate"))
    )
  ),
  isActive: keeps(Schema.Boolean)
})

export const ChoiceMappingRecord = Schema.Struct({
  optionKey: code,
  choiceCode: code,
  mesCode: code,
  itemCode: nullable(MesItemCode)
})
