/**
 * What is measured: a row of the table is a piece of work and those who do it, the hub first.
 *
 * A contender is set up once, runs once to warm up, and then takes its turn in each round, in another order each time.
 * What it measured in a round is a number per metric.
 */
export interface Metric {
  /** Part of the row's name in the table and in `--json`; empty when there is one metric. */
  readonly key: string
  readonly unit: string
  readonly better: "more" | "less"
  /** Least ratio to the best peer that proof.md asks for: ours/best, or best/ours where less is better. */
  readonly reach: number
  /** Peers that count for this metric; default all. */
  readonly against?: ReadonlyArray<string>
}

export interface Running {
  readonly round: () => Promise<Readonly<Record<string, number>>>
  readonly close: () => Promise<void>
}

export interface Contender {
  readonly name: string
  /** How it is configured, printed with the figures. */
  readonly settings: string
  readonly start: () => Promise<Running>
}

export interface Row {
  readonly name: string
  readonly work: string
  readonly metrics: ReadonlyArray<Metric>
  /** The hub, and nobody else, is `ours`. */
  readonly ours: Contender
  readonly peers: ReadonlyArray<Contender>
  /** Default 5. */
  readonly rounds?: number
}

/** Seconds that `work` takes. */
export const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** A contender at work: each round does `count` of something, and is measured in them a second. */
export const rated = (
  count: number,
  {
    clear,
    close,
    work
  }: {
    /** Before each round, not measured. */
    readonly clear?: () => Promise<unknown>
    readonly close: () => Promise<void>
    readonly work: () => Promise<unknown>
  }
): Running => ({
  round: async () => {
    await clear?.()
    return { "": count / (await seconds(work)) }
  },
  close
})

/** Value below which the share `q` of the (unsorted) values lies. */
export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
