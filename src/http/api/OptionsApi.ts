/** Options and their choices (specification, section 9, Supporting endpoints). */
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { OptionId } from "../../domain/Ids.ts"
import { ChoiceCreate, OptionChoice, OptionCreate, OptionDefinition } from "../../domain/Option.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, NotFoundProblem } from "./Problems.ts"
import { fromDigits, list, pageQuery } from "./Queries.ts"

export const OptionsApi = HttpApiGroup.make("options")
  .add(
    HttpApiEndpoint.post("create", "/options", {
      payload: OptionCreate,
      success: OptionDefinition.pipe(HttpApiSchema.status(201)),
      error: ConflictProblem
    }).middleware(Idempotent),
    HttpApiEndpoint.post("addChoice", "/options/:id/choices", {
      params: { id: fromDigits(OptionId) },
      payload: ChoiceCreate,
      success: OptionChoice.pipe(HttpApiSchema.status(201)),
      error: [NotFoundProblem, ConflictProblem]
    }).middleware(Idempotent),
    HttpApiEndpoint.get("list", "/options", { query: pageQuery, success: list(OptionDefinition) })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "core")
  .annotate(OpenApi.Title, "Options")
