/**
 * Categories and their counterpart in the shop. They come from the catalogue import; here they are listed and mapped.
 */
import { Context, Effect, Layer } from "effect"
import { Category } from "../../domain/Category.ts"
import { ProductUpdated } from "../../domain/events/DomainEvents.ts"
import { type CategoryId, ProductId } from "../../domain/Ids.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { CatalogNotFound } from "./CatalogError.ts"
import { rowsOf, totalOf } from "./CatalogSql.ts"

export class Categories extends Context.Service<
  Categories,
  {
    /** By depth, then in display order. */
    readonly list: (page: PageRequest) => Effect.Effect<Page<Category>>
    /**
     * Null takes the mapping away. Publishes product.updated with `shopbyCategoryNo` for each product of the category:
     * whether a product is ready for the shop depends on it.
     */
    readonly setShopbyCategoryNo: (
      id: CategoryId,
      shopbyCategoryNo: number | null
    ) => Effect.Effect<Category, CatalogNotFound>
  }
>()("hub/services/catalog/Categories") {
  static readonly layer = Layer.effect(
    Categories,
    Effect.suspend(() => make)
  )
}

const categories = rowsOf(Category.fields)
const ids = rowsOf({ id: ProductId })

const make = Effect.gen(function* () {
  const { sql, transaction } = yield* Database
  const bus = yield* EventBus
  const columns = sql.literal(
    `id as "categoryId", code, name, parent_id as "parentId", shopby_category_no as "shopbyCategoryNo"`
  )

  const list: Categories["Service"]["list"] = Effect.fn("Categories.list")(function* ({ limit, page }) {
    const total = yield* totalOf(sql`select count(*)::int as total from categories`)
    const data = yield* categories(sql`
      select ${columns} from categories order by depth, display_order, id limit ${limit} offset ${(page - 1) * limit}`)
    return { data, total }
  })

  const setShopbyCategoryNo: Categories["Service"]["setShopbyCategoryNo"] = Effect.fn("Categories.setShopbyCategoryNo")(
    function* (id, shopbyCategoryNo) {
      const [before] = yield* categories(sql`select ${columns} from categories where id = ${id} for no key update`)
      if (before === undefined) return yield* new CatalogNotFound({ resource: "category", id })
      if (before.shopbyCategoryNo === shopbyCategoryNo) return before
      yield* Effect.orDie(sql`update categories set shopby_category_no = ${shopbyCategoryNo}::integer where id = ${id}`)
      const products = yield* ids(sql`select id from products where category_id = ${id} order by id`)
      for (const product of products) {
        yield* Effect.orDie(bus.publish(ProductUpdated, { productId: product.id, changes: { shopbyCategoryNo } }))
      }
      return { ...before, shopbyCategoryNo }
    },
    transaction
  )

  return Categories.of({ list, setShopbyCategoryNo })
})
