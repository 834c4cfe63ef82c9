/** Products of the core (specification, section 9, Supporting endpoints). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { HuniCode, ProductId } from "../../domain/Ids.ts"
import { ProductOption, ProductOptionsSet } from "../../domain/Option.ts"
import { Product, ProductCreate, ProductPatch, ProductPrice } from "../../domain/Product.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, NotFoundProblem } from "./Problems.ts"
import { filter, Flag, fromDigits, list, pageQuery, SearchText } from "./Queries.ts"

const params = { id: fromDigits(ProductId) }

export const ProductsApi = HttpApiGroup.make("products")
  .add(
    HttpApiEndpoint.post("create", "/products", {
      payload: ProductCreate,
      success: Product.pipe(HttpApiSchema.status(201)),
      error: ConflictProblem
    }).middleware(Idempotent),
    HttpApiEndpoint.get("list", "/products", {
      query: {
        ...pageQuery,
        huniCode: filter(HuniCode),
        q: filter(SearchText),
        active: filter(Flag)
      },
      success: list(Product)
    }),
    HttpApiEndpoint.get("get", "/products/:id", { params, success: Product, error: NotFoundProblem }),
    HttpApiEndpoint.patch("patch", "/products/:id", {
      params,
      payload: ProductPatch,
      success: Product,
      error: [NotFoundProblem, ConflictProblem]
    }),
    HttpApiEndpoint.post("activate", "/products/:id/activate", { params, success: Product, error: NotFoundProblem }),
    HttpApiEndpoint.post("deactivate", "/products/:id/deactivate", {
      params,
      success: Product,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.put("setPrice", "/products/:id/price", {
      params,
      payload: ProductPrice,
      success: Product,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("options", "/products/:id/options", {
      params,
      success: Schema.Struct({ data: Schema.Array(ProductOption) }),
      error: NotFoundProblem
    }),
    HttpApiEndpoint.put("setOptions", "/products/:id/options", {
      params,
      payload: ProductOptionsSet,
      success: Schema.Struct({ data: Schema.Array(ProductOption) }),
      error: NotFoundProblem
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "core")
  .annotate(OpenApi.Title, "Products")
