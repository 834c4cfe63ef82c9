/**
 * Dead letter queue: events that an adapter could not handle, kept whole until an operator replays or discards them.
 *
 * A dead letter is written in the transaction that un-parks its event, so it is never both or neither. A replay
 * puts the event back into the lane of its key at the owner of the subscription; it is `replayed` only after success.
 */
import { Clock, Context, Duration, Effect, Layer, Option, Queue } from "effect"
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterGroup,
  DeadLetterNotFound,
  DeadLetterNotPending,
  ReplayInProgress
} from "./DeadLetter.ts"
import type { Access } from "./DeadLetterStore.ts"
import { DeliverySettings } from "./DeliverySettings.ts"
import { DeliveryStore } from "./DeliveryStore.ts"

/** A replay that shows no outcome for this long can be asked for again. Milliseconds. */
const claimMillis = 60_000

const defaultWaitMillis = 10_000

export class DeadLetters extends Context.Service<
  DeadLetters,
  {
    /** Newest first. `page` from 1. */
    readonly list: (
      filter: DeadLetterFilter,
      page: { readonly page: number; readonly limit: number }
    ) => Effect.Effect<{
      readonly data: ReadonlyArray<DeadLetter>
      readonly total: number
    }>
    readonly get: (id: string) => Effect.Effect<DeadLetter, DeadLetterNotFound>
    readonly groups: (filter: DeadLetterFilter) => Effect.Effect<ReadonlyArray<DeadLetterGroup>>
    /**
     * Starts a replay and waits for its outcome, at most `waitMillis` (default 10 000). `replayed` after success, still
     * pending with a new error and count after failure; None = the outcome is not known yet.
     */
    readonly replay: (
      id: string,
      options?: { readonly waitMillis?: number }
    ) => Effect.Effect<Option.Option<DeadLetter>, DeadLetterNotFound | DeadLetterNotPending | ReplayInProgress>
    readonly discard: (
      id: string
    ) => Effect.Effect<DeadLetter, DeadLetterNotFound | DeadLetterNotPending | ReplayInProgress>
    /** Starts a replay of every pending one that matches; returns how many. */
    readonly replayAll: (filter: DeadLetterFilter) => Effect.Effect<number>
    readonly discardAll: (filter: DeadLetterFilter) => Effect.Effect<number>
    readonly pendingCount: (adapter: string) => Effect.Effect<number>
  }
>()("hub/services/events/DeadLetters") {
  /** Over any `DeliveryStore`: the one that `Delivery` uses. */
  static readonly layer = Layer.effect(
    DeadLetters,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const store = yield* DeliveryStore
  const { pollMillis } = yield* DeliverySettings
  const { deadLetters } = store

  const get = Effect.fn("DeadLetters.get")(function* (id: string) {
    const found = yield* deadLetters.get(id)
    return Option.isSome(found) ? found.value : yield* new DeadLetterNotFound({ id })
  })

  const replay = Effect.fn("DeadLetters.replay")(function* (
    id: string,
    options: { readonly waitMillis?: number } = {}
  ) {
    const ended = yield* store.replayEnded.listen
    const now = yield* Clock.currentTimeMillis
    const before = yield* granted(id, yield* deadLetters.claim(id, { now, until: now + claimMillis }))
    store.replayAsked.signal()
    const outcome = Effect.gen(function* () {
      for (;;) {
        const found = yield* deadLetters.get(id)
        if (Option.isSome(found) && hasEnded(before, found.value)) return found.value
        // Another process may run it, whose signal does not come here.
        yield* Effect.timeoutOption(Queue.take(ended), pollMillis)
      }
    })
    return yield* Effect.timeoutOption(outcome, Duration.millis(options.waitMillis ?? defaultWaitMillis))
  }, Effect.scoped)

  const discard = Effect.fn("DeadLetters.discard")(function* (id: string) {
    yield* granted(id, yield* deadLetters.discard(id, yield* Clock.currentTimeMillis))
    return yield* get(id)
  })

  const replayAll = Effect.fn("DeadLetters.replayAll")(function* (filter: DeadLetterFilter) {
    const now = yield* Clock.currentTimeMillis
    const count = yield* deadLetters.claimAll(filter, { now, until: now + claimMillis })
    if (count > 0) store.replayAsked.signal()
    return count
  })

  const discardAll = Effect.fn("DeadLetters.discardAll")(function* (filter: DeadLetterFilter) {
    return yield* deadLetters.discardAll(filter, yield* Clock.currentTimeMillis)
  })

  return {
    list: deadLetters.list,
    get,
    groups: deadLetters.groups,
    replay,
    discard,
    replayAll,
    discardAll,
    pendingCount: (adapter: string) => Effect.map(store.counts(adapter), ({ dead }) => dead)
  }
})

/** A replay ends with one more replay counted; a discard by an operator ends it too. */
const hasEnded = (before: DeadLetter, after: DeadLetter) =>
  after.replayCount > before.replayCount || after.status !== "pending"

const granted = (id: string, access: Access) => {
  switch (access._tag) {
    case "Done":
      return Effect.succeed(access.before)
    case "NotFound":
      return Effect.fail(new DeadLetterNotFound({ id }))
    case "NotPending":
      return Effect.fail(new DeadLetterNotPending({ id, status: access.status }))
    case "Claimed":
      return Effect.fail(new ReplayInProgress({ id }))
  }
}
