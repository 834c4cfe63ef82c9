import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Products } from "../../services/catalog/Products.ts"
import { HubApi } from "../api/HubApi.ts"
import { asData, listOf } from "../api/Queries.ts"
import { catalog } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const { CatalogConflict, CatalogInvalid, CatalogNotFound } = catalog

export const layer = HttpApiBuilder.group(
  HubApi,
  "products",
  Effect.fnUntraced(function* (handlers) {
    const products = yield* Products
    return handlers.handleAll({
      create: ({ payload }) => products.create(payload).pipe(Effect.catchTags({ CatalogConflict, CatalogInvalid })),
      list: ({ query }) => products.list(query, query).pipe(Effect.map(listOf(query))),
      get: ({ params }) => products.get(params.id).pipe(Effect.catchTags({ CatalogNotFound })),
      patch: ({ params, payload }) => products.patch(params.id, payload).pipe(Effect.catchTags(catalog)),
      activate: ({ params }) => products.activate(params.id).pipe(Effect.catchTags({ CatalogNotFound })),
      deactivate: ({ params }) => products.deactivate(params.id).pipe(Effect.catchTags({ CatalogNotFound })),
      setPrice: ({ params, payload }) =>
        products.setPrice(params.id, payload.sellingPrice).pipe(Effect.catchTags({ CatalogNotFound })),
      options: ({ params }) =>
        products.options(params.id).pipe(Effect.map(asData), Effect.catchTags({ CatalogNotFound })),
      setOptions: ({ params, payload }) =>
        products
          .setOptions(params.id, payload.choiceIds)
          .pipe(Effect.map(asData), Effect.catchTags({ CatalogInvalid, CatalogNotFound }))
    })
  })
).pipe(withOnly(Products))
