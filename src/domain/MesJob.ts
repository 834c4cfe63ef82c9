/**
 * Production jobs: what the plant is asked to make, and how it reports. One job per order item, or one per part of a
 * book (specification, sections 4, 7 and 9, endpoint 10).
 */
import { Schema } from "effect"
import { maxInt, MesItemCode, OrderId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { Part } from "./MesMapping.ts"
import { JobStatus, JobStatusFromMes, OrderStatus } from "./OrderStatus.ts"
import { code, text } from "./Text.ts"

/** The mode an id of the plant was made in. An id from the sandbox means nothing in live mode, and the reverse. */
export const JobMode = Schema.Literals(["sandbox", "live"])
export type JobMode = typeof JobMode.Type

/** Null = the whole product; a book is made as inner and cover. */
export const JobPart = Schema.NullOr(Part)
export type JobPart = typeof JobPart.Type

/** The plant's own id of a job: opaque text. */
export const MesJobId = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,100}$/))

/** What the plant is to make. Codes are in the order the choices were chosen. */
export const ProductionJob = Schema.Struct({
  orderId: OrderId,
  itemCode: MesItemCode,
  part: JobPart,
  materialCodes: Schema.Array(code),
  processCodes: Schema.Array(code),
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt })),
  /** Note to the plant; null = none. */
  memo: Schema.NullOr(Schema.String)
})
export type ProductionJob = typeof ProductionJob.Type

/** A job as an order shows it. `mesJobId` and `status` are null until the plant has accepted it. */
export const MesJob = Schema.Struct({
  part: JobPart,
  mesJobId: Schema.NullOr(Schema.String),
  status: Schema.NullOr(JobStatus)
})
export type MesJob = typeof MesJob.Type

/** Body of endpoint 10: the plant reports a job's status. */
export const JobCallback = Schema.Struct({
  mesJobId: MesJobId,
  status: JobStatusFromMes,
  barcode: Schema.optionalKey(text(200)),
  /** When it happened at the plant. */
  occurredAt: Schema.optionalKey(Instant)
})
export type JobCallback = typeof JobCallback.Type

/** What a request to change an order's status did: the order's statuses before and after. */
export const StatusChange = Schema.Struct({
  orderId: OrderId,
  previousStatus: OrderStatus,
  status: OrderStatus,
  /** Did anything change? For a callback: the job or the order. */
  changed: Schema.Boolean
})
export type StatusChange = typeof StatusChange.Type
