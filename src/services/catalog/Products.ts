/**
 * Products: what can be sold, at which price, with which choices.
 *
 * Guarantees: a change and its event are written together; a change that changes nothing publishes nothing; changes of
 * one product follow one another (its row is locked). Deleting is not offered: orders refer to products.
 */
import { Context, Effect, Layer, Record, Schema, Struct } from "effect"
import { PriceChanged, ProductCreated, ProductDeactivated, ProductUpdated } from "../../domain/events/DomainEvents.ts"
import { CategoryId, ChoiceId, now, OptionId, ProductId } from "../../domain/Ids.ts"
import type { ProductOption } from "../../domain/Option.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { makeSlug, type Product, type ProductCreate, ProductPatch } from "../../domain/Product.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { CatalogConflict, CatalogInvalid, CatalogNotFound } from "./CatalogError.ts"
import { containing, rowsOf, totalOf } from "./CatalogSql.ts"
import { makeProductRows } from "./ProductRows.ts"

export interface ProductFilter {
  readonly huniCode?: string
  /** Part of the name or the huniCode, in any case. */
  readonly q?: string
  readonly active?: boolean
}

/** A product and everything it offers: what an order is checked against. */
export interface OfferedProduct {
  readonly product: Product
  readonly choiceIds: ReadonlySet<ChoiceId>
}

export class Products extends Context.Service<
  Products,
  {
    /** Publishes product.created. */
    readonly create: (input: ProductCreate) => Effect.Effect<Product, CatalogConflict | CatalogInvalid>
    readonly get: (id: ProductId) => Effect.Effect<Product, CatalogNotFound>
    /** By id. */
    readonly list: (filter: ProductFilter, page: PageRequest) => Effect.Effect<Page<Product>>
    /** Publishes product.updated with the changed fields. */
    readonly patch: (
      id: ProductId,
      patch: ProductPatch
    ) => Effect.Effect<Product, CatalogNotFound | CatalogConflict | CatalogInvalid>
    /** Publishes product.updated. */
    readonly activate: (id: ProductId) => Effect.Effect<Product, CatalogNotFound>
    /** Publishes product.deactivated. */
    readonly deactivate: (id: ProductId) => Effect.Effect<Product, CatalogNotFound>
    /** Publishes price.changed with the next price version; null takes the price away. */
    readonly setPrice: (id: ProductId, sellingPrice: number | null) => Effect.Effect<Product, CatalogNotFound>
    /** What the product offers, in display order. */
    readonly options: (id: ProductId) => Effect.Effect<ReadonlyArray<ProductOption>, CatalogNotFound>
    /** Replaces what the product offers. Publishes product.updated with `choiceIds`. */
    readonly setOptions: (
      id: ProductId,
      choiceIds: ReadonlyArray<ChoiceId>
    ) => Effect.Effect<ReadonlyArray<ProductOption>, CatalogNotFound | CatalogInvalid>
    /** The products among these ids that exist, with all they offer. */
    readonly offered: (ids: ReadonlyArray<ProductId>) => Effect.Effect<ReadonlyMap<ProductId, OfferedProduct>>
  }
>()("hub/services/catalog/Products") {
  static readonly layer = Layer.effect(
    Products,
    Effect.suspend(() => make)
  )
}

const productIds = rowsOf({ id: ProductId })
const categoryIds = rowsOf({ id: CategoryId })
const choiceOptions = rowsOf({ id: ChoiceId, optionId: OptionId })
const choiceIdRows = rowsOf({ id: ChoiceId })
const offers = rowsOf({ productId: ProductId, choiceId: ChoiceId })
const versions = rowsOf({ version: Schema.Int })

const patchable = Struct.keys(ProductPatch.fields)

