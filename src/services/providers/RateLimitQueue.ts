/**
 * Who waits for which token: the queue of one provider's callers. Pure bookkeeping; `RateLimits` gives it time and tokens.
 *
 * A place in time (a slot: when a token will be there) belongs to nobody until it is due; then the caller who has waited
 * longest gets it. So a caller who leaves gives the last slot back, and everybody behind moves up.
 */

interface Waiting<W> {
  readonly waiter: W
  /** Epoch ms; later it is not worth the wait. */
  readonly deadline: number
}

export type Reserved<W> =
  | { readonly _tag: "Kept" }
  | { readonly _tag: "Surplus" }
  /** `at`: when a token would have been there. */
  | { readonly _tag: "TooLate"; readonly waiter: W; readonly at: number }

export interface RateLimitQueue<W> {
  /** Takes the last place. */
  readonly enter: (waiter: W, deadline: number) => void
  /**
   * A token has been reserved for `at`. `Surplus`: everybody in the queue has a slot already. `TooLate`: the latest slot is
   * of no use to the caller whose turn it would be; it is dropped, and the caller in the last place leaves unserved. In both
   * cases a token is to be given back.
   */
  readonly reserve: (at: number) => Reserved<W>
  /** Leaves the queue. `Freed`: the last slot too; its token is to be given back. `Gone`: was not in the queue any more. */
  readonly leave: (waiter: W) => "Freed" | "Left" | "Gone"
  /** Those whose turn has come, in order. */
  readonly due: (now: number) => ReadonlyArray<W>
  /** No slot before `until`. Gives those whose time runs out by that; each gives a token back. */
  readonly pause: (until: number) => ReadonlyArray<W>
  /** When the next turn comes; undefined = nobody waits for one. */
  readonly next: () => number | undefined
  readonly size: () => number
}

export const make = <W>(): RateLimitQueue<W> => {
  const queue: Array<Waiting<W>> = []
  /** Ascending; never more than there are callers in the queue. */
  let slots: Array<number> = []

  return {
    enter: (waiter, deadline) => {
      queue.push({ waiter, deadline })
    },
    reserve: (at) => {
      if (queue.length === slots.length) return { _tag: "Surplus" }
      const place = slots.findIndex((slot) => slot > at)
      slots.splice(place < 0 ? slots.length : place, 0, at)
      const latest = slots.at(-1)
      const served = queue[slots.length - 1]
      if (latest === undefined || served === undefined || latest <= served.deadline) return { _tag: "Kept" }
      slots.pop()
      return { _tag: "TooLate", waiter: queue.pop()?.waiter ?? served.waiter, at: latest }
    },
    leave: (waiter) => {
      const place = queue.findIndex((one) => one.waiter === waiter)
      if (place < 0) return "Gone"
      queue.splice(place, 1)
      if (slots.length <= queue.length) return "Left"
      slots.pop()
      return "Freed"
    },
    due: (now) => {
      const ready = slots.filter((at) => at <= now).length
      slots = slots.slice(ready)
      return queue.splice(0, ready).map(({ waiter }) => waiter)
    },
    pause: (until) => {
      slots = slots.map((at) => Math.max(at, until))
      const refused: Array<W> = []
      for (let last = queue.at(-1); last !== undefined && slots.length === queue.length; last = queue.at(-1)) {
        const at = slots.at(-1)
        if (at === undefined || at <= last.deadline) break
        queue.pop()
        slots.pop()
        refused.push(last.waiter)
      }
      return refused
    },
    next: () => slots[0],
    size: () => queue.length
  }
}
