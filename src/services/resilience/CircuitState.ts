/**
 * The state machine of a circuit breaker: pure and total. Every event is legal in every state; time is an argument.
 *
 * - Every transition starts a new generation. A call belongs to the generation it was admitted in, and what it answers
 *   in a later one changes nothing.
 * - Time alone moves nothing: what has become due (a half-open that lasted too long) happens with the next event, dated
 *   to when it was due.
 * - `legalEdges` is the gate: no transition happens that is not in it.
 */
import { Duration, Schema } from "effect"
import type { CircuitSettings } from "./CircuitSettings.ts"
import * as CircuitWindow from "./CircuitWindow.ts"

export const CircuitStatus = Schema.Literals(["CLOSED", "OPEN", "HALF_OPEN"])
export type CircuitStatus = typeof CircuitStatus.Type

/** Why a transition happened. A closed set: usable as a label. */
export const TransitionReason = Schema.Literals([
  "consecutive-failures",
  "failure-rate",
  "slow-call-rate",
  "open-elapsed",
  "trials-succeeded",
  "trial-failed",
  "half-open-limit",
  "forced-open",
  "forced-closed",
  "reset"
])
export type TransitionReason = typeof TransitionReason.Type

const any = CircuitStatus.literals

/** From where each reason may lead, and to where. */
export const legalEdges: Readonly<
  Record<TransitionReason, { readonly from: ReadonlyArray<CircuitStatus>; readonly to: CircuitStatus }>
> = {
  "consecutive-failures": { from: ["CLOSED"], to: "OPEN" },
  "failure-rate": { from: ["CLOSED"], to: "OPEN" },
  "slow-call-rate": { from: ["CLOSED"], to: "OPEN" },
  "open-elapsed": { from: ["OPEN"], to: "HALF_OPEN" },
  "trials-succeeded": { from: ["HALF_OPEN"], to: "CLOSED" },
  "trial-failed": { from: ["HALF_OPEN"], to: "OPEN" },
  "half-open-limit": { from: ["HALF_OPEN"], to: "OPEN" },
  "forced-open": { from: any, to: "OPEN" },
  "forced-closed": { from: any, to: "CLOSED" },
  reset: { from: any, to: "CLOSED" }
}

interface Common {
  /** Grows by one with every transition. */
  readonly generation: number
  /** Epoch ms of the last transition; null = none yet. */
  readonly since: number | null
  /** Failures since the last success, in order of completion, trials included. */
  readonly consecutiveFailures: number
}

export interface Closed extends Common {
  readonly status: "CLOSED"
  /** By an operator: outcomes are not counted. */
  readonly held: boolean
  readonly window: CircuitWindow.CircuitWindow
}

export interface Open extends Common {
  readonly status: "OPEN"
  /** By an operator. */
  readonly held: boolean
  /** Epoch ms at which trials begin; Infinity while held. */
  readonly until: number
}

export interface HalfOpen extends Common {
  readonly status: "HALF_OPEN"
  /** Trials that may still be admitted. */
  readonly slots: number
  /** Trials that have not answered. */
  readonly out: number
  /**
   * Epoch ms by which the trials that are out must have a verdict; Infinity while none is out. So the limit ends trials
   * that hang, and does not reopen the circuit of a healthy system for want of traffic.
   */
  readonly deadline: number
}

export type CircuitState = Closed | Open | HalfOpen

export interface Transition {
  readonly from: CircuitStatus
  readonly to: CircuitStatus
  /** Epoch ms. */
  readonly at: number
  readonly reason: TransitionReason
  /** The generation that it started. */
  readonly generation: number
}

/** What a finished call says about the system. `ignored`: nothing; a trial gives its slot back. */
export type Outcome = "success" | "failure" | "ignored"

export type CircuitEvent =
  | { readonly _tag: "Admit" }
  /** `startedAt` (epoch ms) is only read where the settings call for slow calls. */
  | {
      readonly _tag: "Settle"
      readonly generation: number
      readonly startedAt: number
      readonly outcome: Outcome
    }
  /** Brings the state up to date without asking for anything. */
  | { readonly _tag: "Peek" }
  | { readonly _tag: "ForceOpen" }
  | { readonly _tag: "ForceClosed" }
  | { readonly _tag: "Reset" }

export interface Step {
  readonly state: CircuitState
  /** True only for an `Admit` that was granted. */
  readonly admitted: boolean
  /** A trial gave its slot back. */
  readonly freed: boolean
  /** In order; at most two (a half-open that was due to end, then what the event itself did). */
  readonly transitions: ReadonlyArray<Transition>
}

export const initial: Closed = {
  status: "CLOSED",
  generation: 0,
  since: null,
  consecutiveFailures: 0,
  held: false,
  window: CircuitWindow.empty
}

