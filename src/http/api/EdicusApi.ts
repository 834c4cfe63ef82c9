/** The design editor: endpoints 11 to 16 (specification, section 9). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import {
  Design,
  DesignCreated,
  EditorConfig,
  EditorProduct,
  NewDesign,
  RenderJob,
  RenderRequest
} from "../../domain/Design.ts"
import { DesignId, ProductId, RenderJobId } from "../../domain/Ids.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, NotFoundProblem } from "./Problems.ts"
import { fromDigits, list, pageQuery } from "./Queries.ts"

export const EdicusApi = HttpApiGroup.make("edicus")
  .add(
    HttpApiEndpoint.get("products", "/integration/edicus/products", {
      query: pageQuery,
      success: list(EditorProduct)
    }),
    HttpApiEndpoint.get("config", "/integration/edicus/products/:id/config", {
      params: { id: fromDigits(ProductId) },
      success: EditorConfig,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.post("createDesign", "/integration/edicus/designs", {
      payload: NewDesign,
      success: DesignCreated.pipe(HttpApiSchema.status(201)),
      error: NotFoundProblem
    }).middleware(Idempotent),
    HttpApiEndpoint.get("design", "/integration/edicus/designs/:id", {
      params: { id: DesignId },
      success: Design,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.post("render", "/integration/edicus/render", {
      payload: RenderRequest,
      success: Schema.Struct({
        renderJobId: RenderJobId,
        designId: DesignId,
        status: Schema.Literal("queued")
      }).pipe(HttpApiSchema.status(202)),
      error: [NotFoundProblem, ConflictProblem]
    }).middleware(Idempotent),
    HttpApiEndpoint.get("renderStatus", "/integration/edicus/render/:id/status", {
      params: { id: RenderJobId },
      success: RenderJob,
      error: NotFoundProblem
    })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "edicus")
  .annotate(OpenApi.Title, "Edicus")
