/**
 * How options and products translate to the MES, and the workflow by which operators say so.
 *
 * Guarantees: a mapping changes only along `mappingWorkflow`, under a lock on its row; a verification and its event are
 * written together; who asks for `requirements` with a lock sees nothing of it change until the transaction ends.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { ReleaseOrdersToMes } from "../../domain/events/Commands.ts"
import { MappingMesVerified } from "../../domain/events/DomainEvents.ts"
import { ChoiceId, MesItemId, now, ProductId } from "../../domain/Ids.ts"
import {
  type ChoiceMapping,
  type ChoiceMappingSet,
  type MappingStatus,
  mappingWorkflow,
  OptionClass,
  Part,
  type ProductionPart,
  productionParts,
  type ProductMapping,
  type ProductMappingSet
} from "../../domain/MesMapping.ts"
import { ChoiceMappingState } from "../../domain/Option.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { CatalogInvalid, CatalogNotFound, InvalidMappingTransition } from "./CatalogError.ts"
import { rowsOf } from "./CatalogSql.ts"
import { makeMappingRows } from "./MappingRows.ts"

/** What the translation of one choice needs. */
const DispatchChoice = Schema.Struct({
  choiceId: ChoiceId,
  code: Schema.String,
  name: Schema.String,
  optionKey: Schema.String,
  optionName: Schema.String,
  optionClass: OptionClass,
  /** Of a book; null = belongs to every part. */
  part: Schema.NullOr(Part),
  /** Null exactly for class setting. */
  mapping: ChoiceMappingState
})
export type DispatchChoice = typeof DispatchChoice.Type

/** Everything about these products and choices that a dispatch depends on. Unknown ids are missing from the maps. */
export interface DispatchRequirements {
  readonly parts: ReadonlyMap<ProductId, ReadonlyArray<ProductionPart>>
  readonly choices: ReadonlyMap<ChoiceId, DispatchChoice>
}

export class MesMappings extends Context.Service<
  MesMappings,
  {
    /** By option, in display order. */
    readonly listChoices: (
      filter: { readonly status?: MappingStatus },
      page: PageRequest
    ) => Effect.Effect<Page<ChoiceMapping>>
    /**
     * → mapped, also from verified; mapped to the same already: no change. `actor`: name of the API key. Fails with
     * CatalogNotFound for a choice of class setting: it has no mapping.
     */
    readonly map: (
      choiceId: ChoiceId,
      input: ChoiceMappingSet,
      actor: string
    ) => Effect.Effect<ChoiceMapping, CatalogNotFound | CatalogInvalid>
    /** mapped → verified. Publishes mapping.mes.verified. Verified already: no change, no event. */
    readonly verify: (
      choiceId: ChoiceId,
      actor: string
    ) => Effect.Effect<ChoiceMapping, CatalogNotFound | InvalidMappingTransition>
    /** `status`: the least advanced one among the choices of the row; `verified` when it has none. */
    readonly listProducts: (
      filter: { readonly productId?: ProductId; readonly status?: MappingStatus },
      page: PageRequest
    ) => Effect.Effect<Page<ProductMapping>>
    /** Maps the product (or its part) to an item, and releases the orders that waited for it by a command. */
    readonly setProduct: (
      productId: ProductId,
      input: ProductMappingSet
    ) => Effect.Effect<ProductMapping, CatalogNotFound | CatalogInvalid>
    /**
     * What a dispatch of these products with these choices needs. With `lock` (inside `Database.transaction` only) their
     * rows are held until it ends: no verification, mapping or activation slips between this answer and the commit.
     */
    readonly requirements: (request: {
      readonly productIds: ReadonlyArray<ProductId>
      readonly choiceIds: ReadonlyArray<ChoiceId>
      readonly lock: boolean
    }) => Effect.Effect<DispatchRequirements>
  }
>()("hub/services/catalog/MesMappings") {
  static readonly layer = Layer.effect(
    MesMappings,
    Effect.suspend(() => make)
  )
}

const itemIds = rowsOf({ id: MesItemId })
const productIds = rowsOf({ id: ProductId })
const dispatchChoices = rowsOf(DispatchChoice.fields)
const mappedItems = rowsOf({
  productId: ProductId,
  coverType: Schema.NullOr(Part),
  item: Schema.NullOr(Schema.Struct({ mesItemId: MesItemId, itemCode: Schema.String, isActive: Schema.Boolean }))
})

