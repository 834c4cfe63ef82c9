/** What a drill with a plant finds on its way; what a drill that runs over its time is judged by. */
import { Effect } from "effect"
import type { MesPlant } from "../../test/support/MesPlant.ts"
import type { Options } from "./Drill.ts"
import { jobs } from "./Judgement.ts"
import { type Ledger, merge, slowRecoveries } from "./Ledger.ts"

export interface Findings {
  /** See `Ledger`. */
  readonly recoveries: Array<number>
  readonly violations: Array<string>
  /** All violations, also those of the workers, and the recoveries that took too long. */
  readonly ledger: () => Partial<Ledger>
}

/** `answered`: ids of the orders that the hub answered, by name; `workers`: who else finds violations. */
export const make = (
  options: Options,
  plant: MesPlant,
  answered: ReadonlyMap<string, string>,
  workers: ReadonlyArray<{ readonly violations: ReadonlyArray<string> }>
): Findings => {
  const recoveries: Array<number> = []
  const violations: Array<string> = []
  const ledger = () => ({
    recoveries,
    violations: [...violations, ...workers.flatMap((worker) => worker.violations), ...slowRecoveries(recoveries)]
  })
  options.known(() => merge(jobs(answered.values(), Effect.runSync(plant.jobs)), ledger()))
  return { recoveries, violations, ledger }
}
