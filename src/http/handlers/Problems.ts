/** From the errors of services to problems, for `Effect.catchTags`. */
import { Effect } from "effect"
import type {
  CatalogConflict,
  CatalogInvalid,
  CatalogNotFound,
  InvalidMappingTransition
} from "../../services/catalog/CatalogError.ts"
import type { InvalidOrder, InvalidStateTransition, OrderNotFound } from "../../services/orders/Orders.ts"
import type { NotAShopOrder, NotRetranslatable } from "../../services/shop/ShopOrderErrors.ts"
import { ConflictProblem, InvalidStateTransitionProblem, NotFoundProblem } from "../api/Problems.ts"
import { formatPath, validationProblem } from "../middleware/Issues.ts"

export const notFound = (what: string) => Effect.fail(new NotFoundProblem({ detail: `There is no ${what}` }))

export const conflict = (detail: string) => Effect.fail(new ConflictProblem({ detail }))

/** Issues whose paths are written in dots or brackets. */
export const invalid = (error: {
  readonly issues: ReadonlyArray<{ readonly path: string; readonly message: string }>
}) =>
  Effect.fail(
    validationProblem(
      error.issues.map(({ message, path }) => ({
        path: formatPath(path.split(".")),
        message
      }))
    )
  )

export const catalog = {
  CatalogNotFound: (error: CatalogNotFound) => notFound(`${error.resource.replaceAll("-", " ")} ${error.id}`),
  CatalogConflict: (error: CatalogConflict) => conflict(`${error.path}: ${error.message}`),
  CatalogInvalid: (error: CatalogInvalid) => invalid(error)
}

export const mapping = {
  InvalidMappingTransition: (error: InvalidMappingTransition) =>
    Effect.fail(
      new InvalidStateTransitionProblem({
        detail: `A mapping that is ${error.from} cannot be ${error.action === "verify" ? "verified" : "mapped"}`,
        from: error.from,
        to: error.action === "verify" ? "verified" : "mapped"
      })
    )
}

export const orders = {
  OrderNotFound: (error: OrderNotFound) => notFound(`order ${error.orderId}`),
  InvalidOrder: (error: InvalidOrder) => invalid(error),
  NotAShopOrder: (error: NotAShopOrder) => conflict(`Order ${error.orderId} did not come from the shop`),
  NotRetranslatable: (error: NotRetranslatable) =>
    conflict(
      error.reason === "not-open"
        ? `The order is ${error.status}: too far on to be translated anew`
        : "The order did not come from the shop"
    ),
  InvalidStateTransition: (error: InvalidStateTransition) =>
    Effect.fail(
      new InvalidStateTransitionProblem({
        detail:
          error.mesJobId === null
            ? `The order cannot go from ${error.from} to ${error.to}`
            : `Job ${error.mesJobId} cannot go from ${error.from} to ${error.to}`,
        from: error.from,
        to: error.to
      })
    )
}
