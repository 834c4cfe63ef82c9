/**
 * How the cost of events grows: with the backlog, with subscribers, partitions and payload, and what a second process
 * brings. No peers: each figure beside the first of its row. Prints one table, last.
 *
 *     npm run bench:growth [-- ROUNDS]     default 3
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { databaseUrl } from "./harness/database.ts"
import { format } from "./harness/measure.ts"
import { quantile, seconds } from "./harness/Row.ts"
import * as GrowthHub from "./peers/GrowthHub.ts"

const rounds = Number(process.argv[2] ?? 3)
const bytes = (count: number) => (count < 1000 ? `${count} B` : `${count / 1000} kB`)

interface Figures {
  readonly published: number
  readonly handled: number
}

interface Load {
  readonly count: number
  /** About so many bytes each. */
  readonly payload: number
  readonly partitions: number
  /** Names of subscriptions, by process; the first is this one. */
  readonly subscribers: ReadonlyArray<ReadonlyArray<string>>
}

/** Publishes the events in batches, and then has them handled. */
const once = async (options: Load): Promise<Figures> => {
  const { count, partitions, payload, subscribers } = options
  const hub = await GrowthHub.start({ schema: GrowthHub.schema, partitions, fresh: true })
  const [here = [], ...elsewhere] = subscribers
  for (const name of subscribers.flat()) await hub.register(name)
  const publishing = await seconds(() => hub.fill(count, payload))
  const children = await Promise.all(elsewhere.map((names) => startWorker(names, partitions)))
  const handling = await seconds(() =>
    Promise.all([hub.drain(here, count), ...children.map((child) => child.drain(count))])
  )
  for (const { stop } of children) await stop()
  await hub.close()
  return { published: count / publishing, handled: (count * subscribers.flat().length) / handling }
}

/** A process of its own: says `ready`, begins at a line with the number of events, says `done`. */
const startWorker = async (names: ReadonlyArray<string>, partitions: number) => {
  const child = spawn(process.execPath, ["bench/servers/growthWorker.ts", String(partitions), ...names], {
    env: { ...process.env, DATABASE_URL: databaseUrl, GROWTH_SCHEMA: GrowthHub.schema },
    stdio: ["pipe", "pipe", "inherit"]
  })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    drain: async (count: number) => {
      child.stdin.write(`${count}\n`)
      await lines.next()
    },
    stop: async () => {
      child.stdin.end()
      await exited
    }
  }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `subscriber-${index}`)
const base: Load = { count: 50_000, payload: 100, partitions: 16, subscribers: [names(1)] }
const cases: ReadonlyArray<readonly [row: string, value: string, options: Load]> = [
  ...[5_000, 50_000, 500_000].map((count) => ["waiting events", format(count), { ...base, count }] as const),
  ...[1, 2, 4, 8].map(
    (count) => ["subscribers, each gets all", String(count), { ...base, subscribers: [names(count)] }] as const
  ),
  ...[1, 4, 16, 64, 256].map((partitions) => ["partitions", String(partitions), { ...base, partitions }] as const),
  ...[100, 1_000, 10_000, 100_000].map(
    (payload) =>
      ["payload", bytes(payload), { ...base, payload, count: Math.min(50_000, 50_000_000 / payload) }] as const
  ),
  ["two subscribers", "one process", { ...base, subscribers: [names(2)] }],
  ["two subscribers", "two processes", { ...base, subscribers: names(2).map((name) => [name]) }]
]

const measured = new Map<(typeof cases)[number], Array<Figures>>(cases.map((one) => [one, []]))
// Once to warm up: the first one pays for compiling everything.
await once(base)
for (let round = 1; round <= rounds; round++) {
  for (const [one, figures] of measured) {
    globalThis.gc?.()
    const found = await once(one[2])
    figures.push(found)
    console.log(
      `${round}: ${one[0]} ${one[1]}: ${format(found.published)} published/s, ${format(found.handled)} handled/s`
    )
  }
}
await GrowthHub.drop()

console.log("\n| what grows | | published/s | handled/s | handled, to the first |\n| --- | --- | --- | --- | --- |")
const first = new Map<string, number>()
for (const [[row, value], figures] of measured) {
  const median = (of: (one: Figures) => number) => quantile(figures.map(of), 0.5)
  const handled = median((one) => one.handled)
  const reference = first.get(row) ?? handled
  first.set(row, reference)
  console.log(
    `| ${row} | ${value} | ${format(median((one) => one.published))} | ${format(handled)} | ${(handled / reference).toFixed(2)} |`
  )
}
