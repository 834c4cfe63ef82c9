/** What a run prints last. */
import type { NotRun } from "./Drill.ts"
import { faults, holds, type Ledger, longestRecovery, merge } from "./Ledger.ts"

export interface Result {
  readonly drill: string
  readonly outcome: Ledger | NotRun
  readonly seconds: number
}

/** Has it shown that something is wrong? What could not be run has shown nothing. */
export const isFailed = ({ outcome }: Result): boolean => !("_tag" in outcome) && !holds(outcome)

/** How many faults of a drill are named. */
const shown = 10

/** A Markdown table, one line a drill and one for all, and below it what is wrong. */
export const table = (results: ReadonlyArray<Result>): string => {
  const ledgers = results.flatMap(({ outcome }) => ("_tag" in outcome ? [] : [outcome]))
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0)
  const all: Result = { drill: "all", outcome: merge(...ledgers), seconds }
  return [
    line(head),
    line(head.map(() => "---")),
    ...[...results, ...(results.length > 1 ? [all] : [])].map((result) => line(cells(result))),
    ...results.flatMap(reasons)
  ].join("\n")
}

const head = [
  "drill",
  "taken",
  "effects",
  "lost",
  "duplicated",
  "out of order",
  "longest recovery",
  "violations",
  "seconds",
  "verdict"
]

const line = (texts: ReadonlyArray<string>) => `| ${texts.join(" | ")} |`

const cells = (result: Result): ReadonlyArray<string> => {
  const { drill, outcome } = result
  if ("_tag" in outcome) return [drill, ...head.slice(2).map(() => "–"), "NOT RUN"]
  const longest = longestRecovery(outcome)
  return [
    drill,
    String(outcome.taken),
    String(outcome.effects),
    String(outcome.lost.length),
    String(outcome.duplicated.length),
    String(outcome.outOfOrder.length),
    longest === null ? "–" : `${(longest / 1000).toFixed(1)} s of ${outcome.recoveries.length}`,
    String(outcome.violations.length),
    result.seconds.toFixed(1),
    isFailed(result) ? "FAILED" : "holds"
  ]
}

const reasons = ({ drill, outcome }: Result): ReadonlyArray<string> => {
  if ("_tag" in outcome) return [`\n${drill} was not run: ${outcome.because}`]
  const wrong = faults(outcome)
  if (wrong.length === 0) return []
  const more = wrong.length > shown ? [`- and ${wrong.length - shown} more`] : []
  return [`\n${drill} failed:\n`, ...wrong.slice(0, shown).map((fault) => `- ${fault}`), ...more]
}
