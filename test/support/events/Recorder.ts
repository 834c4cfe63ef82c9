/** A handler that writes down what it gets, answers as it is told, and can be waited for. */
import { Effect, Queue } from "effect"
import type { Event } from "../../../src/domain/events/Event.ts"
import type { IntegrationError } from "../../../src/domain/IntegrationError.ts"

export interface Recorder {
  /** Every attempt, in order of their start. */
  readonly attempts: ReadonlyArray<Event>
  /** Every success, in order of their end. */
  readonly handled: ReadonlyArray<Event>
  readonly handle: (event: Event) => Effect.Effect<void, IntegrationError>
  /** How often this event was attempted. */
  readonly attemptsOf: (id: string) => number
  /** Waits until so many attempts were started in all. */
  readonly attempted: (count: number) => Effect.Effect<void>
  /** Waits until so many attempts were successful in all. */
  readonly succeeded: (count: number) => Effect.Effect<void>
}

/** `answer` gets the event and the number of its attempt, from 1. Default: success. */
export const make = (
  answer: (event: Event, attempt: number) => Effect.Effect<void, IntegrationError> = () => Effect.void
): Effect.Effect<Recorder> =>
  Effect.gen(function* () {
    const attempts: Array<Event> = []
    const handled: Array<Event> = []
    const steps = yield* Queue.sliding<void>(1)
    const step = Queue.offer(steps, undefined)
    const attemptsOf = (id: string) => attempts.filter(({ metadata }) => metadata.id === id).length
    /** One waiter at a time. */
    const until = (reached: () => boolean) =>
      Effect.gen(function* () {
        while (!reached()) yield* Queue.take(steps)
      })
    return {
      attempts,
      handled,
      attemptsOf,
      handle: (event) =>
        Effect.gen(function* () {
          attempts.push(event)
          yield* step
          yield* answer(event, attemptsOf(event.metadata.id))
          handled.push(event)
          yield* step
        }),
      attempted: (count) => until(() => attempts.length >= count),
      succeeded: (count) => until(() => handled.length >= count)
    }
  })
