/** Items that the print plant can make. Deleting is not offered: an item that is no longer made becomes inactive. */
import { Context, Effect, Layer, Record, Struct } from "effect"
import { ReleaseOrdersToMes } from "../../domain/events/Commands.ts"
import { type MesItemId, ProductId } from "../../domain/Ids.ts"
import {
  fitsItemType,
  MesItem,
  type MesItemCreate,
  MesItemOption,
  MesItemPatch,
  type MesItemType
} from "../../domain/MesItem.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { CatalogConflict, CatalogInvalid, CatalogNotFound } from "./CatalogError.ts"
import { containing, rowsOf, totalOf } from "./CatalogSql.ts"

export interface MesItemFilter {
  readonly group?: string
  readonly type?: MesItemType
  /** Part of the name, the abbreviation or the item code, in any case. */
  readonly q?: string
  readonly active?: boolean
}

export class MesItems extends Context.Service<
  MesItems,
  {
    readonly create: (input: MesItemCreate) => Effect.Effect<MesItem, CatalogConflict | CatalogInvalid>
    /** Making one active releases the orders that waited for it: a command for each product made as it. */
    readonly patch: (id: MesItemId, patch: MesItemPatch) => Effect.Effect<MesItem, CatalogNotFound | CatalogInvalid>
    /** By item code. */
    readonly list: (filter: MesItemFilter, page: PageRequest) => Effect.Effect<Page<MesItem>>
    /** At most ten, by number. */
    readonly options: (id: MesItemId) => Effect.Effect<ReadonlyArray<MesItemOption>, CatalogNotFound>
  }
>()("hub/services/catalog/MesItems") {
  static readonly layer = Layer.effect(
    MesItems,
    Effect.suspend(() => make)
  )
}

const items = rowsOf(MesItem.fields)
const itemOptions = rowsOf(MesItemOption.fields)
const productIds = rowsOf({ id: ProductId })

const patchable = Struct.keys(MesItemPatch.fields)

const make = Effect.gen(function* () {
  const { sql, transaction } = yield* Database
  const bus = yield* EventBus
  const columns = sql.literal(
    `id, item_code as "itemCode", group_code as "groupCode", name, abbreviation, item_type as "itemType", unit,
      is_active as "isActive"`
  )

  const create: MesItems["Service"]["create"] = Effect.fn("MesItems.create")(function* (input) {
    yield* checkType(input)
    const [item] = yield* items(sql`
      insert into mes_items ${sql.insert({
        item_code: input.itemCode,
        group_code: input.groupCode ?? null,
        name: input.name,
        abbreviation: input.abbreviation ?? null,
        item_type: input.itemType,
        unit: input.unit,
        is_active: true
      })} on conflict do nothing returning ${columns}`)
    return item ?? (yield* new CatalogConflict({ path: "itemCode", message: `item ${input.itemCode} exists` }))
  })

  const patch: MesItems["Service"]["patch"] = Effect.fn("MesItems.patch")(function* (id, input) {
    const [before] = yield* items(sql`select ${columns} from mes_items where id = ${id} for no key update`)
    if (before === undefined) return yield* new CatalogNotFound({ resource: "mes-item", id })
    const after = { ...before, ...Struct.pick(input, patchable) }
    if (Record.isEmptyRecord(Record.filter(after, (value, field) => value !== before[field]))) return before
    yield* checkType(after)
    yield* Effect.orDie(sql`
      update mes_items set ${sql.update({
        group_code: after.groupCode,
        name: after.name,
        abbreviation: after.abbreviation,
        item_type: after.itemType,
        unit: after.unit,
        is_active: after.isActive
      })} where id = ${id}`)
    if (after.isActive && !before.isActive) {
      const products = yield* productIds(sql`
        select distinct product_id as id from product_mes_mapping where mes_item_id = ${id} and is_active order by 1`)
      for (const product of products) {
        yield* Effect.orDie(bus.publish(ReleaseOrdersToMes, { productId: product.id }))
      }
    }
    return after
  }, transaction)

  const list: MesItems["Service"]["list"] = Effect.fn("MesItems.list")(function* (filter, { limit, page }) {
    const pattern = containing(filter.q ?? "")
    const where = sql.and([
      sql`true`,
      ...(filter.group === undefined ? [] : [sql`group_code = ${filter.group}`]),
      ...(filter.type === undefined ? [] : [sql`item_type = ${filter.type}`]),
      ...(filter.active === undefined ? [] : [sql`is_active = ${filter.active}`]),
      ...(filter.q === undefined
        ? []
        : [sql`(name ilike ${pattern} or abbreviation ilike ${pattern} or item_code ilike ${pattern})`])
    ])
    const total = yield* totalOf(sql`select count(*)::int as total from mes_items where ${where}`)
    const data = yield* items(sql`
      select ${columns} from mes_items where ${where} order by item_code limit ${limit} offset ${(page - 1) * limit}`)
    return { data, total }
  })

  const options: MesItems["Service"]["options"] = Effect.fn("MesItems.options")(function* (id) {
    const [item] = yield* items(sql`select ${columns} from mes_items where id = ${id}`)
    if (item === undefined) return yield* new CatalogNotFound({ resource: "mes-item", id })
    return yield* itemOptions(sql`
      select option_number as "optionNumber", option_value as "optionValue" from mes_item_options
      where mes_item_id = ${id} order by option_number`)
  })

  return MesItems.of({ create, patch, list, options })
})

const checkType = (item: { readonly itemCode: string; readonly itemType: MesItemType }) =>
  fitsItemType(item)
    ? Effect.void
    : Effect.fail(
        new CatalogInvalid({
          issues: [{ path: "itemType", message: "item codes NNN-5NNN are semi_finished, and no others" }]
        })
      )
