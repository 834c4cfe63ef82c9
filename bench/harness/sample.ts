/** The event that everybody publishes: small, with an ordering key, as order events are. */
import { Schema } from "effect"
import { defineEvent } from "../../src/domain/events/Event.ts"

export const payload = Schema.Struct({
  orderId: Schema.String,
  source: Schema.Literals(["widget", "shopby"]),
  place: Schema.Int
})
export type Sample = typeof payload.Type

export const Happened = defineEvent("bench.happened", { payload, key: ({ orderId }) => `order:${orderId}` })

/** 5 000 different keys. */
export const sample = (place: number): Sample => ({ orderId: `ord_${place % 5000}`, source: "widget", place })
