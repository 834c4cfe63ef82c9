/**
 * Order statuses and the one guarded state machine of an order (specification, section 4).
 *
 * Pure: `transition` says what a change asked for by an actor is; who applies it writes history and event. The MES
 * speaks of jobs, not of orders: `orderStatusFromJobs` gives the status an order has by its slowest job.
 */
import { Schema } from "effect"

export const OrderStatus = Schema.Literals([
  "PENDING",
  "CONFIRMED",
  "PRODUCTION_WAITING",
  "PRODUCING",
  "PRODUCTION_DONE",
  "SHIPPED",
  "DELIVERED",
  "CANCELLED"
])
export type OrderStatus = typeof OrderStatus.Type

/** Status of a job at the MES, in the hub's terms; a subset of the order's. */
export const JobStatus = OrderStatus.pick(["PRODUCTION_WAITING", "PRODUCING", "PRODUCTION_DONE", "SHIPPED"])
export type JobStatus = typeof JobStatus.Type

/** The MES's word for a job's status on the wire, the hub's inside: 제작대기 ↔ PRODUCTION_WAITING and so on. */
export const JobStatusFromMes = Schema.Literals(["제작대기", "제작중", "제작완료", "출고완료"]).transform([
  "PRODUCTION_WAITING",
  "PRODUCING",
  "PRODUCTION_DONE",
  "SHIPPED"
])

/** Who asks for a change: a person (endpoint 4, PATCH), the plant (dispatch, callback, sweep), the shop. */
export type OrderActor = "operator" | "mes" | "shopby"

/** Changed: do it. Unchanged: accepted, nothing to do. Illegal: refuse with 409, change nothing. */
export type Transition = "Changed" | "Unchanged" | "Illegal"

/** What the change from one status to another is, asked for by this actor. Total. */
export const transition = (actor: OrderActor, from: OrderStatus, to: OrderStatus): Transition => {
  if (from === to) return "Unchanged"
  return edges[actor][from].includes(to) ? "Changed" : "Illegal"
}

/** A job only moves forward; jumps are allowed (제작중 → 출고완료). */
export const jobTransition = (from: JobStatus, to: JobStatus): Transition => transition("mes", from, to)

/** The slowest job decides; a job not yet accepted (null) is slower than any: the order stays CONFIRMED. */
export const orderStatusFromJobs = (jobs: ReadonlyArray<JobStatus | null>): "CONFIRMED" | JobStatus => {
  if (jobs.includes(null)) return "CONFIRMED"
  return JobStatus.literals.find((status) => jobs.includes(status)) ?? "CONFIRMED"
}

type Edges = Readonly<Record<OrderStatus, ReadonlyArray<OrderStatus>>>

const production: Edges = {
  PENDING: [],
  CONFIRMED: [],
  PRODUCTION_WAITING: ["PRODUCING", "PRODUCTION_DONE", "SHIPPED"],
  PRODUCING: ["PRODUCTION_DONE", "SHIPPED"],
  PRODUCTION_DONE: ["SHIPPED"],
  SHIPPED: [],
  DELIVERED: [],
  CANCELLED: []
}

const edges: Readonly<Record<OrderActor, Edges>> = {
  operator: {
    ...production,
    PENDING: ["CONFIRMED", "CANCELLED"],
    CONFIRMED: ["CANCELLED"],
    PRODUCTION_WAITING: [...production.PRODUCTION_WAITING, "CANCELLED"],
    SHIPPED: ["DELIVERED"]
  },
  mes: { ...production, CONFIRMED: ["PRODUCTION_WAITING"] },
  shopby: {
    PENDING: ["CONFIRMED", "CANCELLED"],
    CONFIRMED: ["CANCELLED"],
    PRODUCTION_WAITING: ["CANCELLED"],
    PRODUCING: [],
    PRODUCTION_DONE: [],
    SHIPPED: [],
    DELIVERED: [],
    CANCELLED: []
  }
}
