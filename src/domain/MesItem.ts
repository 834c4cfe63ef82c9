/** Items that the print plant can make (specification, sections 1, 2 and 9). */
import { Schema } from "effect"
import { MesItemCode, MesItemId } from "./Ids.ts"
import { code, name } from "./Text.ts"

export const MesItemType = Schema.Literals(["finished", "semi_finished", "service", "standard"])
export type MesItemType = typeof MesItemType.Type

export const MesGroupCode = Schema.String.check(Schema.isPattern(/^\d{10}$/))

export const MesItem = Schema.Struct({
  id: MesItemId,
  itemCode: MesItemCode,
  groupCode: Schema.NullOr(MesGroupCode),
  name,
  abbreviation: Schema.NullOr(name),
  itemType: MesItemType,
  unit: code,
  isActive: Schema.Boolean
})
export type MesItem = typeof MesItem.Type

export const MesItemOption = Schema.Struct({
  optionNumber: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 })),
  optionValue: name
})
export type MesItemOption = typeof MesItemOption.Type

/** `NNN-5NNN` is a semi-finished part (book inner or cover), and nothing else is. */
export const fitsItemType = (item: { readonly itemCode: string; readonly itemType: MesItemType }): boolean =>
  item.itemCode.startsWith("5", 4) === (item.itemType === "semi_finished")

/** Body of `POST /integration/mes/items`. New items are active. */
export const MesItemCreate = Schema.Struct({
  itemCode: MesItemCode,
  name,
  itemType: MesItemType,
  unit: code,
  groupCode: Schema.optionalKey(Schema.NullOr(MesGroupCode)),
  abbreviation: Schema.optionalKey(Schema.NullOr(name))
})
export type MesItemCreate = typeof MesItemCreate.Type

/** Body of `PATCH /integration/mes/items/:id`: what is left out stays. */
export const MesItemPatch = Schema.Struct({
  name: Schema.optionalKey(name),
  itemType: Schema.optionalKey(MesItemType),
  unit: Schema.optionalKey(code),
  groupCode: Schema.optionalKey(Schema.NullOr(MesGroupCode)),
  abbreviation: Schema.optionalKey(Schema.NullOr(name)),
  isActive: Schema.optionalKey(Schema.Boolean)
})
export type MesItemPatch = typeof MesItemPatch.Type
