/**
 * Between the hub's terms and the plant's, both ways, as Schemas: `decode(encode(x))` is `x` for every x of the hub.
 *
 * Lost on purpose, on the way out: which choice a code came from, and how material and process choices were mixed
 * (within each list the order chosen stays); a memo that is null is left out. On the way in: the id and item code of a
 * refused job, since no such job exists. Codes come in already translated; a mapper looks nothing up.
 */
import { Schema, SchemaTransformation } from "effect"
import { MesJobId, ProductionJob } from "../../domain/MesJob.ts"
import { JobStatusFromMes } from "../../domain/OrderStatus.ts"
import { DispatchAnswer, DispatchRequest, JobState } from "./MesContract.ts"

/** What the plant is to make ↔ body of `POST /dispatch`. */
export const ProductionJobFromMes = DispatchRequest.pipe(
  Schema.decodeTo(
    ProductionJob,
    SchemaTransformation.transform<typeof ProductionJob.Encoded, typeof DispatchRequest.Type>({
      decode: ({ memo, ...job }) => ({ ...job, memo: memo ?? null }),
      encode: ({ memo, ...job }) => (memo === null ? job : { ...job, memo })
    })
  )
)

/** What became of a dispatch. */
export const DispatchOutcome = Schema.Union([
  Schema.TaggedStruct("Accepted", {
    mesJobId: MesJobId,
    itemCode: Schema.String,
    /** As the plant writes it; null = it did not say. */
    estimatedCompletion: Schema.NullOr(Schema.String)
  }),
  Schema.TaggedStruct("Refused", { reason: Schema.NullOr(Schema.String) })
])
export type DispatchOutcome = typeof DispatchOutcome.Type

/** What became of a dispatch ↔ answer of `POST /dispatch`. */
export const DispatchOutcomeFromMes = DispatchAnswer.pipe(
  Schema.decodeTo(
    DispatchOutcome,
    SchemaTransformation.transform<typeof DispatchOutcome.Encoded, typeof DispatchAnswer.Type>({
      decode: (answer) =>
        answer.status === "accepted"
          ? {
              _tag: "Accepted",
              mesJobId: answer.mesJobId,
              itemCode: answer.itemCode,
              estimatedCompletion: answer.estimatedCompletion ?? null
            }
          : { _tag: "Refused", reason: answer.errorMessage ?? null },
      encode: (outcome) =>
        outcome._tag === "Accepted"
          ? {
              status: "accepted",
              mesJobId: outcome.mesJobId,
              itemCode: outcome.itemCode,
              ...(outcome.estimatedCompletion === null ? {} : { estimatedCompletion: outcome.estimatedCompletion })
            }
          : { status: "rejected", ...(outcome.reason === null ? {} : { errorMessage: outcome.reason }) }
    })
  )
)

/** How far a job is, in the hub's terms ↔ answer of `GET /jobs/{id}`. */
export const JobProgressFromMes = JobState.pipe(
  Schema.decodeTo(Schema.Struct({ ...JobState.fields, status: JobStatusFromMes }))
)
