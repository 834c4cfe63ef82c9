/** The numbers of delivery. Provide it to `Delivery.layer` to change them. All in milliseconds. */
import { Context } from "effect"

export const DeliverySettings = Context.Reference<{
  /** A subscription whose owner shows no sign of life for this long is taken over. Default 8000. */
  readonly leaseMillis: number
  /** How often an owner shows a sign of life. Default 2500. */
  readonly renewMillis: number
  /** How often who stands by looks for one. Default 1000. */
  readonly standbyMillis: number
  /** Shortest time between two writes of the cursors. Default 200. */
  readonly cursorMillis: number
  /** Safety net behind the signal for a replay. Default 5000. */
  readonly pollMillis: number
  /** How long the end of a subscription waits for running handlers before it interrupts them. Default 20 000. */
  readonly shutdownMillis: number
  /** Time limit of a health check that is asked before an event is given up. Default 5000. */
  readonly healthMillis: number
}>("hub/services/events/DeliverySettings", {
  defaultValue: () => ({
    leaseMillis: 8000,
    renewMillis: 2500,
    standbyMillis: 1000,
    cursorMillis: 200,
    pollMillis: 5000,
    shutdownMillis: 20_000,
    healthMillis: 5000
  })
})
