/**
 * Known from the moment the hub begins to stop: event streams end then, and connections are closed with the answer that
 * is on its way. Both would hold up the shutdown until its time limit.
 */
import { Context, Deferred, Layer } from "effect"

export class Stopping extends Context.Service<Stopping, Deferred.Deferred<void>>()("hub/http/Stopping") {
  static readonly layer = Layer.effect(Stopping, Deferred.make<void>())
}
