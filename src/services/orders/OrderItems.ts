/** Writes the items of an order, in the transaction that is open. Rows go in by the catalogue's ids: so do their locks. */
import { PgTypes } from "@effect/sql-pg"
import { Array, Effect } from "effect"
import type { ChoiceId, OrderId, ProductId } from "../../domain/Ids.ts"
import { sqlArray } from "../events/Sql.ts"
import type { Database } from "../storage/Database.ts"

export interface ItemToStore {
  readonly productId: ProductId
  readonly quantity: number
  /** In the order chosen; each at most once. */
  readonly choiceIds: ReadonlyArray<ChoiceId>
  readonly designId?: string
  /** What a combination of the shop says beyond choices; null = nothing. */
  readonly sizeCode?: string | null
  readonly optionLabel?: string | null
}

export const makeInsertItems = ({ sql, write }: Database["Service"]) =>
  Effect.fnUntraced(function* (orderId: OrderId, items: ReadonlyArray<ItemToStore>) {
    const itemRows = items
      .map((item, position) => ({
        order_id: orderId,
        position,
        product_id: item.productId,
        quantity: item.quantity,
        design_id: item.designId ?? null,
        size_code: item.sizeCode ?? null,
        option_label: item.optionLabel ?? null
      }))
      .toSorted((a, b) => a.product_id - b.product_id)
    if (!Array.isArrayNonEmpty(itemRows)) return
    const choices = items
      .flatMap((item, place) => item.choiceIds.map((choiceId, position) => ({ place, position, choiceId })))
      .toSorted((a, b) => a.choiceId - b.choiceId)
    const column = (value: (choice: (typeof choices)[number]) => number) =>
      sqlArray(PgTypes.OID.int4, choices.map(value))
    const inserted = {
      name: "items",
      statement: sql`insert into order_items ${sql.insert(itemRows)} returning id, position`
    }
    if (choices.length === 0) return yield* write(inserted)
    yield* write(inserted, {
      name: "choices",
      statement: sql`
        insert into order_item_choices (order_item_id, position, choice_id)
        select items.id, choice.position, choice.choice_id
        from unnest(${column(({ place }) => place)}, ${column(({ position }) => position)},
          ${column(({ choiceId }) => choiceId)}) with ordinality as choice (place, position, choice_id, number)
        join items on items.position = choice.place
        order by choice.number`
    })
  })
