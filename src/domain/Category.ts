/** Product categories and their counterpart in the shop (specification, sections 2 and 9). */
import { Schema } from "effect"
import { CategoryId, maxInt } from "./Ids.ts"
import { code, name } from "./Text.ts"

/** Number of a Shopby display category. */
export const ShopbyCategoryNo = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt }))

export const Category = Schema.Struct({
  categoryId: CategoryId,
  code,
  name,
  parentId: Schema.NullOr(CategoryId),
  /** Null: not mapped, its products do not go to Shopby. */
  shopbyCategoryNo: Schema.NullOr(ShopbyCategoryNo)
})
export type Category = typeof Category.Type