const make = Effect.gen(function* () {
  const database = yield* Database
  const { sql, transaction } = database
  const bus = yield* EventBus
  const rows = makeProductRows(database)

  const find = Effect.fnUntraced(function* (id: ProductId) {
    const [product] = yield* rows.select(sql`p.id = ${id}`)
    return product ?? (yield* new CatalogNotFound({ resource: "product", id }))
  })
  const findForUpdate = Effect.fnUntraced(function* (id: ProductId) {
    yield* Effect.orDie(sql`select 1 from products where id = ${id} for no key update`)
    return yield* find(id)
  })

  const categoryOf = Effect.fnUntraced(function* (categoryCode: string | null) {
    if (categoryCode === null) return null
    // Held: mapping a category to the shop tells its products, and must not miss one that is about to be one of them.
    const [category] = yield* categoryIds(sql`select id from categories where code = ${categoryCode} for share`)
    return (
      category?.id ?? (yield* new CatalogInvalid({ issues: [{ path: "categoryCode", message: "no such category" }] }))
    )
  })

  const create: Products["Service"]["create"] = Effect.fn("Products.create")(function* (input) {
    yield* checkQuantities(input)
    const categoryId = yield* categoryOf(input.categoryCode ?? null)
    const huniCode = input.huniCode ?? null
    const at = yield* now
    const [next] = yield* productIds(sql`select nextval(pg_get_serial_sequence('products', 'id'))::int as id`)
    const base = makeSlug(input.name, huniCode)
    for (let attempt = 0; ; attempt++) {
      const slug = [base, ...(attempt > 0 ? [next?.id] : []), ...(attempt > 1 ? [attempt] : [])].join("-")
      const inserted = yield* productIds(sql`
        insert into products ${sql.insert({
          id: next?.id,
          huni_code: huniCode,
          name: input.name,
          slug,
          product_type: input.productType,
          pricing_model: input.pricingModel ?? null,
          order_method: input.orderMethod ?? "upload",
          editor_enabled: input.editorEnabled ?? false,
          is_active: true,
          category_id: categoryId,
          selling_price: input.sellingPrice ?? null,
          min_qty: input.minQty ?? null,
          max_qty: input.maxQty ?? null,
          qty_step: input.qtyStep ?? null,
          created_at: at,
          updated_at: at
        })} on conflict do nothing returning id`)
      const [row] = inserted
      if (row !== undefined) {
        yield* Effect.orDie(bus.publish(ProductCreated, { productId: row.id, huniCode }))
        return yield* Effect.orDie(find(row.id))
      }
      // Either the huniCode is taken, or only the slug, and the next one is tried.
      yield* refuseTakenHuniCode(huniCode, null)
    }
  }, transaction)

  const refuseTakenHuniCode = Effect.fnUntraced(function* (huniCode: string | null, by: ProductId | null) {
    const taken = yield* productIds(
      sql`select id from products where huni_code = ${huniCode}::text and id is distinct from ${by}::integer`
    )
    if (taken.length > 0) {
      return yield* new CatalogConflict({ path: "huniCode", message: `huniCode ${huniCode} is taken` })
    }
  })

  const list: Products["Service"]["list"] = Effect.fn("Products.list")(function* (filter, { limit, page }) {
    const where = sql.and([
      sql`true`,
      ...(filter.huniCode === undefined ? [] : [sql`p.huni_code = ${filter.huniCode}`]),
      ...(filter.active === undefined ? [] : [sql`p.is_active = ${filter.active}`]),
      ...(filter.q === undefined
        ? []
        : [sql`(p.name ilike ${containing(filter.q)} or p.huni_code ilike ${containing(filter.q)})`])
    ])
    const total = yield* totalOf(sql`select count(*)::int as total from products p where ${where}`)
    return { data: yield* rows.select(where, sql`limit ${limit} offset ${(page - 1) * limit}`), total }
  })

  const patch: Products["Service"]["patch"] = Effect.fn("Products.patch")(function* (id, input) {
    const before = yield* findForUpdate(id)
    const next = { ...Struct.pick(before, patchable), ...Struct.pick(input, patchable) }
    const changes = Record.filter(next, (value, field) => value !== before[field])
    if (Record.isEmptyRecord(changes)) return before
    yield* checkQuantities(next)
    if ("huniCode" in changes) yield* refuseTakenHuniCode(next.huniCode, id)
    const categoryId = yield* categoryOf(next.categoryCode)
    yield* sql`
      update products set ${sql.update({
        name: next.name,
        huni_code: next.huniCode,
        product_type: next.productType,
        category_id: categoryId,
        pricing_model: next.pricingModel,
        order_method: next.orderMethod,
        editor_enabled: next.editorEnabled,
        min_qty: next.minQty,
        max_qty: next.maxQty,
        qty_step: next.qtyStep,
        updated_at: yield* now
      })} where id = ${id}`.pipe(
      // Two requests at once for one huniCode: the second waited for the first.
      Effect.catchReason(
        "SqlError",
        "UniqueViolation",
        () => new CatalogConflict({ path: "huniCode", message: `huniCode ${next.huniCode} is taken` }),
        Effect.die
      )
    )
    yield* Effect.orDie(bus.publish(ProductUpdated, { productId: id, changes }))
    return yield* find(id)
  }, transaction)

  const setActive = Effect.fnUntraced(function* (id: ProductId, isActive: boolean) {
    const before = yield* findForUpdate(id)
    if (before.isActive === isActive) return before
    yield* Effect.orDie(sql`update products set is_active = ${isActive}, updated_at = ${yield* now} where id = ${id}`)
    if (isActive) yield* Effect.orDie(bus.publish(ProductUpdated, { productId: id, changes: { isActive } }))
    else yield* Effect.orDie(bus.publish(ProductDeactivated, { productId: id }))
    return yield* find(id)
  })

  const setPrice: Products["Service"]["setPrice"] = Effect.fn("Products.setPrice")(function* (id, sellingPrice) {
    const before = yield* findForUpdate(id)
    if (before.sellingPrice === sellingPrice) return before
    const [row] = yield* versions(sql`
      update products
      set selling_price = ${sellingPrice}::integer, price_version = price_version + 1, updated_at = ${yield* now}
      where id = ${id} returning price_version as version`)
    yield* Effect.orDie(bus.publish(PriceChanged, { productId: id, priceTableId: row?.version ?? 0 }))
    return yield* find(id)
  }, transaction)

  const setOptions: Products["Service"]["setOptions"] = Effect.fn("Products.setOptions")(function* (id, choiceIds) {
    yield* findForUpdate(id)
    const known = yield* choiceOptions(
      sql`select id, option_id as "optionId" from option_choices where id = any(${choiceIds}::integer[]) order by id`
    )
    const knownIds = new Set(known.map((choice) => choice.id))
    const issues = choiceIds.flatMap((choiceId, index) =>
      knownIds.has(choiceId) ? [] : [{ path: `choiceIds.${index}`, message: "no such choice" }]
    )
    if (issues.length > 0) return yield* new CatalogInvalid({ issues })
    const before = yield* choiceIdRows(sql`select choice_id as id from product_option_choices where product_id = ${id}`)
    if (before.length === known.length && before.every((choice) => knownIds.has(choice.id))) {
      return yield* rows.options(id)
    }
    const optionIds = [...new Set(known.map((choice) => choice.optionId))]
    yield* Effect.orDie(
      Effect.gen(function* () {
        yield* sql`delete from product_options where product_id = ${id}`
        yield* sql`
        insert into product_options (product_id, option_id)
        select ${id}::integer, unnest(${optionIds}::integer[])`
        yield* sql`
        insert into product_option_choices (product_id, option_id, choice_id)
        select ${id}::integer, option_id, id from option_choices where id = any(${[...knownIds]}::integer[])`
        yield* sql`update products set updated_at = ${yield* now} where id = ${id}`
        yield* bus.publish(ProductUpdated, { productId: id, changes: { choiceIds: known.map((choice) => choice.id) } })
      })
    )
    return yield* rows.options(id)
  }, transaction)

  const offered: Products["Service"]["offered"] = Effect.fn("Products.offered")(function* (ids) {
    const products = yield* rows.select(sql`p.id = any(${ids}::integer[])`)
    const choices = Map.groupBy(
      yield* offers(sql`
        select product_id as "productId", choice_id as "choiceId" from product_option_choices
        where product_id = any(${ids}::integer[])`),
      (row) => row.productId
    )
    return new Map(
      products.map((product) => [
        product.id,
        {
          product,
          choiceIds: new Set(choices.get(product.id)?.map((row) => row.choiceId))
        }
      ])
    )
  })

  return Products.of({
    create,
    get: Effect.fn("Products.get")(find),
    list,
    patch,
    activate: Effect.fn("Products.activate")((id) => setActive(id, true), transaction),
    deactivate: Effect.fn("Products.deactivate")((id) => setActive(id, false), transaction),
    setPrice,
    options: Effect.fn("Products.options")((id) => Effect.andThen(find(id), rows.options(id))),
    setOptions,
    offered
  })
})

const checkQuantities = ({ maxQty, minQty }: Pick<ProductCreate, "minQty" | "maxQty">) =>
  (minQty ?? null) !== null && (maxQty ?? null) !== null && (minQty ?? 0) > (maxQty ?? 0)
    ? Effect.fail(new CatalogInvalid({ issues: [{ path: "maxQty", message: "must not be less than minQty" }] }))
    : Effect.void
