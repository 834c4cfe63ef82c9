/** Writes the items of an order, in the transaction that is open. Rows go in by the catalogue's ids: so do their locks. */
import { Array, Effect, Schema } from "effect"
import type { ChoiceId, OrderId, ProductId } from "../../domain/Ids.ts"
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

const decodeItems = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ id: Schema.Int, position: Schema.Int })))

export const makeInsertItems = ({ sql }: Database["Service"]) =>
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
    const inserted = yield* Effect.flatMap(
      sql`insert into order_items ${sql.insert(itemRows)} returning id, position`,
      decodeItems
    )
    const choiceRows = inserted
      .flatMap((row) =>
        (items[row.position]?.choiceIds ?? []).map((choiceId, position) => ({
          order_item_id: row.id,
          position,
          choice_id: choiceId
        }))
      )
      .toSorted((a, b) => a.choice_id - b.choice_id)
    // A statement takes 65 535 parameters.
    for (const chunk of Array.chunksOf(choiceRows, 10_000)) {
      yield* sql`insert into order_item_choices ${sql.insert(chunk)}`
    }
  }, Effect.orDie)
