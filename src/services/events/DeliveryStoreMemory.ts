/** DeliveryStore in this process. Shares every rule with the SQL one: epochs, claims, one pending dead letter per event. */
import { Effect, Option } from "effect"
import type { DeadLetter } from "./DeadLetter.ts"
import * as DeadLetterStoreMemory from "./DeadLetterStoreMemory.ts"
import type { Burial, Lease, Ownership, Parked } from "./DeliveryStore.ts"
import type { Position } from "./EventRecord.ts"
import type { DescribedFailure } from "./FailureText.ts"
import { errorClassOf } from "./Outcome.ts"
import * as Signals from "./Signals.ts"
import { isoOf } from "./Time.ts"

export interface State {
  readonly subscriptions: Map<string, SubscriptionState>
  /** By id, in order of creation. */
  readonly dead: Map<string, DeadState>
}

interface SubscriptionState {
  position: Position
  owner: string | null
  epoch: number
  beat: number
  offFrom: Position | null
  offTo: Position | null
  /** By event id. */
  readonly parked: Map<string, { readonly entry: Parked; readonly taken: number }>
}

interface DeadState {
  letter: DeadLetter
  readonly place: { readonly partition: number; readonly seq: number }
  claimedUntil: number
}

export const make = () => {
  const state: State = { subscriptions: new Map(), dead: new Map() }
  const replayEnded = Signals.make()

  const create = (position: Position): SubscriptionState => ({
    position,
    owner: null,
    epoch: 0,
    beat: 0,
    offFrom: null,
    offTo: null,
    parked: new Map()
  })
  const subscriptionOr = (name: string, position: Position) => {
    const found = state.subscriptions.get(name)
    if (found !== undefined) return found
    const created = create(position)
    state.subscriptions.set(name, created)
    return created
  }
  /** Runs the write of an owner unless another has taken over. */
  const owned = <A>(name: string, epoch: number, refused: A, write: (subscription: SubscriptionState) => A) =>
    Effect.sync(() => {
      const subscription = state.subscriptions.get(name)
      return subscription === undefined || subscription.epoch !== epoch ? refused : write(subscription)
    })
  const done = (write: (subscription: SubscriptionState) => void) => (subscription: SubscriptionState) => {
    write(subscription)
    return true
  }

  const acquire = (name: string, owner: string, seen: Lease) =>
    owned(name, seen.epoch, Option.none<Ownership>(), (subscription) => {
      if (subscription.beat !== seen.beat || subscription.owner !== seen.owner) return Option.none()
      subscription.owner = owner
      subscription.epoch++
      subscription.beat = 0
      const buried = [...state.dead.values()].filter(
        ({ letter, place }) => letter.adapterName === name && place.seq > (subscription.position[place.partition] ?? 0)
      )
      const { offFrom, offTo } = subscription
      return Option.some({
        epoch: subscription.epoch,
        position: subscription.position,
        buried: new Set(buried.map(({ letter }) => letter.eventId)),
        off: offFrom === null || offTo === null ? null : { from: offFrom, to: offTo }
      })
    })

  const bury = (name: string, epoch: number, dead: Burial) =>
    owned(
      name,
      epoch,
      false,
      done((subscription) => {
        subscription.parked.delete(dead.record.id)
        const old = pendingOf(name, dead.record.id)
        if (old !== undefined) old.letter = { ...old.letter, ...failureFields(dead) }
        else {
          state.dead.set(dead.deadLetterId, {
            letter: newLetter(name, dead),
            place: { partition: dead.partition, seq: dead.seq },
            claimedUntil: 0
          })
        }
      })
    )
  const pendingOf = (name: string, eventId: string) =>
    [...state.dead.values()].find(
      ({ letter }) => letter.adapterName === name && letter.eventId === eventId && letter.status === "pending"
    )

  const claimReplay = (
    name: string,
    epoch: number,
    replay: { readonly deadLetterId: string; readonly claimedUntil: number }
  ) =>
    owned<"claimed" | "gone" | "refused">(name, epoch, "refused", (subscription) => {
      const dead = state.dead.get(replay.deadLetterId)
      if (dead === undefined || dead.letter.status !== "pending") return "gone"
      if (!subscription.parked.has(dead.letter.eventId)) return "gone"
      dead.claimedUntil = replay.claimedUntil
      return "claimed"
    })

  const finishReplay = (
    name: string,
    epoch: number,
    outcome: {
      readonly deadLetterId: string
      readonly failed: { readonly failure: DescribedFailure; readonly attempts: number } | null
      readonly now: number
    }
  ) =>
    Effect.tap(
      owned(
        name,
        epoch,
        false,
        done((subscription) => {
          const dead = state.dead.get(outcome.deadLetterId)
          if (dead === undefined || !subscription.parked.delete(dead.letter.eventId)) return
          if (dead.letter.status !== "pending") return
          const at = isoOf(outcome.now)
          dead.claimedUntil = 0
          dead.letter = {
            ...dead.letter,
            lastReplayAt: at,
            replayCount: dead.letter.replayCount + 1,
            ...(outcome.failed === null ? { status: "replayed", replayedAt: at } : failureFields(outcome.failed))
          }
        })
      ),
      Effect.sync(replayEnded.signal)
    )

  return {
    register: (name: string, { from, tail }: { readonly from: Position; readonly tail: Position }) =>
      Effect.sync(() => {
        const subscription = subscriptionOr(name, from)
        if (subscription.offFrom !== null) subscription.offTo ??= tail
      }),
    suspend: (name: string, { tail }: { readonly tail: Position }) =>
      Effect.sync(() => {
        const subscription = subscriptionOr(name, tail)
        subscription.offFrom ??= tail
        subscription.offTo = null
      }),
    lease: (name: string) =>
      Effect.sync((): Lease => {
        const { beat, epoch, owner } = state.subscriptions.get(name) ?? create([])
        return { owner, epoch, beat }
      }),
    acquire,
    renew: (name: string, epoch: number) =>
      owned(
        name,
        epoch,
        false,
        done((subscription) => {
          subscription.beat++
        })
      ),
    release: (name: string, epoch: number) =>
      owned(name, epoch, undefined, (subscription) => {
        subscription.owner = null
        return undefined
      }),
    isShared: false,
    living: new Set<string>(),

    moveCursors: (name: string, epoch: number, position: Position) =>
      owned(
        name,
        epoch,
        false,
        done((subscription) => {
          subscription.position = position
        })
      ),
    position: (name: string) =>
      Effect.sync(() => Option.map(Option.fromUndefinedOr(state.subscriptions.get(name)), ({ position }) => position)),
    positions: Effect.sync(() => [...state.subscriptions.values()].map(({ position }) => position)),

    untaken: (name: string, epoch: number) =>
      Effect.sync(() =>
        [...(state.subscriptions.get(name)?.parked.values() ?? [])]
          .filter(({ taken }) => taken < epoch)
          .map(({ entry }) => entry)
          .sort((a, b) => a.seq - b.seq)
      ),
    take: (name: string, epoch: number, eventIds: ReadonlyArray<string>) =>
      owned(
        name,
        epoch,
        false,
        done(({ parked }) => {
          for (const id of eventIds) {
            const found = parked.get(id)
            if (found !== undefined) parked.set(id, { entry: found.entry, taken: epoch })
          }
        })
      ),
    park: (name: string, epoch: number, entries: ReadonlyArray<Parked>) =>
      owned(
        name,
        epoch,
        false,
        done(({ parked }) => {
          for (const entry of entries) parked.set(entry.record.id, { entry, taken: epoch })
        })
      ),
    unpark: (name: string, epoch: number, eventId: string) =>
      owned(
        name,
        epoch,
        false,
        done(({ parked }) => {
          parked.delete(eventId)
        })
      ),
    bury,
    claimReplay,
    finishReplay,

    counts: (name: string) =>
      Effect.sync(() => ({
        parked: state.subscriptions.get(name)?.parked.size ?? 0,
        dead: [...state.dead.values()].filter(
          ({ letter }) => letter.adapterName === name && letter.status === "pending"
        ).length
      })),
    deadLetters: DeadLetterStoreMemory.make(state, replayEnded),
    replayAsked: Signals.make(),
    replayEnded
  }
}

const failureFields = (dead: { readonly failure: DescribedFailure; readonly attempts: number }) => ({
  errorMessage: dead.failure.message,
  errorClass: errorClassOf(dead.failure.failure),
  errorChain: dead.failure.chain,
  retryCount: dead.attempts - 1
})

const newLetter = (adapterName: string, dead: Burial): DeadLetter => ({
  id: dead.deadLetterId,
  eventId: dead.record.id,
  eventType: dead.record.type,
  eventPayload: dead.record,
  adapterName,
  ...failureFields(dead),
  status: "pending",
  createdAt: isoOf(dead.now),
  lastReplayAt: null,
  replayedAt: null,
  replayCount: 0,
  correlationId: dead.record.correlationId
})
