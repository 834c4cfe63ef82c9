/** Orders of the core (specification, sections 4 and 9). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { OrderSource } from "../../domain/events/DomainEvents.ts"
import { OrderId } from "../../domain/Ids.ts"
import { StatusChange } from "../../domain/MesJob.ts"
import { NewOrder, Order } from "../../domain/Order.ts"
import { OrderStatus } from "../../domain/OrderStatus.ts"
import { text } from "../../domain/Text.ts"
import { Authorization, Idempotent, RequestChecks, RequiredScope } from "./Access.ts"
import { ConflictProblem, InvalidStateTransitionProblem, NotFoundProblem } from "./Problems.ts"
import { filter, Flag, list, pageQuery } from "./Queries.ts"

export const OrdersApi = HttpApiGroup.make("orders")
  .add(
    HttpApiEndpoint.post("create", "/orders", {
      payload: NewOrder,
      success: Order.pipe(HttpApiSchema.status(201))
    }).middleware(Idempotent),
    HttpApiEndpoint.get("list", "/orders", {
      query: {
        ...pageQuery,
        status: filter(OrderStatus),
        source: filter(OrderSource),
        needsAttention: filter(Flag)
      },
      success: list(Order)
    }),
    HttpApiEndpoint.get("get", "/orders/:id", { params: { id: OrderId }, success: Order, error: NotFoundProblem }),
    HttpApiEndpoint.patch("changeStatus", "/orders/:id/status", {
      params: { id: OrderId },
      payload: Schema.Struct({ status: OrderStatus, reason: Schema.optionalKey(text(2000)) }),
      success: StatusChange,
      error: [NotFoundProblem, InvalidStateTransitionProblem]
    }),
    HttpApiEndpoint.post("retranslate", "/orders/:id/retranslate", {
      params: { id: OrderId },
      success: Order,
      error: [NotFoundProblem, ConflictProblem]
    })
      .middleware(Idempotent)
      .annotate(OpenApi.Description, "Translates an order of the shop anew, after what it lacked was mended."),
    HttpApiEndpoint.post("resolveAttention", "/orders/:id/resolve-attention", {
      params: { id: OrderId },
      success: Order,
      error: NotFoundProblem
    })
      .middleware(Idempotent)
      .annotate(
        OpenApi.Description,
        "An operator has dealt with what needed attention. Lines that could not be translated still do."
      )
  )
  .middleware(RequestChecks)
  .middleware(Authorization)
  .annotate(RequiredScope, "core")
  .annotate(OpenApi.Title, "Orders")
