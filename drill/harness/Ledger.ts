/** Two lists decide: what the hub said it had taken, and the effects that an independent system recorded. */
import { patience } from "./Patience.ts"

export interface Ledger {
  /** What the hub acknowledged (answered 2xx): each must have exactly one effect. */
  readonly taken: number
  /** Effects recorded outside the hub. */
  readonly effects: number
  /** Taken, but without an effect. */
  readonly lost: ReadonlyArray<string>
  /** With more than one effect. */
  readonly duplicated: ReadonlyArray<string>
  /** Effects in another order than the one in which they belong together. */
  readonly outOfOrder: ReadonlyArray<string>
  /** Milliseconds from each fault's end (the process started again, the system back) to the first new effect. */
  readonly recoveries: ReadonlyArray<number>
  /** Whatever else must not be: a latency over its limit, another adapter disturbed, a dead letter. */
  readonly violations: ReadonlyArray<string>
}

/** One effect, as an independent system recorded it. */
export interface Recorded {
  /** The id of what was taken. */
  readonly id: string
  /** What it belongs to in order, e.g. its order; left out: no order is asked for. */
  readonly series?: string
  /** Its place in the series: an effect with a smaller place must not come after one with a greater place. */
  readonly place?: number
}

export const empty: Ledger = {
  taken: 0,
  effects: 0,
  lost: [],
  duplicated: [],
  outOfOrder: [],
  recoveries: [],
  violations: []
}

/** Compares the two lists; `effects` oldest first. An effect of nothing that was taken is a violation. */
export const settle = (taken: Iterable<string>, effects: Iterable<Recorded>): Ledger => {
  const expected = new Set(taken)
  const counts = new Map<string, number>()
  const reached = new Map<string, number>()
  const outOfOrder: Array<string> = []
  const unknown: Array<string> = []
  let recorded = 0
  for (const { id, place, series } of effects) {
    recorded++
    counts.set(id, (counts.get(id) ?? 0) + 1)
    if (!expected.has(id)) unknown.push(`an effect of what was not taken: ${id}`)
    if (series === undefined || place === undefined) continue
    const furthest = reached.get(series)
    if (furthest !== undefined && place < furthest) outOfOrder.push(id)
    reached.set(series, Math.max(place, furthest ?? place))
  }
  return {
    ...empty,
    taken: expected.size,
    effects: recorded,
    lost: [...expected].filter((id) => !counts.has(id)),
    duplicated: [...counts].flatMap(([id, count]) => (count > 1 ? [id] : [])),
    outOfOrder,
    violations: unknown
  }
}

/** All of them as one: of one drill's several lists, or of several drills. */
export const merge = (...ledgers: ReadonlyArray<Partial<Ledger>>): Ledger => ({
  taken: ledgers.reduce((sum, { taken = 0 }) => sum + taken, 0),
  effects: ledgers.reduce((sum, { effects = 0 }) => sum + effects, 0),
  lost: ledgers.flatMap(({ lost = [] }) => lost),
  duplicated: ledgers.flatMap(({ duplicated = [] }) => duplicated),
  outOfOrder: ledgers.flatMap(({ outOfOrder = [] }) => outOfOrder),
  recoveries: ledgers.flatMap(({ recoveries = [] }) => recoveries),
  violations: ledgers.flatMap(({ violations = [] }) => violations)
})

/** Nothing lost, duplicated, out of order or violated. */
export const holds = (ledger: Ledger): boolean => faults(ledger).length === 0

/** What is wrong, one line each; violations first, for they may explain the others. */
export const faults = (ledger: Ledger): ReadonlyArray<string> => [
  ...ledger.violations.map((violation) => `violation: ${violation}`),
  ...ledger.lost.map((id) => `lost: ${id}`),
  ...ledger.duplicated.map((id) => `duplicated: ${id}`),
  ...ledger.outOfOrder.map((id) => `out of order: ${id}`)
]

/** Milliseconds; null when nothing had to recover. */
export const longestRecovery = ({ recoveries }: Ledger): number | null =>
  recoveries.length === 0 ? null : Math.max(...recoveries)

/** The most milliseconds from a fault's end to the first new effect: 15 s, see `patience`. */
export const recoveryLimit = 15_000 * patience

/** A violation for each recovery over its limit, in milliseconds. */
export const slowRecoveries = (recoveries: ReadonlyArray<number>, limit = recoveryLimit): ReadonlyArray<string> =>
  recoveries.flatMap((millis, index) =>
    millis > limit ? [`recovery ${index + 1} took ${Math.round(millis)} ms, more than ${limit}`] : []
  )
