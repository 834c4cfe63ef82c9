/** The print plant: endpoints 6 to 10 and the mapping workflow (specification, section 9). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ChoiceId, EventId, MesItemId, OrderId, ProductId } from "../../domain/Ids.ts"
import { MesGroupCode, MesItem, MesItemCreate, MesItemOption, MesItemPatch, MesItemType } from "../../domain/MesItem.ts"
import { JobCallback, StatusChange } from "../../domain/MesJob.ts"
import {
  ChoiceMapping,
  ChoiceMappingSet,
  MappingStatus,
  ProductMapping,
  ProductMappingSet
} from "../../domain/MesMapping.ts"
import { text } from "../../domain/Text.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope, SignedWebhook, WebhookOf } from "./Access.ts"
import {
  ConflictProblem,
  InvalidStateTransitionProblem,
  MappingUnverifiedProblem,
  NotFoundProblem
} from "./Problems.ts"
import { filter, Flag, fromDigits, list, pageQuery, SearchText } from "./Queries.ts"

const itemParams = { id: fromDigits(MesItemId) }
const choiceParams = { choiceId: fromDigits(ChoiceId) }

export const MesApi = HttpApiGroup.make("mes")
  .add(
    HttpApiEndpoint.get("items", "/integration/mes/items", {
      query: {
        ...pageQuery,
        group: filter(MesGroupCode),
        type: filter(MesItemType),
        q: filter(SearchText),
        active: filter(Flag)
      },
      success: list(MesItem)
    }),
    HttpApiEndpoint.post("createItem", "/integration/mes/items", {
      payload: MesItemCreate,
      success: MesItem.pipe(HttpApiSchema.status(201)),
      error: ConflictProblem
    }).middleware(Idempotent),
    HttpApiEndpoint.patch("patchItem", "/integration/mes/items/:id", {
      params: itemParams,
      payload: MesItemPatch,
      success: MesItem,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("itemOptions", "/integration/mes/items/:id/options", {
      params: itemParams,
      success: Schema.Struct({ data: Schema.Array(MesItemOption) }),
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("mappings", "/integration/mes/mappings", {
      query: {
        ...pageQuery,
        productId: filter(fromDigits(ProductId)),
        status: filter(MappingStatus)
      },
      success: list(ProductMapping)
    }),
    HttpApiEndpoint.put("setMapping", "/integration/mes/mappings/:productId", {
      params: { productId: fromDigits(ProductId) },
      payload: ProductMappingSet,
      success: ProductMapping,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.get("choiceMappings", "/integration/mes/choice-mappings", {
      query: { ...pageQuery, status: filter(MappingStatus) },
      success: list(ChoiceMapping)
    }),
    HttpApiEndpoint.put("mapChoice", "/integration/mes/choice-mappings/:choiceId", {
      params: choiceParams,
      payload: ChoiceMappingSet,
      success: ChoiceMapping,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.post("verifyChoice", "/integration/mes/choice-mappings/:choiceId/verify", {
      params: choiceParams,
      success: ChoiceMapping,
      error: [NotFoundProblem, InvalidStateTransitionProblem]
    }),
    HttpApiEndpoint.post("dispatch", "/integration/mes/orders/:id/dispatch", {
      params: { id: OrderId },
      // Null: no body at all.
      payload: [Schema.Struct({ memo: Schema.optionalKey(Schema.NullOr(text(2000))) }), Schema.Null],
      success: Schema.Struct({ orderId: OrderId, eventId: EventId, status: Schema.Literal("accepted") }).pipe(
        HttpApiSchema.status(202)
      ),
      error: [NotFoundProblem, ConflictProblem, MappingUnverifiedProblem]
    }).middleware(Idempotent)
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "mes")
  .annotate(OpenApi.Title, "MES")

/** What the plant calls. */
export const MesCallbacksApi = HttpApiGroup.make("mesCallbacks")
  .add(
    HttpApiEndpoint.put("jobStatus", "/integration/mes/orders/:id/status", {
      params: { id: OrderId },
      payload: JobCallback,
      success: StatusChange,
      error: [NotFoundProblem, InvalidStateTransitionProblem]
    })
  )
  .middleware(RequestChecks)
  .middleware(SignedWebhook)
  .annotate(WebhookOf, "mes")
  .annotate(OpenApi.Title, "MES callbacks")
