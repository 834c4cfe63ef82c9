/** The operator's side of the dead letters in a `DeliveryStore`. Each method is one transaction. */
import type { Effect, Option } from "effect"
import type { DeadLetter, DeadLetterFilter, DeadLetterGroup, DeadLetterStatus } from "./DeadLetter.ts"

export interface DeadLetterStore {
  /** Newest first. */
  readonly list: (
    filter: DeadLetterFilter,
    page: { readonly page: number; readonly limit: number }
  ) => Effect.Effect<{
    readonly data: ReadonlyArray<DeadLetter>
    readonly total: number
  }>
  readonly get: (id: string) => Effect.Effect<Option.Option<DeadLetter>>
  readonly groups: (filter: DeadLetterFilter) => Effect.Effect<ReadonlyArray<DeadLetterGroup>>
  /** Parks the event again as a replay, due now, and claims the dead letter until then. */
  readonly claim: (id: string, claim: Claim) => Effect.Effect<Access>
  /** As `claim`, for every one that can be. Returns how many. */
  readonly claimAll: (filter: DeadLetterFilter, claim: Claim) => Effect.Effect<number>
  /** Also ends a replay that waits and whose claim has run out. */
  readonly discard: (id: string, now: number) => Effect.Effect<Access>
  readonly discardAll: (filter: DeadLetterFilter, now: number) => Effect.Effect<number>
}

/** Epoch milliseconds. */
export interface Claim {
  readonly now: number
  readonly until: number
}

/** Whether a pending dead letter could be had; the letter as it was before. */
export type Access =
  | { readonly _tag: "Done"; readonly before: DeadLetter }
  | { readonly _tag: "NotFound" }
  | { readonly _tag: "NotPending"; readonly status: DeadLetterStatus }
  | { readonly _tag: "Claimed" }
