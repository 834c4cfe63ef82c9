/** Runs a row: everyone warmed up, then in turns, so that what else the machine does hits all alike. */
import { quantile, type Contender, type Metric, type Row, type Running } from "./Row.ts"

/** One line of `--json`. */
export interface Figure {
  readonly row: string
  readonly unit: string
  readonly ours: number
  readonly peers: Readonly<Record<string, number>>
  /** The best peer's figure. */
  readonly best: number
  /** More is better: ours/best, or best/ours for a time. */
  readonly ratio: number
  readonly reach: number
}

export interface Measured extends Figure {
  /** Least and greatest of all rounds, per contender. */
  readonly spread: Readonly<Record<string, readonly [number, number]>>
}

export const measure = async (row: Row): Promise<ReadonlyArray<Measured>> => {
  const contenders = [row.ours, ...row.peers]
  const running: Array<readonly [Contender, Running]> = []
  const rounds = new Map<string, Array<Readonly<Record<string, number>>>>()
  try {
    for (const contender of contenders) {
      running.push([contender, await contender.start()])
      rounds.set(contender.name, [])
    }
    for (const [, { round }] of running) await round()
    for (let turn = 0; turn < (row.rounds ?? 5); turn++) {
      for (let place = 0; place < running.length; place++) {
        const next = running[(place + turn) % running.length]
        if (next === undefined) continue
        const [{ name }, { round }] = next
        globalThis.gc?.()
        const measured = await round()
        rounds.get(name)?.push(measured)
        console.log(`  ${row.name} ${turn + 1}: ${name.padEnd(22)}${shown(row.metrics, measured)}`)
      }
    }
  } finally {
    for (const [, { close }] of running.toReversed()) await close()
  }
  return row.metrics.map((metric) => figure(row, metric, rounds))
}

const shown = (metrics: ReadonlyArray<Metric>, measured: Readonly<Record<string, number>>) =>
  metrics
    .filter(({ key }, index) => metrics.findIndex((other) => other.key === key) === index)
    .map(({ key, unit }) => `${key === "" ? "" : `${key} `}${format(measured[key] ?? Number.NaN)} ${unit}`)
    .join(", ")

const figure = (
  row: Row,
  metric: Metric,
  rounds: ReadonlyMap<string, ReadonlyArray<Readonly<Record<string, number>>>>
): Measured => {
  const values = (name: string) => (rounds.get(name) ?? []).map((round) => round[metric.key] ?? Number.NaN)
  const median = (name: string) => quantile(values(name), 0.5)
  const names = row.peers.map(({ name }) => name).filter((name) => metric.against?.includes(name) ?? true)
  const peers = Object.fromEntries(names.map((name) => [name, median(name)]))
  const ours = median(row.ours.name)
  const found = Object.values(peers)
  const more = metric.better === "more"
  const best = more ? Math.max(...found) : Math.min(...found)
  return {
    row: [row.name, metric.key, ...(metric.against === undefined ? [] : [`vs ${metric.against.join(", ")}`])]
      .filter((part) => part !== "")
      .join(" "),
    unit: metric.unit,
    ours,
    peers,
    best,
    ratio: more ? ours / best : best / ours,
    reach: metric.reach,
    spread: Object.fromEntries(
      [row.ours.name, ...names].map((name) => [name, [Math.min(...values(name)), Math.max(...values(name))]])
    )
  }
}

/** Three significant digits, thousands apart. */
export const format = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en").replaceAll(",", " ") : String(Number(value.toPrecision(3)))
