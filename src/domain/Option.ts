/** Options, their choices, and which of them a product offers (specification, sections 2 and 9). */
import { Schema } from "effect"
import { ChoiceId, OptionId } from "./Ids.ts"
import { MappingStatus, MappingType, OptionClass, Part } from "./MesMapping.ts"
import { code, name } from "./Text.ts"

/** `inner…` and `cover…` belong to that part of a book, all other keys to every part (null). */
export const partOf = (key: string): Part | null =>
  key.startsWith("inner") ? "inner" : key.startsWith("cover") ? "cover" : null

/** How far a choice is mapped to the MES; null for class setting. */
export const ChoiceMappingState = Schema.NullOr(
  Schema.Struct({
    status: MappingStatus,
    type: MappingType,
    mesCode: Schema.NullOr(code)
  })
)

/** An option with all its choices. */
export const OptionDefinition = Schema.Struct({
  id: OptionId,
  key: code,
  name,
  optionClass: OptionClass,
  part: Schema.NullOr(Part),
  choices: Schema.Array(Schema.Struct({ id: ChoiceId, code, name, mapping: ChoiceMappingState }))
})
export type OptionDefinition = typeof OptionDefinition.Type

/** Body of `POST /options`. */
export const OptionCreate = Schema.Struct({ key: code, name, optionClass: OptionClass })
export type OptionCreate = typeof OptionCreate.Type

export const OptionChoice = Schema.Struct({ id: ChoiceId, optionId: OptionId, code, name, mapping: ChoiceMappingState })
export type OptionChoice = typeof OptionChoice.Type

/** Body of `POST /options/:id/choices`. */
export const ChoiceCreate = Schema.Struct({ code, name })
export type ChoiceCreate = typeof ChoiceCreate.Type

/** An option as one product offers it: only the offered choices. */
export const ProductOption = Schema.Struct({
  optionId: OptionId,
  key: code,
  name,
  optionClass: OptionClass,
  choices: Schema.Array(Schema.Struct({ choiceId: ChoiceId, code, name, mapping: ChoiceMappingState }))
})
export type ProductOption = typeof ProductOption.Type

/** Body of `PUT /products/:id/options`: everything the product offers. */
export const ProductOptionsSet = Schema.Struct({ choiceIds: Schema.Array(ChoiceId) })
