/** Looks up what the records of an export refer to by business key, and tells their products that they changed. */
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { PriceChanged, ProductUpdated } from "../../../domain/events/DomainEvents.ts"
import { ChoiceId, MesItemId, OptionId, ProductId } from "../../../domain/Ids.ts"
import { OptionClass } from "../../../domain/MesMapping.ts"
import { queryOf } from "../CatalogSql.ts"
import type { ImportRun } from "./FileImport.ts"
import { toParameter } from "./Upsert.ts"

const productRows = queryOf({ huniCode: Schema.String, id: ProductId, isNew: Schema.Boolean })
const itemRows = queryOf({ itemCode: Schema.String, id: MesItemId })
const optionRows = queryOf({ key: Schema.String, id: OptionId, optionClass: OptionClass })
const choiceRows = queryOf({ index: Schema.Int, choiceId: ChoiceId, optionId: OptionId, optionClass: OptionClass })
const versionRows = queryOf({ id: ProductId, version: Schema.Int })

export interface ProductReference {
  readonly id: ProductId
  /** Made by this import: its product.created speaks for what the import adds to it. */
  readonly isNew: boolean
}

export const productsByCode = (
  { sql, startedAt }: ImportRun,
  huniCodes: Iterable<string>
): Effect.Effect<ReadonlyMap<string, ProductReference>, SqlError.SqlError> =>
  Effect.map(
    productRows(sql`
      select huni_code as "huniCode", id, created_at >= ${startedAt}::timestamptz as "isNew"
      from products where huni_code = any(${[...new Set(huniCodes)]}::text[])`),
    (rows) => new Map(rows.map(({ huniCode, id, isNew }) => [huniCode, { id, isNew }]))
  )

export const itemsByCode = (
  { sql }: ImportRun,
  itemCodes: Iterable<string>
): Effect.Effect<ReadonlyMap<string, MesItemId>, SqlError.SqlError> =>
  Effect.map(
    itemRows(sql`
      select item_code as "itemCode", id from mes_items where item_code = any(${[...new Set(itemCodes)]}::text[])`),
    (rows) => new Map(rows.map((row) => [row.itemCode, row.id]))
  )

export const optionsByKey = ({ sql }: ImportRun, keys: Iterable<string>) =>
  Effect.map(
    optionRows(sql`
      select key, id, option_class as "optionClass" from option_definitions
      where key = any(${[...new Set(keys)]}::text[])`),
    (rows) => new Map(rows.map((row) => [row.key, row]))
  )

/** Choices by the index of the record that names them. */
export const choicesByIndex = (
  { sql }: ImportRun,
  records: ReadonlyArray<{
    readonly index: number
    readonly value: { readonly optionKey: string; readonly choiceCode: string }
  }>
) =>
  Effect.map(
    choiceRows(sql`
      select r.index, c.id as "choiceId", d.id as "optionId", d.option_class as "optionClass"
      from json_to_recordset(${toParameter(
        records.map(({ index, value }) => ({
          index,
          columns: { option_key: value.optionKey, choice_code: value.choiceCode }
        }))
      )}::json) as r(index integer, option_key text, choice_code text)
        join option_definitions d on d.key = r.option_key
        join option_choices c on c.option_id = d.id and c.code = r.choice_code`),
    (rows) => new Map(rows.map((row) => [row.index, row]))
  )

/** Publishes product.updated for each product that this import did not make. */
export const productsUpdated = Effect.fnUntraced(function* (
  { at, bus, sql }: ImportRun,
  updates: ReadonlyArray<{ readonly product: ProductReference; readonly changes: Schema.JsonObject }>
) {
  const known = updates.filter(({ product }) => !product.isNew).sort((a, b) => a.product.id - b.product.id)
  if (known.length === 0) return
  yield* sql`
    update products set updated_at = ${at} where id = any(${known.map(({ product }) => product.id)}::integer[])`
  for (const { changes, product } of known) {
    yield* Effect.orDie(bus.publish(ProductUpdated, { productId: product.id, changes }))
  }
})

/** Gives each product its next price version and publishes price.changed. */
export const pricesChanged = Effect.fnUntraced(function* (
  { at, bus, sql }: ImportRun,
  productIds: Iterable<ProductId>
) {
  const ids = [...new Set(productIds)]
  if (ids.length === 0) return
  const versions = yield* versionRows(sql`
    update products set price_version = price_version + 1, updated_at = ${at}
    where id = any(${ids}::integer[]) returning id, price_version as version`)
  for (const { id, version } of versions.toSorted((a, b) => a.id - b.id)) {
    yield* Effect.orDie(bus.publish(PriceChanged, { productId: id, priceTableId: version }))
  }
})
