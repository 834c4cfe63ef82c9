/** Subscriptions for tests: short to write, with a recorder as the handler. */
import { Effect, Exit, type Layer, Logger, References, Scope } from "effect"
import type { EventDefinition } from "../../../src/domain/events/Event.ts"
import { Delivery, type Subscription } from "../../../src/services/events/Delivery.ts"
import { EventBus, type PublishOptions } from "../../../src/services/events/EventBus.ts"
import * as RetryPolicy from "../../../src/services/resilience/RetryPolicy.ts"
import type { Recorder } from "./Recorder.ts"
import { Noted } from "./Samples.ts"

/** Follows `Noted` by default, with the retries of an order dispatch (3, at about 1, 2 and 4 s). */
export const subscriptionOf = (
  recorder: Pick<Recorder, "handle">,
  options: Partial<Subscription> & { readonly definitions?: ReadonlyArray<EventDefinition> } = {}
): Subscription => {
  const { definitions = [Noted], ...rest } = options
  return {
    name: "test",
    events: definitions.map((definition) => ({ definition, retry: RetryPolicy.orderDispatch })),
    handle: recorder.handle,
    ...rest
  }
}

export const subscribe = (...args: Parameters<typeof subscriptionOf>) =>
  Effect.flatMap(Delivery, (delivery) => delivery.subscribe(subscriptionOf(...args)))

/** Subscribes in a scope of its own; the result ends it. */
export const subscribeApart = (...args: Parameters<typeof subscriptionOf>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.provide(Effect.orDie(subscribe(...args)), scope)
    return Scope.close(scope, Exit.void)
  })

export const note = (key: string, value = 0, options?: PublishOptions) =>
  Effect.flatMap(EventBus, (bus) => Effect.orDie(bus.publish(Noted, { key, value }, options)))

export const drained = (name = "test") => Effect.flatMap(Delivery, (delivery) => delivery.drained(name))

export const statusOf = (name = "test") => Effect.flatMap(Delivery, (delivery) => delivery.status(name))

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Replaces the loggers by one that writes to the array. */
export const collectLogs = (lines: Array<LogLine>): Layer.Layer<never> =>
  Logger.layer([
    Logger.make(({ fiber, logLevel, message }) => {
      lines.push({
        level: logLevel,
        message: Array.isArray(message) ? message.map(String).join(" ") : String(message),
        annotations: fiber.getRef(References.CurrentLogAnnotations)
      })
    })
  ])
