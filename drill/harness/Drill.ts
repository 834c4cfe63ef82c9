/** What a drill is: real processes are started and broken while work goes on, and a ledger decides. */
import type { Effect, Scope } from "effect"
import type { Ledger } from "./Ledger.ts"

export interface Options {
  /** The short form is a test, all drills together in about two minutes; the long one is run by hand. */
  readonly form: "short" | "long"
  /** A number in [0, 1) from the run's seed: whoever breaks things at random takes it from here. */
  readonly random: () => number
  /** One line of progress. */
  readonly say: (line: string) => void
  /** How to make the ledger of what is known so far: asked when the drill runs over its time. The last one counts. */
  readonly known: (ledger: () => Ledger) => void
}

export interface Drill {
  /** Textbook name of what is done to the hub; what `npm run drill -- NAME` looks for. */
  readonly name: string
  readonly what: string
  /** The most seconds that it may take in each form: then it is ended and has failed. */
  readonly within: { readonly short: number; readonly long: number }
  /** Left out of the short form unless it is named: it takes too long for it. */
  readonly longOnly?: boolean
  /** `NotRun`, and why: it cannot be run on this machine. */
  readonly run: (options: Options) => Effect.Effect<Ledger | NotRun, never, Scope.Scope>
}

export interface NotRun {
  readonly _tag: "NotRun"
  readonly because: string
}
