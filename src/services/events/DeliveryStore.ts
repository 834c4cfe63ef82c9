/**
 * What delivery remembers: subscriptions with their cursors and owners, parked events, dead letters.
 *
 * Every write of an owner names its epoch and is refused (false, or None) when another has taken over since: then
 * nothing has changed. A write that was made but whose answer was lost can be made again and changes nothing more.
 * Times are epoch milliseconds. Failures of the storage are defects.
 */
import { Context, Effect, Layer, type Option } from "effect"
import type { DeadLetterStore } from "./DeadLetterStore.ts"
import * as DeliveryStoreMemory from "./DeliveryStoreMemory.ts"
import * as DeliveryStoreSql from "./DeliveryStoreSql.ts"
import type { LoggedRecord, Position } from "./EventRecord.ts"
import type { DescribedFailure } from "./FailureText.ts"
import type { Signals } from "./Signals.ts"

export class DeliveryStore extends Context.Service<
  DeliveryStore,
  {
    /** Creates the subscription if it is new, with its cursors at `from`; ends its being switched off at `tail`. */
    readonly register: (
      name: string,
      options: {
        readonly from: Position
        readonly tail: Position
        readonly now: number
      }
    ) => Effect.Effect<void>
    /** Marks the subscription as switched off from the end of the log on; creates it there if it is new. */
    readonly suspend: (name: string, options: { readonly tail: Position; readonly now: number }) => Effect.Effect<void>
    readonly lease: (name: string) => Effect.Effect<Lease>
    /** Takes over unless the lease has changed since it was `seen`. */
    readonly acquire: (name: string, owner: string, seen: Lease) => Effect.Effect<Option.Option<Ownership>>
    readonly renew: (name: string, epoch: number) => Effect.Effect<boolean>
    /** Gives the subscription up at once; does nothing when another has it already. */
    readonly release: (name: string, epoch: number) => Effect.Effect<void>
    /** Can other processes use the storage? If not, signals tell everything, and owners that are not `living` are dead. */
    readonly isShared: boolean
    /** Ids of the owners in this process. */
    readonly living: Set<string>

    readonly moveCursors: (name: string, epoch: number, position: Position) => Effect.Effect<boolean>
    readonly position: (name: string) => Effect.Effect<Option.Option<Position>>
    /** Cursors of all subscriptions. */
    readonly positions: Effect.Effect<ReadonlyArray<Position>>

    /** Parked events that this owner has not taken yet, by seq, a batch at a time: replays, and all of an earlier owner. */
    readonly untaken: (name: string, epoch: number) => Effect.Effect<ReadonlyArray<Parked>>
    /** Notes that the owner has these. Apart from reading them, so that an answer that is lost loses no event. */
    readonly take: (name: string, epoch: number, eventIds: ReadonlyArray<string>) => Effect.Effect<boolean>
    /** Parks events, or changes attempts and due time of parked ones. */
    readonly park: (name: string, epoch: number, parked: ReadonlyArray<Parked>) => Effect.Effect<boolean>
    readonly unpark: (name: string, epoch: number, eventId: string) => Effect.Effect<boolean>
    /** Writes the dead letter and un-parks the event, both or neither. */
    readonly bury: (name: string, epoch: number, dead: Burial) => Effect.Effect<boolean>
    /** Holds the claim while the replay runs, or gives it back. `gone`: it was discarded meanwhile. */
    readonly claimReplay: (
      name: string,
      epoch: number,
      replay: { readonly deadLetterId: string; readonly claimedUntil: number }
    ) => Effect.Effect<"claimed" | "gone" | "refused">
    /** Un-parks the replay and notes its outcome; `failed` null = it succeeded. */
    readonly finishReplay: (
      name: string,
      epoch: number,
      outcome: {
        readonly deadLetterId: string
        readonly failed: { readonly failure: DescribedFailure; readonly attempts: number } | null
        readonly now: number
      }
    ) => Effect.Effect<boolean>

    readonly counts: (name: string) => Effect.Effect<{ readonly parked: number; readonly dead: number }>
    readonly deadLetters: DeadLetterStore
    /** A replay was asked for, in this process at once, or in another (soon). */
    readonly replayAsked: Signals
    /** A replay has ended, in this process. */
    readonly replayEnded: Signals
  }
>()("hub/services/events/DeliveryStore") {
  static readonly layerMemory = Layer.effect(
    DeliveryStore,
    Effect.sync(() => DeliveryStoreMemory.make())
  )
  /** Needs `Database`, migrated. */
  static readonly layerSql = Layer.effect(DeliveryStore, DeliveryStoreSql.make)
}

/** Who has a subscription, and a number that grows with each sign of life. */
export interface Lease {
  /** Null = free. */
  readonly owner: string | null
  readonly epoch: number
  readonly beat: number
}

export interface Ownership {
  readonly epoch: number
  readonly position: Position
  /** Events after the cursors that are dead letters already, of any status: to be skipped. */
  readonly buried: ReadonlySet<string>
  /** The stretch of the log that was written while the subscription was switched off. */
  readonly off: { readonly from: Position; readonly to: Position } | null
}

export interface Parked extends LoggedRecord {
  readonly attempts: number
  /** Null = it waits behind an earlier event of its key. */
  readonly dueAt: number | null
  /** Set when it is a replay. */
  readonly deadLetterId: string | null
}

export interface Burial extends LoggedRecord {
  readonly deadLetterId: string
  readonly failure: DescribedFailure
  /** True number of counted attempts, at least 1. */
  readonly attempts: number
  readonly now: number
}
