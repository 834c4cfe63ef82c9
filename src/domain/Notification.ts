/** What an operator should see and acknowledge (specification, section 2). */
import { Schema } from "effect"
import { maxInt } from "./Ids.ts"

export const NotificationId = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt })).pipe(
  Schema.brand("NotificationId")
)
export type NotificationId = typeof NotificationId.Type

export const Notification = Schema.Struct({
  id: NotificationId,
  /** What it is, for filters: lower case with hyphens, e.g. `order-blocked`. */
  kind: Schema.String,
  message: Schema.String,
  /** What it is about, e.g. `order:ord_…`. */
  subject: Schema.String,
  correlationId: Schema.String,
  /** ISO-8601 UTC. */
  at: Schema.String,
  /** Name of the API key; null = not yet. */
  acknowledgedBy: Schema.NullOr(Schema.String)
})
export type Notification = typeof Notification.Type
