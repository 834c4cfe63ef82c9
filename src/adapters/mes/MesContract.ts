/**
 * The REST interface of the print plant's MES (specification, section 8.1): the one definition that our client, the
 * sandbox and the plant's implementers work from. Pure wire shapes; `MesMapper` says what they mean to the hub.
 *
 * Every request carries `X-API-Key` (the outbound client adds it) and `X-Correlation-Id`. The MES reports each change
 * of a job to the hub: `PUT {hub}/api/v1/integration/mes/orders/{orderId}/status`, signed by Standard Webhooks.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { MesItemCode } from "../../domain/Ids.ts"
import { JobPart, MesJobId } from "../../domain/MesJob.ts"
import { JobStatusFromMes } from "../../domain/OrderStatus.ts"

export const DispatchRequest = Schema.Struct({
  orderId: Schema.String,
  itemCode: MesItemCode,
  part: JobPart,
  materialCodes: Schema.Array(Schema.String),
  processCodes: Schema.Array(Schema.String),
  quantity: Schema.Int,
  /** Note to the plant. */
  memo: Schema.optionalKey(Schema.String)
})

/** The job exists at the plant. */
const Accepted = Schema.Struct({
  status: Schema.Literal("accepted"),
  mesJobId: MesJobId,
  itemCode: Schema.String,
  estimatedCompletion: Schema.optionalKey(Schema.NullOr(Schema.String))
})

/** The plant will not make it, and keeps nothing under the key. */
const Refused = Schema.Struct({
  status: Schema.Literal("rejected"),
  mesJobId: Schema.optionalKey(Schema.NullOr(Schema.String)),
  itemCode: Schema.optionalKey(Schema.String),
  errorMessage: Schema.optionalKey(Schema.NullOr(Schema.String))
})

export const DispatchAnswer = Schema.Union([Accepted, Refused])

export const JobState = Schema.Struct({
  mesJobId: MesJobId,
  orderId: Schema.String,
  status: Schema.toEncoded(JobStatusFromMes)
})

export const IdempotencyKey = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,200}$/))

const jobs = HttpApiGroup.make("jobs").add(
  HttpApiEndpoint.post("dispatch", "/dispatch", {
    headers: Schema.Struct({ "idempotency-key": IdempotencyKey }),
    payload: DispatchRequest,
    success: [DispatchAnswer.pipe(HttpApiSchema.status(201)), DispatchAnswer.pipe(HttpApiSchema.status(200))]
  }).annotate(OpenApi.Description, "Makes a job. The same key again: 200 with the first answer, if it was `accepted`."),
  HttpApiEndpoint.get("get", "/jobs/:mesJobId", {
    params: { mesJobId: MesJobId },
    success: JobState
  }).annotate(OpenApi.Description, "How far a job is. 404: no such job.")
)

const system = HttpApiGroup.make("system").add(
  HttpApiEndpoint.get("health", "/health", { success: HttpApiSchema.Empty(200) })
)

export const MesContract = HttpApi.make("mes").add(jobs).add(system)