/** The machine of these settings. */
export const makeStep = (settings: CircuitSettings) => {
  const openFor = Duration.toMillis(settings.openFor)
  const halfOpenLimit = Duration.toMillis(settings.halfOpenLimit)
  const rates = settings.rates
  const record = rates === undefined ? undefined : CircuitWindow.makeRecord(rates.window)
  const slowMillis = rates?.slowCalls === undefined ? Infinity : Duration.toMillis(rates.slowCalls.slowerThan)

  const move = (step: Step, reason: TransitionReason, at: number): Step => {
    const { from, to } = legalEdges[reason]
    const { consecutiveFailures, generation, status } = step.state
    if (!from.includes(status)) return step
    const common = { generation: generation + 1, since: at }
    const transition = { from: status, to, at, reason, generation: common.generation }
    return {
      ...step,
      state: enter(to, reason, common, consecutiveFailures),
      transitions: [...step.transitions, transition]
    }
  }

  const enter = (
    to: CircuitStatus,
    reason: TransitionReason,
    common: { readonly generation: number; readonly since: number },
    consecutiveFailures: number
  ): CircuitState => {
    switch (to) {
      case "CLOSED":
        return { ...initial, ...common, held: reason === "forced-closed" }
      case "OPEN": {
        const held = reason === "forced-open"
        return { ...common, status: to, consecutiveFailures, held, until: held ? Infinity : common.since + openFor }
      }
      case "HALF_OPEN":
        return {
          ...common,
          status: to,
          consecutiveFailures,
          slots: settings.halfOpenTrials,
          out: 0,
          deadline: Infinity
        }
    }
  }

  const admit = (step: Step, now: number): Step => {
    const state = step.state
    switch (state.status) {
      case "CLOSED":
        return { ...step, admitted: true }
      case "OPEN":
        return now < state.until ? step : admit(move(step, "open-elapsed", now), now)
      case "HALF_OPEN": {
        if (state.slots === 0) return step
        const deadline = state.out === 0 ? now + halfOpenLimit : state.deadline
        return { ...step, admitted: true, state: { ...state, slots: state.slots - 1, out: state.out + 1, deadline } }
      }
    }
  }

  const settle = (step: Step, call: { readonly outcome: Outcome; readonly slow: boolean }, now: number): Step => {
    switch (step.state.status) {
      case "CLOSED":
        return settleClosed(step, step.state, call, now)
      case "OPEN":
        return step
      case "HALF_OPEN":
        return settleTrial(step, step.state, call, now)
    }
  }

  const settleClosed = (
    step: Step,
    state: Closed,
    { outcome, slow }: { readonly outcome: Outcome; readonly slow: boolean },
    now: number
  ): Step => {
    if (state.held || outcome === "ignored") return step
    const failed = outcome === "failure"
    const window = record === undefined ? state.window : record(state.window, { failed, slow }, now)
    const consecutiveFailures = failed ? state.consecutiveFailures + 1 : 0
    const counted = { ...step, state: { ...state, window, consecutiveFailures } }
    const reason = trips(consecutiveFailures, window)
    return reason === null ? counted : move(counted, reason, now)
  }

  const trips = (consecutiveFailures: number, window: CircuitWindow.CircuitWindow): TransitionReason | null => {
    if (settings.failures !== undefined && consecutiveFailures >= settings.failures) return "consecutive-failures"
    if (rates === undefined || window.calls < rates.minimumCalls) return null
    if (rates.failureRate !== undefined && window.failures / window.calls >= rates.failureRate) return "failure-rate"
    if (rates.slowCalls !== undefined && window.slow / window.calls >= rates.slowCalls.rate) return "slow-call-rate"
    return null
  }

  /** A slow trial fails: it is no evidence that a system which was too slow has recovered. */
  const settleTrial = (
    step: Step,
    state: HalfOpen,
    { outcome, slow }: { readonly outcome: Outcome; readonly slow: boolean },
    now: number
  ): Step => {
    if (state.out === 0) return step
    const out = state.out - 1
    const deadline = out === 0 ? Infinity : state.deadline
    if (outcome === "ignored") {
      return { ...step, freed: true, state: { ...state, slots: state.slots + 1, out, deadline } }
    }
    const consecutiveFailures = outcome === "failure" ? state.consecutiveFailures + 1 : 0
    const settled = { ...step, state: { ...state, consecutiveFailures, out, deadline } }
    if (outcome === "failure" || slow) return move(settled, "trial-failed", now)
    return state.slots === 0 && out === 0 ? move(settled, "trials-succeeded", now) : settled
  }

  const upToDate = (state: CircuitState, now: number): Step => {
    const step: Step = { state, admitted: false, freed: false, transitions: [] }
    return state.status === "HALF_OPEN" && now >= state.deadline ? move(step, "half-open-limit", state.deadline) : step
  }

  return (state: CircuitState, event: CircuitEvent, now: number): Step => {
    const step = upToDate(state, now)
    switch (event._tag) {
      case "Peek":
        return step
      case "Admit":
        return admit(step, now)
      case "Settle":
        return event.generation === step.state.generation
          ? settle(step, { outcome: event.outcome, slow: now - event.startedAt > slowMillis }, now)
          : step
      case "ForceOpen":
        return hold(step.state) === "open" ? step : move(step, "forced-open", now)
      case "ForceClosed":
        return hold(step.state) === "closed" ? step : move(step, "forced-closed", now)
      case "Reset":
        return move(step, "reset", now)
    }
  }
}

/** What an operator has ordered. */
export const hold = (state: CircuitState): "automatic" | "open" | "closed" =>
  state.status === "OPEN" && state.held ? "open" : state.status === "CLOSED" && state.held ? "closed" : "automatic"

/** True = at `now` an `Admit` is refused and changes nothing, so it need not be asked. */
export const refuses = (state: CircuitState, now: number): boolean => {
  switch (state.status) {
    case "CLOSED":
      return false
    case "OPEN":
      return now < state.until
    case "HALF_OPEN":
      return state.slots === 0 && now < state.deadline
  }
}

/**
 * Epoch ms at which an admission succeeds if nothing else happens until then: `now` when it would at once, the end of the
 * open period, or, while all trials are out, the end of the one that follows if they hang. Null while held open.
 */
export const retryAt = (state: CircuitState, settings: CircuitSettings, now: number): number | null => {
  switch (state.status) {
    case "CLOSED":
      return now
    case "OPEN":
      return state.held ? null : Math.max(now, state.until)
    case "HALF_OPEN":
      return state.slots > 0 ? now : Math.max(now, state.deadline + Duration.toMillis(settings.openFor))
  }
}
