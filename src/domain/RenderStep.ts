/**
 * How a render job gets from a request to a file (specification, section 7, Edicus): a pure machine that says what to do
 * next, from how far the job is and from what Edicus has of its project.
 *
 * Edicus orders a project once, in two steps (tentative, definitive; the second starts the rendering), and renders an
 * ordered project again on request. So a project has one order, whichever job placed it. Nothing here is timed or sent.
 */
import { Schema } from "effect"
import { EdicusOrderId, EdicusProjectId } from "./Design.ts"

/** Which render is this job's. */
export const RenderStep = Schema.Literals([
  /** None yet: what Edicus has rendered was rendered for an earlier job. */
  "waiting",
  /** The first one of the project. Written down before the calls that may begin it. */
  "ordering",
  /** One that is known to have begun. */
  "rendering"
])
export type RenderStep = typeof RenderStep.Type

/** `tentative`: placed, may still be cancelled. `ordered`: for good, waits for its render. `failed`: the render did. */
export const EdicusOrderStatus = Schema.Literals(["tentative", "ordered", "rendering", "rendered", "failed"])
export type EdicusOrderStatus = typeof EdicusOrderStatus.Type

/** A project's order, as Edicus tells it. */
export const EdicusOrder = Schema.Struct({
  orderId: EdicusOrderId,
  projectId: EdicusProjectId,
  /** Our name for it: the id of the render job that placed it. Null = placed by someone else. */
  partnerOrderId: Schema.NullOr(Schema.String),
  status: EdicusOrderStatus
})
export type EdicusOrder = typeof EdicusOrder.Type

export type RenderAction =
  /** Place a tentative order. */
  | { readonly _tag: "Place" }
  /** Make the tentative order definitive. */
  | { readonly _tag: "Confirm"; readonly orderId: number }
  /** Have the order rendered again: what it has was made for an earlier job. */
  | { readonly _tag: "Repeat"; readonly orderId: number }
  /** Ask again later. */
  | { readonly _tag: "Wait"; readonly orderId: number }
  | { readonly _tag: "Complete"; readonly orderId: number }
  | { readonly _tag: "Fail"; readonly reason: "deadline" | "render-failed" }
  /** Edicus does not know (yet, or any more) an order that it has given us the id of. */
  | { readonly _tag: "Vanished" }

/**
 * What to do next. `order` null: Edicus has no order of ours for the project; `known`: it has given us an id for one.
 * `late`: the deadline has passed, so nothing is begun any more, but what is there is taken.
 */
export const nextAction = (situation: {
  readonly step: RenderStep
  readonly order: { readonly orderId: number; readonly status: EdicusOrderStatus } | null
  readonly known: boolean
  readonly late: boolean
}): RenderAction => {
  const { known, late, order, step } = situation
  const unlessLate = (action: RenderAction): RenderAction => (late ? { _tag: "Fail", reason: "deadline" } : action)
  if (order === null) return unlessLate(known ? { _tag: "Vanished" } : { _tag: "Place" })
  const { orderId } = order
  const isOurRender = step !== "waiting"
  switch (order.status) {
    case "tentative":
      return unlessLate({ _tag: "Confirm", orderId })
    case "ordered":
    case "rendering":
      return unlessLate({ _tag: "Wait", orderId })
    case "rendered":
      return isOurRender ? { _tag: "Complete", orderId } : unlessLate({ _tag: "Repeat", orderId })
    case "failed":
      return isOurRender ? { _tag: "Fail", reason: "render-failed" } : unlessLate({ _tag: "Repeat", orderId })
  }
}

/**
 * The order that counts, when Edicus has several under one name (a request that was believed lost arrived after all):
 * the one that is furthest, of those the oldest. Null = there is none.
 */
export const leadingOrder = <O extends Pick<EdicusOrder, "orderId" | "status">>(orders: ReadonlyArray<O>): O | null =>
  orders.reduce<O | null>((best, order) => {
    if (best === null) return order
    const ahead = rank[order.status] - rank[best.status]
    return ahead > 0 || (ahead === 0 && order.orderId < best.orderId) ? order : best
  }, null)

/** A definitive order counts before a tentative one, whatever became of its render. */
const rank: { readonly [S in EdicusOrderStatus]: number } = {
  tentative: 0,
  failed: 1,
  ordered: 2,
  rendering: 3,
  rendered: 4
}
