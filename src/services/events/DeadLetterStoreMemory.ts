/** The operator's side of the dead letters of a `DeliveryStoreMemory`. */
import { Effect, Option } from "effect"
import type { DeadLetter, DeadLetterFilter, DeadLetterGroup } from "./DeadLetter.ts"
import type { Access, Claim, DeadLetterStore } from "./DeadLetterStore.ts"
import type { State } from "./DeliveryStoreMemory.ts"
import type { Signals } from "./Signals.ts"

export const make = ({ dead, subscriptions }: State, replayEnded: Signals): DeadLetterStore => {
  const matching = (filter: DeadLetterFilter) => [...dead.values()].filter(({ letter }) => matches(letter, filter))

  /** Whether a letter can be replayed or discarded now. */
  const access = (id: string, now: number): Access => {
    const found = dead.get(id)
    if (found === undefined) return { _tag: "NotFound" }
    if (found.letter.status !== "pending") return { _tag: "NotPending", status: found.letter.status }
    return found.claimedUntil > now ? { _tag: "Claimed" } : { _tag: "Done", before: found.letter }
  }

  const claim = (id: string, { now, until }: Claim): Access => {
    const granted = access(id, now)
    const found = dead.get(id)
    if (granted._tag !== "Done" || found === undefined) return granted
    found.claimedUntil = until
    const { letter, place } = found
    const parked = subscriptions.get(letter.adapterName)?.parked
    if (parked !== undefined && !parked.has(letter.eventId)) {
      const replay = { attempts: letter.retryCount + 1, dueAt: now, deadLetterId: id }
      parked.set(letter.eventId, { entry: { ...place, record: letter.eventPayload, ...replay }, taken: 0 })
    }
    return granted
  }

  const discard = (id: string, now: number): Access => {
    const granted = access(id, now)
    const found = dead.get(id)
    if (granted._tag !== "Done" || found === undefined) return granted
    found.claimedUntil = 0
    found.letter = { ...found.letter, status: "discarded" }
    subscriptions.get(found.letter.adapterName)?.parked.delete(found.letter.eventId)
    replayEnded.signal()
    return granted
  }

  const count = (filter: DeadLetterFilter, use: (id: string) => Access) =>
    matching(filter).filter(({ letter }) => use(letter.id)._tag === "Done").length

  return {
    list: (filter, { limit, page }) =>
      Effect.sync(() => {
        const letters = matching(filter)
          .map(({ letter }) => letter)
          .reverse()
        return { data: letters.slice((page - 1) * limit, page * limit), total: letters.length }
      }),
    get: (id) => Effect.sync(() => Option.map(Option.fromUndefinedOr(dead.get(id)), ({ letter }) => letter)),
    groups: (filter) => Effect.sync(() => groupsOf(matching(filter).map(({ letter }) => letter))),
    claim: (id, options) => Effect.sync(() => claim(id, options)),
    claimAll: (filter, options) => Effect.sync(() => count(filter, (id) => claim(id, options))),
    discard: (id, now) => Effect.sync(() => discard(id, now)),
    discardAll: (filter, now) => Effect.sync(() => count(filter, (id) => discard(id, now)))
  }
}

const matches = (letter: DeadLetter, filter: DeadLetterFilter): boolean =>
  (filter.status === undefined || letter.status === filter.status) &&
  (filter.adapter === undefined || letter.adapterName === filter.adapter) &&
  (filter.eventType === undefined || letter.eventType === filter.eventType) &&
  (filter.errorClass === undefined || letter.errorClass === filter.errorClass)

/** Biggest first. */
const groupsOf = (letters: ReadonlyArray<DeadLetter>): ReadonlyArray<DeadLetterGroup> => {
  const groups = new Map<string, DeadLetterGroup>()
  for (const { adapterName, createdAt, errorClass, errorMessage, eventType } of letters) {
    const key = JSON.stringify([adapterName, eventType, errorClass])
    const { count, firstAt } = groups.get(key) ?? { count: 0, firstAt: createdAt }
    groups.set(key, {
      adapterName,
      eventType,
      errorClass,
      count: count + 1,
      firstAt,
      lastAt: createdAt,
      sample: errorMessage
    })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count)
}
