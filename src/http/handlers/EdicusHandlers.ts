import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Designs } from "../../services/designs/Designs.ts"
import { EditorProducts } from "../../services/designs/EditorProducts.ts"
import { RenderJobs } from "../../services/designs/RenderJobs.ts"
import { HubApi } from "../api/HubApi.ts"
import { listOf } from "../api/Queries.ts"
import { catalog, conflict, notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const { CatalogNotFound } = catalog

const DesignNotFound = ({ designId }: { readonly designId: string }) => notFound(`design ${designId}`)

export const layer = HttpApiBuilder.group(
  HubApi,
  "edicus",
  Effect.fnUntraced(function* (handlers) {
    const products = yield* EditorProducts
    const designs = yield* Designs
    const jobs = yield* RenderJobs
    return handlers.handleAll({
      products: ({ query }) => products.list(query).pipe(Effect.map(listOf(query))),
      config: ({ params }) =>
        products.config(params.id).pipe(
          Effect.catchTags({
            EditorProductNotFound: ({ productId }) => notFound(`product ${productId} that is made in the editor`)
          })
        ),
      createDesign: ({ payload }) => designs.create(payload).pipe(Effect.catchTags({ CatalogNotFound })),
      design: ({ params }) => designs.get(params.id).pipe(Effect.catchTags({ DesignNotFound })),
      render: ({ payload }) =>
        jobs.request(payload).pipe(
          Effect.map(({ designId, renderJobId }) => ({ renderJobId, designId, status: "queued" as const })),
          Effect.catchTags({
            DesignNotFound,
            DesignWithoutProject: ({ designId }) => conflict(`Design ${designId} has no Edicus project to render`)
          })
        ),
      renderStatus: ({ params }) =>
        jobs
          .get(params.id)
          .pipe(Effect.catchTags({ RenderJobNotFound: ({ renderJobId }) => notFound(`render job ${renderJobId}`) }))
    })
  })
).pipe(withOnly(EditorProducts, Designs, RenderJobs))
