/** What a caller of the catalogue can get wrong: a name that does not exist, a name that is taken, values that do not fit. */
import { Schema } from "effect"
import { ChoiceId } from "../../domain/Ids.ts"
import { MappingAction, MappingStatus } from "../../domain/MesMapping.ts"

/** The resource that the request is about does not exist. HTTP 404. */
export class CatalogNotFound extends Schema.TaggedError<CatalogNotFound>()("CatalogNotFound", {
  resource: Schema.Literals(["category", "product", "option", "choice-mapping", "mes-item"]),
  id: Schema.Int
}) {}

/** A unique value is taken. HTTP 409. */
export class CatalogConflict extends Schema.TaggedError<CatalogConflict>()("CatalogConflict", {
  /** Field of the request that holds the value. */
  path: Schema.String,
  message: Schema.String
}) {}

/** Values that do not fit each other, or that name something unknown. Nothing was changed. HTTP 400. */
export class CatalogInvalid extends Schema.TaggedError<CatalogInvalid>()("CatalogInvalid", {
  /** `path` as dotted keys of the request, e.g. `choiceIds.0`. */
  issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {}

/** The mapping workflow has no such edge. Nothing was changed. HTTP 409 `invalid-state-transition`. */
export class InvalidMappingTransition extends Schema.TaggedError<InvalidMappingTransition>()(
  "InvalidMappingTransition",
  { choiceId: ChoiceId, from: MappingStatus, action: MappingAction }
) {}
