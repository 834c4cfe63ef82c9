/**
 * How long requests take. On a machine that others use too a single figure says little: `isSteady` looks at the same work
 * done by the same hub in calm and in storm, one right after the other.
 */
import { Effect } from "effect"

export interface Latencies {
  /** Milliseconds, ascending. */
  readonly all: ReadonlyArray<number>
  /** Ninety-five of a hundred took no longer. */
  readonly p95: number
}

/** Runs each request, so many at a time, and takes its time. A request that answers wrongly should die. */
export const measure = <A>(requests: ReadonlyArray<Effect.Effect<A>>, concurrency: number): Effect.Effect<Latencies> =>
  Effect.map(
    Effect.forEach(
      requests,
      (request) =>
        Effect.gen(function* () {
          const started = performance.now()
          yield* request
          return performance.now() - started
        }),
      { concurrency }
    ),
    (times) => {
      const all = times.toSorted((a, b) => a - b)
      return { all, p95: all[Math.ceil(all.length * 0.95) - 1] ?? 0 }
    }
  )

/**
 * Under the limit; or, where the machine is too busy even for the calm, hardly above the calm: what waits for an outside
 * system waits for its time-out, which is far more.
 */
export const isSteady = (calm: Latencies, storm: Latencies, limit: number): boolean =>
  storm.p95 < limit || (calm.p95 > limit / 2 && storm.p95 < 2 * calm.p95)
