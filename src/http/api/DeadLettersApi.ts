/** The dead letter queue, for operators (specification, section 9, Operations). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ErrorClass } from "../../domain/IntegrationError.ts"
import { text } from "../../domain/Text.ts"
import { DeadLetter, DeadLetterGroup, DeadLetterStatus } from "../../services/events/DeadLetter.ts"
import { AdapterStatus } from "../../services/integrations/Adapter.ts"
import { Authorization, Idempotent, KeptAfterwards, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, NotFoundProblem, ReplayInProgressProblem } from "./Problems.ts"
import { filter, Flag, list, pageQuery } from "./Queries.ts"

const DeadLetterId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, {
    expected: "the id of a dead letter"
  })
)
const byId = {
  params: { id: DeadLetterId },
  error: [NotFoundProblem, ConflictProblem, ReplayInProgressProblem]
} as const

const query = {
  status: filter(DeadLetterStatus),
  adapter: filter(text(100)),
  eventType: filter(text(200)),
  errorClass: filter(ErrorClass)
}

/** Which pending dead letters; everything left out matches. */
const Filter = Schema.Struct({
  filter: Schema.Struct({
    adapter: Schema.optionalKey(text(100)),
    eventType: Schema.optionalKey(text(200)),
    errorClass: Schema.optionalKey(ErrorClass)
  })
})
const Matched = Schema.Struct({ matched: Schema.Int }).pipe(HttpApiSchema.status(202))

/** What a replay would meet now. Nothing was started. */
export const ReplayPreview = Schema.Struct({
  dryRun: Schema.Literal(true),
  id: Schema.String,
  eventId: Schema.String,
  eventType: Schema.String,
  /** The adapter that would run it; null = it is not registered. */
  adapter: Schema.NullOr(AdapterStatus),
  /** `now`; `deferred`: it would wait for the circuit; `never`: the adapter is off or not registered. */
  runs: Schema.Literals(["now", "deferred", "never"])
})

/** A replay that is still running: look at the dead letter later. */
export const ReplayStarted = Schema.Struct({ id: Schema.String, status: Schema.Literal("pending") }).pipe(
  HttpApiSchema.status(202)
)

export const DeadLettersApi = HttpApiGroup.make("deadLetters")
  .add(
    HttpApiEndpoint.get("list", "/dead-letters", { query: { ...pageQuery, ...query }, success: list(DeadLetter) }),
    HttpApiEndpoint.get("groups", "/dead-letters/groups", {
      query,
      success: Schema.Struct({ data: Schema.Array(DeadLetterGroup) })
    }),
    HttpApiEndpoint.post("replayAll", "/dead-letters/replay", { payload: Filter, success: Matched })
      .middleware(Idempotent)
      .annotate(KeptAfterwards, true),
    HttpApiEndpoint.post("discardAll", "/dead-letters/discard", { payload: Filter, success: Matched })
      .middleware(Idempotent)
      .annotate(KeptAfterwards, true),
    HttpApiEndpoint.get("get", "/dead-letters/:id", {
      params: byId.params,
      success: DeadLetter,
      error: NotFoundProblem
    }),
    HttpApiEndpoint.post("replay", "/dead-letters/:id/replay", {
      ...byId,
      query: { dryRun: filter(Flag) },
      success: [DeadLetter, ReplayPreview, ReplayStarted]
    })
      .middleware(Idempotent)
      .annotate(KeptAfterwards, true),
    HttpApiEndpoint.post("discard", "/dead-letters/:id/discard", { ...byId, success: DeadLetter })
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "admin")
  .annotate(OpenApi.Title, "Dead letters")