const make = Effect.gen(function* () {
  const database = yield* Database
  const { sql, transaction } = database
  const bus = yield* EventBus
  const rows = makeMappingRows(database)

  const findChoice = Effect.fnUntraced(function* (choiceId: ChoiceId) {
    const [mapping] = yield* rows.choices(sql`m.choice_id = ${choiceId}`)
    return mapping ?? (yield* new CatalogNotFound({ resource: "choice-mapping", id: choiceId }))
  })
  const findChoiceForUpdate = Effect.fnUntraced(function* (choiceId: ChoiceId) {
    yield* Effect.orDie(sql`select 1 from option_choice_mes_mapping where choice_id = ${choiceId} for no key update`)
    return yield* findChoice(choiceId)
  })
  const itemOf = Effect.fnUntraced(function* (itemCode: string) {
    const [item] = yield* itemIds(sql`select id from mes_items where item_code = ${itemCode}`)
    return item?.id ?? (yield* new CatalogInvalid({ issues: [{ path: "itemCode", message: "no such item" }] }))
  })

  const map: MesMappings["Service"]["map"] = Effect.fn("MesMappings.map")(function* (choiceId, input, actor) {
    const before = yield* findChoiceForUpdate(choiceId)
    const itemCode = input.itemCode ?? null
    const mesItemId = itemCode === null ? null : yield* itemOf(itemCode)
    const status = mappingWorkflow[before.mappingStatus].map
    if (before.mappingStatus === status && before.mesCode === input.mesCode && before.itemCode === itemCode) {
      return before
    }
    yield* Effect.orDie(sql`
      update option_choice_mes_mapping set ${sql.update({
        mapping_status: status,
        mes_code: input.mesCode,
        mes_item_id: mesItemId,
        mapped_by: actor,
        mapped_at: yield* now,
        verified_by: null,
        verified_at: null
      })} where choice_id = ${choiceId}`)
    return yield* findChoice(choiceId)
  }, transaction)

  const verify: MesMappings["Service"]["verify"] = Effect.fn("MesMappings.verify")(function* (choiceId, actor) {
    const before = yield* findChoiceForUpdate(choiceId)
    const status = mappingWorkflow[before.mappingStatus].verify
    if (status === null) {
      return yield* new InvalidMappingTransition({ choiceId, from: before.mappingStatus, action: "verify" })
    }
    if (before.mappingStatus === status) return before
    yield* Effect.orDie(sql`
      update option_choice_mes_mapping
      set mapping_status = ${status}, verified_by = ${actor}, verified_at = ${yield* now}
      where choice_id = ${choiceId}`)
    yield* Effect.orDie(bus.publish(MappingMesVerified, { choiceId, mesItemId: before.mesItemId }))
    return yield* findChoice(choiceId)
  }, transaction)

  const setProduct: MesMappings["Service"]["setProduct"] = Effect.fn("MesMappings.setProduct")(function* (
    productId,
    input
  ) {
    const [product] = yield* productIds(sql`select id from products where id = ${productId} for no key update`)
    if (product === undefined) return yield* new CatalogNotFound({ resource: "product", id: productId })
    const mesItemId = yield* itemOf(input.itemCode)
    const coverType = input.coverType ?? null
    const changed = yield* productIds(sql`
        insert into product_mes_mapping as m (product_id, mes_item_id, cover_type)
        values (${productId}, ${mesItemId}, ${coverType}::text)
        on conflict (product_id, cover_type) do update set mes_item_id = excluded.mes_item_id, is_active = true
          where m.mes_item_id <> excluded.mes_item_id or not m.is_active
        returning product_id as id`)
    if (changed.length > 0) yield* Effect.orDie(bus.publish(ReleaseOrdersToMes, { productId }))
    const {
      data: [mapping]
    } = yield* rows.productPage(
      sql`m.product_id = ${productId} and m.cover_type is not distinct from ${coverType}::text`,
      undefined,
      { page: 1, limit: 1 }
    )
    return mapping ?? (yield* Effect.die("a product mapping was not stored"))
  }, transaction)

  // Always in this order, each by id: writers hold one of these rows at a time, or take them in the same order.
  const holdRows = Effect.fnUntraced(function* (products: ReadonlyArray<number>, choices: ReadonlyArray<number>) {
    if (!(yield* database.inTransaction)) return yield* Effect.die("a lock needs a transaction")
    yield* sql`select 1 from products where id = any(${products}::integer[]) order by id for share`
    yield* sql`
      select 1 from mes_items
      where id in (select mes_item_id from product_mes_mapping where product_id = any(${products}::integer[]))
      order by id for share`
    yield* sql`
      select 1 from option_choice_mes_mapping where choice_id = any(${choices}::integer[])
      order by choice_id for share`
  }, Effect.orDie)

  const requirements: MesMappings["Service"]["requirements"] = Effect.fn("MesMappings.requirements")(
    function* (request) {
      if (request.lock) yield* holdRows(request.productIds, request.choiceIds)
      const items = yield* mappedItems(sql`
        select p.id as "productId", m.cover_type as "coverType", case when m.id is not null then
          jsonb_build_object('mesItemId', i.id, 'itemCode', i.item_code, 'isActive', i.is_active)
        end as item
        from products p
          left join product_mes_mapping m on m.product_id = p.id and m.is_active
          left join mes_items i on i.id = m.mes_item_id
        where p.id = any(${request.productIds}::integer[])`)
      const choices = yield* dispatchChoices(sql`
        select c.id as "choiceId", c.code, c.name, d.key as "optionKey", d.name as "optionName",
          d.option_class as "optionClass", d.part, case when m.choice_id is not null then
            jsonb_build_object('status', m.mapping_status, 'type', m.mapping_type, 'mesCode', m.mes_code)
          end as mapping
        from option_choices c
          join option_definitions d on d.id = c.option_id
          left join option_choice_mes_mapping m on m.choice_id = c.id
        where c.id = any(${request.choiceIds}::integer[])`)
      return {
        parts: new Map(
          [...Map.groupBy(items, (row) => row.productId)].map(([productId, mappings]) => [
            productId,
            productionParts(mappings.flatMap(({ coverType, item }) => (item === null ? [] : [{ coverType, item }])))
          ])
        ),
        choices: new Map(choices.map((choice) => [choice.choiceId, choice]))
      }
    }
  )

  return MesMappings.of({
    listChoices: Effect.fn("MesMappings.listChoices")(({ status }, page) =>
      rows.choicePage(status === undefined ? sql`true` : sql`m.mapping_status = ${status}`, page)
    ),
    map,
    verify,
    listProducts: Effect.fn("MesMappings.listProducts")(({ productId, status }, page) =>
      rows.productPage(productId === undefined ? sql`true` : sql`m.product_id = ${productId}`, status, page)
    ),
    setProduct,
    requirements
  })
})
