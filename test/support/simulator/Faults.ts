/**
 * What an independent system does wrong, by operation: set by a test, asked for by the system before it answers. A fault
 * lasts for so many requests, or until it is cleared.
 */
import { Effect, Ref } from "effect"
import type { SimulatedAnswer } from "./HttpSimulator.ts"

export type Fault =
  /** Nothing is done and nothing answered. */
  | { readonly _tag: "Hang" }
  /** Nothing is done; the connection is reset. */
  | { readonly _tag: "Reset" }
  /** It is done, but the answer never arrives: the connection is reset, or stays open. */
  | { readonly _tag: "LoseAnswer"; readonly by: "Reset" | "Hang" }
  /** Nothing is done; the answer is this, whatever the contract says. */
  | {
      readonly _tag: "Answer"
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body: string
    }

/** Half a page of HTML with a status that says all is well. */
export const garbage = {
  _tag: "Answer",
  status: 200,
  headers: { "content-type": "text/html" },
  body: "<!doctype html><html><head><title>Be right back</ti"
} as const satisfies Fault

export interface Faults<Operation extends string> {
  /** From now on requests of this operation (`*`: all of them) fail so; `times` 1 by default. */
  readonly plan: (on: Operation | "*", fault: Fault, times?: number) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
  /** Runs what the operation does, and answers as the fault wants it. */
  readonly around: (operation: Operation, answer: Effect.Effect<SimulatedAnswer>) => Effect.Effect<SimulatedAnswer>
}

interface Planned<Operation> {
  readonly on: Operation | "*"
  readonly fault: Fault
  readonly left: number
}

export const make = <Operation extends string>(): Effect.Effect<Faults<Operation>> =>
  Effect.map(Ref.make<ReadonlyArray<Planned<Operation>>>([]), (planned) => {
    const take = (operation: Operation) =>
      Ref.modify(planned, (all): [Fault | undefined, ReadonlyArray<Planned<Operation>>] => {
        const hit = all.find(({ on }) => on === "*" || on === operation)
        if (hit === undefined) return [undefined, all]
        const rest = all.flatMap((one) => (one !== hit ? [one] : one.left > 1 ? [{ ...one, left: one.left - 1 }] : []))
        return [hit.fault, rest]
      })
    return {
      plan: (on, fault, times = 1) => Ref.update(planned, (all) => [...all, { on, fault, left: times }]),
      clear: Ref.set(planned, []),
      around: Effect.fnUntraced(function* (operation, answer) {
        const fault = yield* take(operation)
        if (fault === undefined) return yield* answer
        switch (fault._tag) {
          case "Hang":
          case "Reset":
            return { _tag: fault._tag }
          case "LoseAnswer":
            yield* answer
            return { _tag: fault.by }
          case "Answer":
            return fault
        }
      })
    }
  })
