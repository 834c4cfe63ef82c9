/**
 * A map that forgets what was not used for long: at most `capacity` entries, and at least the half of them used last.
 *
 * Two generations instead of a list in order of use: reading what is in use moves nothing, which costs a map that is ordered
 * by deletion and insertion most of its time.
 */
export interface RecentMap<K, V> {
  readonly get: (key: K) => V | undefined
  readonly set: (key: K, value: V) => void
  readonly delete: (key: K) => void
  /** A copy, in no order that means anything. */
  readonly entries: () => ReadonlyArray<readonly [K, V]>
}

export const make = <K, V>(capacity: number): RecentMap<K, V> => {
  const half = Math.max(1, Math.floor(capacity / 2))
  let young = new Map<K, V>()
  /** What was in use before, with what has moved to `young` since still in it. */
  let old = new Map<K, V>()

  const set = (key: K, value: V): void => {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    get: (key) => {
      const found = young.get(key)
      if (found !== undefined) return found
      const before = old.get(key)
      if (before !== undefined) set(key, before)
      return before
    },
    set,
    delete: (key) => {
      young.delete(key)
      old.delete(key)
    },
    entries: () => [...new Map([...old, ...young])]
  }
}
